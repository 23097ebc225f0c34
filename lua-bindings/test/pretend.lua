-- pretend.lua - a policy's own look at clocks and chance, in simulations
--
-- Called in each Lua state before the policy, with now, a function that gives
-- the pretended wall clock in seconds or nil where the real one runs, and seed,
-- a number or nil.

local now, seed = ...

if seed then
  math.randomseed(seed)
end

if now then
  local time, date, floor = os.time, os.date, math.floor
  function os.time(t)
    return t == nil and floor(now()) or time(t)
  end
  function os.date(format, t)
    return date(format or '%c', t or floor(now()))
  end
end
