-- Coroutines of a policy: requests go out, nesting ends, the rest as stock.

local wrap, resume, create = coroutine.wrap, coroutine.resume, coroutine.create

local function equal(got, ...)
	local want = table.pack(...)

	assert(got.n == want.n, 'not as many values')
	for i = 1, want.n do
		if got[i] ~= want[i] then
			error(('%d: got %s, expected %s'):format(i,
				tostring(got[i]), tostring(want[i])), 2)
		end
	end
end

-- requests from any depth, mixed with yields that are the policy's
assert(ask('a') == 'a!')
local gen = wrap(function(first)
	assert(first == 1)
	local second = coroutine.yield(ask('b'))

	assert(second == 2)
	local inner = wrap(function(...)
		equal(table.pack(...), nil, 'x', nil)
		assert(pcall(function()
			assert(ask('deep') == 'deep!')
		end))
		local got = coroutine.yield(nil, 'out', nil)

		assert(got == 'in')
		return ask('c'), ask('d')
	end)

	equal(table.pack(inner(nil, 'x', nil)), nil, 'out', nil)
	assert(ask('between') == 'between!')
	equal(table.pack(inner('in')), 'c!', 'd!')
	return 'done', nil
end)
assert(gen(1) == 'b!')
equal(table.pack(gen(2)), 'done', nil)

local co = create(function(...)
	assert(ask('e') == 'e!')
	local n = select('#', coroutine.yield(...))

	error({ n })
end)
equal(table.pack(resume(co, 1, nil)), true, 1, nil)
local ok, why = resume(co, nil, nil)
assert(not ok and why[1] == 2)
assert(coroutine.status(co) == 'dead')
equal(table.pack(resume(co)), false, 'cannot resume dead coroutine')

-- as an iterator, and in metamethods
local sum = 0
for n in wrap(function()
	for i = 1, 10 do
		coroutine.yield(#ask(('x'):rep(i)))
	end
end) do
	sum = sum + n
end
assert(sum == 65)
local lazy = setmetatable({}, { __index = function(_, key) return ask(key) end })
assert(wrap(function() return lazy.foo end)() == 'foo!')

-- from where nothing can yield it is known beforehand
assert(can_wait() and wrap(can_wait)())
local inside = {}
table.sort({ 2, 1 }, function(a, b)
	inside[1] = can_wait()
	inside[2] = wrap(can_wait)()
	inside[3] = wrap(function() return wrap(can_wait)() end)()
	inside[4] = select(2, pcall(wrap(function() return ask('no') end)))
	return a < b
end)
equal({ n = 3, inside[1], inside[2], inside[3] }, false, false, false)
assert(inside[4]:find('cannot wait here', 1, true))
assert(can_wait() and wrap(can_wait)())

-- nesting
local depth = 0
local function deeper()
	depth = depth + 1
	return wrap(deeper)()
end
local function too_deep()
	local fine, text = pcall(wrap(deeper))

	assert(not fine)
	assert(text:find('coroutines nested too deeply (100 levels)', 1, true))
	return depth
end
assert(too_deep() == 100)
for _ = 1, 200 do
	depth = 0
	assert(too_deep() == 100)
end
local function down(n, f)
	if n == 0 then
		return f()
	end
	return select(2, assert(resume(create(down), n - 1, f)))
end
assert(down(99, function() return ask('far') end) == 'far!')
assert(down(100, function() return ask('far') end) == 'far!')
assert(not pcall(down, 101, function() end))
-- the count survives the driver's reset in the middle
depth = 0
assert(down(50, function()
	ask('x')
	return too_deep()
end) == 50)
-- many side by side are not deep
local many = {}
for i = 1, 1000 do
	many[i] = wrap(function() coroutine.yield() return ask(i) end)
	many[i]()
end
for i = 1, 1000 do
	assert(many[i]() == i .. '!')
end

-- errors read as LuaJIT's
local function text_of(library, f)
	local text

	library.wrap(function() -- a Lua caller above, in both cases
		text = select(2, pcall(function() return f(library), 1 end))
	end)()
	return text
end
local erring = {
	function(lib) local x = lib.wrap(function() error('boom') end)() return x end,
	function(lib) local x = lib.wrap(function() error({}) end)() return type(x) end,
	function(lib) local x = lib.wrap(function() error('boom', 0) end)() return x end,
	function(lib) local x = lib.wrap(function() local y = nil; return y.z end)() return x end,
	function(lib) local f = lib.wrap(function() end) f() local x = f() return x end,
	function(lib) local x = lib.wrap(1) return x end,
	function(lib) local x = lib.wrap() return x end,
	function(lib) local x = lib.resume(1) return x end,
	function(lib) local x = lib.create(1) return x end,
	function(lib) local x = lib.status(1) return x end,
	function(lib) return select(2, lib.resume(lib.create(error), 'e', 0)) end,
	function(lib) return select(2, pcall(lib.wrap(function() error('b') end))) end,
	function(lib) local f f = lib.wrap(function() return f() end) local x = f() return x end,
	function(lib) local me = lib.running() return select(2, lib.resume(me)) end,
	function(lib) for x in lib.wrap(function() error('for') end) do return x end end,
}
for i, f in ipairs(erring) do
	local ours, stocks = text_of(coroutine, f), text_of(stock, f)

	if type(ours) ~= 'table' or type(stocks) ~= 'table' then
		assert(ours == stocks, ('%d: ours %s, stock %s'):format(i,
			tostring(ours), tostring(stocks)))
	end
end

-- close
co = create(function() coroutine.yield(1) end)
assert(resume(co) and coroutine.status(co) == 'suspended')
assert(coroutine.close(co) == true and coroutine.status(co) == 'dead')
equal(table.pack(resume(co)), false, 'cannot resume dead coroutine')
assert(coroutine.close(co) == true)
assert(not pcall(coroutine.close, coroutine.running()))
assert(not pcall(coroutine.close, 1))
assert(coroutine.isyieldable())
