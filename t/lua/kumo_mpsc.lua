-- kumo.mpsc
local kumo = require 'kumo'
local mpsc = kumo.mpsc

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- one name is one queue, and the first definition counts ----------------------

local q = mpsc.define 'lua'
local alias = mpsc.define('lua', 1)
q:send 'one'
assert(q:try_send 'two' == true)
assert(q:len() == 2 and not q:is_empty())
assert(alias:recv() == 'one')
assert(q:recv() == 'two')
assert(q:try_recv() == nil and q:is_empty() and alias:len() == 0)
assert(mpsc.define('other'):is_empty())
assert(mpsc.define(7):len() == 0 and mpsc.define('7'):len() == 0)

-- in order, alone and together ------------------------------------------------

for i = 1, 100 do
  q:send(i)
end
for i = 1, 40 do
  assert(q:recv() == i)
end
local many = q:recv_many(50)
assert(#many == 50 and many[1] == 41 and many[50] == 90)
for i = 101, 130 do
  q:send(i)
end
many = q:recv_many(1000)
assert(#many == 40 and many[10] == 100 and many[40] == 130)
assert(#q:recv_many(0) == 0)
assert(kumo.serde.json_encode(q:recv_many(0)) == '[]')

-- values ----------------------------------------------------------------------

local function through(v)
  q:send(v)
  return q:recv()
end
for _, v in ipairs { 1, -1.5, 2 ^ 53, '', 'a\0\255b', true, false } do
  assert(through(v) == v and type(through(v)) == type(v))
end
q:send(nil)
assert(q:len() == 1 and q:recv() == nil and q:len() == 0)
local t = { list = { 1, 2 }, deep = { x = { y = 'z' } } }
local got = through(t)
assert(got ~= t and got.list[2] == 2 and got.deep.x.y == 'z')
t.list[1] = 'changed'
assert(got.list[1] == 1)
local map = kumo.cidr.make_map { ['127.0.0.1'] = 42 }
assert(through(map)['127.0.0.1'] == 42)
got = through { map, { d = kumo.domain_map.new { ['*.example'] = 'x' } } }
assert(got[1]['127.0.0.1'] == 42 and got[2].d['a.example'] == 'x')
raises('cannot serialize userdata', q.send, q, q)
raises('cannot serialize function', q.send, q, print)
raises('cannot serialize function', q.try_send, q, { print })
raises('cannot serialize', q.send_timeout, q, coroutine.create(print), 1)
local cycle = {}
cycle[1] = cycle
raises('recursive', q.send, q, cycle)
assert(q:is_empty())

-- bounded ---------------------------------------------------------------------

local b = mpsc.define('bounded', 2)
assert(b:try_send(1) and b:try_send(2) and not b:try_send(3))
raises('send_timeout: the queue stayed full', b.send_timeout, b, 3, 0.01)
raises('send_timeout: the queue stayed full', b.send_timeout, b, 3, 0)
assert(b:recv() == 1)
b:send_timeout(3, 0.5)
assert(b:recv() == 2 and b:recv() == 3)
b:send(1)
b:send(2)
assert(b:try_recv() == 1 and b:len() == 1 and b:recv() == 2)

-- 64 MiB are the bound of a queue without one
local function large()
  local big = mpsc.define 'big'
  local text = ('x'):rep(8 * 2 ^ 20)
  local n = 0
  while big:try_send(text) do
    n = n + 1
    assert(n < 9)
  end
  assert(n == 7, n)
  while big:try_recv() do
    n = n - 1
  end
  assert(n == 0)
  -- and one value fits always
  for _ = 1, 9 do
    assert(big:try_send(text))
    assert(#big:recv() == #text)
  end
  -- as one does whose map is larger than that
  local huge = kumo.domain_map.new { a = text }
  for i = 1, 9 do
    huge[i .. '.b'] = text .. i
  end
  assert(big:try_send(huge) and not big:try_send(1))
  assert(#big:recv().a == #text and big:try_send(1) and big:recv() == 1)
end
large()
collectgarbage() -- what has a finalizer goes the second time
collectgarbage()

-- closed ----------------------------------------------------------------------

local c = mpsc.define 'closed'
c:send(1)
c:send(2)
assert(c:is_closed() == false)
c:close()
c:close()
assert(c:is_closed() == true and mpsc.define('closed', 5):is_closed())
raises('send: the queue is closed', c.send, c, 3)
raises('send_timeout: the queue is closed', c.send_timeout, c, 3, 1)
assert(c:try_send(3) == false)
assert(c:len() == 2 and c:recv() == 1)
assert(#c:recv_many(9) == 1)
assert(c:recv() == nil and c:try_recv() == nil and #c:recv_many(9) == 0)

-- misuse ----------------------------------------------------------------------

raises('String', mpsc.define)
raises('String', mpsc.define, {})
raises('at most 1024 bytes', mpsc.define, ('x'):rep(1025))
raises('out of range', mpsc.define, 'x', 0)
raises('out of range', mpsc.define, 'x', -1)
raises('no integer', mpsc.define, 'x', 1.5)
raises('integer', mpsc.define, 'x', {})
raises('seconds from 0', q.send_timeout, q, 1, -1)
raises('seconds from 0', q.send_timeout, q, 1, 0 / 0)
raises('number expected', q.send_timeout, q, 1)
raises('integer', q.recv_many, q)
raises('out of range', q.recv_many, q, -1)
raises("unknown field 'put'", function()
  return q.put
end)
raises('expected, got nil', q.recv)
raises('expected, got table', q.send, {}, 1)
assert(q:is_empty())
