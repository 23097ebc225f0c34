-- msys/source.lua - Momentum's Lua, also where it loads more of it
--
-- A scriptlet's text goes through milter/msys_source.h.  So must what it
-- loads itself, with require, dofile, loadfile, load and loadstring; but not
-- what a policy in KumoMTA's API loads, for there 0644 is 644.  Whose call it
-- is the stack tells: the nearest function that was loaded from a file.

local _, native, host = ...
local filter, read = native.load.filter, native.load.read
local compile, read_all = native.load.compile, native.load.read_all
local getinfo = debug.getinfo
local error, pcall, select = error, pcall, select
local setfenv, sub, type = setfenv, string.sub, type
local searchpath = package.searchpath

local momentum = {} -- "@path" of each file that was compiled as such

-- host.compile(text, chunkname) -> function, or nil, why
function host.compile(text, name)
  momentum[name] = true
  return compile(filter(text), name)
end

-- Is it Momentum's code that called the function which asks?
local function is_momentum()
  local level = 3

  while true do
    local info = getinfo(level, 'S')
    if not info then
      return false
    elseif momentum[info.source] then
      return true
    elseif sub(info.source, 1, 15) == '=kumilter:msys/' then
      return true -- its callout, where a tail call left nothing else
    elseif info.what ~= 'C' and sub(info.source, 1, 1) == '@' then
      return false
    end
    level = level + 1
  end
end

local function compile_file(path)
  local text, why = read(path)

  if not text then
    return nil, ('cannot open %s: %s'):format(path, why)
  end
  return host.compile(text, '@' .. path)
end

local load, loadstring, loadfile, dofile = load, loadstring, loadfile, dofile
local from_file = package.loaders[2]

function _G.load(chunk, name, mode, ...)
  if not is_momentum() then
    return load(chunk, name, mode, ...)
  end
  if type(chunk) == 'function' then
    local ok, text = pcall(read_all, chunk)
    if not ok then
      return nil, text
    end
    chunk, name = text, name or '=(load)'
  end
  if type(chunk) == 'string' then
    name, chunk = name or chunk, filter(chunk)
  end
  return load(chunk, name, mode, ...)
end

function _G.loadstring(chunk, name)
  if type(chunk) == 'string' and is_momentum() then
    name, chunk = name or chunk, filter(chunk)
  end
  return loadstring(chunk, name)
end

function _G.loadfile(path, mode, ...)
  if type(path) ~= 'string' or not is_momentum() then
    return loadfile(path, mode, ...)
  end
  local chunk, why = compile_file(path)
  if chunk and select('#', ...) > 0 then
    setfenv(chunk, (...))
  end
  return chunk, why
end

function _G.dofile(path)
  if type(path) ~= 'string' or not is_momentum() then
    return dofile(path)
  end
  local chunk, why = compile_file(path)
  if not chunk then
    error(why, 0)
  end
  return chunk()
end

package.loaders[2] = function(name)
  if not is_momentum() then
    return from_file(name)
  end
  local path, tried = searchpath(name, package.path)
  if not path then
    return tried
  end
  local chunk, why = compile_file(path)
  if not chunk then
    error(("error loading module '%s' from file '%s':\n\t%s"):format(name,
      path, why), 0)
  end
  return chunk, path
end
