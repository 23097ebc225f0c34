-- cidr.lua - msys.cidr: values by network, from files

local msys, native, host = ...

local error, ipairs, tostring, type = error, ipairs, tostring, type

host.room('cidr')
local C = native.cidr

local defaults = {} -- name -> what a query gives that finds nothing
local is_true = {}  -- name -> networks have no value: a query gives true

local known = {
  type = true, source = true, value = true, refresh = true, optimize = true,
  interpolate = true, default_value = true, query = true, cachename = true,
  cidr_column = true, value_column = true,
}

-- A plain path of a source.
local function path_of(name, source)
  if type(source) ~= 'string' then
    error(('msys.cidr.define: %s: source: a file expected, got %s'):format(
      name, type(source)), 3)
  end
  local path = source:gsub('^file://', '')
  if path:match('^%a[%w+.-]+:/') then
    error(('msys.cidr.define: %s: source: "%s": only files, not in this '
      .. 'version'):format(name, source), 3)
  end
  return path
end

local function define_file(name, options)
  local value = tostring(options.value or 'a'):lower()
  if value ~= 'a' and value ~= 'txt' then
    error(('msys.cidr.define: %s: value: "a" or "txt" expected, got %s')
      :format(name, value), 3)
  end
  return path_of(name, options.source), value, options.refresh or 1800,
    options.interpolate
end

local function column(value)
  if value ~= nil then
    return tostring(value)
  end
end

local function define_query(name, options)
  for _, key in ipairs { 'cachename', 'query' } do
    if type(options[key]) ~= 'string' then
      error(('msys.cidr.define: %s: %s: a string expected, got %s'):format(
        name, key, type(options[key])), 3)
    end
  end
  is_true[name] = options.value_column == nil
  return options.cachename, options.query, column(options.cidr_column),
    column(options.value_column), options.refresh or 1800
end

-- msys.cidr.define(name, { type=, source=, value="a", refresh=1800,
--   interpolate=false, default_value=nil, cachename=, query=, cidr_column=,
--   value_column= })
--   type: "rbldnsd": source is a file in that format; "datasource": query is
--   SQL for the database cachename, see msys.db.query; "empty": no networks.
--   A type alone, as a string, is taken, too.  value: "a" or "txt", which of a
--   list's two values a query gives.  cidr_column, value_column: names or
--   numbers of columns; the first one, and none: then a query gives true.
--   refresh: seconds after which a changed file, or the database, is read
--   again; 0: only by msys.cidr.reload.  interpolate: "$" in a value becomes
--   the address.  optimize has no effect: maps are always sorted.
--   Defined again with the same terms and the same file, nothing is read.
--   Lines and rows that cannot be read, and unknown options, are in the log.
--   Raises where the file or the database cannot be read.
--   Events: any, meant for init.  Waits: yes.  From: Momentum
--   msys.cidr.define.
function msys.cidr.define(name, options)
  if type(options) == 'string' then
    options = { type = options }
  elseif type(options) ~= 'table' then
    error('msys.cidr.define: a table expected, got ' .. type(options), 2)
  end
  for key in next, options do
    local what = ('msys.cidr.define: %s: %s'):format(tostring(name),
      tostring(key))
    if not known[key] and native.load.is_first(what) then
      host.log_warn(what .. ' is no option: it has no effect')
    end
  end
  local ok, why
  is_true[name] = nil
  if options.type == 'rbldnsd' then
    ok, why = C.define(name, define_file(name, options))
  elseif options.type == 'empty' then
    ok, why = C.define(name, nil, 'a', 0, false)
  elseif options.type == 'datasource' then
    ok, why = C.define_query(name, define_query(name, options))
  else
    error('msys.cidr.define: type: "rbldnsd", "datasource" or "empty" '
      .. 'expected, got ' .. tostring(options.type), 2)
  end
  if not ok then
    error(('msys.cidr.define: %s: %s'):format(name, why), 2)
  end
  defaults[name] = options.default_value
end

-- msys.cidr.query(name [, address]) -> string or true, or default_value
--   The value of the smallest network that covers the address, by default
--   the client's.  Raises on a name that is not defined, and on text that is
--   no address.
--   Events: any.  Waits: no.  From: Momentum msys.cidr.query.
function msys.cidr.query(name, address)
  local value = C.query(name, host.key(address))
  if value == nil then
    return defaults[name]
  end
  return is_true[name] or value
end

-- msys.cidr.reload(name) -> true, or nil, reason
--   Reads the file again; where that fails, what was read before stays.
--   Events: any.  Waits: yes.  From: Momentum msys.cidr.reload.
function msys.cidr.reload(name)
  local ok, why = C.reload(name)
  if not ok then
    host.log_warn('msys.cidr.reload: ' .. why)
  end
  return ok, why
end
