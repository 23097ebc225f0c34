-- kumo.counter_series
local kumo = require 'kumo'
local define = kumo.counter_series.define

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function series(more)
  local options = { name = 'lua', num_buckets = 3, bucket_size = '1 day' }
  for k, v in pairs(more or {}) do
    options[k] = v
  end
  return define(options)
end

local s = series { initial_value = 5 }
assert(s:sum() == 5)
s:increment(2)
s:delta(-3)
assert(s:sum() == 4 and series():sum() == 4)
s:delta(-9)
assert(s:sum() == 0)
s:observe(7)
s:observe(6)
assert(s:sum() == 6 and s:sum_over('3 days') == 6 and s:sum_over(86400.5) == 6)
assert(s:sum_over(0) == 0)
assert(series { num_buckets = 4 }:sum() == 0)

raises('table expected', define)
raises('unknown key "x"', series, { x = 1 })
raises('name: a string', series, { name = {} })
raises('name: a string', series, { name = ('x'):rep(1025) })
raises('num_buckets: an integer', series, { num_buckets = 0 })
raises('num_buckets: an integer', series, { num_buckets = 256 })
raises('num_buckets: an integer', series, { num_buckets = 1.5 })
raises('bucket_size: more than 0', series, { bucket_size = 0 })
raises('bucket_size: a duration', series, { bucket_size = {} })
raises('bucket_size: ', series, { bucket_size = 'long' })
raises('initial_value: an integer', series, { initial_value = -1 })
raises('out of range', s.increment, s, -1)
raises('integer', s.delta, s, 'x')
raises('out of range', s.observe, s, 2 ^ 60)
raises('a duration expected', s.sum_over, s)
raises('CounterSeries expected', s.sum)
