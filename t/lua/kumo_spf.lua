-- kumo.spf, with zones in memory.
local kumo = require 'kumo'

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

kumo.dns.define_resolver('z', { Test = { zones = { [[
$ORIGIN example.com.
@       300 IN TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all exp=why.%{d}"
why     300 IN TXT "%{i} is not %{o}, said to %{r}, HELO %{h}, for %{l}"
soft    300 IN TXT "v=spf1 ~all"
broken  300 IN TXT "v=spf1 a:"
helo    300 IN TXT "v=spf1 a -all"
helo    300 IN A 192.0.2.9
xn--bcher-kva 300 IN TXT "v=spf1 ?all"
]] }, servfail = { 'dead.example.com' } } })

-- Only what check_host() asks of a conn_meta.
local function client(ip, helo)
  local known = { received_from = ip, ehlo_domain = helo,
    hostname = 'mx.example.org' }
  return { get_meta = function(_, key) return known[key] end }
end

local function check(ip, domain, sender, helo)
  return kumo.spf.check_host(domain, client(ip, helo or 'helo.example.com'),
    sender, 'z')
end

-- { client, domain, sender, HELO name, disposition, reason }
for _, row in ipairs {
  { '192.0.2.1:25', 'example.com', 'ann@example.com', nil, 'pass',
    "matched 'ip4:192.0.2.1' directive" },
  { '[2001:db8::7]:25', 'example.com', 'ann@example.com', nil, 'pass',
    "matched 'ip6:2001:db8::/32' directive" },
  { '[::ffff:192.0.2.1]:25', 'example.com', 'a@example.com', nil, 'pass',
    "matched 'ip4:192.0.2.1' directive" },
  { '192.0.2.2:25', 'example.com', 'ann@example.com', nil, 'fail',
    '192.0.2.2 is not example.com, said to mx.example.org, '
      .. 'HELO helo.example.com, for ann' },
  { '192.0.2.2:25', 'soft.example.com', 'a@soft.example.com', nil, 'softfail',
    "matched '~all' directive" },
  { '192.0.2.2:25', 'nowhere.example.com', 'a@nowhere.example.com', nil,
    'none', 'no SPF records found for nowhere.example.com' },
  { '192.0.2.2:25', 'broken.example.com', 'a@broken.example.com', nil,
    'permerror', 'SPF record of broken.example.com: a:: no domain' },
  { '192.0.2.2:25', 'dead.example.com', 'a@dead.example.com', nil,
    'temperror' },
  { '192.0.2.9:25', 'helo.example.com', nil, 'other.example.com', 'pass',
    "matched 'a' directive" },
  { '192.0.2.9:25', '', 'x', 'helo.example.com', 'pass',
    "matched 'a' directive" },
  { '192.0.2.9:25', '', 'x', '[192.0.2.9]', 'none',
    '[192.0.2.9] is no domain' },
  { '192.0.2.9:25', 'b\195\188cher.example.com',
    'a@b\195\188cher.example.com', nil, 'neutral', "matched '?all' directive" },
} do
  local got = check(row[1], row[2], row[3], row[4])
  same(got.disposition, row[5])
  same(got.result.result, row[5])
  same(got.result.method, 'spf')
  if row[6] then
    same(got.result.reason, row[6])
  end
  same(got.result.props['smtp.mailfrom'], row[3])
end
same(check('192.0.2.9:25', 'helo.example.com').result.props['smtp.helo'],
  'helo.example.com')
same(check('192.0.2.9:25', 'example.com', 'a@example.com')
  .result.props['smtp.helo'], 'helo.example.com')

-- misuse
raises("conn_meta 'received_from' is not set", check, nil, 'example.com')
raises('received_from is no address: unix', check, 'unix', 'example.com')
raises('resolver woot is not defined', kumo.spf.check_host, 'example.com',
  client '192.0.2.1:25', nil, 'woot')
raises("bad argument #1 to 'check_host'", check, '192.0.2.1:25', nil)
raises('', kumo.spf.check_host, 'example.com', nil)
raises('', kumo.spf.check_msg, nil)
