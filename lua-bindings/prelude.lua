-- prelude.lua - Lua 5.4's library on LuaJIT, and what policies may not have
--
-- Run once in each new Lua state, by lb_prelude.c, behind the standard
-- libraries and before any policy, with a table of helpers in C:
--   warn(text)   one line for the log
--   random()     a number to seed math.random with
--   room()       raises when little of the stack is left
--
-- What passes a call on does so in a tail call: LuaJIT then names the
-- policy's line and the function as the policy wrote it when a check fails.

local helpers = ...

local byte, find, format, gsub = string.byte, string.find, string.format,
	string.gsub
local concat, error, floor = table.concat, error, math.floor
local loaded, preload = package.loaded, package.preload
local metatable_of, rawget = debug.getmetatable, rawget
local select, tonumber, tostring, type = select, tonumber, tostring, type

-- ---- what is not there ---------------------------------------------------

for _, name in ipairs {
	'ffi', 'jit', 'jit.opt', 'jit.profile', 'jit.util', 'string.buffer',
} do
	loaded[name], preload[name] = nil, nil
end
ffi, jit, newproxy = nil, nil, nil
string.dump = nil

debug = { getinfo = debug.getinfo, traceback = debug.traceback }
loaded.debug = debug

function os.exit()
	error('os.exit: a policy cannot end the daemon; raise an error or ' ..
		'use kumo.reject', 2)
end

-- os.setlocale: what it is can be asked; it belongs to the whole process.
local setlocale = os.setlocale

function os.setlocale(locale, category)
	if locale ~= nil then
		return nil
	end
	return setlocale(nil, category)
end

-- ---- catching errors -----------------------------------------------------

-- pcall, xpcall: stock, but they end recursion before the stack's last slots,
-- where nothing can stop a policy that catches its own stack overflow.
local pcall, xpcall, room = pcall, xpcall, helpers.room

function _G.pcall(...)
	room()
	return pcall(...)
end

function _G.xpcall(...)
	room()
	return xpcall(...)
end

-- ---- source text only ----------------------------------------------------

local load, loadfile = load, loadfile

local function is_bytecode(chunk)
	return type(chunk) == 'string' and byte(chunk) == 27
end

