-- timer.lua - msys.timer, msys.runInPool and msys.sleep

local msys, native, host = ...

local error, pcall, tostring, type = error, pcall, tostring, type
local job = native.timer.job

-- msys.timer.after(seconds, fn [, label]) -> timer: fn() once, after seconds.
-- msys.timer.at(epoch, fn [, label]) -> timer: once, at this time since 1970.
-- msys.timer.every(seconds, fn [, label]) -> timer: again and again.
--   seconds: fractions allowed; of every at least 0.01.
--   fn runs without a session, in a thread of its own kind, under
--   event_timeout and the other limits, and may wait; it does not run beside
--   itself.  What it raises is logged, and it runs on.  A timer that nobody
--   keeps is collected and does not run.  Made while the policy loads it runs
--   once in the process, not in each Lua state; none runs before the policy
--   serves and after a reload.
--   Raises on anything else.
--   Events: any.  Waits: no.  From: Momentum msys.timer.
-- timer:stop()
--   It does not run any more.
-- timer:start()
--   It runs again, counted from now.
-- timer:name() -> label, or "file:line"
--   Events: any.  Waits: no.  From: Momentum msys.timer.
msys.timer = {
  after = native.timer.after,
  at = native.timer.at,
  every = native.timer.every,
}

-- msys.sleep(seconds): waits; only this session does.
--   Events: all but validate_dealloc.  Waits: yes.  From: Momentum msys.sleep.
msys.sleep = host.kumo.sleep

-- msys.runInPool(pool, fn) -> true, fn's results; or false, its error
--   At once, in the handler that calls: there is a thread for it already.
-- msys.runInPool(pool, fn, true)
--   fn runs without a session when this handler is over, as a timer does; its
--   failure is logged.  Nothing is returned.
-- msys.runInPool(pool, fn, done [, flag])
--   The same, and then done(true, results...) or done(false, error).
--   pool: any name.  flag: has no effect.  Raises when fn is no function.
--   Events: any.  Waits: as fn does.  From: Momentum msys.runInPool.
function msys.runInPool(pool, fn, how)
  if type(fn) ~= 'function' then
    error('msys.runInPool: function expected, got ' .. type(fn), 2)
  end
  if not how then
    return pcall(fn)
  end
  if how == true then
    job(fn, 'of pool ' .. tostring(pool))
  elseif type(how) == 'function' then
    job(function()
      how(pcall(fn))
    end, 'of pool ' .. tostring(pool))
  else
    error('msys.runInPool: true or a function expected, got ' .. type(how), 2)
  end
end
