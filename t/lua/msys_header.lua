-- ec_message: headers, on messages that are in no transaction
local msys = require 'msys'
require 'msys.extended.message'

local core = msys.core

local function make(text)
  local m = core.ec_message_new()
  assert(m:raw((text:gsub('\n', '\r\n'))) == true)
  return m
end

local function head(m)
  return (m:raw():match('^(.-\r\n)\r\n'):gsub('\r\n', '|'))
end

local function same(got, want)
  if got ~= want then
    error(('expected %q, got %q'):format(tostring(want), tostring(got)), 2)
  end
end

local function list(t)
  return table.concat(t, ';')
end

local TEXT = 'X-A: one\nSubject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=\n folded\n'
  .. 'x-a: two\n\nbody\n'

-- get
local m = make(TEXT)
same(msys.type(m), 'msys.core:_ec_message')
same(list(m:header('X-a')), 'one;two')
same(m:header('subject')[1], 'gr\195\188\195\159e folded')
same(#m:header('none'), 0)
same(m:header('none')[1], nil)
same(list(m:header('X-A', nil)), 'one;two')

-- delete
same(m:header('X-A', ''), true)
same(m:header('X-A', ''), false)
same(head(m), 'Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=| folded|')

-- set
m = make(TEXT)
same(m:header('X-A', 'three'), true)
same(head(m), 'Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=| folded|X-A: three|')
m = make('X-A: one\n\n')
same(m:header('X-A', 'two', 'append'), true)
same(m:header('X-A', 'zero', 'prepend'), true)
same(m:header('X-B', 7), true)
same(head(m), 'X-A: zero|X-A: one|X-A: two|X-B: 7|')
m:header('X-A', { '1', '2' }, 'replace')
m:header('X-C', { 'a', 'b' }, 'prepend')
same(head(m), 'X-C: a|X-C: b|X-B: 7|X-A: 1|X-A: 2|')
m:header('X-B', { })
same(head(m), 'X-C: a|X-C: b|X-A: 1|X-A: 2|')

-- what is written
m = make('A: b\n\n')
m:header('X', 'gr\195\188n')
same(head(m), 'A: b|X: =?UTF-8?q?gr=C3=BCn?=|')
same(m:header('X')[1], 'gr\195\188n')
m:header('X', 'a\r\nBcc: x@y\r\n\r\nbody')
same(list(m:header('Bcc')), '')
same(m:header('X')[1], 'a Bcc: x@y body')
m:header('X', 'gr\195\188n\r\nBcc: x@y\r\n\r\n\tz\0\r\n')
same(m:header('X')[1], 'gr\195\188n Bcc: x@y z')
same(head(m):find('=0[AD0]'), nil)
m:header('X', 'a\0b\rc')
same(m:header('X')[1]:find('%c'), nil)
m:header('X', 'one\r\n\ttwo')
same(head(m), 'A: b|X: one|\ttwo|')
m:header('X', ('x '):rep(600))
for line in head(m):gmatch('[^|]+') do
  assert(#line < 998, line)
end

-- what raises
local function raises(what, f, ...)
  local ok, why = pcall(f, ...)
  assert(not ok and why:find(what, 1, true), tostring(why))
end
raises('not a header name', m.header, m, 'a b', 'x')
raises('not a header name', m.header, m, 'a\r\nb', 'x')
raises('not a header name', m.header, m, 'a:b', 'x')
raises("'replace', 'append' or 'prepend' expected, not x", m.header, m, 'a',
  'b', 'x')
raises('string expected, got table', m.header, m, {}, 'x')
raises('_ec_message expected, got table', m.header, {}, 'x')

-- addresses
m = make('From: "A, B" <ann+list@a.example>\nTo: b@b.example,\n'
  .. ' G: c@c.example, d+x+y@d.example;\nto: e@e.example\nCc: <<>>\n\n')
same(list(m:address_header('To')),
  'b@b.example;c@c.example;d+x+y@d.example;e@e.example')
same(list(m:address_header('to', 'all')),
  'b@b.example;c@c.example;d+x+y@d.example;e@e.example')
same(list(m:address_header('From', 'localpart')), 'ann+list')
same(list(m:address_header('From', 'user')), 'ann')
same(list(m:address_header('From', 'detail')), 'list')
same(list(m:address_header('From', 'domain')), 'a.example')
same(#m:address_header('Cc'), 0)
same(#m:address_header('Sender'), 0)
raises('all, localpart, user, detail or domain', m.address_header, m, 'To',
  'x')

-- a message of its own: envelope and context
same(m:mailfrom(), '')
same(m:rcptto(), '')
same(m:mailfrom('<a@b.example>'), 'a@b.example')
same(m:rcptto('c@d.example'), 'c@d.example')
same(m:routing_domain(), 'd.example')
raises('', m.mailfrom, m, 'a@b@c')
same(m:context_get(core.ECMESS_CTX_MESS, 'k'), '')
m:context_set(core.ECMESS_CTX_MESS, 'k', 5)
same(m:context_get(core.ECMESS_CTX_MESS, 'k'), '5')
same(m:context_get(core.ECMESS_CTX_CONN, 'k'), '')
same(m:context_exists(core.ECMESS_CTX_MESS, 'k'), 1)
local n, value = m:context_exists_and_get(core.ECMESS_CTX_MESS, 'k')
same(n, 1)
same(value, '5')
same(m:context_delete(core.ECMESS_CTX_MESS, 'k'), 1)
same(m:context_delete(core.ECMESS_CTX_MESS, 'k'), 0)
n, value = m:context_exists_and_get(core.ECMESS_CTX_MESS, 'k')
same(n, 0)
same(value, nil)
same(core.ec_message_context_get(m, core.ECMESS_CTX_MESS, 'k'), '')
core.ec_message_context_set(m, core.ECMESS_CTX_CONN, 'k', true)
same(core.ec_message_context_get(m, core.ECMESS_CTX_CONN, 'k'), 'true')
same(core.ec_message_header(m, 'From')[1]:match('<.*>'),
  '<ann+list@a.example>')
raises('ECMESS_CTX', m.context_get, m, 7, 'k')
same(core.no_such_function, nil)
same(core.ec_message_no_such, nil)

-- get_envelope2
local left, right = core.string_new(), core.string_new()
same(m:get_envelope2(core.EC_MSG_ENV_FROM, left, right), 1)
same(tostring(left) .. ' ' .. tostring(right), 'a b.example')
same(m:get_envelope2(core.EC_MSG_ENV_TO, left, right), 1)
same(tostring(left) .. ' ' .. tostring(right), 'c d.example')
same(m:get_envelope2(core.EC_MSG_ENV_TO + core.EC_MSG_ENV_COMPLETE, left), 1)
same(tostring(left), 'c@d.example')
same(m:get_envelope2(core.EC_MSG_ENV_TO + core.EC_MSG_ENV_FROM, left, right), 0)
same(m:get_envelope2(core.EC_MSG_ENV_COMPLETE, left, right), 0)

-- code
same(m:code(), '')
m:code('421', 'Too much spam.')
same(m:code(), '421 Too much spam.')
m:code(0, '550 no')
same(m:code(), '550 no')
m:code(550, 'one\ntwo\r\nthree')
same(m:code(), '550-one\r\n550-two\r\n550 three')
m:code(0, '451-one\n451 two')
same(m:code(), '451-one\r\n451 two')
m:code(451, '550 x')
same(m:code(), '451 x')
raises('600 is no code', m.code, m, 600, 'x')

-- the rest
same(m:get_delivery_method(), 'smtp')
same(m:is_mcmt(), false)
same(m:binding('x'), nil)
same(m:binding_group(), nil)
same(m.recv_method, core.P_ESMTP)
same(m.priority, 0)
m.priority = 1
same(m.priority, 1)
same(tostring(m.id):match('^%x%x/%x%x%-%x%x%x%x%x%-%x%x%x%x%x%x%x%x$'),
  tostring(m.id))
same(m:get_message_size(), #m:raw())
raises("'id' of msys.core:_ec_message cannot be set", function()
  m.id = 1
end)
