-- utf8.lua - the library utf8 of Lua 5.4
--
-- Run once in each new Lua state, by lb_prelude.c.  Signatures and failures
-- are those of the Lua 5.4 manual, 6.5.  lax lifts the limit from U+10FFFF to
-- 2^31 - 1 and lets surrogates through, as there.

local byte, char = string.byte, string.char
local concat, error, floor, select = table.concat, error, math.floor, select
local tonumber, tostring, type, unpack = tonumber, tostring, type, unpack

local INVALID = 'invalid UTF-8 code'

-- The least code that is worth so many continuation bytes.
local least = { 0x80, 0x800, 0x10000, 0x200000, 0x4000000 }

local function bad(n, name, why)
	error(('bad argument #%d to \'%s\' (%s)'):format(n, name, why), 4)
end

local function text(s, name)
	if type(s) == 'number' then
		return tostring(s)
	elseif type(s) ~= 'string' then
		bad(1, name, 'string expected, got ' .. type(s))
	end
	return s
end

local function integer(value, n, name)
	local number = tonumber(value)

	if not number then
		bad(n, name, 'number expected, got ' .. type(value))
	elseif number ~= floor(number) then
		bad(n, name, 'number has no integer representation')
	end
	return number
end

-- A position from the front, of one that may be from the back.
local function from_front(pos, len)
	if pos >= 0 then
		return pos
	end
	return -pos > len and 0 or len + pos + 1
end

local function is_continuation(s, i)
	local c = byte(s, i)

	return c and c >= 0x80 and c < 0xc0
end

-- How many bytes follow a first byte; nil: it cannot be first.
local function following(c, lax)
	if c < 0xc2 then
		return nil
	elseif c < 0xe0 then
		return 1, c - 0xc0
	elseif c < 0xf0 then
		return 2, c - 0xe0
	elseif c < 0xf8 then
		return 3, c - 0xf0
	elseif not lax or c > 0xfd then
		return nil
	elseif c < 0xfc then
		return 4, c - 0xf8
	end
	return 5, c - 0xfc
end

-- The code at position i and where the next one begins; nil: not valid.
local function decode(s, i, lax)
	local c = byte(s, i)

	if c < 0x80 then
		return c, i + 1
	end
	local n, code = following(c, lax)
	if not n then
		return nil
	end
	for k = i + 1, i + n do
		c = byte(s, k)
		if not c or c < 0x80 or c > 0xbf then
			return nil
		end
		code = code * 64 + c - 0x80
	end
	if code < least[n] then
		return nil
	elseif not lax and
	    (code > 0x10ffff or code >= 0xd800 and code < 0xe000) then
		return nil
	end
	return code, i + n + 1
end

local function encode(code)
	local tail = {}
	local room = 0x40 -- what the first byte can hold
	local head = 0x80 -- the bits that say how many follow

	if code < 0x80 then
		return char(code)
	end
	repeat
		tail[#tail + 1] = 0x80 + code % 64
		code = floor(code / 64)
		room = room / 2
		head = head + room * 2
	until code < room
	local bytes = { head + code }
	for i = #tail, 1, -1 do
		bytes[#bytes + 1] = tail[i]
	end
	return char(unpack(bytes))
end

utf8 = { charpattern = '[\0-\x7F\xC2-\xFD][\x80-\xBF]*' }
package.loaded.utf8 = utf8

-- utf8.char(code...) -> string
function utf8.char(...)
	local out = {}

	for i = 1, select('#', ...) do
		local code = integer((select(i, ...)), i, 'char')

		if code < 0 or code > 0x7fffffff then
			error(('bad argument #%d to \'char\' ' ..
				'(value out of range)'):format(i), 2)
		end
		out[i] = encode(code)
	end
	return concat(out)
end

-- utf8.len(s [, i [, j [, lax]]]) -> characters | nil, first invalid byte
function utf8.len(s, i, j, lax)
	s = text(s, 'len')
	local n, len, code = 0, #s
	local at = from_front(integer(i or 1, 2, 'len'), len)
	local last = from_front(integer(j or -1, 3, 'len'), len)

	if at < 1 or at > len + 1 then
		error("bad argument #2 to 'len' " ..
			'(initial position out of bounds)', 2)
	elseif last > len then
		error("bad argument #3 to 'len' " ..
			'(final position out of bounds)', 2)
	end
	while at <= last do
		local start = at

		code, at = decode(s, start, lax)
		if not code then
			return nil, start
		end
		n = n + 1
	end
	return n
end

-- utf8.codepoint(s [, i [, j [, lax]]]) -> code...
function utf8.codepoint(s, i, j, lax)
	s = text(s, 'codepoint')
	local len, codes, code = #s, {}
	local at = from_front(integer(i or 1, 2, 'codepoint'), len)
	local last = from_front(integer(j or at, 3, 'codepoint'), len)

	if at < 1 or last > len then
		error(("bad argument #%d to 'codepoint' (out of bounds)")
			:format(at < 1 and 2 or 3), 2)
	end
	while at <= last do
		code, at = decode(s, at, lax)
		if not code then
			error(INVALID, 2)
		end
		codes[#codes + 1] = code
	end
	return unpack(codes)
end

-- utf8.offset(s, n [, i]) -> position of the n-th character from i | nil
function utf8.offset(s, n, i)
	s = text(s, 'offset')
	n = integer(n, 2, 'offset')
	local len = #s
	local at = from_front(integer(i or (n > 0 and 1 or len + 1), 3,
		'offset'), len)

	if at < 1 or at > len + 1 then
		error("bad argument #3 to 'offset' (position out of bounds)",
			2)
	end
	if n ~= 0 and is_continuation(s, at) then
		error('initial position is a continuation byte', 2)
	end
	while n == 0 and at > 1 and is_continuation(s, at) do
		at = at - 1
	end
	while n < 0 and at > 1 do
		repeat
			at = at - 1
		until at == 1 or not is_continuation(s, at)
		n = n + 1
	end
	if n > 0 then
		n = n - 1
		while n > 0 and at <= len do
			repeat
				at = at + 1
			until not is_continuation(s, at)
			n = n - 1
		end
	end
	return n == 0 and at or nil
end

local function next_code(s, at, lax)
	local code, behind

	at = at + 1
	while is_continuation(s, at) do
		at = at + 1
	end
	if at > #s then
		return nil
	end
	code, behind = decode(s, at, lax)
	if not code or is_continuation(s, behind) then
		error(INVALID, 3)
	end
	return at, code
end

local function next_strict(s, at)
	local where, code = next_code(s, at, false)

	return where, code
end

local function next_lax(s, at)
	local where, code = next_code(s, at, true)

	return where, code
end

-- utf8.codes(s [, lax]) -> iterator of position, code
function utf8.codes(s, lax)
	s = text(s, 'codes')
	if is_continuation(s, 1) then
		error("bad argument #1 to 'codes' (" .. INVALID .. ')', 2)
	end
	return lax and next_lax or next_strict, s, 0
end
