-- series.lua - msys.audit_series and msys.gauge_cache: counts by key, in
-- windows of time and in caches

local msys, native, host = ...

local ipairs, type = ipairs, type

local audit_series = host.room('audit_series')
local S = native.series

-- A key: an accept construct is its client, that is nil.
function host.key(key)
  if msys.type(key) == 'msys.core:_accept_construct' then
    return nil
  end
  return host.plain(key)
end

local key_of = host.key

-- The options of add and count: a table, or the key alone.
local function options_of(options)
  if type(options) == 'table' then
    return options
  end
  return { key = options }
end

-- msys.audit_series.define(name, type, interval, num_windows [, options])
--   type: "cidr" (IPv4), "cidr_ipv6" or "string".  interval: seconds of one
--   window.  num_windows: 1 to 10000.  options: persist, serialize and
--   replicate have no effect: the counts live as long as the process, and are
--   kept when the policy is loaded again with the same terms.
--   Raises on other values, and when there are 64 series already.
--   Events: any, meant for init.  Waits: no.
--   From: Momentum msys.audit_series.define.
function audit_series.define(name, kind, interval, num_windows, options)
  if type(options) == 'table' then
    for _, key in ipairs { 'persist', 'serialize' } do
      if options[key] then
        host.notice('msys.audit_series.define: ' .. key,
          'the counts end with the process')
      end
    end
    if options.replicate and options.replicate ~= 'none' then
      host.notice('msys.audit_series.define: replicate',
        'there is no cluster')
    end
  end
  S.define(name, kind, interval, num_windows)
end

-- msys.audit_series.add(name [, key or { count=1, key= }])
--   Adds to the current window.  key of a cidr series: an address as a
--   string, an accept construct, or nil: the client.  A string series needs
--   its key.  An address of the other family is not counted.
--   Raises on a name that is not defined.
--   Events: any.  Waits: no.  From: Momentum msys.audit_series.add.
function audit_series.add(name, options)
  options = options_of(options)
  local count = options.count == nil and 1 or options.count
  return S.add(name, key_of(options.key), count)
end

-- msys.audit_series.count(name [, key or { startv=0, endv=0, key= }]) -> number
--   The sum of the windows startv to endv, 0 being the current one.  key of a
--   cidr series: also "address/mask", or "/mask" for the client's network.
--   Raises on a name that is not defined.
--   Events: any.  Waits: no.  From: Momentum msys.audit_series.count.
function audit_series.count(name, options)
  options = options_of(options)
  return S.count(name, key_of(options.key), options.startv or 0,
    options.endv or 0)
end

-- msys.audit_series.remove_item(name [, key]): forgets the key
--   Events: any.  Waits: no.  From: Momentum msys.audit_series.remove_item.
function audit_series.remove_item(name, key)
  return S.remove_item(name, key_of(options_of(key).key))
end

-- ---- gauges ----------------------------------------------------------------

host.room('gauge_cache')
local G = native.gauge

-- msys.gauge_cache.define(name, maxelems, ttl [, replicated])
--   maxelems: keys kept, but never more than 16 MB of them.  ttl: seconds,
--   fractions allowed, after which a number that did not change is forgotten;
--   0: never.
--   A cache of that name keeps what it holds and gets the new limits.
--   Raises on other values, and when there are 64 caches already.
--   Events: any, meant for init.  Waits: no.
--   From: Momentum msys.gauge_cache.define.
function msys.gauge_cache.define(name, maxelems, ttl, replicated)
  if replicated then
    host.notice('msys.gauge_cache.define: replicated', 'there is no cluster')
  end
  return G.define(name, maxelems, ttl)
end

-- msys.gauge_cache.get(name, key) -> number, 0 for what is not there
--   Events: any.  Waits: no.  From: Momentum msys.gauge_cache.get.
function msys.gauge_cache.get(name, key)
  return G.get(name, host.plain(key))
end

-- msys.gauge_cache.inc(name, key) -> number, the new one
--   Events: any.  Waits: no.  From: Momentum msys.gauge_cache.inc.
function msys.gauge_cache.inc(name, key)
  return G.inc(name, host.plain(key))
end

-- msys.gauge_cache.dec(name, key) -> number, the new one
--   Events: any.  Waits: no.  From: Momentum msys.gauge_cache.dec.
function msys.gauge_cache.dec(name, key)
  return G.dec(name, host.plain(key))
end

-- msys.gauge_cache.remove_item(name, key)
--   Events: any.  Waits: no.  From: Momentum msys.gauge_cache.remove_item.
function msys.gauge_cache.remove_item(name, key)
  return G.remove_item(name, host.plain(key))
end
