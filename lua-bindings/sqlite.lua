-- sqlite.lua - require 'sqlite'
--
-- Called once for each Lua state that requires it, with the primitives of
-- lb_sqlite.c.  Returns the module.

local native = ...

local error, select, tonumber, tostring, type =
  error, select, tonumber, tostring, type

local PARAMS_MAX = 1000
local BUSY_TIMEOUT = 500 -- ms, as in KumoMTA

local methods = {}

-- Argument i of a function of ours; a number is a string, too.
local function text(value, i, name)
  local kind = type(value)
  if kind ~= 'string' and kind ~= 'number' then
    error(("bad argument #%d to '%s' (error converting Lua %s to String "
      .. '(expected string or number))'):format(i, name, kind), 3)
  end
  return tostring(value)
end

-- A failure raises at the policy's line.
local function check(ok, ...)
  if not ok then
    error((...), 3)
  end
  return ok, ...
end

-- conn:execute(sql, ...) -> number, or array
--   sql: one statement.  Parameters are nil, numbers and strings: one or more
--   of them or one array for the placeholders in their order, or one table of
--   names for ":name"; a parameter without a placeholder is an error, a
--   placeholder without a parameter is NULL.
--   A statement that has no columns gives how many rows it changed; one with
--   one column an array of values, without rows an empty one; one with several
--   an array of tables: column name -> value.  Integers and reals are numbers,
--   texts and blobs strings, NULL is nil.
--   Raises on a failure of the database, on two statements, on more than
--   100000 rows or 16 MiB, and when the handler's time is up.
--   Events: any.  Waits: yes.  From: KumoMTA sqlite.
function methods:execute(sql, ...)
  sql = text(sql, 1, 'execute')
  if select('#', ...) > PARAMS_MAX then
    error("bad argument to 'execute' (too many parameters)", 2)
  end
  local _, result = check(native.execute(self, sql, ...))
  return result
end

-- conn:close()
--   Later calls of execute raise "connection was closed".  Otherwise it is
--   closed when it is collected.
--   Events: any.  Waits: no.  From: KumoMTA sqlite.
function methods:close()
  return native.close(self)
end

native.set_index(function(_, key)
  local method = methods[key]
  if not method then
    error(("attempt to get an unknown field '%s'"):format(tostring(key)), 2)
  end
  return method
end)

local sqlite = {}

-- sqlite.open(path [, busy_timeout]) -> conn
--   path: a file, made if it is not there; ':memory:' is a database of this
--   connection alone.  busy_timeout: how long locks of others are waited for,
--   in milliseconds (500); the handler's time ends it, too.
--   Raises on what cannot be opened.
--   Events: any.  Waits: yes.  From: KumoMTA sqlite.
function sqlite.open(path, busy_timeout)
  path = text(path, 1, 'open')
  local ms = BUSY_TIMEOUT
  if busy_timeout ~= nil then
    ms = tonumber(busy_timeout)
    if not ms or not (ms >= 0 and ms < 2 ^ 31) or ms % 1 ~= 0 then
      error("bad argument #2 to 'open' (a number of milliseconds expected)", 2)
    end
  end
  local conn, why = native.new()
  if not conn then
    error('sqlite.open: ' .. why, 2)
  end
  check(native.open(conn, path, ms))
  return conn
end

return sqlite
