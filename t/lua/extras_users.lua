-- policy-extras.quota and .sender_login
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local quota = require('policy-extras.quota').new
local login = require('policy-extras.sender_login').new
local conn, address, same = extras.conn, extras.address, extras.same

-- quota -----------------------------------------------------------------------

local bob = address 'bob@example.org'
local function ask(q, user, expected, ip, rcpt)
  local got = extras.refusal(q.rcpt_to, q, rcpt or bob,
    conn(ip or '192.0.2.7', { authn_id = user }))
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

local q = quota { limits = { '3/d', '100/h' }, users = {
  Newsletter = { '5/d' }, root = {},
} }
local over = '451 4.7.1 you may send 3/d, please wait 28800 seconds'
for _ = 1, 3 do
  ask(q, 'ann')
end
ask(q, 'ann', over)
ask(q, 'Ann', over)
ask(q, 'ann', over, '2001:db8::7')
ask(q, 'joe')
for _ = 1, 5 do
  ask(q, 'newsletter')
end
ask(q, 'NEWSLETTER', '451 4.7.1 you may send 5/d, please wait 17280 seconds')
for _ = 1, 9 do
  ask(q, 'root')
  ask(q, nil)                                   -- did not log in
end
-- another object, as after a reload, goes on
ask(quota { limits = { '3/d' } }, 'ann', over)
-- the shorter one of two
q = quota { limits = { '1/h', '100/d' }, code = 550 }
ask(q, 'cy')
ask(q, 'cy', '550 5.7.1 you may send 1/h, please wait 3600 seconds')
q = quota { limits = { '1/m' }, code = 452, text = '4.5.3 enough: {limit}' }
ask(q, 'dan')
ask(q, 'dan', '452 4.5.3 enough: 1/m')
-- postmaster is no way around it for those who log in
ask(q, 'dan', '452 4.5.3 enough: 1/m', nil, address 'postmaster@example.org')
-- by network
q = quota { limits = { '2/d' }, by = 'client' }
for _ = 1, 3 do
  ask(q, nil, nil, '127.0.0.1')
  ask(q, 'ann', nil, '198.51.100.1')
  ask(q, nil, nil, '198.51.100.1', address 'postmaster@example.org')
end
ask(q, nil, nil, '198.51.100.1')
ask(q, nil, nil, '198.51.100.99')
ask(q, nil, '451 4.7.1 you may send 2/d, please wait 43200 seconds',
  '198.51.100.1')
ask(q, nil, nil, '198.51.101.1')
-- what cannot be counted
local make = kumo.make_throttle
for mode, expected in pairs { pass = false,
  tempfail = '451 4.3.0 try again later, please' } do
  q = quota { limits = { '1/d' }, on_failure = mode }
  kumo.make_throttle = function() error 'redis is away' end
  ask(q, 'eve', expected or nil)
  kumo.make_throttle = make
end
extras.checks_options('quota', { limits = {}, users = {}, by = 'user',
  code = 451, text = 'x', on_failure = 'pass' })
extras.raises("expected 'limit/period'", quota, { limits = { 'x' } })
extras.raises('an array of limits expected', quota,
  { limits = {}, users = { ann = '1/d' } })
for _, bad in ipairs { 250, 600, 550.5, '550' } do
  extras.raises("option 'code': expected a code from 400 to 599", quota,
    { limits = {}, code = bad })
end
extras.raises('unknown period', quota,
  { limits = {}, users = { a = { '1/fortnight' } } })

-- sender_login ----------------------------------------------------------------

local mine = '550 5.7.1 that sender is not yours'
local rules = {
  users = {
    Ann = { 'ann@example.net', '@ann.example' },
    boss = { '*' },
  },
  domains = { 'example.net' },
}
local function envelope(o, user, sender, expected, ip, rcpt)
  local c = conn(ip or '192.0.2.7', { authn_id = user })
  o:mail_from(address(sender), c)
  local got = extras.refusal(o.rcpt_to, o, rcpt or bob, c)
  if got ~= expected then
    error(('%s as %s: got %s, expected %s'):format(tostring(user), sender,
      tostring(got), tostring(expected)), 2)
  end
