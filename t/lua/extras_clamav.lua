-- policy-extras.clamav, with a clamd that finds what it is told
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local new = require('policy-extras.clamav').new
local conn, same, raises = extras.conn, extras.same, extras.raises

local answer, asked
function kumo.milter.clamd_scan(o)
  asked = o
  if type(answer) == 'string' then
    error(answer)
  end
  return answer
end

local function play(o, found, rcpt, who)
  answer, asked = found, nil
  local msg = kumo.make_message('a@example.com', rcpt or 'bob@example.net',
    'From: a@example.com\r\n\r\nhello\r\n')
  local check = new(o)
  return extras.refusal(check.data, check, msg, who or conn '192.0.2.7'), msg
end

local clean, virus = { clean = true }, { clean = false, virus = 'Eicar\r\nX' }
local got, msg = play({}, clean)
same(got, nil)
same(msg:get_meta 'clamav', 'clean')
same(asked.data:size(), msg:size())
same(asked.timeout, 30)
same(asked.socket, nil)
play({ socket = '/x', timeout = '5s' }, clean)
same(asked.socket, '/x')
same(asked.timeout, 5)
play({ host = 'clam.example', port = 3311 }, clean)
same(asked.host .. asked.port, 'clam.example3311')

same(play({}, virus), '550 5.7.1 this message has a virus: Eicar X')
same(play({ code = 554, text = '5.7.0 {virus}, %1' }, virus),
  '554 5.7.0 Eicar X, %1')
-- from whomever, to whomever
same(play({}, virus, 'postmaster@example.net'),
  '550 5.7.1 this message has a virus: Eicar X')
same(play({}, virus, nil, conn('192.0.2.7', { authn_id = 'ann' })),
  '550 5.7.1 this message has a virus: Eicar X')
same(play({}, virus, nil, conn '127.0.0.1'),
  '550 5.7.1 this message has a virus: Eicar X')
got, msg = play({ action = 'quarantine' }, virus)
same(got, nil)
same(msg:get_meta 'clamav', 'Eicar\r\nX')

-- not looked at, or not told
same(play({ max_size = 10 }, virus), nil)
same(asked, nil)
same(play({}, 'nobody there'), '451 4.3.0 try again later, please')
got, msg = play({ on_failure = 'pass' }, 'nobody there')
same(got, nil)
same(msg:get_meta 'clamav', nil)

extras.checks_options('clamav', { socket = 'x', timeout = 1,
  action = 'reject', max_size = 1, code = 550, text = 'x',
  on_failure = 'pass' })
raises('either a socket, or host and port', new, { socket = 'x', port = 1 })
kumo.milter.clamd_scan = nil
raises('needs kumo.milter.clamd_scan', new, {})
