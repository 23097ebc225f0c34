-- kumo.time
local kumo = require 'kumo'
local time = kumo.time

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- Time
local t = time.with_ymd_hms(2000, 1, 2, 3, 4, 5)
same(type(t), 'userdata')
same(tostring(t), '2000-01-02 03:04:05 UTC')
same(t.year, 2000)
same(t.month, 1)
same(t.day, 2)
same(t.hour, 3)
same(t.minute, 4)
same(t.second, 5)
same(t.unix_timestamp, 946782245)
same(t.unix_timestamp_millis, 946782245000)
same(t.rfc2822, 'Sun, 2 Jan 2000 03:04:05 +0000')
same(t.rfc3339, '2000-01-02T03:04:05+00:00')
same(t:format '%H:%M:%S%', '03:04:05%')
same(t:format '%a %-d.%-m.%Y', 'Sun 2.1.2000')
same(t:format '%.3f a\0b', '.000 a\0b')
raises("unknown field 'weekday'", function() return t.weekday end)
raises('unknown field', function() t.year = 1 end)
raises('Time expected', t.format, 'x', '%H')
raises('error converting', t.format, t)
raises('gap', time.with_ymd_hms, 2023, 2, 29, 0, 0, 0)
raises('gap', time.with_ymd_hms, 10000, 1, 1, 0, 0, 0)
raises('out of range', time.with_ymd_hms, 2023, -2, 1, 0, 0, 0)
raises('error converting', time.with_ymd_hms, 2023, 2, 1)

-- from texts and numbers
same(time.parse_rfc2822(t.rfc2822), t)
same(time.parse_rfc2822 'Sun, 2 Jan 2000 03:04:05 UTC', t)
same(time.parse_rfc2822 '2 jan 00 05:04:05 +0200 (here)', t)
same(time.parse_rfc3339(t.rfc3339), t)
same(time.parse_rfc3339 '2000-01-02T05:04:05.5+02:00'.unix_timestamp_millis, 946782245500)
same(time.from_unix_timestamp(t.unix_timestamp), t)
same(tostring(time.from_unix_timestamp(0.5)), '1970-01-01 00:00:00.500 UTC')
same(tostring(time.from_unix_timestamp(-0.5)), '1969-12-31 23:59:59.500 UTC')
raises('RFC 2822', time.parse_rfc2822, 'yesterday')
raises('RFC 3339', time.parse_rfc3339, '2000-01-02')
raises('error converting', time.parse_rfc3339)
raises('error converting', time.parse_rfc2822, {})
raises('timestamp must be', time.from_unix_timestamp, '1')
raises('timestamp must be', time.from_unix_timestamp)
raises('invalid timestamp', time.from_unix_timestamp, 1e15)
raises('invalid timestamp', time.from_unix_timestamp, 0 / 0)
raises('invalid timestamp', time.from_unix_timestamp, 9e11)

-- sums
local epoch, half = time.from_unix_timestamp(0), time.from_unix_timestamp(0.5)
local delta = half - epoch
same(type(delta), 'userdata')
same(delta.seconds, 0.5)
same(delta.human, '500ms')
same(tostring(delta), '500ms')
same(tostring(half + delta), '1970-01-01 00:00:01 UTC')
same(half - time.parse_duration(0.5), epoch)
local three = delta + delta + delta
same(three.seconds, 1.5)
local one = three - delta
same(one.nanoseconds, 1000000000)
same(one.microseconds, 1000000)
same(one.milliseconds, 1000)
same(one.human, '1s')
local back = epoch - half
same(back.seconds, -0.5)
same(back.milliseconds, -500)
same(back.nanoseconds, -500000000)
same(back + delta, delta - delta)
same((delta - delta).human, '0s')
assert(epoch ~= half and delta ~= one and delta ~= epoch)
raises('negative', function() return back.human end)
raises('negative', tostring, back)
raises('TimeDelta expected', function() return epoch + half end)
raises('TimeDelta expected', function() return delta + epoch end)
raises('TimeDelta expected', function() return epoch - 1 end)
raises('time would overflow', function() return epoch + time.parse_duration(9e11) end)
raises('time would overflow', function()
  local long = time.parse_duration(8e15)
  return long + long
end)
raises("unknown field 'minutes'", function() return delta.minutes end)

-- durations
same(time.parse_duration(2.5).seconds, 2.5)
same(time.parse_duration(2), time.parse_duration '2s')
same(time.parse_duration(-2).seconds, -2)
same(time.parse_duration '5 mins'.human, '5m')
same(time.parse_duration '1h 30m'.seconds, 5400)
same(time.parse_duration '0'.seconds, 0)
raises('no duration', time.parse_duration, '5')
raises('no duration', time.parse_duration, '')
raises('invalid duration value', time.parse_duration, '5s\0')
raises('invalid duration value', time.parse_duration, -0.5)
raises('invalid duration value', time.parse_duration, 1 / 0)
raises('invalid duration value', time.parse_duration)
raises('invalid duration value', time.parse_duration, {})

-- now, timers
local now = time.now()
assert(now.year >= 2024)
assert(now.elapsed.seconds >= 0)
assert(math.abs(now.unix_timestamp - os.time()) < 60)
local timer = time.start_timer 'mine'
assert(timer:done() >= 0)
same(timer:done(), nil)
raises('error converting', time.start_timer)
raises('Timer expected', timer.done, now)
same(type(time.sleep), 'function')