end
local l = login(rules)
for _, row in ipairs {
  { 'ann', 'ann@example.net' }, { 'ANN', 'Ann@Example.NET' },
  { 'ann', 'ann+lists@example.net' }, { 'ann', 'any@ann.example' },
  { 'ann', '' }, { 'ann', 'bob@example.net', mine },
  { 'ann', '+@example.net', mine }, { 'ann', 'annx@example.net', mine },
  { 'ann', 'ann@sub.ann.example', mine }, { 'boss', 'who@where.example' },
  { 'joe', 'joe@example.net', mine },
  { 'joe@example.net', 'joe@example.net' },
  { 'joe@example.net', 'ann@example.net', mine },
  { nil, 'x@example.com' }, { nil, '' },
  { nil, 'x@example.net', '550 5.7.1 log in to send as example.net' },
  { nil, 'x@sub.example.net' },
} do
  envelope(l, row[1], row[2], row[3])
end
envelope(l, nil, 'x@example.net', nil, '127.0.0.1')
envelope(l, nil, 'x@example.net', nil, nil, address 'postmaster@example.net')
envelope(login { null_sender = false }, 'ann', '',
  '550 5.7.1 a sender is needed')
envelope(login { users = rules.users, separator = '' }, 'ann',
  'ann+x@example.net', mine)
extras.raises('call mail_from() in smtp_server_mail_from', l.rcpt_to, l, bob,
  conn '192.0.2.7')

-- the message
local function message(o, user, headers, expected, ip, rcpt)
  local msg = kumo.make_message('s@example.org', rcpt or 'bob@example.org',
    headers .. 'Subject: x\r\n\r\nbody\r\n')
  local got = extras.refusal(o.data, o, msg,
    conn(ip or '192.0.2.7', { authn_id = user }))
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(headers, tostring(got),
      tostring(expected)), 2)
  end
end
local needed = '550 5.6.0 a From: that can be read is needed'
local as = '550 5.7.1 log in to write as example.net'
for _, row in ipairs {
  { 'ann', 'From: Ann <ann@example.net>\r\n' },
  { 'ann', 'From: "bob@example.net" <ann@example.net>\r\n' },
  { 'ann', 'From: ann@example.net, x@ann.example\r\n'
    .. 'Sender: ann@example.net\r\n' },
  { 'ann', 'From: Ann <bob@example.net>\r\n',
    '550 5.7.1 bob@example.net in From: is not yours' },
  { 'ann', 'From: ann@example.net, bob@example.net\r\n',
    '550 5.7.1 bob@example.net in From: is not yours' },
  { 'ann', 'From: ann@example.net\r\nSender: bob@example.net\r\n',
    '550 5.7.1 bob@example.net in Sender: is not yours' },
  { 'ann', 'From: g: ann@example.net, eve@example.net;\r\n',
    '550 5.7.1 eve@example.net in From: is not yours' },
  { 'ann', '', needed }, { 'ann', 'From: ann@\r\n', needed },
  { 'ann', 'From: <>\r\n', needed },
  { 'ann', 'From: ann@example.net\r\nFrom: bob@example.net\r\n', needed },
  { 'boss', 'From: who@where.example\r\n' },
  { nil, 'From: x@example.com\r\n' }, { nil, '' },
  { nil, 'From: Boss <boss@Example.NET>\r\n', as },
  { nil, 'From: x@example.com, boss@example.net\r\n', as },
  { nil, 'From: x@example.com\r\nFrom: boss@example.net\r\n', as },
  { nil, 'From: boss@example.net <x@example.com\r\n', as },
} do
  message(l, row[1], row[2], row[3])
end
message(l, nil, 'From: boss@example.net\r\n', nil, '127.0.0.1')
message(l, nil, 'From: boss@example.net\r\n', nil, nil,
  'postmaster@example.net')
message(login { domains = rules.domains, from = false }, nil,
  'From: boss@example.net\r\n')

-- a function that knows the users
local asked = login { users = function(user)
  if user == 'down' then
    error 'no database'
  end
  return user == 'ann' and { 'ann@example.net' } or nil
end }
envelope(asked, 'ann', 'ann@example.net')
envelope(asked, 'ann', 'bob@example.net', mine)
envelope(asked, 'joe', 'joe@example.net', mine)
local c = conn('192.0.2.7', { authn_id = 'down' })
same(extras.refusal(asked.mail_from, asked, address 'a@example.net', c),
  '451 4.3.0 try again later, please')
asked.options.on_failure = 'pass'
envelope(asked, 'down', 'bob@example.net')
message(asked, 'down', 'From: bob@example.net\r\n')
extras.checks_options('sender_login', { users = {}, domains = {}, from = true,
  null_sender = true, separator = '+', code = 550, on_failure = 'pass' },
  'users')
extras.raises("option 'users'", login, { users = 7 })
extras.raises('ann: expected an array', login, { users = { ann = 'x@y.z' } })
