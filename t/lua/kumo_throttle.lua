-- kumo.make_throttle
local kumo = require 'kumo'

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- buckets stay as long as the process, and so do names
local count = 0
local function make(spec)
  count = count + 1
  return kumo.make_throttle('lua ' .. count, spec)
end

-- allowed, refused ----------------------------------------------------------

local t = make '3/d'
for i = 1, 3 do
  local r = t:throttle()
  assert(r.throttled == false)
  assert(r.limit == 3)
  assert(r.remaining == 3 - i)
  -- rounded up to seconds
  assert(r.reset_after.secs <= i * 28800 and r.reset_after.nanos == 0)
  assert(r.reset_after.secs > i * 28800 - 60)
  assert(r.retry_after == nil)
end
local r = t:throttle()
assert(r.throttled == true and r.remaining == 0 and r.limit == 3)
assert(r.retry_after.secs <= 28800 and r.retry_after.secs > 28000)
assert(r.retry_after.nanos == 0)

t = make 'local:10/d,max_burst=1'
assert(t:throttle().limit == 2)
assert(not t:throttle().throttled)
assert(t:throttle().throttled)

-- one name and spec is one bucket
local a, b = kumo.make_throttle('same', '1/d'), kumo.make_throttle('same', '1/d')
local other = kumo.make_throttle('same', '2/d')
assert(not a:throttle().throttled)
assert(b:throttle().throttled)
assert(not other:throttle().throttled)
assert(kumo.make_throttle('same', '1/24h'):throttle().throttled)
-- a number is a string
kumo.make_throttle(17, '1/d'):throttle()
assert(kumo.make_throttle('17', '1/d'):throttle().throttled)

-- waits (while loading the whole state does) --------------------------------

t = make '2/s,max_burst=0'
assert(t:sleep_if_throttled() == false)
assert(t:sleep_if_throttled() == true)

-- the rest ------------------------------------------------------------------

t = make '1/d'
local text = t:explain()
assert(text:find('1 in 86400 seconds', 1, true), text)
assert(text:find('not throttled', 1, true), text)
assert(not t:throttle().throttled) -- explain() counts nothing
text = t:explain()
assert(text:find('throttled; full again', 1, true), text)
assert(text:find('\n', 1, true) and not text:find('not throttled', 1, true))

-- misuse --------------------------------------------------------------------

raises("expected 'limit/period', got 5", kumo.make_throttle, 'x', 5)
raises('unknown period quantity seconds', kumo.make_throttle, 'x', '1/seconds')
raises("invalid limit 'a'", kumo.make_throttle, 'x', 'a/s')
raises('invalid limit in 0/s', kumo.make_throttle, 'x', '0/s')
raises('invalid max_burst', kumo.make_throttle, 'x', '1/s,max_burst=-')
raises('bad argument #2', kumo.make_throttle, 'x')
raises('bad argument #1', kumo.make_throttle, nil, '1/s')
raises('bad argument #2', kumo.make_throttle, 'x', {})
raises('without NUL', kumo.make_throttle, 'x', '1/s\0')
raises('at most 1024 bytes', kumo.make_throttle, ('x'):rep(1025), '1/s')
kumo.make_throttle(('x'):rep(1024), '1/s'):throttle()
kumo.make_throttle('a\0b\r\n', '1/s'):throttle()
raises("unknown field 'throttel'", function()
  t.throttel()
end)
raises('Throttle expected', t.throttle)
raises('Throttle expected', t.throttle, {})
raises('Message expected', t.delay_message_if_throttled, t)
raises('Message expected', t.delay_message_if_throttled, t, 'm')
