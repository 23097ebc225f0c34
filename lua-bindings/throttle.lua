-- throttle.lua - the methods of throttles
--
-- Called once for each Lua state with
--   kumo    the module's table
--   native  see lb_throttle.c

local kumo, native = ...
local error, tostring, type = error, tostring, type
local reject = kumo.reject

local methods = {}

-- t:throttle() -> { throttled =, limit =, remaining =, reset_after =,
--                   retry_after = }
--   Counts one, unless that is too much: then throttled is true and
--   retry_after there.  Durations are { secs =, nanos = }.
--   Raises where Redis is away and milter_on_error is 'error'; so do the
--   other methods.
--   Events: any.  Waits: for Redis alone.  From: KumoMTA kumo.make_throttle.
function methods:throttle()
  local answer, why = native.throttle(self)
  if not answer then
    error(why, 2)
  end
  return answer
end

-- t:sleep_if_throttled() -> did it wait?
--   Counts one as soon as that is not too much.  The wait counts against
--   event_timeout; one that would pass it does not begin: as if the policy had
--   called kumo.reject(451, '4.4.5 ...').
--   Events: any.  Waits: yes, only this handler.  From: KumoMTA
--   kumo.make_throttle.
function methods:sleep_if_throttled()
  local waited, why = native.sleep(self)
  if why then
    error(why, 2)
  elseif waited == nil then
    reject(451, '4.4.5 too much at once, try again later')
  end
  return waited
end

-- t:delay_message_if_throttled(msg) -> is it throttled?
--   Counts one as t:throttle() does.  When a message is delivered is the
--   MTA's affair: it is not delayed.
--   Events: any.  Waits: for Redis alone.  From: KumoMTA kumo.make_throttle.
function methods:delay_message_if_throttled(msg)
  native.notice(self, msg)
  local answer, why = native.throttle(self)
  if not answer then
    error(why, 2)
  end
  return answer.throttled
end

-- t:explain() -> its terms and how it stands, for people
--   Events: any.  Waits: no.  From: KumoMTA kumo.make_throttle.
function methods:explain()
  return native.explain(self)
end

native.set_index(function(_, key)
  local method = methods[key]
  if not method then
    error(("attempt to get an unknown field '%s'"):format(tostring(key)), 2)
  end
  return method
end)

-- kumo.configure_redis_throttles(options)
--   options: as those of redis.open; from now on throttles without "local:"
--   are that server's.  milter_on_error, ours alone: what they do without it,
--   'fallback' to the buckets of this process, 'allow', 'throttled' or
--   'error'.
--   Raises on options that do not fit, when the server does not answer, when
--   called twice while a policy loads, and outside of loading.
--   Events: init (or the top level).  Waits: yes.  From: KumoMTA.
function kumo.configure_redis_throttles(options)
  if type(options) ~= 'table' then
    error("bad argument #1 to 'configure_redis_throttles' (table expected, got "
      .. type(options) .. ')', 2)
  end
  local why = native.configure(options)
  if why then
    error('kumo.configure_redis_throttles: ' .. why, 2)
  end
end
