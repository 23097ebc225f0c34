-- What the prelude adds of Lua 5.4.

local function fails(text, f, ...)
	local ok, why = pcall(f, ...)

	assert(not ok, 'no error where one was expected: ' .. text)
	if not tostring(why):find(text, 1, true) then
		error(('expected %q, got %q'):format(text, tostring(why)), 2)
	end
end

-- pairs
local plain = { 1, 2, x = 3 }
local step, state, first = pairs(plain)
assert(step == next and state == plain and first == nil)
assert(pairs(setmetatable({}, {})) == next)
local own = setmetatable({}, {
	__pairs = function(t)
		return function(_, k)
			k = (k or 0) + 1
			if k <= 3 then
				return k, k * k
			end
		end, t, nil, 'dropped'
	end,
})
assert(select('#', pairs(own)) == 3)
local sum = 0
for k, v in pairs(own) do
	sum = sum + k * v
end
assert(sum == 36)
local keys = {}
for k in pairs(plain) do
	keys[#keys + 1] = tostring(k)
	plain[k] = nil -- allowed while going through
end
assert(table.concat(keys, ',') == '1,2,x' and next(plain) == nil)
fails("bad argument #1 to 'pairs' (table expected, got nil)",
	function() for _ in pairs(nil) do return end end)
fails('prelude_lua54.lua:', function() for _ in pairs(nil) do return end end)

-- ipairs
local function through(t)
	local out = {}

	for i, v in ipairs(t) do
		out[i] = v
	end
	return table.concat(out, ',')
end
assert(through { 1, 2, nil, 4 } == '1,2')
assert(through(setmetatable({ 1, 2 }, {})) == '1,2')
assert(through(setmetatable({ 'a' }, { __index = { 'x', 'b', 'c' } })) ==
	'a,b,c')
assert(through(setmetatable({}, {
	__index = function(_, i) return i < 4 and i * 2 or nil end,
})) == '2,4,6')
assert(through('abc') == '')
fails("bad argument #1 to 'ipairs' (table expected, got nil)",
	function() for _ in ipairs(nil) do return end end)

-- table
assert(table.pack().n == 0 and table.pack(nil, nil).n == 2)
assert(select('#', table.unpack({ 1, nil, 3 }, 1, 3)) == 3)
assert(table.unpack({ 1, 2, 3 }, 2) == 2)
assert(table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ',') == '1,1,2,3')
assert(table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ',') == '2,3,3')
assert(rawlen({ 1, 2 }) == 2 and rawlen('abc') == 3)
fails("bad argument #1 to 'rawlen'", rawlen, 1)

-- math
assert(math.type(1) == 'integer' and math.type(1.5) == 'float')
assert(math.type('1') == nil and math.type(1 / 0) == 'float')
assert(math.type(0 / 0) == 'float' and math.type(-2 ^ 60) == 'integer')
fails("bad argument #1 to 'type'", math.type)
assert(math.tointeger(3) == 3 and math.tointeger(3.5) == nil)
assert(math.tointeger('8') == 8 and math.tointeger('x') == nil)
assert(math.tointeger({}) == nil and math.tointeger(2 ^ 70) == nil)
assert(math.maxinteger == 2 ^ 53 and math.mininteger == -2 ^ 53)
assert(math.ult(1, 2) and not math.ult(2, 1) and not math.ult(1, 1))
assert(math.ult(1, -1) and not math.ult(-1, 1) and math.ult(-2, -1))
math.randomseed(42)
local a, b = math.random(1000000), math.random(1000000)
math.randomseed(42)
assert(math.random(1000000) == a and math.random(1000000) == b)
math.randomseed()

-- warn
warn('one ', 2, ' three')
assert(warned == 'one 2 three')
warn('@off')
warn('lost')
assert(warned == 'one 2 three')
warn('@unknown')
warn('@on')
warn('@', 'text')
assert(warned == '@text')
fails("bad argument #2 to 'warn' (string expected, got nil)", warn, 'x', nil)
fails("bad argument #1 to 'warn'", warn)

-- the collector
assert(collectgarbage('count') > 0 and collectgarbage() == 0)
assert(collectgarbage('collect') == 0)
assert(type(collectgarbage('step')) == 'boolean')
assert(collectgarbage('step', 10) ~= nil)
assert(collectgarbage('generational') == 'incremental')
assert(collectgarbage('incremental', 100, 200) == 'incremental')

-- modules
assert(package.searchers == package.loaders and package.loaded.utf8 == utf8)
assert(require('utf8') == utf8 and require('string') == string)
local path = os.tmpname()
local function write(text)
	local file = assert(io.open(path, 'w'))

	file:write(text)
	file:close()
end
package.path = path:gsub('[^/]*$', '') .. '?'
local name = path:match('[^/]*$')
write('local name = ... return { name = name, asked = ask and 1 }')
assert(require(name).name == name and require(name) == require(name))
package.loaded[name] = nil
write('syntax error here')
fails("error loading module '" .. name .. "' from file '", require, name)
fails("module 'no.such.module' not found", require, 'no.such.module')
fails('no file', require, 'no.such.module')

-- dofile may wait, and errors name the file
write('return ask("file"), 2')
local x, y = dofile(path)
assert(x == 'file!' and y == 2)
assert(loadfile(path)() == 'file!')
local env = { ask = function() return 'env' end }
assert(loadfile(path, 't', env)() == 'env')
assert(loadfile('/no/such/file') == nil)
fails('/no/such/file', dofile, '/no/such/file')
write('x = = 1')
fails(name, dofile, path)
os.remove(path)

-- load
assert(load('return 1')() == 1 and loadstring('return 2')() == 2)
assert(load('return x', 'chunk', 't', { x = 3 })() == 3)
assert(load('return x', 'chunk', 'b', { x = 4 })() == 4)
local pieces = { 'return ', '5' }
assert(load(function() return table.remove(pieces, 1) end)() == 5)
local f, why = load('x = = 1', '=here')
assert(f == nil and why:find('^here:1:'))
assert(not pcall(load))
