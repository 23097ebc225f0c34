-- msys.pcre
-- slow machines and sanitizers: what a pattern may take is not tested here
require('kumo').milter.configure { cpu_limit = '3600s' }
local msys = require 'msys'
assert(require 'msys.pcre' == msys.pcre)
local pcre = msys.pcre

local function show(t)
  local keys, out = {}, {}
  for k in pairs(t) do
    keys[#keys + 1] = k
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, k in ipairs(keys) do
    out[#out + 1] = k .. '=' .. t[k]
  end
  return table.concat(out, ' ')
end

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function fails(why, f, ...)
  local ok, text = pcall(f, ...)
  if ok or not tostring(text):find(why, 1, true) then
    error(('got %q, expected %q'):format(tostring(text), why), 2)
  end
end

-- match: subject, pattern, result
for _, row in ipairs {
  { 'RCPT TO:<a@b.example>', '^RCPT TO:<(.*)@', '0=RCPT TO:<a@ 1=a' },
  { 'x=1; y=2', '(?P<k>\\w)=(?P<v>\\d)', '0=x=1 1=x 2=1 k=x v=1' },
  { 'b', '(a)|(b)', '0=b 1= 2=b' },
  { 'a', '(a)|(b)', '0=a 1=a' }, -- nothing behind the last that matched
  { 'a', '(?<x>a)|(?<y>b)', '0=a 1=a x=a' },
  { 'a\0b', '\\0', '0=\0' },
  { 'Hello', '(?i)HELLO', '0=Hello' },
  { 'a@b', 'a\\@b', '0=a@b' },
  { 'aj', 'a\\j', '0=aj' }, -- PCRE of old: an unknown escape is its letter
  { '\195\188', '^..$', '0=\195\188' }, -- bytes
  { '\195\188', '(*UTF8)^.$', '0=\195\188' },
  { '\255', '(*UTF8).', '0=\239\191\189' }, -- what is not UTF-8
  { 42, '4', '0=4' },
} do
  local m = pcre.match(row[1], row[2])
  same(m and show(m), row[3])
end
same(select('#', pcre.match('a', 'b')), 1)
same(pcre.match('a', 'b'), nil)

-- a pattern that is none
for _, f in ipairs { pcre.match, pcre.split, pcre.replace } do
  local t, why, number = f('a', 'a(', f ~= pcre.split and 'x' or nil)
  same(t, nil)
  same(why, 'missing closing parenthesis at byte 3')
  same(number, 114)
end

-- replace: subject, pattern, replacement, result
for _, row in ipairs {
  { 'aXbX', 'X', '-', 'a-b-' },
  { 'abc', 'x', '-', 'abc' },
  { 'ann@example.com', '(.*)@(.*)', '$2 at $1', 'example.com at ann' },
  { 'ab', '(a)(b)', '\\2\\1', 'ba' },
  { 'ab', '(?<n>a)', '[${n}]${1}1', '[a]a1b' },
  { 'ab', 'a', 'US$ 5', 'US$ 5b' },
  { 'text\r\n.\r\n', '\\r\\n\\.\\r\\n$', '\r\n--\r\n.\r\n', 'text\r\n--\r\n.\r\n' },
  { 'a1', '\\d', 2, 'a2' },
} do
  same(pcre.replace(row[1], row[2], row[3]), row[4])
end
same(select('#', pcre.replace('a', 'a', 'b')), 1)

-- split: subject, pattern, fields
for _, row in ipairs {
  { 'a@b', '@', 'a|b' },
  { 'v=DMARC1; p=none;', '\\s*;\\s*', 'v=DMARC1|p=none' },
  { 'a,,b', ',', 'a|b' },
  { ',a', ',', 'a' },
  { 'abc', 'x', 'abc' },
  { 'abc', 'x*', 'a|b|c' },
  { '', ',', '' },
  { 'a  b c', '\\s+', 'a|b|c' },
  { 'a1b22c', '(\\d)+', 'a|b|c' },
} do
  same(table.concat(pcre.split(row[1], row[2]), '|'), row[3])
end
same(#pcre.split('', ','), 0)
for n, fields in ipairs { 'a b c d', 'a|b c d', 'a|b|c d', 'a|b|c|d', 'a|b|c|d' } do
  same(table.concat(pcre.split('a b c d', ' ', n), '|'), fields)
end

-- limits and functions
same(pcre.replace('aaa', 'a', 'b', 2), 'bba')
same(pcre.replace('aaa', 'a', 'b', 0), 'aaa')
same(pcre.replace('aaa', 'a', 'b', -1), 'bbb')
local seen = {}
same(pcre.replace('quick lemon quick', '(?<n>qu)ic(k)', function(m)
  seen[#seen + 1] = m[0] .. m.n .. m[2]
  return #seen == 2 and 'X'
end), 'quick lemon X')
same(table.concat(seen, ' '), 'quickquk quickquk')
same(pcre.replace('a1b2', '\\d', function(m)
  return m[0] * 2
end, 1), 'a2b2')
same(pcre.replace('ab', 'x*', function()
  return '-'
end), pcre.replace('ab', 'x*', '-'))
same(select('#', pcre.match('a', '')), 3)
same((select(2, pcre.split('a', ''))), 'an empty pattern was provided')
same((select(2, pcre.replace('a', 'a(', print))),
  'missing closing parenthesis at byte 3')
fails('msys_pcre.lua:', function()
  pcre.replace('a', 'a', function()
    return {}
  end)
end)
fails('mine', pcre.replace, 'a', 'a', function()
  error('mine')
end)

-- objects that read as texts, and those that do not
local s = msys.core.string_new()
s:set('text')
same(pcre.match(s, 'e(.)')[1], 'x')
same(pcre.replace(s, 'x', s), 'tetextt')
fails('msys.pcre.match: string expected, got nil', pcre.match, nil, 'a')
fails('msys.pcre.split: string expected, got table', pcre.split, 'a', {})
fails('msys_pcre.lua:', function()
  pcre.match(true, 'a')
end)

-- what needs too long raises, so that a sender cannot make a rule miss
local long = ('a'):rep(50000) .. 'cb'
fails('msys.pcre.match: too ', pcre.match, long, '(a+)+b')
fails('msys.pcre.replace: too ', pcre.replace, long, '(a+)+b', '')
fails('msys.pcre.split: too ', pcre.split, long, '(a+)+b')
fails('msys.pcre.replace: a result of more than 128 MB', pcre.replace, long,
  '(a{100})', ('$1'):rep(10000))
