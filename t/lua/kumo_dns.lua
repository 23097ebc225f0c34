-- kumo.dns, with zones in memory.
local kumo = require 'kumo'
local dns = kumo.dns

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function same(got, expected)
  if type(got) == 'table' then
    got = table.concat(got, ' ')
  end
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

-- addresses, backwards
same(dns.ptr_host '192.0.2.7', '7.2.0.192.in-addr.arpa')
same(dns.reverse_ip '192.0.2.7', '7.2.0.192')
same(dns.reverse_ip '2001:db8::f1', '1.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0'
  .. '.0.0.0.0.8.b.d.0.1.0.0.2')
same(dns.ptr_host '::', ('0.'):rep(32) .. 'ip6.arpa')
for _, bad in ipairs { '', 'x', '1.2.3', '1.2.3.4:25', '[::1]', '::1%1',
  '1.2.3.4\0', '1.2.3.4 ' } do
  raises('invalid IP address syntax', dns.ptr_host, bad)
  raises('invalid IP address syntax', dns.reverse_ip, bad)
  raises('invalid IP address syntax', dns.lookup_ptr, bad)
end
raises("bad argument #1 to 'ptr_host'", dns.ptr_host)
raises("bad argument #1 to 'reverse_ip'", dns.reverse_ip, {})

-- resolvers by name; two answer lists of networks
raises('resolver woot is not defined', dns.lookup_ptr, '10.0.0.1', 'woot')
dns.define_resolver('woot', { Test = { zones = {
  '$ORIGIN 0.0.10.in-addr.arpa.\n1 30 IN PTR hello.\n',
} } })
same(dns.lookup_ptr('10.0.0.1', 'woot'), 'hello.')
same(dns.lookup_ptr('10.0.0.2', 'woot'), '')
same(dns.lookup_ptr('10.0.1.1', 'woot'), '')
dns.define_resolver('rbl', { Test = { [[
$ORIGIN bl.example.net.
2.0.0.127   600    A 127.0.0.2
            600    TXT "Blocked - see " "https://bl.example.net/?127.0.0.2"
3.0.0.127          AAAA ::7
4.0.0.127   600    TXT "no address"
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 A 127.0.0.9
]] } })
local function rbl(ip, expected, text)
  local answer, reason = dns.rbl_lookup(ip, 'bl.example.net', 'rbl')
  same(answer, expected)
  same(reason, text)
end
rbl('127.0.0.2', '127.0.0.2',
  'Blocked - see https://bl.example.net/?127.0.0.2')
rbl('127.0.0.2:25', '127.0.0.2',
  'Blocked - see https://bl.example.net/?127.0.0.2')
rbl('127.0.0.3', '::7', '')
rbl('127.0.0.4', nil, nil)
rbl('127.0.0.5', nil, nil)
rbl('[::1]:25', '127.0.0.9', '')
rbl('::1', '127.0.0.9', '')
same((dns.rbl_lookup('127.0.0.2', 'bl.example.net.', 'rbl')), '127.0.0.2')
raises('x is not a valid IpAddr or SocketAddr', dns.rbl_lookup, 'x', 'a.b')
raises("bad argument #2 to 'rbl_lookup'", dns.rbl_lookup, '127.0.0.2')
raises('invalid DNS name', dns.rbl_lookup, '127.0.0.2', 'a..b', 'rbl')
raises('resolver no is not defined', dns.rbl_lookup, '127.0.0.2', 'a.b', 'no')

-- the default resolver
dns.configure_test_resolver {
  zones = {
    [[
$TTL 1h
$ORIGIN example.com. ; comments
@       3600 IN MX 10 mx.example.com.
        3600 IN MX 5  b.MX
        MX ( 5
             a.mx ) ; one record
@       IN 300 SOA ns.example.com. host 1 2 3 4 5
mx      A 192.0.2.1
        A 192.0.2.2
        AAAA 2001:DB8::1
six     AAAA ::6
null    MX 0 .
alone   TXT "v=spf1 -all"
        TXT other\032one "and" "more"
alias   CNAME mx
münchen A 192.0.2.9
u       MX 1 münchen
bytes   TXT "a\255b"
esc     TXT "\"quoted\" \\ ;()"
]],
    { zone = '$ORIGIN net.\nx.y A 192.0.2.3\n$ORIGIN sub.net.\nw A 192.0.2.4',
      secure = true },
  },
  servfail = { 'broken.example.com', 'mx.broken.net.' },
}

