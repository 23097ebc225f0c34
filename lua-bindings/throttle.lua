-- throttle.lua - the methods of throttles
--
-- Called once for each Lua state with
--   kumo    the module's table
--   native  see lb_throttle.c

local kumo, native = ...
local error, tostring = error, tostring
local reject = kumo.reject

local methods = {}

-- t:throttle() -> { throttled =, limit =, remaining =, reset_after =,
--                   retry_after = }
--   Counts one, unless that is too much: then throttled is true and
--   retry_after there.  Durations are { secs =, nanos = }.
--   Events: any.  Waits: no.  From: KumoMTA kumo.make_throttle.
function methods:throttle()
  return native.throttle(self)
end

-- t:sleep_if_throttled() -> did it wait?
--   Counts one as soon as that is not too much.  The wait counts against
--   event_timeout; one that would pass it does not begin: as if the policy had
--   called kumo.reject(451, '4.4.5 ...').
--   Events: any.  Waits: yes, only this handler.  From: KumoMTA
--   kumo.make_throttle.
function methods:sleep_if_throttled()
  local waited = native.sleep(self)
  if waited == nil then
    reject(451, '4.4.5 too much at once, try again later')
  end
  return waited
end

-- t:delay_message_if_throttled(msg) -> is it throttled?
--   Counts one as t:throttle() does.  When a message is delivered is the
--   MTA's affair: it is not delayed.
--   Events: any.  Waits: no.  From: KumoMTA kumo.make_throttle.
function methods:delay_message_if_throttled(msg)
  return native.delay(self, msg)
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
