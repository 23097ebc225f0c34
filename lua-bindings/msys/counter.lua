-- counter.lua - msys.counter: numbers of the process, by path

local msys, native, host = ...

local error, tostring, type = error, tostring, type

local counter = host.room('counter')
local C = native.counter

counter.STRICT, counter.RELAXED = 0, 1

-- What an ec_string or a message's field says, as a string.
local function plain(value)
  if type(value) == 'userdata' and msys.type(value) ~= 'userdata' then
    return tostring(value)
  end
  return value
end
host.plain = plain

-- msys.counter.open(path [, semantics]) -> handle
--   path: string, 1 to 512 bytes; the counter is made if there is none.
--   semantics: msys.counter.STRICT (default) or RELAXED; both are exact and
--   fast here, so it makes no difference.  All Lua states share it, and a
--   policy that is loaded again finds it as it was.
--   Events: any.  Waits: no.  From: Momentum msys.counter.open.
function counter.open(path, semantics)
  if semantics ~= nil and semantics ~= counter.STRICT
    and semantics ~= counter.RELAXED then
    error('msys.counter.open: STRICT or RELAXED expected, got '
      .. tostring(semantics), 2)
  end
  return C.open(plain(path))
end

-- msys.counter.inc(handle or path): adds 1
--   Events: any.  Waits: no.  From: Momentum msys.counter.inc.
function counter.inc(handle)
  return C.add(plain(handle), 1)
end

-- msys.counter.add(handle or path, delta): adds a whole number, of any sign
--   Events: any.  Waits: no.  From: Momentum msys.counter.add.
function counter.add(handle, delta)
  return C.add(plain(handle), delta)
end

-- msys.counter.read(handle or path) -> number
--   Events: any.  Waits: no.  From: Momentum msys.counter.read.
function counter.read(handle)
  return C.read(plain(handle))
end

-- msys.counter.reset(handle or path): to 0
--   Events: any.  Waits: no.  From: Momentum msys.counter.reset.
function counter.reset(handle)
  return C.reset(plain(handle))
end

-- msys.counter.unlink(path): forgets the path
--   Handles that are open go on with a number of their own.
--   Events: any.  Waits: no.  From: Momentum msys.counter.unlink.
function counter.unlink(path)
  return C.unlink(plain(path))
end
