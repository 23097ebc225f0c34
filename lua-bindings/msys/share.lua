-- share.lua - msys.shareGet, msys.lock, thread.mutex: values and locks of the
-- process

local msys, native, host = ...

local error, tostring = error, tostring

local share, mutual = native.share, native.mutual

-- msys.shareGet(key) -> string, number, boolean or nil
--   What msys.shareSet left in any Lua state, also before a reload.
--   Events: any.  Waits: no.  From: Momentum 3 msys.shareGet.
function msys.shareGet(key)
  return share.get(host.plain(key))
end

-- msys.shareSet(key, value) -> boolean: was it kept?
--   value: a string up to 1 MB, a number, a boolean; nil removes.  false for a
--   table or a function, and for a key above 1024 bytes.
--   Events: any.  Waits: no.  From: Momentum 3 msys.shareSet.
function msys.shareSet(key, value)
  return share.set(host.plain(key), host.plain(value))
end

-- msys.shareUnset(key)
--   Events: any.  Waits: no.  From: Momentum 3 msys.shareUnset.
function msys.shareUnset(key)
  share.unset(host.plain(key))
end

-- A failure raises at the policy's line, where pcall can catch it; so this is
-- no tail call.
local function check(ok, why)
  if not ok then
    error(why, 3)
  end
  return true
end

-- msys.lock(name) -> true
--   One handler of the process holds the lock of that name; others wait, at
--   most to the end of their event's time.  It is held until msys.unlock, or
--   until the handlers of this event have run: then it is given back, and the
--   log says so once.  Raises where this handler holds it already.
--   Events: any.  Waits: yes.  From: Momentum msys.lock.
function msys.lock(name)
  local ok = check(mutual.lock(host.plain(name)))
  return ok
end

-- msys.unlock(name) -> boolean: did this handler hold it?
--   Events: any.  Waits: no.  From: Momentum msys.unlock.
function msys.unlock(name)
  return mutual.unlock(host.plain(name))
end

-- ---- require("thread") -----------------------------------------------------

local thread = {
  MUTEX_NORMAL = 0, MUTEX_RECURSIVE = 1, MUTEX_ERRORCHECK = 2,
}

local data = host.data
local class
class = host.class('thread:_mutex', {
  methods = {
    -- mutex:lock() -> true: as msys.lock; a recursive one may be held again
    --   Events: any.  Waits: yes.  From: Momentum thread.mutex.
    lock = function(self)
      local ok =
        check(mutual.take(host.check(self, class, 'mutex:lock').lock))
      return ok
    end,
    -- mutex:unlock() -> boolean: did this handler hold it?
    --   With MUTEX_ERRORCHECK it raises where it did not.
    --   Events: any.  Waits: no.  From: Momentum thread.mutex.
    unlock = function(self)
      local d = host.check(self, class, 'mutex:unlock')
      local was = mutual.give(d.lock)
      if not was and d.kind == thread.MUTEX_ERRORCHECK then
        error('mutex:unlock: this handler does not hold the mutex', 2)
      end
      return was
    end,
    -- mutex:trylock() -> boolean: is it held now?
    --   Events: any.  Waits: no.  From: Momentum thread.mutex.
    trylock = function(self)
      return mutual.try(host.check(self, class, 'mutex:trylock').lock)
    end,
  },
  meta = {
    __tostring = function(self)
      return 'mutex: ' .. tostring(data(self).lock):match('[%w]+$')
    end,
  },
})

-- thread.mutex([type]) -> mutex
--   type: thread.MUTEX_NORMAL (default), MUTEX_RECURSIVE or MUTEX_ERRORCHECK.
--   It belongs to its Lua state, as do the variables that it guards; msys.lock
--   is for all of them.
--   Events: any.  Waits: no.  From: Momentum thread.mutex.
function thread.mutex(kind)
  if kind == nil then
    kind = thread.MUTEX_NORMAL
  elseif kind ~= thread.MUTEX_NORMAL and kind ~= thread.MUTEX_RECURSIVE
    and kind ~= thread.MUTEX_ERRORCHECK then
    error('thread.mutex: MUTEX_NORMAL, MUTEX_RECURSIVE or MUTEX_ERRORCHECK '
      .. 'expected, got ' .. tostring(kind), 2)
  end
  return host.new(class, {
    lock = mutual.new(kind == thread.MUTEX_RECURSIVE), kind = kind,
  })
end

host.package('thread', thread)
_G.thread = thread
