-- policy-extras.helo and .ptr
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local site = require 'policy-extras.site'
local helo = require('policy-extras.helo').new
local ptr = require('policy-extras.ptr').new
local conn, address, same = extras.conn, extras.address, extras.same

kumo.dns.configure_test_resolver {
  zones = {
    [[
$ORIGIN example.com.
a     A 198.51.100.7
six   AAAA 2001:db8::7
only  MX 10 a
many  A 198.51.100.8
big   A 192.0.2.250
]], [[
$ORIGIN 100.51.198.in-addr.arpa.
7  PTR a.example.com.
8  PTR wrong1.example.com.
8  PTR many.example.com.
9  PTR a.example.com.
10 PTR broken.example.com.
11 PTR host-198-51-100-11.dsl.example.com.
12 PTR 12.100.51.198.dyn.example.com.
13 PTR c633640d.example.com.
14 PTR mail14.example.com.
16 PTR "b\010ad.example.com."
]], [[
$ORIGIN ip6.arpa.
7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 PTR six.example.com.
]], [[
$ORIGIN dsl.example.com.
host-198-51-100-11 A 198.51.100.11
]], [[
$ORIGIN dyn.example.com.
12.100.51.198 A 198.51.100.12
]],
  },
  servfail = {
    'broken.example.com', 'broken.example.org',
    '99.100.51.198.in-addr.arpa',
  },
}
site.configure { names = { 'example.net', 'mail.example.net' } }

-- HELO ------------------------------------------------------------------------

local ours = '5.7.1 that is my name, not yours'
local brackets = '5.5.2 an address goes into brackets'
local none = '5.5.2 that is not the name of a host'
local literal = '5.5.2 there is no such address literal'
local not_yours = '5.7.1 that is not your address'
local my_address = '5.7.1 that is my address, not yours'
local short = '5.5.2 say your whole name in HELO'
local ip, six = '198.51.100.7', '2001:db8::7'

local function try(o, name, client, expected, more)
  local c = conn(client, { ehlo_domain = name })
  for key, value in pairs(more or {}) do
    c:set_meta(key, value)
  end
  local got = extras.refusal(o.rcpt_to, o, address 'bob@example.net', c)
  expected = expected and '550 ' .. expected
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(name, tostring(got),
      tostring(expected)), 2)
  end
end

local usual = helo {}
for _, row in ipairs {
  { 'mail.example.com', ip }, { 'mail.example.com.', ip },
  { 'a_b.example.com', ip }, { 'xn--mller-kva.example', ip },
  { 'm\195\188ller.example', ip }, { '1and1.example', ip },
  { 'mx.example.net', ip, ours }, { 'MX.Example.NET.', ip, ours },
  { 'example.net', ip, ours }, { 'a.example.net', ip },
  { '198.51.100.7', ip, brackets }, { '192.0.2.1', ip, brackets },
  { '2001:db8::7', six, brackets },
  { 'localhost', ip, short }, { 'WIN-1234', ip, short },
  { 'user', ip, short },
  { 'pc.local', ip },
  { 'a..example.com', ip, none }, { '.example.com', ip, none },
  { '-a.example.com', ip, none }, { 'a-.example.com', ip, none },
  { 'a b.example.com', ip, none }, { 'a\r\nb.example.com', ip, none },
  { '*.example.com', ip, none }, { ('x'):rep(64) .. '.example', ip, none },
  { ('x.'):rep(200) .. 'example', ip, none }, { '', ip, none },
  { '[198.51.100.7]', ip }, { '[198.51.100.8]', ip, not_yours },
  { '[192.0.2.25]', ip, my_address },
  { '[IPv6:2001:db8::7]', six }, { '[ipv6:2001:DB8:0:0:0::7]', six },
  { '[IPv6:2001:db8::8]', six, not_yours },
  { '[2001:db8::7]', six, literal }, { '[]', ip, literal },
  { '[198.51.100]', ip, literal }, { '[IPv6:]', six, literal },
  { '[x-tag:y]', ip, literal },
  { '[198.51.100.7]', '::ffff:198.51.100.7' },
  { '[IPv6:::ffff:198.51.100.7]', ip },
  { '[198.51.100.7', ip, none },
} do
  try(usual, row[1], row[2], row[3])
