-- msys.expandMacro: clients of all kinds, and their names in the DNS
--
-- The part itself, with what it finds around it in our hands; sessions are in
-- t/unit/check_msys_text_lua.c.

local peer, names, addresses

local msys = { core = { VCTX_CONN = 1, VCTX_MESS = 2 } }
local native = {
  session = {
    peer = function()
      return peer, 25
    end,
    hostname = function() end,
  },
}
local dictionaries = {
  { ehlo_domain = 'helo.example' },
  { mailfrom_localpart = 'ann', mailfrom_domain = 'Mail.example.com' },
}
local record = {}
local host = {
  text = tostring,
  session = function()
    return record
  end,
  get = function(_, which, key)
    return dictionaries[which][key]
  end,
}

local chunk = assert(loadfile('lua-bindings/msys/macro.lua'))
chunk(msys, native, host)
local expand = msys.expandMacro

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

-- client, %{i} %{v} %{c}
local zeros = ('0.'):rep(20)
for _, row in ipairs {
  { '192.0.2.3', '192.0.2.3 in-addr 192.0.2.3' },
  { '2001:db8::cb01', '2.0.0.1.0.d.b.8.' .. zeros .. 'c.b.0.1 ip6 2001:db8::cb01' },
  { '::1', ('0.'):rep(31) .. '1 ip6 ::1' },
  { 'fe80::', 'f.e.8.0.' .. ('0.'):rep(27) .. '0 ip6 fe80::' },
  { '1:2:3:4:5:6:7:8',
    '0.0.0.1.0.0.0.2.0.0.0.3.0.0.0.4.0.0.0.5.0.0.0.6.0.0.0.7.0.0.0.8 ip6 '
    .. '1:2:3:4:5:6:7:8' },
  { '::ffff:192.0.2.3', '192.0.2.3 in-addr ::ffff:192.0.2.3' },
  { '64:ff9b::192.0.2.3',
    '0.0.6.4.f.f.9.b.' .. ('0.'):rep(16) .. 'c.0.0.0.0.2.0.3 ip6 '
    .. '64:ff9b::192.0.2.3' },
  { nil, ' in-addr ' }, -- a local connection
} do
  peer = row[1]
  same(expand('%{i} %{v} %{c}'), row[2])
end
peer = '2001:db8::cb01'
same(expand('%{ir}.%{v}.example'),
  '1.0.b.c.' .. zeros .. '8.b.d.0.1.0.0.2.ip6.example')

-- no name server is asked where there is none
same(expand('%{p}'), 'unknown')

-- what the DNS has: PTR names, their addresses, %{p}
function msys.dnsLookup(name, kind)
  if kind == 'PTR' then
    return names, names and nil or 'NXDOMAIN'
  end
  same(kind, peer:find(':', 1, true) and 'AAAA' or 'A')
  return addresses[name], addresses[name] and nil or 'NXDOMAIN'
end

for _, row in ipairs {
  { '192.0.2.3', nil, {}, 'unknown' },
  { '192.0.2.3', { 'a.example' }, {}, 'unknown' },
  { '192.0.2.3', { 'a.example' }, { ['a.example'] = { '192.0.2.4' } }, 'unknown' },
  { '192.0.2.3', { 'a.example.' }, { ['a.example'] = { '192.0.2.4', '192.0.2.3' } },
    'a.example' },
  -- the domain itself is best, then what is below it, then the first
  { '192.0.2.3', { 'a.example', 'x.mail.example.com', 'mail.example.com' },
    { ['a.example'] = { '192.0.2.3' }, ['x.mail.example.com'] = { '192.0.2.3' },
      ['mail.example.com'] = { '192.0.2.3' } }, 'mail.example.com' },
  { '192.0.2.3', { 'b.example', 'a.example', 'x.mail.example.com' },
    { ['a.example'] = { '192.0.2.3' }, ['b.example'] = { '192.0.2.3' },
      ['x.mail.example.com'] = { '192.0.2.3' } }, 'x.mail.example.com' },
  { '2001:db8::1', { 'a.example' }, { ['a.example'] = { '2001:DB8:0::1' } }, 'a.example' },
} do
  peer, names, addresses = row[1], row[2], row[3]
  same(expand('%{p}'), row[4])
end
names = {}
for i = 1, 20 do
  names[i] = 'n' .. i .. '.example'
end
peer, addresses = '192.0.2.3', { ['n11.example'] = { '192.0.2.3' } }
same(expand('%{p}'), 'unknown') -- of the first ten none

-- a capital escapes for URLs; more labels than there are; other delimiters
dictionaries[2].mailfrom_localpart = 'a+b_c=d'
same(expand('%{S} %{l+_=} %{l2r+_=} %{d9}'),
  'a%2Bb_c%3Dd%40Mail.example.com a.b.c.d b.a Mail.example.com')
same(expand('%{r}'), 'unknown')
local now = tonumber(expand('%{t}'))
assert(now >= os.time() - 5 and now <= os.time())
assert(expand('%{rfc822:date}'):find('^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d %+0000$'))

-- outside a session
record = nil
same(expand('%{i}%{vctx_conn:ehlo_domain}%{rfc2822:body}.'), '.')

-- any number of what is not closed
same(#expand(('%{'):rep(100000)), 200000)
same(#expand(('%{'):rep(100000) .. '}'), 200001)
