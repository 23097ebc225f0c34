-- api_walk.lua - the names of all functions that a policy can reach
--
-- Run by check_api.c as a policy, in a state whose library debug is whole.
-- Walks the modules, what the functions in them hold, and the metatables of
-- the registry; so an object's methods are found whether or not anything gives
-- such an object here.  Returns name -> true: "kumo.fs.open", "File:read",
-- "EnvelopeAddress.user" for what is read without a call.

local getinfo, getupvalue, getmetatable, registry =
  debug.getinfo, debug.getupvalue, debug.getmetatable, debug.getregistry()

local names, seen, classes = {}, {}, {}

-- A metatable that has no name but that of where it is.
local aliases = { client = 'msys.http.client' }

local function is_name(key)
  return type(key) == 'string' and key:find '^[%a_][%w_]*$'
    and not key:find '^__'
end

-- Is it one of ours, and no function of LuaJIT's library?
local function is_ours(f)
  local info = getinfo(f, 'S')
  return info.what == 'C' or info.source:find '^=kumilter:'
end

-- modules -------------------------------------------------------------------

local function walk_module(prefix, module)
  if seen[module] then
    return
  end
  seen[module] = true
  for key, value in next, module do
    if is_name(key) then
      if type(value) == 'function' then
        names[prefix .. key] = true
      elseif type(value) == 'table' then
        walk_module(prefix .. key .. '.', value)
      end
    end
  end
end

-- classes -------------------------------------------------------------------

local function add_members(class, mark, members)
  for key, value in next, members do
    if is_name(key) and type(value) == 'function' then
      names[class .. mark .. key] = true
    end
  end
end

-- A metatable: its __index, or what that holds, are methods.
local function add_class(name, meta)
  local index = rawget(meta, '__index')
  if classes[meta] or not index then
    return
  end
  classes[meta] = name
  if name == 'FILE*' or name == 'core' then
    return -- Lua's own; C's spellings of the methods of messages
  end
  if type(index) == 'table' then
    add_members(name, ':', index)
    return
  end
  if type(index) ~= 'function' then
    return
  end
  for i = 1, 60 do
    local upvalue, value = getupvalue(index, i)
    if not upvalue then
      break
    end
    if type(value) == 'table' then
      local is_c = upvalue == ''
      local fields = is_c and i == 1 or upvalue == 'fields'
      if is_c or upvalue == 'fields' or upvalue == 'methods' then
        add_members(name, fields and '.' or ':', value)
      end
    end
  end
end

-- everything that functions hold --------------------------------------------

local visited = {}

local function visit(value, name)
  local kind = type(value)
  if kind ~= 'table' and kind ~= 'function' or visited[value] then
    return
  end
  visited[value] = true
  if kind == 'function' then
    if not is_ours(value) then
      return
    end
    for i = 1, 255 do
      local upvalue, inner = getupvalue(value, i)
      if not upvalue then
        break
      end
      visit(inner, upvalue)
    end
    return
  end
  if rawget(value, '__index') ~= nil then
    add_class(rawget(value, '__name') or aliases[name] or name, value)
  end
  local meta = getmetatable(value)
  if type(meta) == 'table' then
    visit(meta, name)
  end
  for key, inner in next, value do
    visit(inner, type(key) == 'string' and key or name)
  end
end

local modules = {
  'kumo', 'redis', 'sqlite', 'tsa', 'proxy', 'msys', 'json', 'xml', 'curl',
  'thread',
}
for i = 1, #modules do
  local name = modules[i]
  local ok, module = pcall(require, name)
  assert(ok, module)
  if type(module) == 'table' then
    walk_module(name .. '.', module)
    visit(module, name)
  end
end
for key, value in next, registry do
  if type(key) == 'string' and type(value) == 'table'
    and rawget(value, '__index') then
    visited[value] = true
    add_class(key:gsub('^kumo%.', ''), value)
  end
end
return names
