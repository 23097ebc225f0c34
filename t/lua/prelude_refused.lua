-- What a policy must not reach, by any door.

local function fails(text, f, ...)
	local ok, why = pcall(f, ...)

	assert(not ok, 'no error where one was expected: ' .. text)
	if not tostring(why):find(text, 1, true) then
		error(('expected %q, got %q'):format(text, tostring(why)), 2)
	end
end

for _, name in ipairs { 'ffi', 'jit', 'newproxy' } do
	assert(rawget(_G, name) == nil, name)
end
local hidden = {
	'ffi', 'jit', 'jit.util', 'jit.opt', 'jit.profile', 'string.buffer',
}
-- a 64 bit literal makes LuaJIT load the ffi by itself
assert(tostring(load('return 1LL + 1')()) == '2LL')
for _, name in ipairs(hidden) do
	assert(package.loaded[name] == nil and package.preload[name] == nil)
	fails("module '" .. name .. "' not found", require, name)
end

-- bytecode: as a string, in pieces, from a file, by require
assert(string.dump == nil)
local code = '\27LJ\2\2\0\1\2\0\0\1\3\0\0\0\0\2K\0\1\0\0'
local f, why = load(code)
assert(f == nil and why:find('bytecode', 1, true))
assert(load(code, 'x', 'b') == nil and load(code, 'x', 'bt') == nil)
assert(loadstring(code) == nil)
local pieces = { code:sub(1, 1), code:sub(2) }
assert(load(function() return table.remove(pieces, 1) end) == nil)
local path = os.tmpname()
local file = assert(io.open(path, 'wb'))
file:write(code)
file:close()
assert(loadfile(path) == nil and loadfile(path, 'b') == nil)
assert(not pcall(dofile, path))
package.path = path
fails('error loading module', require, 'anything')
os.remove(path)
fails('path expected', dofile)
fails('path expected', loadfile)

-- debug
local left = {}
for name in pairs(debug) do
	left[#left + 1] = name
end
table.sort(left)
assert(table.concat(left, ' ') == 'getinfo traceback')
assert(require('debug') == debug)
assert(debug.traceback('x'):find('stack traceback', 1, true))
assert(debug.getinfo(1, 'l').currentline > 0)

-- the process
fails('os.exit: a policy cannot end the daemon', os.exit)
fails('kumo.reject', os.exit, 0)
fails('prelude_refused.lua', function() os.exit(1) end)
assert(os.setlocale('C') == nil and os.setlocale(nil) == 'C')
for _, what in ipairs { 'stop', 'restart', 'setpause', 'setstepmul', 'x' } do
	fails("collectgarbage: '" .. what .. "'", collectgarbage, what, 100)
end

-- still there
assert(bit.band(6, 3) == 2 and os.time() > 0 and io.open and os.getenv)
assert(getmetatable('').__index == string)
