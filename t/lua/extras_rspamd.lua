-- policy-extras.rspamd, with an HTTP client that only says what it is told
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local greylist = require('policy-extras.greylist').new
local new = require('policy-extras.rspamd').new
local conn, same, raises = extras.conn, extras.same, extras.raises

local reply      -- { status, text }, or a text to raise
local asked      -- what was sent
local function build_client(o)
  return {
    post = function(_, url)
      local request = { headers = {} }
      asked = { url = url, headers = {}, timeout = o.timeout }
      function request:header(name, value)
        assert(not value:find '[%c]', value)
        local list = asked.headers[name] or {}
        list[#list + 1] = value
        asked.headers[name] = list
        return self
      end
      function request:body(text)
        asked.body = text
        return self
      end
      function request:send()
        if type(reply) == 'string' then
          error(reply, 0)
        end
        return {
          status_code = function() return reply[1] end,
          status_is_success = function() return reply[1] == 200 end,
          text = function() return reply[2] end,
        }
      end
      return request
    end,
  }
end
kumo.http = { build_client = build_client }

local function message(headers, rcpt)
  return kumo.make_message('ann@example.com', rcpt,
    'From: ann@example.com\r\n' .. (headers or '') .. '\r\nhello\r\n')
end

-- What becomes of a message: the refusal or nil, and the message.
local function play(o, answer, headers, rcpt, who)
  reply = type(answer) == 'table' and not answer[1]
    and { 200, kumo.json_encode(answer) } or answer
  asked = nil
  local msg = message(headers, rcpt or 'bob@example.net')
  local check = new(o)
  local got = extras.refusal(check.data, check, msg,
    who or conn('192.0.2.7', { ehlo_domain = 'client.example.com' }))
  return got, msg
end

local function all(msg)
  local list = {}
  for _, each in ipairs(msg:get_all_headers()) do
    list[#list + 1] = each[1] .. '=' .. each[2]
  end
  return table.concat(list, '|')
end

local function becomes(expected, ...)
  local got, msg = play(...)
  same(got, nil)
  same(all(msg), 'From=ann@example.com' .. expected)
  return msg
end

-- the question
local msg = becomes('|X-Spam-Score=1.50 / 15.00', { timeout = '2s',
  url = 'http://[::1]:11333/', headers = { ['Settings-ID'] = 'mx' } },
  { action = 'no action', score = 1.5, required_score = 15,
    symbols = { B = { score = 1 }, A = { score = 0.5 } } })
same(asked.url, 'http://[::1]:11333/checkv2')
same(asked.timeout, '2000ms')
same(asked.body, 'From: ann@example.com\r\n\r\nhello\r\n')
local sent = {}
for name, values in pairs(asked.headers) do
  sent[#sent + 1] = name .. '=' .. table.concat(values, ' ')
end
table.sort(sent)
same(table.concat(sent, '|'), 'From=<ann@example.com>|'
  .. 'Helo=client.example.com|IP=192.0.2.7|MTA-Name=mx.example.net|'
  .. 'Rcpt=<bob@example.net>|Settings-ID=mx')
local meta = msg:get_meta 'rspamd'
same(meta.action, 'no action')
same(meta.score, 1.5)
same(meta.symbols[2], 'B')
play({}, { action = 'no action' }, nil, nil, conn('2001:db8::7', {
  ehlo_domain = 'a\r\nIP: 127.0.0.1',
  extras_ptr = { status = 'confirmed', name = 'a.example' },
}))
same(asked.headers.IP[1], '2001:db8::7')
same(asked.headers.Helo[1], 'aIP: 127.0.0.1')
same(asked.headers.Hostname[1], 'a.example')

-- the actions
local plain = '|X-Spam-Score=0.00 / 0.00'
becomes(plain, {}, { action = 'no action' })
becomes(plain, {}, { action = 'custom thing' })
becomes(plain, {}, { action = 'greylist' })
becomes('|X-Spam=Yes' .. plain, {}, { action = 'add header' })
becomes('|Subject=*** SPAM *** hi|X-Spam=Yes' .. plain, {},
  { action = 'rewrite subject' }, 'Subject: hi\r\n')
becomes('|Subject=*** SPAM ***|X-Spam=Yes' .. plain, {},
  { action = 'rewrite subject' })
becomes('|Subject=[spam] gr\195\188n X: y|X-Spam=Yes' .. plain, {},
  { action = 'rewrite subject', subject = '[spam] gr\195\188n\r\nX: y' },
  'Subject: hi\r\n')
same(play({}, { action = 'reject' }), '550 5.7.1 this looks like spam')
same(play({ code = 554, text = '5.7.0 no' }, { action = 'reject' }),
  '554 5.7.0 no')
same(play({}, { action = 'reject', messages = { smtp_message = 'Gtube\r\nx' } }),
  '550 5.7.1 Gtube x')
same(play({}, { action = 'soft reject' }), '451 4.7.1 try again later, please')
same(play({}, { action = 'soft reject',
  messages = { smtp_message = 'Try again later' } }),
  '451 4.7.1 Try again later')
becomes('|X-Spam=Yes' .. plain, { reject = false }, { action = 'reject' })
same(becomes('|X-Spam=Yes' .. plain, {}, { action = 'discard' })
  :get_meta 'queue', 'null')
becomes('|X-Spam=Yes' .. plain, {}, { action = 'quarantine' })
becomes('|X-Spam=Yes|X-Spam-Score=7.00 / 0.00|X-Spam-Symbols=A, B',
  { symbols = true },
  { action = 'add header', score = 7, symbols = { A = {}, B = {} } })

-- greylisting of what it finds suspicious
local path = os.tmpname()
local grey = greylist { store = 'sqlite:' .. path }
same(play({ greylist = grey }, { action = 'greylist' }),
  '451 4.7.1 greylisted, please come again in 300 seconds')
becomes(plain, { greylist = grey }, { action = 'no action' })
os.remove(path)

-- viruses, whatever the action is
local clam = { CLAM_VIRUS = { score = 0, options = { 'Eicar\r\n-Test' } } }
same(play({ viruses = { 'CLAM_VIRUS' } },
  { action = 'no action', symbols = clam }),
  '550 5.7.1 this message has a virus: Eicar -Test')
same(play({ viruses = { 'CLAM_VIRUS' } },
  { action = 'no action', symbols = { CLAM_VIRUS = {} } }, nil,
  'postmaster@example.net'), '550 5.7.1 this message has a virus')
becomes(plain, {}, { action = 'no action', symbols = clam })

-- headers that it wants, and that a sender would like to have
becomes(plain, {}, { action = 'no action' },
  'X-Spam: No\r\nx-spam-score: -9\r\nX-Spam-Symbols: x\r\n')
becomes('|X-A=1|X-C=3|X-C=4|X-Spam=Yes' .. plain, {}, {
  action = 'add header', milter = {
    remove_headers = { ['X-Old'] = 0 },
    add_headers = { ['X-A'] = '1', ['X-C'] = { { value = '3', order = -1 },
      { value = 4 } } },
  },
}, 'X-Old: a\r\nX-Old: b\r\n')
local _, signed = play({}, { action = 'no action',
  ['dkim-signature'] = 'v=1; a=rsa;\r\n\tb=x', milter = {
    add_headers = { ['X-Top'] = { value = 'y', order = 1 } } } })
same(all(signed), 'DKIM-Signature=v=1; a=rsa; b=x|X-Top=y|From=ann@example.com'
  .. plain)

-- postmaster's is marked, unless there is somebody else
for action in pairs { ['reject'] = 1, ['discard'] = 1, ['quarantine'] = 1 } do
  local got, m = play({}, { action = action }, nil, 'Postmaster@example.net')
  same(got, nil)
  same(m:get_meta 'queue', nil)
  same(all(m), 'From=ann@example.com|X-Spam=Yes' .. plain)
end
becomes(plain, {}, { action = 'soft reject' }, nil, 'abuse@example.net')
reply = { 200, '{"action":"reject"}' }
local both = message('', 'postmaster@example.net')
both:set_recipient { 'postmaster@example.net', 'bob@example.net' }
local check = new {}
same(extras.refusal(check.data, check, both, conn '192.0.2.7'),
  '550 5.7.1 this looks like spam')

-- who is looked at
local function scanned(o, who)
  play(o, { action = 'no action' }, nil, nil, who)
  return asked ~= nil
end
local ann = conn('192.0.2.7', { authn_id = 'ann' })
same(scanned({}, ann), false)
same(scanned({}, conn '127.0.0.1'), false)
same(scanned({ scan = 'all' }, ann), true)
same(asked.headers.User[1], 'ann')
same(scanned({ scan = 'all' }, conn()), true)
same(asked.headers.IP, nil)
same(scanned { max_size = 10 }, false)

-- no answer, or none that can be used
for _, bad in ipairs { 'timed out', { 500, '{"action":"reject"}' },
  { 200, 'no JSON' }, { 200, '[]' }, { 200, '{}' }, { 200, '7' },
  { 200, '{"action":7}' }, { 200, '' } } do
  becomes('', {}, bad, 'X-Spam: No\r\n')
  same(play({ on_failure = 'tempfail' }, bad),
    '451 4.3.0 try again later, please')
end
-- and what is odd in one
becomes('|X-Spam=Yes' .. plain, {}, { action = 'add header', score = 'x',
  symbols = 7, messages = 'x', milter = 'x', subject = {} })
becomes('|X-A=1' .. plain, {}, { action = 'no action', milter = {
  remove_headers = 7, add_headers = { ['X-A'] = '1' } } })
becomes(plain, {}, { action = 'no action', milter = {
  add_headers = { ['no: name'] = '1' } } })

extras.checks_options('rspamd', { url = 'x', timeout = 1, scan = 'all',
  reject = true, symbols = true, subject = 'x', viruses = {}, headers = {},
  max_size = 1, code = 550, text = 'x', on_failure = 'pass' })
kumo.http = nil
raises('policy-extras.rspamd: needs kumo.http', new, {})
