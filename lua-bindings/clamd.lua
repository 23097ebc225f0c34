-- clamd.lua - kumo.milter.clamd_scan
--
-- Called once for each Lua state with the kumo module and the primitive of
-- lb_clamd.c.

local kumo, scan = ...

local error, ipairs, next, tostring, type = error, ipairs, next, tostring, type

local SOCKET, PORT, TIMEOUT = '/run/clamav/clamd.ctl', 3310, 30

local kinds = {
  socket = 'string', host = 'string', port = 'number',
  timeout = 'number or string', data = 'string or userdata',
}

local function bad(level, form, ...)
  error('kumo.milter.clamd_scan: ' .. form:format(...), level + 1)
end

local function check(o)
  if type(o) ~= 'table' then
    bad(3, 'a table expected, got %s', type(o))
  end
  for key, value in next, o do
    local kind = kinds[key]
    if not kind then
      bad(3, 'there is no option "%s"', tostring(key))
    elseif not kind:find(type(value), 1, true) then
      bad(3, '%s: %s expected, got %s', key, kind, type(value))
    end
  end
  if o.data == nil then
    bad(3, 'data is missing')
  elseif o.socket and (o.host or o.port) then
    bad(3, 'either a socket or a host')
  elseif o.port and not (o.port >= 1 and o.port <= 65535 and o.port % 1 == 0)
  then
    bad(3, 'port: 1 to 65535 expected')
  end
end

-- Whom to ask, the first first: paths of sockets or addresses.
local function servers(o)
  if not o.host and not o.port then
    return { o.socket or SOCKET }, nil
  elseif not o.host or o.host == 'localhost' then
    return { '127.0.0.1', '::1' }, o.port or PORT
  end
  local found = kumo.dns.lookup_addr(o.host)
  if not found[1] then
    bad(3, 'host: %s has no address', o.host)
  end
  return found, o.port or PORT
end

-- kumo.milter.clamd_scan{ data =, socket = | host =, port =, timeout = }
--   -> { clean = boolean, virus = string or nil }
--   data: a message, or a string.  socket: the path of clamd's unix socket,
--   /run/clamav/clamd.ctl; or host: its name or address (localhost), and port
--   (3310).  timeout: seconds, or a duration as text; 30 seconds.
--   Raises where clamd does not answer in time or cannot tell: its
--   StreamMaxLength, too, is one of its limits.
--   Events: any.  Waits: yes, without holding the state.  From: kumilter.
function kumo.milter.clamd_scan(options)
  check(options)
  local list, port = servers(options)
  local clean, virus
  for _, server in ipairs(list) do
    clean, virus = scan(options.data, server, port, options.timeout or TIMEOUT)
    if clean ~= nil or not virus:find('Connection refused', 1, true) then
      break -- somebody is there
    end
  end
  if clean == nil then
    bad(2, '%s', virus)
  end
  return { clean = clean, virus = virus }
end
