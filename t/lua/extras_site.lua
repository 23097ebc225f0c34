-- policy-extras.options, .site, .chain and .exempt
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'
local conn, address, same, raises = extras.conn, extras.address, extras.same,
  extras.raises

-- options: kinds
local function given(value, ...)
  return options('m', { x = value }, { x = { ... } }).x
end
same(given(7, 'number'), 7)
same(given(false, 'boolean', true), false)
same(given(nil, 'boolean', true), true)
same(given(nil, 'string?'), nil)
same(given('1h 30m', 'duration'), 5400)
same(given(nil, 'duration', '2s'), 2)
same(given('b', { 'a', 'b' }, 'a'), 'b')
same(given({ 'PostMaster' }, 'names').postmaster, true)
same(given({ '192.0.2.0/24' }, 'networks')['192.0.2.9'], true)
same(given({ '192.0.2.0/24' }, 'networks')['192.0.3.9'], nil)
raises("m: option 'x': expected a number", given, '7', 'number')
raises("m: option 'x': expected a duration", given, 'soon', 'duration')
raises("m: option 'x': expected a duration", given, -1, 'duration')
raises("m: option 'x': expected one of 'a', 'b'", given, 'c', { 'a', 'b' })
raises("m: option 'x': expected networks", given, { '192.0.2.1/24' },
  'networks')
raises("m: option 'x' is missing", given, nil, 'table')
raises("m: unknown option 'y'", options, 'm', { y = 1 }, {})
raises("policy-extras.site: unknown option 'trust'", site.configure,
  { trust = {} })

-- who the client is
same(site.client(conn '192.0.2.7'), '192.0.2.7')
same(site.client(conn '2001:db8::7'), '2001:db8::7')
same(site.client(conn '::ffff:192.0.2.7'), '192.0.2.7')
same(site.client(conn()), nil)
for ip, expected in pairs {
  ['192.0.2.7'] = '192.0.2.0/24',
  ['2001:db8::7'] = '2001:db8:0:0::/64',
  ['2001:db8:0:12:a:b:c:d'] = '2001:db8:0:12::/64',
  ['::'] = '0:0:0:0::/64',
} do
  same(site.network(ip), expected)
end

-- who is trusted
same(site.is_trusted(conn '127.0.0.1'), true)
same(site.is_trusted(conn '::1'), true)
same(site.is_trusted(conn '::ffff:127.0.0.1'), true)
same(site.is_trusted(conn '192.0.2.7'), false)
same(site.is_trusted(conn()), true)
same(site.is_trusted(conn('192.0.2.7', { authn_id = 'ann' })), true)
site.configure { trusted = { '192.0.2.0/28', '2001:db8::/32' } }
same(site.is_trusted(conn '127.0.0.1'), false)
same(site.is_trusted(conn '192.0.2.7'), true)
same(site.is_trusted(conn '192.0.2.17'), false)
same(site.is_trusted(conn '2001:db8::7'), true)

-- who is exempt
same(site.is_exempt(address 'PostMaster@example.net'), true)
same(site.is_exempt(address 'postmaster'), true)
same(site.is_exempt(address 'abuse@a.example'), true)
same(site.is_exempt(address 'postmaster1@a.example'), false)
site.configure { exempt = { 'hostmaster' } }
same(site.is_exempt(address 'Hostmaster@a.example'), true)
same(site.is_exempt(address 'postmaster@a.example'), false)
site.configure {}

-- the DNS: a budget for each client
kumo.dns.configure_test_resolver {
  zones = { '$ORIGIN example.com.\na A 192.0.2.7\n' },
  servfail = { 'broken.example.com' },
}
local client = conn '192.0.2.7'
local ok, found = site.dns(client, 'lookup_addr', 'a.example.com')
same(ok, true)
same(found[1], '192.0.2.7')
ok, found = site.dns(client, 'lookup_addr', 'broken.example.com')
same(ok, false)
same(type(found), 'string')
ok = site.dns(client, 'lookup_addr', 'b..example.com')
same(ok, false)
local now = kumo.time.now().unix_timestamp_millis
client:set_meta('extras_dns', { since = now - 5000, spent = 4001 })
same(site.dns(client, 'lookup_addr', 'a.example.com'), false)
client:set_meta('extras_dns', { since = now - 30001, spent = 4001 })
same(site.dns(client, 'lookup_addr', 'a.example.com'), true)
client:set_meta('extras_dns', { since = now + 99999, spent = 4001 })
same(site.dns(client, 'lookup_addr', 'a.example.com'), true)

-- failures are a line a minute, and tempfail or nothing
same(extras.refusal(site.failed, 'x', 'why', 'pass'), nil)
same(extras.refusal(site.failed, 'x', 'why', 'tempfail'),
  '451 4.3.0 try again later, please')
same(site.plain 'a\r\nb\0', 'a b ')

-- exempt: either kind has its transaction
local exempt = require('policy-extras.exempt').new {}
extras.checks_options('exempt', { text = '4.5.3 one by one' })
local function rcpt(c, email, expected)
  extras.says(expected, exempt, 'rcpt_to', address(email), c)
end
local apart = '452 4.5.3 this recipient in another transaction, please'
client = conn '192.0.2.7'
exempt:mail_from(address '', client)
rcpt(client, 'bob@example.net')
rcpt(client, 'postmaster@example.net', apart)
rcpt(client, 'carol@example.net')
exempt:mail_from(address '', client)
rcpt(client, 'postmaster@example.net')
rcpt(client, 'abuse@example.net')
rcpt(client, 'bob@example.net', apart)
client = conn '127.0.0.1'
exempt:mail_from(address '', client)
rcpt(client, 'bob@example.net')
rcpt(client, 'postmaster@example.net')

-- chain: what is no check
local chain = require 'policy-extras.chain'
raises('policy-extras.chain: check 2 is no table', chain.register,
  { exempt, 'x' })
raises('policy-extras.chain: check 1 has no method for any event',
  chain.register, { { rcpt_too = print } })
