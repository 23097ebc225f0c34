-- dns.lua - kumo.dns
--
-- Called once for each Lua state with the kumo module and the primitives of
-- lb_dns.c.  Names in results are in small letters as they came and end with a
-- dot.  A lookup takes dns_timeout at most, and the handler's time.

local kumo, native = ...

local error, ipairs, pcall, tonumber, tostring, type =
  error, ipairs, pcall, tonumber, tostring, type
local open = io.open
local concat, sort = table.concat, table.sort
local lookup, address, array = native.lookup, native.address, native.array

kumo.dns = {}

-- arguments -----------------------------------------------------------------

-- Argument i of a function; a number is a string, too.
local function text(value, i, name, level)
  local kind = type(value)
  if kind ~= 'string' and kind ~= 'number' then
    error(("bad argument #%d to '%s' (error converting Lua %s to String "
      .. '(expected string or number))'):format(i, name, kind), level or 3)
  end
  return tostring(value)
end

local function optional(value, i, name)
  if value == nil then
    return nil
  end
  return text(value, i, name, 4)
end

-- lookups -------------------------------------------------------------------

-- A failure raises where the policy called.
local function check(ok, ...)
  if not ok then
    error((...), 3)
  end
  return ...
end

-- The seconds that it took, the name that was asked for, and an answer for
-- each type.
local function ask(name, resolver, ...)
  return check(lookup(name, resolver, ...)) -- without a level of its own
end

local harmless = { ['found'] = true, ['no data'] = true, ['no name'] = true }

local function failure(name, answer)
  return ('DNS: failed to query DNS for %s: %s'):format(name, answer.status)
end

-- Is it an answer?  Otherwise raise.
local function known(name, answer, level)
  if not harmless[answer.status] then
    error(failure(name, answer), level or 3)
  end
  return answer
end

-- Without what only we need.
local function bare(answer)
  answer.status, answer.preference = nil, nil
  return answer
end

local function whole(name)
  return name:sub(-1) == '.' and name or name .. '.'
end

