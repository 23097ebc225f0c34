-- msys/operator.lua - what milter/msys_source.h makes calls of
--
-- Sets the global __msys_op.  The operators take numbers, strings that are
-- numbers, and values with a metamethod, of which the left one's goes first
-- and gets both; one result.  They raise, in Momentum's words and with the
-- line of the policy, on everything else.  In any event; a metamethod may
-- wait.

local _, native = ...
local operator = native.operator
local handler = operator.handler
local error, floor, select = error, math.floor, select
local tonumber, type = tonumber, type

local BITWISE = 'perform bitwise operation on'

-- Level 3: whoever used the operator.
local function refuse(what, a, b)
  local wrong = a

  if tonumber(a) then
    wrong = b
  end
  error(('attempt to %s a %s value'):format(what, type(wrong)), 3)
end

local function binary(compute, event)
  return function(a, b)
    local n = compute(a, b)

    if n then
      return n
    end
    local method = handler(event, a, b)
    if method == nil then
      refuse(BITWISE, a, b)
    end
    return (method(a, b))
  end
end

local op = {
  band = binary(operator.band, '__and'),
  bor = binary(operator.bor, '__or'),
  bxor = binary(operator.bxor, '__xor'),
  shl = binary(operator.shl, '__shl'),
  shr = binary(operator.shr, '__shr'),
}

-- ~a: the metamethod gets the value twice, as that of -a does.
function op.bnot(a)
  local n = operator.bnot(a)

  if n then
    return n
  end
  local method = handler('__not', a)
  if method == nil then
    refuse(BITWISE, a, a)
  end
  return (method(a, a))
end

-- a \ b: the quotient, rounded down; no integer is made of a and b before.
-- __intdiv is what is documented, __div what Momentum looks for.
function op.idiv(a, b)
  local x, y = tonumber(a), tonumber(b)

  if x and y then
    return floor(x / y)
  end
  local method = handler('__intdiv', a, b)
  if method == nil then
    method = handler('__div', a, b)
  end
  if method == nil then
    refuse('perform arithmetic on', a, b)
  end
  return (method(a, b))
end

-- for ... in f: what __iter gives for a value that is no function
function op.iter(f, state, first)
  if type(f) ~= 'function' then
    local method = handler('__iter', f)

    if type(method) == 'function' then
      return method(f)
    end
  end
  return f, state, first
end

-- The table arg of a function(...)
function op.arg(...)
  return { n = select('#', ...), ... }
end

rawset(_G, '__msys_op', op)

-- Names of Lua 5.0, which Momentum's 5.1 has still and LuaJIT has not.
rawset(math, 'mod', math.fmod)
rawset(string, 'gfind', string.gmatch)
