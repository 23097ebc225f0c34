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

-- maps, alone or inside a table; what is set later is of that object alone
local function maps(changed)
  local map = {
    domains = kumo.domain_map.new { ['*.example.com'] = { 'all' } },
    nets = kumo.cidr.make_map {
      ['10.0.0.0/8'] = 'ten',
      ['10.1.0.0/16'] = 'ten one',
      ['2001:db8::/32'] = 'doc',
      ['0.0.0.0/1'] = 'low',
    },
    patterns = kumo.regex_set_map.new { ['^a'] = 1 },
    empty = kumo.domain_map.new(),
    list = { kumo.cidr.make_map(), kumo.cidr.make_map { any = 'x' } },
  }
  if changed then
    map.domains['b.example.com'] = 'b'
    map.nets['10.1.2.0/24'] = 'set'
    map.nets['2001:db8:1::/48'] = 'set6'
    map.list[1]['::1'] = 'one'
  end
  return map
end
for _, changed in ipairs { false, true } do
  f = memo(maps)
  assert(called(f, changed) == 1)
  for _ = 1, 2 do
    t = f(changed)
    assert(type(t.domains) == 'userdata')
    assert(t.domains['a.example.com'][1] == 'all')
    assert(t.domains['example.com'] == nil)
    assert(t.nets['10.2.0.1'] == 'ten' and t.nets['10.1.0.1'] == 'ten one')
    assert(t.nets['11.0.0.1'] == 'low' and t.nets['9.255.255.255'] == 'low')
    assert(t.nets['127.255.255.255'] == 'low' and t.nets['128.0.0.0'] == nil)
    assert(t.nets['2001:db8::1'] == 'doc' and t.nets['2001:db9::'] == nil)
    assert(t.nets['10.1.2.3'] == (changed and 'set' or 'ten one'))
    assert(t.nets['10.1.3.0'] == 'ten one' and t.nets['10.1.1.255'] == 'ten one')
    assert(t.nets['2001:db8:1::1'] == (changed and 'set6' or 'doc'))
    assert(t.domains['b.example.com'] == 'b' == changed)
    assert(t.patterns['abc'] == 1 and t.patterns['b'] == nil)
    assert(t.empty['x'] == nil and t.list[2]['::1'] == 'x')
    assert(t.list[1]['::1'] == (changed and 'one' or nil))
    t.domains['a.example.com'] = 'mine'
    t.nets['10.2.0.1'] = 'mine'
    t.empty['x'] = 1
    assert(t.domains['a.example.com'] == 'mine' and t.nets['10.2.0.1'] == 'mine')
    assert(t.domains['c.example.com'][1] == 'all' and t.empty['x'] == 1)
  end
  assert(called(f, changed) == 0)
end
f = memo(function()
  return kumo.domain_map.new { x = 1 }
end)
assert(f().x == 1 and f().x == 1)
raises('cannot serialize userdata', f, f())
f = memo(function()
  return { ['\0kept'] = 7 }, kumo.domain_map.new()
end)
assert(f()[1] == nil) -- what nobody writes harms nobody
f = memo(function()
  return { ['\0kept'] = 7 }
end)
assert(f()['\0kept'] == 7)

-- a large one is charged once a state, not once a call
local large = {}
for i = 1, 200000 do
  large['d' .. i .. '.example'] = i
end
f = memo(function()
  return kumo.domain_map.new(large)
end)
for i = 1, 1000 do
  assert(f()['d' .. i .. '.example'] == i)
end
large = nil

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
  return { kumo.domain_map.new(), kumo.make_throttle('memo', '1/s') }
end)
raises('result: cannot serialize userdata', f)
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
