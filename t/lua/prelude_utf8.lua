-- utf8, held against the Lua 5.4 manual.

local function fails(text, f, ...)
	local ok, why = pcall(f, ...)

	assert(not ok, 'no error where one was expected: ' .. text)
	if not tostring(why):find(text, 1, true) then
		error(('expected %q, got %q'):format(text, tostring(why)), 2)
	end
end

local codes = {
	0, 0x41, 0x7f, 0x80, 0xe9, 0x7ff, 0x800, 0x20ac, 0xd7ff, 0xe000,
	0xffff, 0x10000, 0x1f600, 0x10ffff,
}
local beyond = {
	0xd800, 0xdfff, 0x110000, 0x1fffff, 0x200000, 0x3ffffff, 0x4000000,
	0x7fffffff,
}

-- char and codepoint are each other's inverse
for _, code in ipairs(codes) do
	local s = utf8.char(code)

	assert(utf8.codepoint(s) == code and utf8.len(s) == 1, code)
	assert(s:match('^' .. utf8.charpattern .. '$'), code)
end
for _, code in ipairs(beyond) do
	local s = utf8.char(code)

	assert(utf8.codepoint(s, 1, 1, true) == code, code)
	assert(utf8.len(s, 1, -1, true) == 1 and not utf8.len(s), code)
	fails('invalid UTF-8 code', utf8.codepoint, s)
end
assert(utf8.char() == '' and utf8.char(72, 0xe9, 0x20ac) == 'H\u{e9}\u{20ac}')
assert(utf8.char(0x7fffffff) == '\xFD\xBF\xBF\xBF\xBF\xBF')
fails('value out of range', utf8.char, -1)
fails('value out of range', utf8.char, 65, 2 ^ 31)
fails("bad argument #2 to 'char' (number expected, got table)", utf8.char, 65,
	{})

-- len
local s = 'a\u{e9}\u{20ac}\u{1f600}z'
assert(#s == 11 and utf8.len(s) == 5 and utf8.len('') == 0)
assert(utf8.len(s, 2) == 4 and utf8.len(s, -1) == 1 and utf8.len(s, 12) == 0)
assert(utf8.len(s, 1, 2) == 2 and utf8.len(s, 4, 3) == 0)
for _, bad in ipairs {
	'\x80', '\xC0\x80', '\xC1\xBF', '\xE0\x80\x80', '\xE0\x9F\xBF', '\xC3',
	'\xE2\x82', '\xF0\x80\x80\x80', '\xF4\x90\x80\x80', '\xED\xA0\x80',
	'\xFE', '\xFF', '\xC3\x28', '\xF8\x88\x80\x80\x80',
} do
	local n, at = utf8.len('ok' .. bad)

	assert(n == nil and at == 3)
	fails('invalid UTF-8 code', utf8.codepoint, bad)
	fails('invalid UTF-8 code', function()
		for _ in utf8.codes('ok' .. bad) do n = 0 end
	end)
end
assert(utf8.len(s, 3) == nil and select(2, utf8.len(s, 3)) == 3)
fails('initial position out of bounds', utf8.len, s, 13)
fails('initial position out of bounds', utf8.len, s, -12)
fails('final position out of bounds', utf8.len, s, 1, 12)
fails("bad argument #1 to 'len' (string expected, got nil)", utf8.len)

-- codepoint
assert(select('#', utf8.codepoint(s, 1, -1)) == 5)
assert(select(4, utf8.codepoint(s, 1, -1)) == 0x1f600)
assert(select('#', utf8.codepoint(s, 3, 2)) == 0)
assert(utf8.codepoint(s, -1) == 0x7a)
fails('out of bounds', utf8.codepoint, s, 12)
fails('out of bounds', utf8.codepoint, s, 1, 12)

-- offset
local starts = { 1, 2, 4, 7, 11, 12 }
for i, at in ipairs(starts) do
	assert(utf8.offset(s, i) == at, i)
	assert(utf8.offset(s, i - 7) == (i > 1 and starts[i - 1] or nil), i)
end
assert(utf8.offset(s, 7) == nil and utf8.offset(s, -6) == nil)
assert(utf8.offset(s, 0, 9) == 7 and utf8.offset(s, 0, 7) == 7)
assert(utf8.offset(s, 0) == 12)
assert(utf8.offset(s, 2, 4) == 7 and utf8.offset(s, -1, 4) == 2)
assert(utf8.offset('', 1) == 1 and utf8.offset('', 2) == nil)
fails('initial position is a continuation byte', utf8.offset, s, 1, 3)
fails('position out of bounds', utf8.offset, s, 1, 13)

-- codes
local seen = {}
for at, code in utf8.codes(s) do
	seen[#seen + 1] = at .. ':' .. code
end
assert(table.concat(seen, ' ') == '1:97 2:233 4:8364 7:128512 11:122')
for _ in utf8.codes('') do
	error('nothing to see')
end
local n = 0
for _, code in utf8.codes(utf8.char(table.unpack(beyond)), true) do
	n = n + 1
	assert(code == beyond[n])
end
assert(n == #beyond)
