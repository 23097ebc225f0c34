-- Our string functions against LuaJIT's own, on patterns made by chance.
-- stock: the functions as LuaJIT has them; their patterns end at a zero byte,
-- so none is in these.

local seed = 20240607

local function random(n) -- 1 to n; the same numbers on every machine
	seed = (seed * 1103515245 + 12345) % 2147483648
	return math.floor(seed / 65536) % n + 1
end

local function pick(list)
	return list[random(#list)]
end

local atoms = {
	'a', 'b', 'c', '.', 'a', 'b', '%a', '%A', '%d', '%s', '%w', '%W',
	'%p', '%x', '%u', '%l', '%c', '%g', '%z', '%S', '%D', '%.', '%%', '%-',
	'[abc]', '[^a]', '[a-c]', '[^b-]', '[]a]', '[^]b]', '[%a.]', '[%]x]',
	'[a-]', '[%w_]', '[^%s@]', '@', '.', '1', '-', ' ', '[a%-z]', '[%a-z]',
	'[--a]', '[a-%%]', '[1-3a-b]', '[%W]', '[^%D]', '[\1-\31]',
	'[\128-\255]', '\200', '^', '$', ']', '}',
}
local often = { '', '', '', '', '*', '+', '-', '?' }
local others = {
	'()', '%1', '%2', '%b()', '%bab', '%f[%a]', '%f[^b]', '%f[%z]', '$',
	'(', ')', '%3', '%baa',
}
local broken = {
	'[', '[a', '[^', '[]', '[^]', '%', '[%', '[%]', '%b', '%ba', '%f', '%fa',
	'%f[', '%0', '(', ')', '[a-', '())', '%9',
}
local bytes = {
	'a', 'b', 'c', 'a', 'b', 'a', '1', '2', '.', '-', ' ', '@', '(', ')',
	'%', '_', 'A', 'B', '\0', '\200', '\n', ']', '^', '$', 'x',
}

local function make_pattern()
	local out, open = {}, 0

	if random(8) == 1 then
		out[1] = '^'
	end
	for _ = 1, random(6) do
		local what = random(40)

		if what <= 26 then
			out[#out + 1] = pick(atoms) .. pick(often)
		elseif what <= 31 then
			out[#out + 1] = '('
			open = open + 1
		elseif what <= 35 and open > 0 then
			out[#out + 1] = ')'
			open = open - 1
		elseif what <= 39 then
			out[#out + 1] = pick(others)
		elseif random(2) == 1 then
			out[#out + 1] = pick(broken)
		end
	end
	if random(10) > 1 then
		out[#out + 1] = (')'):rep(open)
	end
	if random(8) == 1 then
		out[#out + 1] = '$'
	end
	return table.concat(out)
end

local function make_subject()
	local out = {}

	for i = 1, random(18) - 1 do
		out[i] = pick(bytes)
	end
	return table.concat(out)
end

-- Where our words differ from LuaJIT's.
local reworded = {
	['unbalanced pattern'] =
		"malformed pattern (missing arguments to '%b')",
}

local function show(...)
	local out = {}

	for i = 1, select('#', ...) do
		out[i] = ('%q'):format((select(i, ...)))
	end
	return table.concat(out, ', ')
end

local function same(what, mine, theirs)
	local equal = mine.n == theirs.n

	if not mine[1] and not theirs[1] then
		local why = theirs[2]:gsub('^%S+:%d+: ', '')
		local ours = mine[2]:gsub('^%S+:%d+: ', '')

		equal = ours == (reworded[why] or why)
	else
		for i = 1, theirs.n do
			equal = equal and mine[i] == theirs[i]
		end
	end
	if not equal then
		error(('%s\n  ours:  %s\n  stock: %s'):format(what,
			show(table.unpack(mine, 1, mine.n)),
			show(table.unpack(theirs, 1, theirs.n))), 2)
	end
	return mine[1] and mine[2] ~= nil
end

-- 5.4's gmatch and gsub, by means of stock.find: calls each(first, last,
-- captures...) and says whether 5.1's would have had more matches.
local function each_match(s, p, most, each)
	local at, last, skipped, n = 1, nil, false, 0

	while at <= #s + 1 and n < most do
		local m = table.pack(stock.find(s, p, at))

		if not m[1] then
			break
		elseif m[2] + 1 == last then
			skipped = true
			at = last + 1
		else
			n = n + 1
			each(table.unpack(m, 1, m.n))
			at, last = m[2] + 1, m[2] + 1
		end
	end
	return skipped
end

local function reference_gsub(s, p, answer)
	local out, done, n = {}, 1, 0
	local skipped = each_match(s, p, 1 / 0, function(first, last, ...)
		local whole = s:sub(first, last)
		local value

		n = n + 1
		if select('#', ...) == 0 then
			value = answer(whole)
		else
			value = answer(...)
		end
		out[#out + 1] = s:sub(done, first - 1)
		out[#out + 1] = value or whole
		done = last + 1
	end)

	out[#out + 1] = s:sub(done)
	return table.concat(out), n, skipped
end

local function reference_gmatch(s, p)
	local out = {}
	local skipped = each_match(s, p, 1 / 0, function(first, last, ...)
		out[#out + 1] = select('#', ...) == 0 and s:sub(first, last) or
			show(...)
	end)

	return table.concat(out, '|'), skipped
end

local function collect(gmatch, s, p)
	local out = {}

	for first, second in gmatch(s, p) do
		local captures = p:find('(', 1, true)

		out[#out + 1] = captures and show(first, second) or first
		if #out > 100 then
			break
		end
	end
	return table.concat(out, '|')
end

local function answer(first, second)
	if first == 'a' then
		return nil
	end
	return '<' .. tostring(first) .. tostring(second) .. '>'
end

local checked, matched, skips, errors = 0, 0, 0, 0

local function check_find(s, p)
	local init = random(12) - 4
	local what = ('find(%q, %q, %d)'):format(s, p, init)
	local find, match

	if init > #s + 1 then -- the rule of 5.4: behind the end is nothing
		assert(string.find(s, p, init) == nil)
		init = 1
	end
	find = table.pack(pcall(string.find, s, p, init))
	match = table.pack(pcall(string.match, s, p, init))
	if same(what, find, table.pack(pcall(stock.find, s, p, init))) then
		matched = matched + 1
	end
	if not find[1] then
		errors = errors + 1
	end
	same('match: ' .. what, match,
		table.pack(pcall(stock.match, s, p, init)))
	checked = checked + 1
end

local function check_gmatch(s, p)
	local what = ('gmatch(%q, %q)'):format(s, p)
	local mine = table.pack(pcall(collect, string.gmatch, s, p))
	local skipped = select(3, pcall(reference_gmatch, s, p))

	if skipped == false then
		same(what, mine,
			table.pack(pcall(collect, stock.gmatch, s, p)))
	elseif skipped and not p:find('(', 1, true) then
		skips = skips + 1
		same(what, mine, { n = 2, true, (reference_gmatch(s, p)) })
	end
end

local function check_gsub(s, p)
	local what = ('gsub(%q, %q)'):format(s, p)
	local mine = table.pack(pcall(string.gsub, s, p, answer))
	local theirs = table.pack(pcall(reference_gsub, s, p, answer))
	local skipped = theirs[4]

	theirs.n = theirs[1] and 3 or 2
	same(what, mine, theirs)
	if skipped ~= false then -- 5.1 would count more, or it failed
		skips = skips + (skipped and 1 or 0)
		return
	end
	for _, with in ipairs { answer, '<%0>', '%1', '%2', 'x', '', '%%%0x%1' } do
		same(what .. show(with), table.pack(pcall(string.gsub, s, p, with)),
			table.pack(pcall(stock.gsub, s, p, with)))
	end
	same(what, table.pack(pcall(string.gsub, s, p, { a = 'A', b = false }, 2)),
		table.pack(pcall(stock.gsub, s, p, { a = 'A', b = false }, 2)))
end

for _ = 1, rounds do
	local p = make_pattern()

	-- find takes a lone ')' for plain text, and so would our reference
	if not p:find('[%^%$%*%+%?%.%(%[%%%-]') then
		p = p .. 'a?'
	end
	for _ = 1, 3 do
		local s = make_subject()

		check_find(s, p)
		if not p:find('^%^') then
			check_gmatch(s, p)
			check_gsub(s, p)
		else
			same(p, table.pack(pcall(string.gsub, s, p, answer)),
				table.pack(pcall(stock.gsub, s, p, answer)))
		end
	end
end

-- the corpus is worth something: it matches, fails and is malformed
assert(checked == rounds * 3)
assert(matched > checked / 5, matched)
assert(errors > checked / 50, errors)
assert(skips > checked / 50, skips)
if os.getenv('CORPUS_VERBOSE') then
	print(checked, 'matched', matched, 'errors', errors, 'skips', skips)
end