-- Both families: what is known of one is enough, but nothing of both.
local function join(name, one, two)
  if #one == 0 and #two == 0 then
    known(name, one, 4)
    known(name, two, 4)
  end
  for _, ip in ipairs(two) do
    one[#one + 1] = ip
  end
  return bare(one)
end

-- kumo.dns.lookup_txt(domain [, resolver]) -> array of strings
--   One string for each record, its pieces joined, what is no UTF-8 replaced;
--   an empty array where there are none.
--   resolver: a name of define_resolver, here and below.
--   Raises when the servers cannot tell or do not answer in time, and on what
--   is no name.  Events: any.  Waits: yes.  From: KumoMTA.
function kumo.dns.lookup_txt(domain, resolver)
  domain = text(domain, 1, 'lookup_txt')
  resolver = optional(resolver, 2, 'lookup_txt')
  local _, _, answer = ask(domain, resolver, 'TXT')
  return bare(known(domain, answer))
end

local strategies = {
  Ipv4Only = { 'A' },
  Ipv6Only = { 'AAAA' },
  Ipv4AndIpv6 = { 'A', 'AAAA', both = true },
  Ipv6ThenIpv4 = { 'AAAA', 'A' },
  Ipv4ThenIpv6 = { 'A', 'AAAA' },
}

-- The address of "[192.0.2.1]" or "[IPv6:::1]".
local function literal(name)
  if name:sub(-1) ~= ']' then
    error(('domain_name `%s` is a malformed literal domain with no trailing '
      .. '`]`'):format(name), 3)
  end
  local ip = address(name:sub(2, -2)) or address(name, true)
  if not ip then
    error(('invalid address: `%s`'):format(name:sub(2, -2)), 3)
  end
  return ip
end

-- kumo.dns.lookup_addr(name [, resolver [, strategy]]) -> array of addresses
--   strategy: 'Ipv4Only', 'Ipv6Only', 'Ipv4AndIpv6' (the default),
--   'Ipv6ThenIpv4' or 'Ipv4ThenIpv6': the second where the first has none.
--   An address, also in brackets, is given back.  No such name: an empty
--   array.  Raises as lookup_txt does, and on another strategy.
--   Events: any.  Waits: yes.  From: KumoMTA.
function kumo.dns.lookup_addr(name, resolver, strategy)
  name = text(name, 1, 'lookup_addr')
  resolver = optional(resolver, 2, 'lookup_addr')
  local how = strategies[strategy == nil and 'Ipv4AndIpv6' or strategy]
  if not how then
    error(("bad argument #3 to 'lookup_addr' (deserialize error: unknown "
      .. 'variant `%s`)'):format(tostring(strategy)), 2)
  end
  if name:sub(1, 1) == '[' then
    return array { (literal(name)) }
  end
  local ip = address(name)
  if ip then
    return array { ip }
  end
  if how.both then
    local _, _, a, aaaa = ask(name, resolver, 'A', 'AAAA')
    local found = join(name, a, aaaa)
    return found
  end
  local answer
  for _, kind in ipairs(how) do
    local _
    _, _, answer = ask(name, resolver, kind)
    if #answer > 0 then
      break
    end
  end
  return bare(known(name, answer))
end

-- An address, reversed as the DNS has it, and the zone that it is in.
local function parse(ip, name)
  local plain, reversed, zone = address(text(ip, 1, name, 4))
  if not plain then
    error(("bad argument #1 to '%s' (invalid IP address syntax)"):format(name),
      3)
  end
  return reversed, zone
end

-- kumo.dns.ptr_host(ip) -> string
--   "7.2.0.192.in-addr.arpa".  Raises on what is no address.
--   Events: any.  Waits: no.  From: KumoMTA.
function kumo.dns.ptr_host(ip)
  local reversed, zone = parse(ip, 'ptr_host')
  return reversed .. '.' .. zone
end

-- kumo.dns.reverse_ip(ip) -> string
--   "7.2.0.192".  Raises on what is no address.
--   Events: any.  Waits: no.  From: KumoMTA.
function kumo.dns.reverse_ip(ip)
  return (parse(ip, 'reverse_ip'))
end

-- kumo.dns.lookup_ptr(ip [, resolver]) -> array of names
--   An empty array where there are none.  Raises as lookup_txt does, and on
--   what is no address.  Events: any.  Waits: yes.  From: KumoMTA.
function kumo.dns.lookup_ptr(ip, resolver)
  local reversed, zone = parse(ip, 'lookup_ptr')
  local name = reversed .. '.' .. zone
  resolver = optional(resolver, 2, 'lookup_ptr')
  local _, _, answer = ask(name, resolver, 'PTR')
  known(name, answer)
  for i, host in ipairs(answer) do
    answer[i] = whole(host)
  end
  return bare(answer)
end

-- kumo.dns.rbl_lookup(ip, base [, resolver]) -> answer, reason
--   ip: also with a port.  answer: the first address that the list has for
--   it, an IPv4 one if there is one, or nil; reason: its texts, joined, or nil
--   if they cannot be had.
--   Raises as lookup_txt does, and on what is no address.
--   Events: any.  Waits: yes.  From: KumoMTA.
function kumo.dns.rbl_lookup(ip, base, resolver)
  ip = text(ip, 1, 'rbl_lookup')
  base = text(base, 2, 'rbl_lookup')
  resolver = optional(resolver, 3, 'rbl_lookup')
  local plain, reversed = address(ip, true)
  if not plain then
    error(('%s is not a valid IpAddr or SocketAddr'):format(ip), 2)
  end
  local name = reversed .. '.' .. whole(base)
  local _, _, found = ask(name, resolver, 'A')
  -- next to all clients are in no list: one question is enough for these
  if known(name, found).status == 'no data' then
    _, _, found = ask(name, resolver, 'AAAA')
    known(name, found)
  end
  if #found == 0 then
    return nil, nil
  end
  local _, _, reason = ask(name, resolver, 'TXT')
  return found[1], harmless[reason.status] and concat(reason) or nil
end

-- mail exchangers -----------------------------------------------------------

-- The labels of the names, those that differ as "(a|b)", "?" where one is
-- shorter, from the last label to the first.
local function site_name(hosts)
  local columns, depth = {}, 0
  for i, host in ipairs(hosts) do
    local labels = {}
    for label in host:gmatch('[^.]+') do
      labels[#labels + 1] = label
    end
    for at = 1, #labels do
      local column = columns[at] or { seen = {}, short = i > 1 }
      local label = labels[#labels + 1 - at]
      columns[at] = column
      if not column.seen[label] then
        column.seen[label] = true
        column[#column + 1] = label
      end
    end
    for at = #labels + 1, depth do
      columns[at].short = true
    end
    depth = #labels > depth and #labels or depth
  end
  local out = {}
  for at = depth, 1, -1 do
    local column = columns[at]
    local item = #column == 1 and column[1] or '(' .. concat(column, '|') .. ')'
    out[#out + 1] = item .. (column.short and '?' or '')
  end
  return concat(out, '.')
end

local function exchangers(fields)
  fields.is_secure = false
  fields.mta_sts = 'None'
  return fields
end

-- From an answer: the hosts in order, and by preference.
local function order(answer)
  local hosts, by_pref, prefs = {}, {}, {}
  for i, host in ipairs(answer) do
    local pref = answer.preference[i]
    if not by_pref[pref] then
      by_pref[pref] = array {}
      prefs[#prefs + 1] = pref
    end
    local list = by_pref[pref]
    list[#list + 1] = whole(host:lower())
  end
  for _, pref in ipairs(prefs) do
    sort(by_pref[pref])
    for _, host in ipairs(by_pref[pref]) do
      hosts[#hosts + 1] = host
    end
  end
  return array(hosts), by_pref
end

local function elapsed(seconds)
  if seconds >= 1 then
    return ('%.9gs'):format(seconds)
  elseif seconds >= 1e-3 then
    return ('%.9gms'):format(seconds * 1e3)
  end
  return ('%.6gµs'):format(seconds * 1e6)
end

-- kumo.dns.lookup_mx(domain [, resolver]) -> table
--   domain_name; hosts, the best first; by_pref: preference -> array of hosts;
--   site_name: the hosts as one text; is_mx: false where there are no MX and
--   the domain stands for itself; is_domain_literal: "[192.0.2.1]" was asked.
--   is_secure is false, mta_sts 'None': neither is looked at.
--   Raises "MX lookup for DOMAIN failed after 1ms: NXDOMAIN" where there is no
--   such name, and so when the servers cannot tell.
--   Events: any.  Waits: yes.  From: KumoMTA.
function kumo.dns.lookup_mx(domain, resolver)
  domain = text(domain, 1, 'lookup_mx')
  resolver = optional(resolver, 2, 'lookup_mx')
  if domain:sub(1, 1) == '[' then
    local ip = literal(domain)
    return exchangers {
      domain_name = domain, hosts = array { ip }, site_name = ip,
      by_pref = { array { ip } }, is_domain_literal = true, is_mx = false,
    }
  end
  local took, ascii, answer = ask(domain, resolver, 'MX')
  if answer.status == 'no name' or not harmless[answer.status] then
    error(('MX lookup for %s failed after %s: %s'):format(domain, elapsed(took),
      answer.status == 'no name' and 'NXDOMAIN' or failure(domain, answer)), 2)
  end
  local name = whole(ascii:lower())
  local hosts, by_pref = array { name }, { array { name } }
  if #answer > 0 then
    hosts, by_pref = order(answer)
  end
  return exchangers {
    domain_name = name, hosts = hosts, site_name = site_name(hosts),
    by_pref = by_pref, is_domain_literal = false, is_mx = #answer > 0,
  }
end

-- resolvers -----------------------------------------------------------------

local function configure(name, kind, config, what)
  local ok, why = native.configure(name, kind, config)
  if ok then
    return
  end
  local fine, json = pcall(native.json, config)
  error(('kumo.dns.%s: deserialize error: %s, while processing %s'):format(
    what, why, fine and json or type(config)), 3)
end

-- kumo.dns.define_resolver(name, config)
--   config: 'HickorySystemConfig', { Hickory = D }, { Unbound = D },
--   { Test = T } or { Aggregate = { config, ... } }.  D: { name_servers =
--   { "IP:PORT" or { socket_addr = "IP:PORT" }, ... }, options = { timeout =,
--   attempts = } }; KumoMTA's other keys have no effect.  T: an array of zones
--   as text or { zone = }, or { zones = T, servfail = { names } }.
--   Raises on unknown keys, bad zones and outside of loading.
--   Events: init (or the top level).  Waits: no.  From: KumoMTA.
function kumo.dns.define_resolver(name, config)
  name = text(name, 1, 'define_resolver')
  if name == '' then
    error("bad argument #1 to 'define_resolver' (a name expected)", 2)
  end
  configure(name, nil, config, 'define_resolver')
end

-- kumo.dns.configure_resolver(config)
--   As define_resolver, for lookups that name none; D alone will do.
--   Events: init (or the top level).  Waits: no.  From: KumoMTA.
function kumo.dns.configure_resolver(config)
  local kind
  if type(config) == 'table' and (config.name_servers or config.options) then
    kind = 'Hickory'
  end
  configure('', kind, config, 'configure_resolver')
end

-- kumo.dns.configure_unbound_resolver(D)
--   As configure_resolver { Unbound = D }.
--   Events: init (or the top level).  Waits: no.  From: KumoMTA.
function kumo.dns.configure_unbound_resolver(config)
  configure('', 'Unbound', config, 'configure_unbound_resolver')
end

-- kumo.dns.configure_test_resolver(T)
--   As configure_resolver { Test = T }: nothing else is asked.
--   Events: init (or the top level).  Waits: no.  From: KumoMTA.
function kumo.dns.configure_test_resolver(config)
  configure('', 'Test', config, 'configure_test_resolver')
end

local function read_lines(path)
  local f, why = open(path, 'r')
  local data = f and f:read(65536)
  if f then
    f:close()
  end
  if not data then
    error('kumo.dns.load_resolv_conf: ' .. (why or 'cannot read ' .. path), 3)
  end
  return data:gmatch('[^\r\n]+')
end

-- kumo.dns.load_resolv_conf([path]) -> D
--   What configure_resolver takes, from "/etc/resolv.conf".  Raises where
--   there is no such file.  Events: any.  Waits: no.  From: KumoMTA.
function kumo.dns.load_resolv_conf(path)
  path = optional(path, 1, 'load_resolv_conf') or '/etc/resolv.conf'
  local d = { search = array {}, name_servers = array {}, options = {} }
  for line in read_lines(path) do
    local words = {}
    for word in line:gsub('[#;].*', ''):gmatch('%S+') do
      words[#words + 1] = word
    end
    if words[1] == 'nameserver' and words[2] then
      local server = words[2]
      d.name_servers[#d.name_servers + 1] =
        (server:find(':', 1, true) and '[%s]:53' or '%s:53'):format(server)
    elseif words[1] == 'domain' then
      d.domain = words[2]
    elseif words[1] == 'search' then
      d.search = array {}
      for i = 2, #words do
        d.search[i - 1] = words[i]
      end
    elseif words[1] == 'options' then
      for i = 2, #words do
        local key, n = words[i]:match('^(%l+):(%d+)$')
        if key == 'ndots' or key == 'timeout' or key == 'attempts' then
          d.options[key] = tonumber(n)
        end
      end
    end
  end
  return d
end