-- What a reader gives, as one string.  Not by LuaJIT: a limit that ends the
-- reader inside its load() would never be noticed again, for load() catches
-- the hook's error and leaves the hook off.
local function read_all(reader)
	local pieces = {}

	while true do
		local piece = reader()

		if piece == nil or piece == '' then
			return concat(pieces)
		elseif type(piece) ~= 'string' then
			error('reader function must return a string', 0)
		end
		pieces[#pieces + 1] = piece
	end
end

helpers.read_all = read_all

-- load(chunk [, name [, mode [, env]]]) -> function | nil, why
--   mode does not matter: it is 't'.
function _G.load(chunk, name, _, ...)
	if type(chunk) == 'function' then
		local ok, source = pcall(read_all, chunk)

		if not ok then
			return nil, source
		end
		chunk, name = source, name or '=(load)'
	end
	if is_bytecode(chunk) then
		return nil, 'attempt to load bytecode: give Lua source'
	end
	return load(chunk, name, 't', ...)
end

-- loadstring(source [, name]) -> function | nil, why               (Lua 5.1)
function _G.loadstring(chunk, name)
	if is_bytecode(chunk) then
		return nil, 'attempt to load bytecode: give Lua source'
	end
	return load(chunk, name, 't')
end

-- loadfile(path [, mode [, env]]) -> function | nil, why
--   There is no standard input to load from.
function _G.loadfile(path, _, ...)
	if path == nil then
		error("bad argument #1 to 'loadfile' (path expected)", 2)
	end
	return loadfile(path, 't', ...)
end

-- dofile(path) -> what the file returns; it may wait, as a handler may
function _G.dofile(path)
	if path == nil then
		error("bad argument #1 to 'dofile' (path expected)", 2)
	end
	local chunk, why = loadfile(path, 't')

	if not chunk then
		error(why, 0)
	end
	return chunk()
end

-- require's way to modules in Lua.
local searchpath = package.searchpath

package.loaders[2] = function(name)
	local path, tried = searchpath(name, package.path)

	if not path then
		return tried
	end
	local chunk, why = loadfile(path, 't')

	if not chunk then
		error(format("error loading module '%s' from file '%s':\n\t%s",
			name, path, why), 0)
	end
	return chunk, path
end

package.searchers = package.loaders

-- ---- loops ---------------------------------------------------------------

local pairs, ipairs = pairs, ipairs

local function metamethod(value, name)
	local mt = metatable_of(value)

	return mt and rawget(mt, name)
end

-- pairs(t): as stock, and what has a __pairs is asked for its iterator.
--   A loop over a table without one still gets `next` itself.
function _G.pairs(t)
	local own = metamethod(t, '__pairs')

	if own == nil then
		return pairs(t)
	end
	local step, state, first = own(t)

	return step, state, first
end

local function next_index(t, i)
	i = i + 1
	local value = t[i]

	if value ~= nil then
		return i, value
	end
end

-- ipairs(t): as stock, and through the __index of whatever has one.
function _G.ipairs(t)
	if metamethod(t, '__index') == nil then
		return ipairs(t)
	end
	return next_index, t, 0
end

-- ---- tables --------------------------------------------------------------

local unpack = unpack

-- table.pack(...) -> { n = how many, ... }
function table.pack(...)
	return { n = select('#', ...), ... }
end

-- table.unpack(t [, i [, j]]) -> values...
--   From userdata, too, by way of its __index and __len.
function table.unpack(t, i, j)
	if type(t) ~= 'userdata' then
		return unpack(t, i, j)
	end
	local values, first, last = {}, i or 1, j or #t

	for k = first, last do
		values[k] = t[k]
	end
	return unpack(values, first, last)
end

-- rawlen(t) -> length of a table or string, no metamethod asked
function _G.rawlen(value)
	if type(value) ~= 'table' and type(value) ~= 'string' then
		error("bad argument #1 to 'rawlen' (table or string expected)",
			2)
	end
	return #value -- LuaJIT has no __len for tables
end

-- ---- numbers -------------------------------------------------------------

-- All numbers are doubles: an integer is one without a fraction, and exact up
-- to 2^53.  That is what the limits say; 5.4's are 2^63 - 1 and -2^63.
math.maxinteger = 2 ^ 53
math.mininteger = -2 ^ 53

local function is_integer(x)
	return x == floor(x) and x < 2 ^ 63 and x >= -2 ^ 63
end

-- math.type(x) -> 'integer' | 'float' | nil
function math.type(...)
	local x = ...

	if select('#', ...) == 0 then
		error("bad argument #1 to 'type' (value expected)", 2)
	elseif type(x) ~= 'number' then
		return nil
	end
	return is_integer(x) and 'integer' or 'float'
end

-- math.tointeger(x) -> x | nil
function math.tointeger(x)
	local number = tonumber(x)

	if number and is_integer(number) then
		return number
	end
	return nil
end

-- math.ult(m, n): m < n, negative numbers being greater than all others
function math.ult(m, n)
	if (m < 0) == (n < 0) then
		return m < n
	end
	return n < 0
end

-- LuaJIT begins with the same numbers in each state; Lua 5.4 does not.
local randomseed = math.randomseed

-- math.randomseed([x])
function math.randomseed(x)
	return randomseed(x == nil and helpers.random() or x)
end
math.randomseed()

-- ---- strings -------------------------------------------------------------

-- %q of what is no string: a constant that reads back as the same value.
local function literal(value)
	if type(value) == 'number' then
		if value ~= value then
			return '(0/0)'
		elseif value == 1 / 0 then
			return '1e9999'
		elseif value == -1 / 0 then
			return '-1e9999'
		end
		return format(is_integer(value) and '%.0f' or '%.17g', value)
	end
	return tostring(value)
end

local quotable = { number = true, boolean = true, ['nil'] = true }

local function format_quoting(spec, ...)
	local n, args, count = 0, { ... }, select('#', ...)

	spec = gsub(spec, '%%([-+ #0]*%d*%.?%d*)(.)', function(_, letter)
		if letter == '%' then
			return nil
		end
		n = n + 1
		if letter == 'q' and n <= count and quotable[type(args[n])] then
			args[n] = literal(args[n])
			return '%s'
		end
		return nil
	end)
	return format(spec, unpack(args, 1, count))
end

-- string.format: as stock; %q also takes numbers, booleans and nil (Lua 5.4)
function string.format(spec, ...)
	if type(spec) == 'string' and find(spec, '%q', 1, true) then
		return format_quoting(spec, ...)
	end
	return format(spec, ...)
end

-- ---- the rest ------------------------------------------------------------

local collectgarbage = collectgarbage
local pass = { collect = true, count = true, step = true, isrunning = true }
local no_op = { incremental = true, generational = true }

-- collectgarbage([what [, n]])
--   'collect', 'count', 'step' and 'isrunning' as ever.  The modes of 5.4 are
--   taken and mean nothing.  The collector's pace is not a policy's to set.
function _G.collectgarbage(what, n)
	if what == nil or pass[what] then
		return collectgarbage(what, n)
	elseif no_op[what] then
		return 'incremental'
	end
	error(format("collectgarbage: '%s' is not for a policy to decide; " ..
		"it may use 'collect', 'count' and 'step'", tostring(what)), 2)
end

local warnings = true

-- warn(text...): to the log.  '@off' and '@on' alone stop and start it.
function warn(...)
	local parts = { ... }

	for i = 1, math.max(select('#', ...), 1) do
		if type(parts[i]) ~= 'string' and
		    type(parts[i]) ~= 'number' then
			error(format("bad argument #%d to 'warn' " ..
				'(string expected, got %s)', i,
				type(parts[i])), 2)
		end
	end
	if #parts == 1 and find(parts[1], '^@') then
		warnings = parts[1] == '@on' or
			parts[1] ~= '@off' and warnings
	elseif warnings then
		helpers.warn(concat(parts))
	end
end
