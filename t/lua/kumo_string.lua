-- kumo.string
local kumo = require 'kumo'
local s = kumo.string

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function list(t)
  -- an array of kumo's: its metatable is hidden
  assert(getmetatable(t) == false)
  return #t .. ':' .. table.concat(t, '|')
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- replace, replacen
same(s.replace('this is old old 123', 'old', 'new'), 'this is new new 123')
same(s.replace('foo foo', 'foo', ''), ' ')
same(s.replace('a.b', '.', '%1'), 'a%1b')
same(s.replace('', 'a', 'b'), '')
same(s.replace('', '', 'b'), 'b')
same(s.replace('aü', '', '-'), '-a-ü-')
same(s.replace('aaa', 'aa', 'b'), 'ba')
same(s.replace('a\0b', '\0', '0'), 'a0b')
same(s.replace(1212, 2, 3), '1313')
same(s.replacen('foo foo 123 foo', 'foo', 'new', 2), 'new new 123 foo')
same(s.replacen('foo', 'foo', 'new', 0), 'foo')
same(s.replacen('foo', 'o', 'new', 99), 'fnewnew')
same(s.replacen('ab', '', '-', 2), '-a-b')
raises('error converting Lua nil to String', s.replace, 'a', 'b')
raises('error converting Lua table to String', s.replace, {}, 'b', 'c')
raises('error converting Lua boolean to String', s.replace, 'a', true, 'c')
raises('out of range', s.replacen, 'a', 'b', 'c', -1)
raises('integer', s.replacen, 'a', 'b', 'c', 1.5)
raises('integer', s.replacen, 'a', 'b', 'c')
raises('64 MiB', s.replace, ('x'):rep(100000), '', ('y'):rep(100000))
same(#s.replace(('x'):rep(100000), 'x', 'yz'), 200000)

-- split and its kin
same(list(s.split('a,b,,c', ',')), '4:a|b||c')
same(list(s.split('', ',')), '1:')
same(list(s.split('abc', '')), '5:|a|b|c|')
same(list(s.split('a.b', '.')), '2:a|b')
same(list(s.split('a\0b', '\0')), '2:a|b')
same(list(s.splitn('a,b,c', 2, ',')), '2:a|b,c')
same(list(s.splitn('a,b,c', 0, ',')), '0:')
same(list(s.rsplit('a,b,,c', ',')), '4:c||b|a')
same(list(s.rsplit('aaa', 'aa')), '2:|a')
same(list(s.rsplit('aü', '')), '4:|ü|a|')
same(list(s.rsplitn('a,b,c', 2, ',')), '2:c|a,b')
same(list(s.rsplitn('a,b,c', 1, ',')), '1:a,b,c')
same(list(s.split_whitespace(' a\u{3000}b\tc\n')), '3:a|b|c')
same(list(s.split_whitespace(' ')), '0:')
same(list(s.split_ascii_whitespace(' a\u{3000}b\tc\n')), '2:a\u{3000}b|c')
raises('error converting Lua nil to String', s.split, 'a')
raises('error converting', s.splitn, 'a', ',', 2)
raises('integer', s.rsplitn, 'a', ',', 'b')
raises('error converting', s.split_whitespace)
same(#s.split((','):rep(50000), ','), 50001)

-- starts_with, ends_with
assert(s.starts_with('abc', 'ab'))
assert(s.starts_with('abc', ''))
assert(not s.starts_with('abc', 'b'))
assert(not s.starts_with('a', 'ab'))
assert(s.starts_with('\255a', '\255'))
assert(s.ends_with('abc', 'bc'))
assert(s.ends_with('abc', ''))
assert(s.ends_with('', ''))
assert(not s.ends_with('bc', 'abc'))
raises('error converting', s.starts_with, 'a')
raises('error converting', s.ends_with, nil, 'a')

-- trim
same(s.trim '\u{a0} a b \r\n', 'a b')
same(s.trim_start ' a ', 'a ')
same(s.trim_end ' a ', ' a')
same(s.trim '', '')
same(s.trim(12), '12')
raises('error converting', s.trim, {})

-- wrap
same(s.wrap 'hello', 'hello')
same(s.wrap(('A'):rep(200), 75, 100), ('A'):rep(100) .. '\r\n\t' .. ('A'):rep(100))
same(s.wrap((' word'):rep(20), 75, 100),
  ('word '):rep(14) .. 'word\r\n\tword word word word word')
same(s.wrap('a b', nil, 0), 'a b')
same(s.wrap('', 1, 1), '')
raises('out of range', s.wrap, 'a', -1)
raises('integer', s.wrap, 'a', 'x')
raises('error converting', s.wrap)

-- psl_domain, psl_suffix
local built, why = pcall(s.psl_domain, 'www.example.com')
if built then
  same(s.psl_domain 'www.example.com', 'example.com')
  same(s.psl_domain 'WWW.Example.COM.', 'example.com')
  same(s.psl_domain 'com', nil)
  same(s.psl_domain '', nil)
  same(s.psl_domain 'a.example.co.uk', 'example.co.uk')
  same(s.psl_domain 'host.lan', 'host.lan')
  same(s.psl_suffix 'www.example.com', 'com')
  same(s.psl_suffix 'www.example.CO.uk.', 'co.uk')
  same(s.psl_suffix 'com', 'com')
  same(s.psl_suffix '.', nil)
  same(s.psl_domain 'a\0.com', nil)
  same(s.psl_domain(('a.'):rep(1000) .. 'com'), nil)
else
  raises('kumo.string.psl_domain: built without libpsl', error, why)
  raises('built without libpsl', s.psl_suffix, 'a.com')
end
raises('error converting', s.psl_domain)
