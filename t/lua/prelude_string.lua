-- Our string functions: limits, nesting, what Lua 5.4 does otherwise.

local function fails(text, f, ...)
	local ok, why = pcall(f, ...)

	assert(not ok, 'no error where one was expected: ' .. text)
	if not tostring(why):find(text, 1, true) then
		error(('expected %q, got %q'):format(text, tostring(why)), 2)
	end
end

-- over its limits
local cases = {
	{ ('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40) .. 'b' },
	{ ('-'):rep(20000), '.-.-.-.-b' },
	{ ('a'):rep(20000), '.-.-.-.-b$' },
	{ ('a'):rep(20000), '(.*)(.*)(.*)(.*)b%1' },
	{ ('a'):rep(20000), '[ab]*[ab]*[ab]*[ab]*c%f[z]' },
	{ ('('):rep(400000), '%b()' },
	{ ('ab'):rep(200000), '[a][b].-[^ab]' },
	{ ('a'):rep(60000), '(.-)%1%1b' },
}
for i, case in ipairs(cases) do
	limit(3)
	fails('interrupted', string.find, case[1], case[2])
	limit(3)
	fails('interrupted', string.gmatch(case[1], case[2]))
	limit(3)
	fails('interrupted', string.gsub, case[1], case[2], 'x')
	limit(3)
	fails('prelude_string.lua:', function()
		return case[1]:match(case[2]), i
	end)
end
-- many matches, each of them short, are counted too
limit(3)
fails('interrupted', string.gsub, ('a'):rep(100000), 'a', 'b')
limit(0)
assert(select(2, ('a'):rep(100000):gsub('a', 'bcd')) == 100000)

-- gsub in gsub
local depth, deepest = 0, 0
local function again()
	depth = depth + 1
	deepest = math.max(deepest, depth)
	return (('a'):gsub('a', again))
end
fails('string.gsub: nested too deeply (50 levels)', again)
assert(deepest == 51, deepest)
-- it is a matter of now, not of how often it failed
for _ = 1, 200 do
	fails('oops', string.gsub, 'a', 'a', function() error('oops') end)
end
for _ = 1, 3 do
	depth, deepest = 0, 0
	fails('nested too deeply', again)
	assert(deepest == 51, deepest)
end
-- an error is caught on each level: all 50 are there again each time
local function nest(n)
	for _ = 1, 2 do
		pcall(string.gsub, 'a', 'a', function() error('oops') end)
	end
	return n == 0 and 'end' or (('a'):gsub('a', function()
		return nest(n - 1)
	end))
end
for _ = 1, 100 do
	assert(nest(50) == 'end')
end
fails('nested too deeply', nest, 51)
-- through coroutines, metamethods and sort it is the same C stack
local function through()
	return (('a'):gsub('a', coroutine.wrap(through)))
end
fails('nested too deeply', through)
local deep = setmetatable({}, {})
getmetatable(deep).__index = function() return (('a'):gsub('a', deep)) end
fails('string.gsub: nested too deeply', function() return deep.x end)
assert(nest(50) == 'end')

-- results of all sizes
for _, size in ipairs { 0, 1, 511, 512, 513, 1024, 5000, 300000 } do
	local s = ('x'):rep(size)

	assert(s:gsub('x', 'ab') == ('ab'):rep(size))
	assert(s:gsub('x', function() return 'y' end) == ('y'):rep(size))
	assert(s:gsub('y', '') == s and select(2, s:gsub('y', '')) == 0)
	assert(('-'):gsub('-', { ['-'] = s }) == s)
	assert(('-'):gsub('-', '%0' .. s .. '%0') == '-' .. s .. '-')
end

-- replacements
assert(('hello world'):gsub('o', '0', 1) == 'hell0 world')
assert(('abc'):gsub('()', '%1') == '1a2b3c4')
assert(('abc'):gsub('(b)()', '%2%1%0') == 'a3bbc')
assert(('abc'):gsub('b', 5) == 'a5c')
assert(('abc'):gsub('b', function() return 5 end) == 'a5c')
assert(('abc'):gsub('%w', { a = 1, b = false }) == '1bc')
assert(('abc'):gsub('', '-') == '-a-b-c-')
assert(('abc'):gsub('b', 'x', -1) == 'abc')
fails("invalid use of '%' in replacement string", string.gsub, 'a', 'a', '%')
fails('invalid capture index', string.gsub, 'a', 'a', '%2')
fails('invalid replacement value (a table)', string.gsub, 'a', 'a',
	function() return {} end)
fails('string/function/table expected, got nil', string.gsub, 'a', 'a', nil)
fails('string/function/table expected, got boolean', string.gsub, 'a', 'a',
	true)
fails("bad argument #2 to 'find'", function() string.find('a') end)
fails("bad argument #1 to 'gsub'", function() string.gsub({}, 'a', 'b') end)

-- Lua 5.4
assert(('abc'):gsub('%w*', 'x') == 'x')
assert(('abc'):gsub('.*', '<%0>') == '<abc>')
local fields = {}
for field in ('a,b,,c'):gmatch('[^,]*') do
	fields[#fields + 1] = field
end
assert(table.concat(fields, '|') == 'a|b||c')
assert(('abc'):find('', 10) == nil and ('abc'):find('', 4) == 4)
assert(('abc'):gmatch('%w', 2)() == 'b')
assert(('abc'):gmatch('%w', -1)() == 'c')
assert(('abc'):gmatch('%w', 9)() == nil)
assert(('abc'):find('b', -2 ^ 70) == 2 and not ('abc'):find('b', 2 ^ 70))

-- zero bytes
assert(('a\0b'):find('\0') == 2 and ('a\0b'):find('\0b', 1, true) == 2)
assert(('a\0b'):match('%z(.)') == 'b' and ('a\0?b'):match('a\0%?b'))
assert(('a\0b'):gsub('[\0]', '%%') == 'a%b')
assert(('a.b'):find('.', 1, true) == 2 and ('a.b'):find('.b', -2, true) == 2)

-- much nesting that is no recursion of ours
local braces = ('('):rep(100000) .. (')'):rep(100000)
assert(#braces:match('%b()') == 200000)
assert(select('#', ('x'):rep(32):match(('(x)'):rep(32))) == 32)
fails('too many captures', string.match, ('x'):rep(33), ('(x)'):rep(33))
fails('pattern too complex', string.match, ('x'):rep(300),
	('x?'):rep(300) .. ('x'):rep(300))
assert(('x'):rep(200):match(('x?'):rep(200) .. '$'))
assert(('a'):rep(3000):match('.-b') == nil)
assert(#('a'):rep(300000):match('(.-)$') == 300000)
-- more sets than are kept
local sets = {}
for i = 1, 12 do
	sets[i] = ('[%s]-'):format(string.char(96 + i))
end
assert(('abcdefghijkl'):match('^' .. table.concat(sets) .. '$'))
assert(('aabbccddeeffgghhiijjkkll'):match('^' .. table.concat(sets) .. '$'))
assert(not ('abcdefghijklm'):match('^' .. table.concat(sets) .. '$'))

-- an interrupted gsub leaves no memory behind
collectgarbage()
local before = collectgarbage('count')
for _ = 1, 50 do
	pcall(string.gsub, ('x'):rep(100000), 'x', function()
		error('enough')
	end)
end
collectgarbage()
collectgarbage()
assert(collectgarbage('count') < before + 200)

-- %q
assert(('%q %q'):format(1, 'a"b') == '1 "a\\"b"')
assert(('%5s|%q|%%q|%d'):format('x', 0.1, 7) ==
	'    x|0.10000000000000001|%q|7')
assert(('%q'):format(2 ^ 53) == '9007199254740992')
assert(('%q,%q,%q'):format(true, nil, 1 / 0) == 'true,nil,1e9999')
assert(('%q'):format('1') == '"1"')
fails("bad argument #1 to 'format'", function() return ('%d'):format('x') .. '' end)
fails('prelude_string.lua:', function() return ('%d'):format('x') .. '' end)
fails('prelude_string.lua:', function() return ('%d%q'):format('x', 1) .. '' end)