end
-- who is not asked
try(usual, 'pc', '127.0.0.1')
try(usual, 'pc', nil)
try(usual, 'pc', ip, nil, { authn_id = 'ann' })
extras.says(nil, usual, 'rcpt_to', address 'postmaster',
  conn(ip, { ehlo_domain = 'pc' }))
extras.says(nil, usual, 'rcpt_to', address 'bob@example.net', conn(ip))
-- options
try(helo { unqualified = false }, 'pc', ip)
try(helo { private = true }, 'pc.LOCAL', ip,
  '5.5.2 nobody knows hosts in .LOCAL')
try(helo { underscore = false }, 'a_b.example.com', ip, none)
try(helo { syntax = false }, 'a..b', ip)
try(helo { syntax = false }, '[x]', ip)
try(helo { our_name = false }, 'mx.example.net', ip)
try(helo { bare_address = false }, '198.51.100.7', ip)
try(helo { literal = 'any' }, '[198.51.100.8]', ip)
try(helo { literal = 'any' }, '[192.0.2.25]', ip, my_address)
try(helo { literal = 'none' }, '[198.51.100.7]', ip,
  '5.7.1 your name is asked for, not your address')
local resolving = helo { resolve = true }
try(resolving, 'a.example.com', ip)
try(resolving, 'six.example.com', ip)
try(resolving, 'only.example.com', ip)
try(resolving, 'gone.example.com', ip,
  '5.5.2 the name that you said in HELO does not exist')
try(resolving, 'broken.example.org', ip)
extras.checks_options('helo', { our_name = true, literal = 'own', code = 550,
  resolve = false })

-- PTR -------------------------------------------------------------------------

local function name(client, expected, why, o)
  local got = extras.refusal(ptr(o or {}).rcpt_to, ptr(o or {}),
    address 'bob@example.net', conn(client))
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(client, tostring(got),
      tostring(expected)), 2)
  end
  same(ptr({}):look_up(conn(client)).status, why)
end
name('198.51.100.7', nil, 'confirmed')
name('2001:db8::7', nil, 'confirmed')
name('::ffff:198.51.100.7', nil, 'confirmed')
name('198.51.100.8', nil, 'confirmed')
name('198.51.100.9', '550 5.7.25 a.example.com, the name of your address, does '
  .. 'not lead back to [198.51.100.9]', 'mismatch')
name('198.51.100.9', nil, 'mismatch', { require = 'ptr' })
name('198.51.100.15', '550 5.7.25 your address [198.51.100.15] has no name',
  'none')
name('198.51.100.15', '550 5.7.25 your address [198.51.100.15] has no name',
  'none', { require = 'ptr' })
name('198.51.100.15', nil, 'none', { require = 'none' })
-- the DNS cannot tell, of the address or of the name
local later = '451 4.4.3 the DNS does not tell your name, try again later, '
  .. 'please'
for _, client in ipairs { '198.51.100.99', '198.51.100.10' } do
  name(client, nil, 'failed')
  name(client, later, 'failed', { on_failure = 'tempfail' })
end
-- names that hold the address
for client, generic in pairs {
  ['198.51.100.7'] = false, ['198.51.100.8'] = false, ['198.51.100.11'] = true,
  ['198.51.100.12'] = true, ['198.51.100.13'] = true,
  ['198.51.100.14'] = false, ['2001:db8::7'] = false,
} do
  same(ptr({}):look_up(conn(client)).generic, generic)
end
name('198.51.100.11', '550 5.7.1 host-198-51-100-11.dsl.example.com is not the '
  .. 'name of a mail server', 'confirmed', { generic = true })
name('198.51.100.7', nil, 'confirmed', { generic = true })
-- not asked
extras.says(nil, ptr {}, 'rcpt_to', address 'bob@example.net', conn())
extras.says(nil, ptr {}, 'rcpt_to', address 'Abuse@example.net',
  conn '198.51.100.15')
extras.says(nil, ptr {}, 'rcpt_to', address 'bob@example.net',
  conn('198.51.100.15', { authn_id = 'ann' }))
-- once a session
local client = conn '198.51.100.7'
same(ptr({}):look_up(client).name, 'a.example.com')
kumo.dns.configure_test_resolver {}
same(ptr({}):look_up(client).name, 'a.example.com')
extras.checks_options('ptr', { require = 'ptr', generic = true, code = 550,
  on_failure = 'pass' })
