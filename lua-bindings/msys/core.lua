-- core.lua - Momentum's API: the ground that its parts stand on
--
-- Run once in each Lua state that needs it, by lb_msys.c, with
--   native   the primitives in C, one table for each lb_msys_*.c
-- Returns host: what C calls (load, loader, handlers, callouts) and what the
-- other parts share.  Each part is called with msys, native and host.

local native = ...

local concat, error, getmetatable, rawget = table.concat, error, getmetatable,
  rawget
local rawset = rawset
local select, tostring, type = select, tostring, type

local msys = { core = {} }
local host = {
  kumo = package.loaded.kumo,
  callouts = {}, -- array of { module, callout }: what runs, for `check`
  handlers = {}, -- stage -> function: see module.lua
}

-- ---- the log ---------------------------------------------------------------

host.log_error = native.load.log_error
host.log_warn = native.load.log_warn
host.log_info = native.load.log_info

-- host.notice(name, why): one notice in the life of the process that name has
-- no effect in a milter; with the option strict it raises.
host.notice = native.load.notice

-- host.print(text): a line of Momentum's paniclog.
function host.print(text)
  host.log_info('scriptlet: ' .. text)
end

-- print(value...): to the log, as everything that a daemon says.
--   Events: any.  Waits: no.  From: Momentum, "scriptlet:" lines.
function _G.print(...)
  local words = {}
  for i = 1, select('#', ...) do
    words[i] = tostring((select(i, ...)))
  end
  host.print(concat(words, ' '))
end

-- ---- classes ---------------------------------------------------------------
-- An object is a userdata whose metatable is its class and whose environment
-- is a table of ours, out of the policy's reach.

local classes = {} -- name -> metatable
local data_of = native.object.data

-- host.class(name, { methods=, fields=, setters=, meta= }) -> class
--   name: "msys.core:_ec_message".  methods[k](object, ...); fields[k](data)
--   gives the value of object.k; setters[k](data, value) takes it.  A policy
--   may add methods to the metatable itself.
function host.class(name, what)
  local methods, fields = what.methods or {}, what.fields or {}
  local setters = what.setters or {}
  local class = { __name = name }
  for k, v in next, what.meta or {} do
    class[k] = v
  end
  function class.__index(object, key)
    local method = methods[key]
    if method then
      return method
    end
    local field = fields[key]
    if field then
      return field(data_of(object))
    end
    return rawget(class, key)
  end
  function class.__newindex(object, key, value)
    local set = setters[key]
    if not set then
      error(("'%s' of %s cannot be set"):format(tostring(key), name), 2)
    end
    set(data_of(object), value)
  end
  class.methods, class.fields = methods, fields
  classes[name] = class
  return class
end

-- host.new(class, data) -> object;  host.data(object) -> its data
host.new = native.object.new
host.data = data_of

-- host.check(value, class, what) -> its data; raises when it is another thing
function host.check(value, class, what)
  if type(value) ~= 'userdata' or getmetatable(value) ~= class then
    error(('%s: %s expected, got %s'):format(what, class.__name,
      msys.type(value)), 3)
  end
  return data_of(value)
end

-- msys.type(value) -> as type(), for Momentum's objects the class's name
--   Events: any.  Waits: no.  From: Momentum msys.type.
function msys.type(value)
  if type(value) == 'userdata' then
    local class = getmetatable(value)
    if type(class) == 'table' and rawget(class, '__name') then
      return class.__name
    end
  end
  return type(value)
end

-- msys.cast(object, classname) -> object: there is one class for each object
--   Events: any.  Waits: no.  From: Momentum msys.cast.
function msys.cast(object)
  return object
end

-- msys.getClassMetaTable(classname) -> metatable, or nil
--   Functions put into it become methods.
--   Events: any.  Waits: no.  From: Momentum msys.getClassMetaTable.
function msys.getClassMetaTable(name)
  return classes[name]
end

-- ---- sessions --------------------------------------------------------------

-- host.session() -> the record of the session whose callout runs, or nil
host.session = native.session.record

-- host.need(what) -> the record; raises outside callouts
function host.need(what)
  local record = native.session.record()
  if not record then
    error(what .. ': there is no session here; call it in a callout', 3)
  end
  return record
end

-- ---- packages --------------------------------------------------------------

local packages = {}

-- host.package(name [, value]): require(name) gives value (or msys)
function host.package(name, value)
  packages[name] = value == nil and msys or value
end

-- host.room(path) -> the table at "a.b" below msys, made where it is missing
function host.room(path)
  local room = msys
  for part in path:gmatch('[^.]+') do
    local inner = rawget(room, part)
    if inner == nil then
      inner = {}
      room[part] = inner
    end
    room = inner
  end
  return room
end

-- host.loader(name) -> function, what package.loaders gives to require
--   "msys.pcre" is the table msys.pcre where there is one.  A package with a
--   value and no "." in its name is a global, too: in Momentum it is in C, and
--   policies rely on it.
function host.loader(name)
  _G.msys = msys
  return function()
    local value = packages[name]
    if value ~= nil then
      if not name:find('.', 1, true) and rawget(_G, name) == nil then
        rawset(_G, name, value)
      end
      return value
    end
    local path = name:match('^msys%.(.*)')
    if path then
      return host.room(path)
    end
    return msys
  end
end

-- host.stub(table, key, name, why, value...): a function that has no effect
-- in a milter: it accepts anything, says so once and returns the values.
function host.stub(where, key, name, why, ...)
  local n, values = select('#', ...), { ... }
  where[key] = function()
    host.notice(name, why)
    return unpack(values, 1, n)
  end
end

-- ---- the rest of it --------------------------------------------------------

_G.msys = msys

for _, part in ipairs {
  'constant', 'module', 'vctx', 'spf', 'accept', 'string', 'message',
  'operator', 'codec', 'pcre', 'json', 'dumper', 'macro',
  'source',
  'dns', 'timer', 'http',
  'counter', 'series', 'cidr', 'share', 'audit',
  'db', 'file', 'submit', 'policyeditor',
  'header', 'content', 'msgpart', 'build', 'dkim',
} do
  native.part(part)(msys, native, host)
end

-- Of Momentum's interpreter itself: there without a require; and with it.
_G.thread = packages.thread
packages.pcre = msys.pcre

-- Last: what nobody else has.
native.part('stubs')(msys, native, host)

return host
