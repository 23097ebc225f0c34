-- config.lua - objects that describe what is configured
--
-- Called once for each Lua state with
--   kumo         the module's table
--   notice       notice(name, text): say once that name has no effect
--
-- What does not fit raises with a text of KumoMTA's form, which the helpers
-- of its policy-extras take apart: "deserialize error: WHY, while processing
-- JSON".

local kumo, notice = ...
local DELIVERY = "delivery is the MTA's job"

local function quoted(value)
  local kind = type(value)
  if kind == 'string' then
    return ('string "%s"'):format(value)
  elseif kind == 'number' or kind == 'boolean' then
    return ('%s `%s`'):format(kind, tostring(value))
  end
  return kind
end

-- What a value may be: a function that gives it, perhaps in another form, or
-- nil and what is wrong.
local function expected(what, fits, why)
  return function(value)
    if fits(value) then
      return value
    end
    return nil, ('invalid %s: %s, expected %s'):format(
      why or 'type', quoted(value), what)
  end
end

local function is(...)
  local kinds = {}
  for _, kind in ipairs { ... } do
    kinds[kind] = true
  end
  return function(value)
    return kinds[type(value)]
  end
end

local text = expected('a string', is 'string')
local number = expected('a number', is 'number')
local list = expected('a table', is 'table')
local key = expected('a file name or a table', is('string', 'table'))

local function duration(value)
  local ok, why = pcall(kumo.time.parse_duration, value)
  if ok then
    return value
  end
  return nil, ('invalid value: %s, expected a duration: %s'):format(
    quoted(value), tostring(why))
end

local function any(value)
  return value
end

local function is_address(value)
  return type(value) == 'string'
    and (value:find '^%d+%.%d+%.%d+%.%d+$' or value:find '^%x*:%x*:[%x:%.]*$')
    and pcall(kumo.cidr.make_map, { [value] = 1 })
end
local address = expected('an IP address', is_address, 'value')

-- "host:port", the host a name or an address
local function server(value)
  local host, port
  if type(value) == 'string' then
    host, port = value:match '^(.*):(%d+)$'
  end
  if not host or tonumber(port) > 65535 then
    return nil, ('invalid value: %s, expected host:port'):format(quoted(value))
  end
  local v6 = host:match '^%[(.*)%]$'
  if v6 and is_address(v6) or host:find '^[%w_%-%.]+$' then
    return value
  end
  return nil, ('invalid hostname "%s" in %s'):format(host, quoted(value))
end

-- Take params apart by the table of what each field may be, or raise.
local function take(name, params, fields)
  if type(params) ~= 'table' then
    error(('%s: a table expected, got %s'):format(name, type(params)), 3)
  end
  local taken = {}
  for k, v in pairs(params) do
    local why
    if not fields[k] then
      why = ('unknown field `%s`'):format(tostring(k))
    else
      taken[k], why = fields[k](v)
      why = why and ('%s: %s'):format(k, why)
    end
    if why then
      local ok, json = pcall(kumo.serde.json_encode, params)
      error(('%s: deserialize error: %s, while processing %s'):format(
        name, why, ok and json or tostring(params)), 3)
    end
  end
  return taken
end

-- kumo.make_listener_domain -------------------------------------------------

local dispositions = {
  [false] = 'Ignore',
  [true] = 'LogThenRelay',
  Ignore = 'Ignore',
  LogThenDrop = 'LogThenDrop',
  LogThenRelay = 'LogThenRelay',
}

local function disposition(value)
  local known = dispositions[value]
  if known then
    return known
  end
  return nil, ('invalid value: %s, expected a boolean, "Ignore", '
    .. '"LogThenDrop" or "LogThenRelay"'):format(quoted(value))
end

local function networks(value)
  if type(value) ~= 'table' then
    return nil, ('invalid type: %s, expected a list of networks'):format(
      quoted(value))
  end
  for _, net in ipairs(value) do
    local ok, why = pcall(kumo.cidr.make_map, { [net] = 1 })
    if not ok then
      return nil, 'invalid value: '
        .. tostring(why):gsub('^kumo%.cidr%.make_map: ', '')
    end
  end
  return value
end

local listener_domain = {
  relay_to = expected('a boolean', is 'boolean'),
  relay_from = networks,
  log_oob = disposition,
  log_arf = disposition,
  ttl = duration,
}

local unset = {
  relay_to = function()
    return false
  end,
  relay_from = function()
    return {}
  end,
  log_oob = function()
    return 'Ignore'
  end,
  log_arf = function()
    return 'Ignore'
  end,
}

-- kumo.make_listener_domain{ relay_to=, relay_from=, log_oob=, log_arf=, ttl= }
--   Returns what a get_listener_domain handler returns: who may relay for a
--   domain.
--   relay_to: boolean.
--   relay_from: array of networks.
--   log_oob, log_arf: boolean, "Ignore", "LogThenDrop" or "LogThenRelay".
--   ttl: duration.
--   Fields can be read; asking for another raises.  Raises on unknown keys and
--   values that do not fit.
--   Events: any.  Waits: no.  From: KumoMTA kumo.make_listener_domain.
function kumo.make_listener_domain(params)
  local domain = take('kumo.make_listener_domain', params, listener_domain)
  for k, default in pairs(unset) do
    if domain[k] == nil then
      domain[k] = default()
    end
  end
  return setmetatable(domain, {
    __index = function(_, k)
      if listener_domain[k] then
        return nil
      end
      error(("attempt to get an unknown field '%s'"):format(tostring(k)), 2)
    end,
  })
end

-- delivery ------------------------------------------------------------------
-- What these describe is not done, but KumoMTA's helpers find out with them
-- which of a file's keys are options and which are names of somebody's.

local objects = {
  make_queue_config = {
    retry_interval = duration,
    max_retry_interval = duration,
    max_age = duration,
    egress_pool = text,
    max_message_rate = text,
    protocol = any,
    reap_interval = duration,
    refresh_interval = duration,
    timerwheel_tick_interval = duration,
    strategy = any,
    refresh_strategy = text,
    provider_name = text,
    shrink_policy = list,
  },
  make_egress_source = {
    name = text,
    ehlo_domain = text,
    source_address = address,
    remote_port = number,
    ha_proxy_server = server,
    ha_proxy_source_address = address,
    socks5_proxy_server = server,
    socks5_proxy_source_address = address,
    socks5_proxy_username = text,
    socks5_proxy_password = key,
    suspend_when_unplumbed = list,
    suspend_when_proxy_unhealthy = list,
    ttl = duration,
  },
  make_egress_pool = {
    name = text,
    entries = list,
    ttl = duration,
  },
}

-- kumo.make_queue_config{ ... }, kumo.make_egress_source{ ... },
-- kumo.make_egress_pool{ ... } -> object
--   No effect in a milter.  The object has what params had.  Raises on keys
--   that KumoMTA does not know and on values that do not fit.
--   Events: any.  Waits: no.  From: KumoMTA's functions of these names.
for name, fields in pairs(objects) do
  local full = 'kumo.' .. name
  kumo[name] = function(params)
    local object = take(full, params, fields)
    notice(full, DELIVERY)
    return object
  end
end
