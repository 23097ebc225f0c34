-- expect.lua - what a test expects, and what it says where that is not so
--
-- Called with t and the test file's path.  Gives what the other parts need.

local t, path = ...

-- failures -------------------------------------------------------------------

local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(self)
  return self.where .. ': ' .. self.message
end

-- The innermost line of the file that is not ours: of a test or its helpers.
local function place()
  for level = 2, 100 do
    local info = debug.getinfo(level, 'Sl')
    if not info then
      break
    end
    if info.source:sub(1, 1) == '@' and info.currentline > 0 then
      return info.source:sub(2) .. ':' .. info.currentline
    end
  end
  return path
end

local function fail(message, ...)
  if select('#', ...) > 0 then
    message = message:format(...)
  end
  error(setmetatable({ where = place(), message = message }, Failure), 0)
end
t.fail = fail

-- A value as text; keys in their order.
local function show(value, depth)
  depth = depth or 0
  if type(value) == 'string' then
    return ('%q'):format(value):gsub('\\\n', '\\n'):gsub('\r', '\\r')
  elseif type(value) ~= 'table' or depth > 6 then
    return tostring(value)
  end
  local parts, done = {}, {}
  for i, one in ipairs(value) do
    parts[i], done[i] = show(one, depth + 1), true
  end
  local keys = {}
  for key in pairs(value) do
    if not done[key] then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    parts[#parts + 1] = tostring(key) .. ' = '
      .. show(value[key], depth + 1)
  end
  return '{ ' .. table.concat(parts, ', ') .. ' }'
end

local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function differ(what, want, got)
  fail('%s: expected %s, got %s', what, (show(want)), (show(got)))
end

-- t.equal(got, want[, what])
function t.equal(got, want, what)
  if not same(got, want) then
    differ(what or 'value', want, got)
  end
end

-- t.ok(value[, what])
function t.ok(value, what)
  if not value then
    fail('%s: expected something true, got %s', what or 'value',
      tostring(value))
  end
  return value
end

-- t.match(text, pattern[, what])
function t.match(text, pattern, what)
  if type(text) ~= 'string' or not text:find(pattern) then
    fail('%s: expected what fits %s, got %s', what or 'text',
      (show(pattern)), (show(text)))
  end
end

-- t.raises(act[, pattern]) -> what was raised
function t.raises(act, pattern)
  local ok, why = pcall(act)
  if ok then
    fail 'expected an error, got none'
  end
  if pattern then
    t.match(tostring(why), pattern, 'error')
  end
  return why
end

return {
  Failure = Failure, fail = fail, show = show, same = same, differ = differ,
}
