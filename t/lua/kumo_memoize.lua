-- kumo.memoize
local kumo = require 'kumo'

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- caches stay as long as the process, and so do names
local count, calls = 0, 0
local function memo(fn, more)
  count = count + 1
  local options = { name = 'lua ' .. count, ttl = '1 hour', capacity = 10 }
  for k, v in pairs(more or {}) do
    options[k] = v
  end
  return kumo.memoize(function(...)
    calls = calls + 1
    return fn(...)
  end, options)
end
-- how often f's function was called for these arguments
local function called(f, ...)
  local before = calls
  f(...)
  return calls - before
end

-- results -------------------------------------------------------------------

local f = memo(function(x)
  return x
end)
for _, v in ipairs { 1, 1.5, -3, 2 ^ 53, 'text', '', 'a\0b\255', true, false } do
  assert(f(v) == v and f(v) == v, tostring(v))
  assert(type(f(v)) == type(v))
end

f = memo(function() end)
assert(called(f) == 1 and called(f) == 0) -- nil is kept, too
assert(f() == nil)

f = memo(function(a, b)
  return a, b, 3
end)
for _ = 1, 2 do
  local r, second = f(1, 2)
  assert(type(r) == 'table' and second == nil)
  assert(r[1] == 1 and r[2] == 2 and r[3] == 3 and #r == 3)
end

-- tables are real ones, and everybody's own
f = memo(function()
  return { list = { 'b', 'a' }, deep = { x = { y = 1 } } }
end)
local t = f()
assert(type(t) == 'table' and t.deep.x.y == 1)
table.sort(t.list)
t.deep.x.y = 2
assert(f().list[1] == 'b' and f().deep.x.y == 1)
assert(table.concat(f().list, ',') == 'b,a')

-- arguments -----------------------------------------------------------------

f = memo(function() end)
assert(called(f) == 1)
assert(called(f, nil) == 0)
assert(called(f, 1, 2) == 1)
assert(called(f, { 1, 2 }) == 0)
assert(called(f, 2, 1) == 1)
assert(called(f, '1') == 1)
assert(called(f, 1) == 1)
assert(called(f, 1, nil) == 1)
assert(called(f, { a = 1, b = 2 }) == 1)
assert(called(f, { b = 2, a = 1 }) == 0)
raises('cannot serialize function', f, print)
raises('cannot serialize', f, coroutine.create(print))
raises('cannot serialize userdata', f, kumo.make_throttle('memo', '1/s'))
raises('arguments of more than 65536 bytes', f, ('x'):rep(65537))
local cycle = {}
cycle[1] = cycle
raises('recursive', f, cycle)

-- errors --------------------------------------------------------------------

local fails = true
f = memo(function()
  if fails then
    error 'not today'
  end
  return 'fine'
end)
raises('not today', f)
raises('not today', f)
fails = false
assert(f() == 'fine')

f = memo(function()
  kumo.reject(550, '5.7.1 no')
end)
local ok, err = pcall(f)
assert(not ok and type(err) == 'string' and err:find('550 5.7.1 no', 1, true))

f = memo(function()
  error(setmetatable({}, {
    __tostring = function()
      error 'worse'
    end,
  }))
end)
raises('error without text', f)

f = memo(function()
  return print
end)
raises('result: cannot serialize function', f)
f = memo(function()
  return 1, f
end)
raises('result: cannot serialize function', f)

f = memo(function()
  return f()
end)
raises('calls itself with the same arguments', f)
f = memo(function(n)
  return n == 0 and 0 or f(n - 1) + 1
end)
assert(f(5) == 5)

-- options -------------------------------------------------------------------

fails = 2
f = memo(function()
  fails = fails - 1
  return fails < 0 and 'third' or error 'again'
end, { retry_on_populate_timeout = true })
assert(f() == 'third')
fails = 3
f = memo(function()
  fails = fails - 1
  error 'again'
end, { retry_on_populate_timeout = true })
raises('again', f)
assert(fails == 0)

f = memo(function() end, { capacity = 1 })
assert(called(f, 1) == 1 and called(f, 2) == 1 and called(f, 1) == 1)
f = memo(function() end, { capacity = 0 })
assert(called(f, 1) == 1 and called(f, 1) == 1)
f = memo(function() end, { ttl = 0 })
assert(called(f, 1) == 1 and called(f, 1) == 1)
f = memo(function() end, { ttl = 3600.5, populate_timeout = '1s',
  allow_stale_reads = true, invalidate_with_epoch = true })
assert(called(f, 1) == 1 and called(f, 1) == 0)

-- one name and the same options are one cache
local function define(ttl)
  return kumo.memoize(function()
    return ttl
  end, { name = 'one', ttl = ttl, capacity = 5 })
end
assert(define('1m')() == '1m')
assert(define('60s')() == '1m')
assert(define('2m')() == '2m')

-- misuse --------------------------------------------------------------------

local good = { name = 'x', ttl = 1, capacity = 1 }
local function bad(why, key, value)
  local options = { name = 'x', ttl = 1, capacity = 1 }
  options[key] = value
  raises(why, kumo.memoize, print, options)
end
raises('a function expected, got nil', kumo.memoize)
raises('a function expected, got table', kumo.memoize, {}, good)
raises('a table expected, got nil', kumo.memoize, print)
bad('missing key "name"', 'name', nil)
bad('missing key "ttl"', 'ttl', nil)
bad('missing key "capacity"', 'capacity', nil)
bad('unknown key "tll"', 'tll', 1)
bad('unknown key "?"', 1, 1)
bad('ttl: a duration expected', 'ttl', -1)
bad('ttl: a duration expected', 'ttl', 0 / 0)
bad('ttl: a duration expected, got table', 'ttl', {})
bad('ttl: ', 'ttl', '5 parsecs')
bad('populate_timeout: ', 'populate_timeout', 'soon')
bad('capacity: an integer', 'capacity', 1.5)
bad('capacity: an integer', 'capacity', -1)
bad('capacity: an integer', 'capacity', 'many')
bad('name: a string', 'name', {})
bad('name: at most 1024 bytes', 'name', ('x'):rep(1025))
