-- options.lua - the options of a module, checked
--
--   local options = require 'policy-extras.options'
--   local o = options('policy-extras.quota', given, {
--     limits = { 'table' },            -- needed
--     code = { 'code', 451 },          -- with a default
--     by = { { 'user', 'client' }, 'user' },
--     log = { 'function?' },           -- may be missing
--   })
--
-- Kinds: string, number, boolean, table, function, any; code (of a refusal, 400
-- to 599); duration (a number of seconds comes out), names (an array of
-- strings; a set of them in small letters comes out), networks (an array; a
-- kumo.cidr map), or an array of the strings that are allowed.  A key that is
-- not in the list is an error, and so is a value of another kind; both name the
-- module and the option, and point to the line that called the function that
-- called this one.

local kumo = require 'kumo'

local convert = {}

function convert.duration(value)
  local ok, delta = pcall(kumo.time.parse_duration, value)
  if not ok or delta.seconds < 0 then
    return nil, 'a duration such as "5m" or a number of seconds'
  end
  return delta.seconds
end

function convert.names(value)
  if type(value) ~= 'table' then
    return nil, 'an array of strings'
  end
  local set = {}
  for _, name in ipairs(value) do
    set[tostring(name):lower()] = true
  end
  return set
end

function convert.networks(value)
  if type(value) ~= 'table' then
    return nil, 'an array of networks'
  end
  local set = {}
  for _, network in ipairs(value) do
    set[network] = true
  end
  local ok, map = pcall(kumo.cidr.make_map, set)
  if not ok then
    return nil, 'networks: ' .. tostring(map)
  end
  return map
end

function convert.code(value)
  if type(value) ~= 'number' or value < 400 or value > 599
    or value ~= math.floor(value) then
    return nil, 'a code from 400 to 599'
  end
  return value
end

function convert.any(value)
  return value
end

local function one_of(allowed, value)
  for _, each in ipairs(allowed) do
    if value == each then
      return value
    end
  end
  return nil, "one of '" .. table.concat(allowed, "', '") .. "'"
end

-- The value as the module wants it, or nil and what was expected.
local function fit(kind, value)
  if type(kind) == 'table' then
    return one_of(kind, value)
  elseif convert[kind] then
    return convert[kind](value)
  elseif type(value) == kind then
    return value
  end
  return nil, 'a ' .. kind
end

return function(module, given, spec)
  local function fail(...)
    error(module .. ': ' .. string.format(...), 4)
  end

  if given ~= nil and type(given) ~= 'table' then
    fail('a table of options expected, got %s', type(given))
  end
  for key in pairs(given or {}) do
    if not spec[key] then
      fail("unknown option '%s'", tostring(key))
    end
  end
  local out = {}
  for key, rule in pairs(spec) do
    local kind, value = rule[1], given and given[key]
    local optional = type(kind) == 'string' and kind:match '^(.*)%?$'
    if value == nil then
      value = rule[2]
    end
    if value ~= nil then
      local fitting, expected = fit(optional or kind, value)
      if fitting == nil then
        fail("option '%s': expected %s", key, expected)
      end
      out[key] = fitting
    elseif not optional then
      fail("option '%s' is missing", key)
    end
  end
  return out
end