same(dns.lookup_txt 'alone.example.com', 'v=spf1 -all other oneandmore')
assert(#dns.lookup_txt 'alone.example.com.' == 2)
assert(#dns.lookup_txt 'ALONE.example.com' == 2)
assert(getmetatable(dns.lookup_txt 'none.example.com') == false)
same(dns.lookup_txt 'none.example.com', '')
same(dns.lookup_txt 'mx.example.com', '')
same(dns.lookup_txt 'example.org', '')
same(dns.lookup_txt 'bytes.example.com', 'a\239\191\189b')
same(dns.lookup_txt 'esc.example.com', '"quoted" \\ ;()')
raises('DNS: failed to query DNS for broken.example.com: ', dns.lookup_txt,
  'broken.example.com')
raises('DNS: failed to query DNS for MX.broken.net: ', dns.lookup_txt,
  'MX.broken.net')
for _, bad in ipairs { '', 'a..b', ('x'):rep(64) .. '.com', ('x.'):rep(1e6),
  'a\\' } do
  raises('invalid DNS name', dns.lookup_txt, bad)
  raises('invalid DNS name', dns.lookup_addr, bad)
  raises('invalid DNS name', dns.lookup_mx, bad)
end
raises("bad argument #1 to 'lookup_txt'", dns.lookup_txt)
raises("bad argument #2 to 'lookup_txt'", dns.lookup_txt, 'a.b', {})
raises('resolver 7 is not defined', dns.lookup_txt, 'a.b', 7)
same(dns.lookup_txt(7), '')
raises('kumo_dns.lua:', dns.lookup_txt and function()
  dns.lookup_txt 'broken.example.com'
end)

-- lookup_addr
same(dns.lookup_addr 'mx.example.com', '192.0.2.1 192.0.2.2 2001:db8::1')
same(dns.lookup_addr 'alias.example.com', '192.0.2.1 192.0.2.2 2001:db8::1')
same(dns.lookup_addr 'six.example.com', '::6')
same(dns.lookup_addr 'münchen.example.com', '192.0.2.9')
same(dns.lookup_addr 'x.y.net', '192.0.2.3')
same(dns.lookup_addr 'w.sub.net', '192.0.2.4')
same(dns.lookup_addr 'none.example.com', '')
same(dns.lookup_addr 'alone.example.com', '')
for name, expected in pairs {
  ['192.0.2.7'] = '192.0.2.7', ['[192.0.2.7]'] = '192.0.2.7',
  ['::1'] = '::1', ['[IPv6:::1]'] = '::1', ['[ipv6:2001:DB8::1]'] =
  '2001:db8::1', ['[::1]'] = '::1' } do
  same(dns.lookup_addr(name), expected)
end
raises('malformed literal domain', dns.lookup_addr, '[192.0.2.7')
raises('invalid address: `x`', dns.lookup_addr, '[x]')
raises('invalid address', dns.lookup_addr, '[]')
for strategy, expected in pairs {
  Ipv4Only = '192.0.2.1 192.0.2.2', Ipv6Only = '2001:db8::1',
  Ipv4AndIpv6 = '192.0.2.1 192.0.2.2 2001:db8::1',
  Ipv6ThenIpv4 = '2001:db8::1', Ipv4ThenIpv6 = '192.0.2.1 192.0.2.2' } do
  same(dns.lookup_addr('mx.example.com', nil, strategy), expected)
end
same(dns.lookup_addr('six.example.com', nil, 'Ipv4ThenIpv6'), '::6')
same(dns.lookup_addr('six.example.com', nil, 'Ipv4Only'), '')
for _, bad in ipairs { 'ipv4only', 4, {} } do
  raises('unknown variant', dns.lookup_addr, 'a.b', nil, bad)
end
raises('DNS: failed to query', dns.lookup_addr, 'broken.example.com')
raises('DNS: failed to query', dns.lookup_addr, 'broken.example.com', nil,
  'Ipv6ThenIpv4')

-- lookup_mx
local mx = dns.lookup_mx 'Example.COM'
same(mx.domain_name, 'example.com.')
same(mx.hosts, 'a.mx.example.com. b.mx.example.com. mx.example.com.')
same(mx.by_pref[5], 'a.mx.example.com. b.mx.example.com.')
same(mx.by_pref[10], 'mx.example.com.')
same(mx.site_name, '(a|b)?.mx.example.com')
assert(mx.is_mx == true and mx.is_domain_literal == false)
assert(mx.is_secure == false and mx.mta_sts == 'None')
mx = dns.lookup_mx 'mx.example.com'
same(mx.hosts, 'mx.example.com.')
same(mx.by_pref[1], 'mx.example.com.')
same(mx.site_name, 'mx.example.com')
assert(mx.is_mx == false)
mx = dns.lookup_mx 'null.example.com'
same(mx.hosts, '.')
same(mx.by_pref[0], '.')
same(mx.site_name, '')
assert(mx.is_mx == true)
same(dns.lookup_mx('u.example.com').hosts, 'xn--mnchen-3ya.example.com.')
same(dns.lookup_mx('münchen.example.com').domain_name,
  'xn--mnchen-3ya.example.com.')
for _, name in ipairs { '[192.0.2.7]', '[ipv6:::1]' } do
  mx = dns.lookup_mx(name)
  same(mx.domain_name, name)
  assert(mx.is_domain_literal == true and mx.is_mx == false)
  same(mx.hosts, name == '[192.0.2.7]' and '192.0.2.7' or '::1')
  same(mx.by_pref[1], mx.site_name)
end
raises('malformed literal domain', dns.lookup_mx, '[192.0.2.7')
local ok, err = pcall(dns.lookup_mx, 'none.example.com')
assert(not ok and err:find('MX lookup for none.example.com failed after '
  .. '[%d.e-]+[mµ]*s: NXDOMAIN$'), err)
raises(': DNS: failed to query DNS for broken.example.com: ', dns.lookup_mx,
  'broken.example.com')

-- the names of Yahoo's and Google's hosts, as KumoMTA writes them
dns.define_resolver('sites', { Test = { [[
$ORIGIN site.
y MX 1 mta5.am0.yahoodns.net.
  MX 1 mta6.am0.yahoodns.net.
  MX 1 mta7.AM0.yahoodns.net.
g MX 5 gmail-smtp-in.l.google.com.
  MX 10 alt1.gmail-smtp-in.l.google.com.
  MX 20 alt2.gmail-smtp-in.l.google.com.
o MX 1 example-com.mail.protection.outlook.com.
  MX 2 mx-biz.mail.am0.yahoodns.net.
]] } })
local function site(name)
  return dns.lookup_mx(name .. '.site', 'sites').site_name
end
same(site 'y', '(mta5|mta6|mta7).am0.yahoodns.net')
same(site 'g', '(alt1|alt2)?.gmail-smtp-in.l.google.com')
same(site 'o',
  '(example-com|mx-biz).mail.(protection|am0).(outlook|yahoodns).(com|net)')

-- several, one after the other
dns.define_resolver('all', { Aggregate = {
  { Test = { zones = { '$ORIGIN a.\nx A 192.0.2.1\n' }, servfail = { 'y.b' } } },
  { Aggregate = { { Test = { '$ORIGIN b.\nx A 192.0.2.2\ny A 192.0.2.3\n' } } } },
} })
same(dns.lookup_addr('x.a', 'all'), '192.0.2.1')
same(dns.lookup_addr('x.b', 'all'), '192.0.2.2')
same(dns.lookup_addr('y.b', 'all'), '192.0.2.3')
same(dns.lookup_addr('x.c', 'all'), '')
dns.define_resolver('none', { Aggregate = {} })
raises('cannot tell', dns.lookup_addr, 'x.a', 'none')
dns.define_resolver('empty', { Test = {} })
same(dns.lookup_addr('x.a', 'empty'), '')

-- another of the same name takes its place
dns.define_resolver('woot', { Test = { '$ORIGIN a.\nx A 192.0.2.5\n' } })
same(dns.lookup_addr('x.a', 'woot'), '192.0.2.5')
same(dns.lookup_ptr('10.0.0.1', 'woot'), '')

-- what is no resolver
local function refused(why, config)
  raises(why, dns.define_resolver, 'bad', config)
  raises(why, dns.configure_resolver, config)
end
refused('unknown variant `Unknown`', { Unknown = {} })
refused('unknown variant `x`', 'x')
refused('the name of a resolver expected', {})
refused('the name of a resolver expected', nil)
refused('the name of a resolver expected', 7)
refused('missing field `name_servers`', { Hickory = {} })
refused('unknown field `nam`', { Hickory = { nam = {} } })
refused('no DNS server', { Hickory = { name_servers = {} } })
refused('is no IP address', { Hickory = { name_servers = { 'a.b:53' } } })
refused('name_servers: ', { Hickory = { name_servers = { 7 } } })
refused('unknown field `x`',
  { Unbound = { name_servers = { { socket_addr = '::1', x = 1 } } } })
refused('name_servers: ', { Unbound = { name_servers = { { protocol = 'tcp' } } } })
refused('unknown field `foo`',
  { Hickory = { name_servers = { '::1' }, options = { foo = 1 } } })
refused('timeout: ', { Hickory = { name_servers = { '::1' },
  options = { timeout = true } } })
refused('timeout: ', { Hickory = { name_servers = { '::1' },
  options = { timeout = -1 } } })
refused('attempts: ', { Hickory = { name_servers = { '::1' },
  options = { attempts = 'x' } } })
refused('Aggregate: ', { Aggregate = 'x' })
refused('cannot serialize function', { Test = print })
refused('an array of zones expected', { Test = 'x' })
refused('a zone is a string', { Test = { 7 } })
refused('unknown field `zon`', { Test = { { zon = '' } } })
refused('unknown field `z`', { Test = { z = {} } })
refused('an array of zones expected', { Test = { servfail = {} } })
refused('servfail: ', { Test = { zones = {}, servfail = { 7 } } })
for zone, why in pairs {
  [''] = 'a zone without $ORIGIN',
  ['x A 1.2.3.4'] = 'line 1: no $ORIGIN for a relative name',
  ['$ORIGIN a.\n  A 1.2.3.4'] = 'line 2: a record without an owner',
  ['$ORIGIN a.\n\nx A 1.2.3'] = 'line 3: ',
  ['$ORIGIN a.\nx A ::1'] = 'line 2: an address of the other family',
  ['$ORIGIN a.\nx MX b'] = 'line 2: 1 words behind MX',
  ['$ORIGIN a.\nx MX b c'] = 'line 2: MX without a preference',
  ['$ORIGIN a.\nx TXT'] = 'line 2: 0 words behind TXT',
  ['$ORIGIN a.\nx TXT "a'] = 'line 2: a quoted string without an end',
  ['$ORIGIN a.\nx'] = 'line 2: a record without a type',
  ['$ORIGIN a.\nx 7 8 A 1.2.3.4'] = 'line 2: "8" is no record type',
  ['$ORIGIN a.\nx PTR ('] = 'line 2: a parenthesis without an end',
  ['$ORIGIN a.\nx PTR )'] = 'line 2: parentheses do not fit',
  ['$ORIGIN a..'] = 'line 1: ',
  ['$ORIGIN'] = 'line 1: $ORIGIN has one name',
  ['$INCLUDE /etc/passwd'] = 'line 1: what is $INCLUDE?',
  ['$ORIGIN a.\nx TXT ' .. ('a '):rep(70)] = 'line 2: more than 64 words',
  ['$ORIGIN a.\nx TXT ' .. ('a'):rep(2000)] = 'a string of more than 255 bytes',
  ['$ORIGIN a.\nx TXT ' .. ('a'):rep(300)] = 'resolver: ',
  ['$ORIGIN a.\n\0'] = 'a zone with a NUL in it',
  [(' '):rep(2 ^ 20 + 1)] = 'a zone of more than 1048576 bytes',
} do
  raises(why, dns.define_resolver, 'bad', { Test = { zone } })
end
raises('resolver bad is not defined', dns.lookup_txt, 'a.b', 'bad')
raises(', while processing {"Hickory":{}}', dns.define_resolver, 'bad',
  { Hickory = {} })
raises("bad argument #1 to 'define_resolver'", dns.define_resolver)
raises("bad argument #1 to 'define_resolver'", dns.define_resolver, '',
  'HickorySystemConfig')
raises('more than 16 resolvers', function()
  for i = 1, 17 do
    dns.define_resolver('r' .. i, { Test = {} })
  end
end)

-- what is accepted
dns.configure_resolver 'HickorySystemConfig'
dns.configure_resolver { Unbound = { name_servers = { '127.0.0.1:53' } } }
dns.configure_unbound_resolver { name_servers = { '127.0.0.1:53' } }
dns.configure_resolver {
  domain = 'example.com', search = { 'example.com' },
  name_servers = { '127.0.0.1:53', '[::1]:5353', { socket_addr = '127.0.0.2:53',
    protocol = 'tcp', trust_negative_responses = true,
    bind_addr = '127.0.0.1:0' } },
  options = { ndots = 1, timeout = '2s', attempts = 3, edns0 = true,
    use_hosts_file = true },
}

-- load_resolv_conf
local path = os.tmpname()
local f = io.open(path, 'w')
f:write('# nothing\nnameserver 192.0.2.1\nnameserver ::1 ; six\n'
  .. 'domain example.com\nsearch a.b c.d\noptions ndots:2 timeout:3 rotate\n')
f:close()
local d = dns.load_resolv_conf(path)
same(d.name_servers, '192.0.2.1:53 [::1]:53')
same(d.search, 'a.b c.d')
assert(d.domain == 'example.com' and d.options.ndots == 2)
assert(d.options.timeout == 3 and d.options.attempts == nil)
dns.configure_resolver(d)
os.remove(path)
raises('No such file', dns.load_resolv_conf, path)
raises("bad argument #1 to 'load_resolv_conf'", dns.load_resolv_conf, {})
