-- mpsc.lua - kumo.mpsc: queues between sessions and tasks
--
-- Called once for each Lua state with
--   kumo    the module's table
--   native  see lb_mpsc.c

local kumo, native = ...
local error, tostring = error, tostring

kumo.mpsc = {}

-- kumo.mpsc.define(name [, limit]) -> queue
--   The queue of that name, one for the whole process; it stays when the
--   policy is loaded again.  limit: how many values it holds, from 1 on; by
--   default as many as 64 MiB take, which is the bound of all.  Only the first
--   definition of a name counts.
--   Events: any.  Waits: no.  From: KumoMTA, where a queue without a limit has
--   no bound at all.
function kumo.mpsc.define(name, limit)
  return (native.define(name, limit))
end

local methods = {}

local function closed(name)
  error(('%s: the queue is closed'):format(name), 3)
end

-- queue:send(value)
--   Waits while the queue is full.  value: what JSON can hold, and maps, alone
--   or in tables; the receiver has a copy.  Raises where the queue is closed,
--   and on other values.
--   Events: any.  Waits: yes, where it is full.  From: KumoMTA mpsc.
function methods:send(value)
  local box = native.box(value)
  local answer = native.put(self, box)
  while answer == 'full' do
    native.wait_room(self, box)
    answer = native.put(self, box)
  end
  if answer == 'closed' then
    closed 'send'
  end
end

-- queue:try_send(value) -> boolean: is it in?
--   false where the queue is full or closed.
--   Events: any.  Waits: no.  From: KumoMTA mpsc.
function methods:try_send(value)
  return native.put(self, native.box(value)) == 'ok'
end

-- queue:send_timeout(value, seconds)
--   As send; raises where there is no room in time.
--   Events: any.  Waits: yes, where it is full.  From: KumoMTA mpsc.
function methods:send_timeout(value, seconds)
  local box = native.box(value)
  local until_then = native.after(seconds)
  local answer, in_time = native.put(self, box), true
  while answer == 'full' and in_time do
    in_time = native.wait_room(self, box, until_then)
    answer = native.put(self, box)
  end
  if answer == 'closed' then
    closed 'send_timeout'
  elseif answer == 'full' then
    error('send_timeout: the queue stayed full', 2)
  end
end

-- queue:recv() -> value
--   The oldest value; waits while there is none.  nil when the queue is closed
--   and empty.
--   Events: any.  Waits: yes, where it is empty.  From: KumoMTA mpsc.
function methods:recv()
  local answer, value = native.take(self)
  while answer == 'empty' do
    native.wait_value(self)
    answer, value = native.take(self)
  end
  return value
end

-- queue:try_recv() -> value, or nil where there is none
--   Events: any.  Waits: no.  From: KumoMTA mpsc.
function methods:try_recv()
  local _, value = native.take(self)
  return value
end

-- queue:recv_many(n) -> array
--   The oldest values, n at most, one at least; waits while there is none.  An
--   empty array when the queue is closed and empty.
--   Events: any.  Waits: yes, where it is empty.  From: KumoMTA mpsc.
function methods:recv_many(n)
  local answer, values = native.take_many(self, n)
  while answer == 'empty' do
    native.wait_value(self)
    answer, values = native.take_many(self, n)
  end
  return values
end

-- queue:close()
--   For good: nothing more goes in; what is in it can be received.
--   Events: any.  Waits: no.  From: KumoMTA mpsc.
function methods:close()
  native.close(self)
end

-- queue:is_closed() -> boolean
--   Events: any.  Waits: no.  From: KumoMTA mpsc.
function methods:is_closed()
  return native.is_closed(self)
end

-- queue:is_empty() -> boolean; queue:len() -> how many values are in it
--   Events: any.  Waits: no.  From: KumoMTA mpsc.
function methods:is_empty()
  return native.len(self) == 0
end

function methods:len()
  return native.len(self)
end

native.set_index(function(_, key)
  local method = methods[key]
  if not method then
    error(("attempt to get an unknown field '%s'"):format(tostring(key)), 2)
  end
  return method
end)
