-- redis.lua - require 'redis'
--
-- Called once for each Lua state that requires it, with the primitives of
-- lb_redis.c.  Returns the module.

local native = ...

local error, tostring, type = error, tostring, type

local methods = {}

-- conn:query(command, ...) -> result
--   Arguments are strings, numbers and booleans (1 and 0); the items of an
--   array and the keys and values of another table are arguments one by one;
--   nil is none.
--   The result is nil, a number, a string, true for "OK", an array, or a table
--   for a map of RESP3.
--   Raises on an error of the server's, when one of the timeouts of redis.open
--   or the handler's time is up, when nobody is there, on commands that would
--   change the connection (SELECT, MULTI, SUBSCRIBE ...: it is lent for this
--   one), and on replies of more than 16 MiB or 262144 values.
--   Events: any.  Waits: yes.  From: KumoMTA redis.
function methods:query(...)
  local ok, result = native.query(self, ...)
  if not ok then
    error(result, 2)
  end
  return result
end

native.set_index(function(_, key)
  local method = methods[key]
  if not method then
    error(("attempt to get an unknown field '%s'"):format(tostring(key)), 2)
  end
  return method
end)

local redis = {}

-- redis.open { node =, username =, password =, cluster =,
--              read_from_replicas =, pool_size =, connect_timeout =,
--              wait_timeout =, response_timeout =, recycle_timeout = } -> conn
--   node: a URL (see redis_url.h) or an array of them: a cluster.
--   Identical options share their connections in the whole process.  Nothing
--   is connected before the first query.
--   Raises on unknown keys and values that do not fit.
--   Events: any.  Waits: no.  From: KumoMTA redis.
function redis.open(options)
  if type(options) ~= 'table' then
    error("bad argument #1 to 'open' (table expected, got "
      .. type(options) .. ')', 2)
  elseif not native.is_built then
    error('redis.open: built without hiredis', 2)
  end
  local conn, why = native.open(options)
  if not conn then
    error('redis.open: ' .. why, 2)
  end
  return conn
end

return redis
