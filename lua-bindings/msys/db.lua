-- db.lua - msys.db: queries to the databases that datasources names
--
-- All three functions are called (cachename, sql [, params [, options]]):
--   cachename  a name of kumo.milter.configure{ datasources = }
--   sql        one statement; "?" stands for params[1], params[2] and so on,
--              ":name" and "$name" for params.name
--   params     table: strings, numbers, booleans; nil is NULL
--   options    { raise_error = true, nocache = false }; nothing is cached
-- A row is a table: column name -> string, NULL is not there.  A failure of
-- the database raises "msys.db.query: NAME: why"; with raise_error = false it
-- gives nil (execute: false) and the text.
-- Events: any.  Wait: yes, until the handler's time is up.

local msys, native = ...

local type, error, tostring = type, error, tostring
local run = native.db.run

local db = {}
msys.db = db
msys.datasource = msys.datasource or {}

-- Does a failure raise?
local function check_options(what, options)
  if options == nil then
    return true
  end
  if type(options) ~= 'table' then
    error(what .. ': options: a table expected, got ' .. type(options), 3)
  end
  return options.raise_error ~= false
end

-- An array of rows, or nil and why.
local function ask(what, rows, name, sql, params, options)
  local raises = check_options(what, options)
  name = tostring(name)
  if params ~= nil and type(params) ~= 'table' then
    error(what .. ': params: a table expected, got ' .. type(params), 3)
  end
  local result, why = run(name, tostring(sql), params, rows)
  if result then
    return result
  end
  why = ('%s: %s: %s'):format(what, name, why)
  if raises then
    error(why, 3)
  end
  return nil, why
end

-- msys.db.query(cachename, sql [, params [, options]]) -> iterator of rows
--   From: Momentum msys.db.query.
function db.query(name, sql, params, options)
  local rows, why = ask('msys.db.query', 0, name, sql, params, options)
  if not rows then
    return nil, why
  end
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

-- msys.db.fetch_row(cachename, sql [, params [, options]]) -> the first row,
--   or nil where there is none
--   From: Momentum msys.db.fetch_row.
function db.fetch_row(name, sql, params, options)
  local rows, why = ask('msys.db.fetch_row', 1, name, sql, params, options)
  if not rows then
    return nil, why
  end
  return rows[1]
end

-- msys.db.execute(cachename, sql [, params [, options]]) -> true
--   From: Momentum msys.db.execute.
function db.execute(name, sql, params, options)
  local rows, why = ask('msys.db.execute', 0, name, sql, params, options)
  if not rows then
    return false, why
  end
  return true
end
