-- kumo.regex: fancy-regex of Rust
-- slow machines and sanitizers: what a pattern may take is not tested here
require('kumo').milter.configure { cpu_limit = '3600s' }
local kumo = require 'kumo'
local regex = kumo.regex

local function show(value)
  if type(value) == 'table' then
    local out = {}
    for i, text in ipairs(value) do
      out[i] = text
    end
    return '{' .. table.concat(out, ',') .. '}'
  end
  return tostring(value)
end

local function same(got, expected)
  if show(got) ~= show(expected) then
    error(('got %s, expected %s'):format(show(got), show(expected)), 2)
  end
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function found(pattern, text)
  return regex.compile(pattern):find_all(text)
end

-- methods
local re = regex.compile [[(?P<year>\d{4})-(?P<month>\d\d)(-(\d\d))?]]
local got = re:captures 'on 2026-11 and 2027-01-02'
same(got[0], '2026-11')
same(got[1], '2026')
same(got.year, '2026')
same(got.month, '11')
same(got[3], nil)
same(got[4], nil)
same(re:captures('2027-01-02')[4], '02')
same(re:captures 'never', nil)
same(regex.compile('(a)?(b)'):captures('b')[1], nil)
same(regex.compile('(a)?(b)'):captures('b')[2], 'b')
same(re:is_match 'x2026-11x', true)
same(re:is_match '', false)
same(re:find 'x2026-11x', '2026-11')
same(re:find '', nil)
same(regex.compile('a*'):find 'b', '')
same(regex.compile('^$'):is_match '', true)
same(re:find(2026), nil)
same(select('#', re:captures 'never'), 1)
same(regex.compile('21'):is_match(2126), true)
same(regex.compile(12):is_match '123', true)

-- all matches: none that is empty right behind another
same(found('a', 'banana'), { 'a', 'a', 'a' })
same(found('a*', 'baac'), { '', 'aa', '' })
same(found('|a', 'a'), { '', '' })
same(found('', 'é'), { '', '' })
same(found('x', 'banana'), {})
same(#found('', 'aé'), 3)
same(getmetatable(found('x', 'y')), false) -- an array also when it is empty

-- split
same(regex.compile('[ \t]+'):split 'a b \t  c\td    e', { 'a', 'b', 'c', 'd', 'e' })
same(regex.compile(','):split ',a,,b,', { '', 'a', '', 'b', '' })
same(regex.compile(','):split '', { '' })
same(regex.compile(''):split 'ab', { '', 'a', 'b', '' })
same(regex.compile('x'):split 'abc', { 'abc' })
same(regex.compile('b?'):split 'abc', { '', 'a', 'c', '' })

-- replacements
local swap = regex.compile [[(?<user>\w+)@(\w+)]]
same(swap:replace('a@b c@d', '$2@$user'), 'b@a c@d')
same(swap:replace_all('a@b c@d', '${2}@${user}x'), 'b@ax d@cx')
same(swap:replace_all('a@b c@d', '$2x$userx'), ' ')
same(swap:replacen('a@b c@d e@f', 2, '$$$1$'), '$a$ $c$ e@f')
same(swap:replacen('a@b c@d e@f', 0, '-'), '- - -')
same(swap:replace_all('a@b', '$0 $3 ${nobody} ${user ${} $.'), 'a@b   ${user ${} $.')
same(swap:replace_all('a@b', [[\1 \$1]]), [[\1 \a]])
same(regex.compile('a*'):replace_all('baac', '-'), '-b-c-')
same(regex.compile('x'):replace('abc', '-'), 'abc')
same(regex.compile('[aeiou]'):replace_all(101, '-'), '101')
same(regex.compile('1'):replace_all(101, 2), '202')

-- Unicode, unlike Lua's own patterns
same(found([[\w+]], 'Grüße an日本'), { 'Grüße', 'an日本' })
same(found('.', 'aé日'), { 'a', 'é', '日' })
same(found([[\d]], '1٣'), { '1', '٣' })
same(found([[\bé\b]], 'é aé'), { 'é' })
same(found([[\s]], 'a\xc2\xa0b'), { '\xc2\xa0' })
same(found('(?i)GRÜSSE', 'grüsse'), { 'grüsse' })
same(found([[\p{Greek}+]], 'abcαβγ'), { 'αβγ' })
same(found([[\p{Uppercase_Letter}\p{^Letter}]], 'aÜ1'), { 'Ü1' })
same(found([[\u{e9}\u00e9\U000000e9\x{e9}]], 'éééé'), { 'éééé' })
same(found('.', 'a\xff'), { 'a', '\239\191\189' })

-- what Rust writes in its own way
same(regex.compile('a$'):is_match 'a\n', false)
same(regex.compile('(?m)a$'):is_match 'a\nb', true)
same(regex.compile('(?m)a$'):is_match 'a\r\nb', false)
same(found('.', 'a\r\n'), { 'a', '\r' })
same(found('(?s).', 'a\n'), { 'a', '\n' })
same(found('[[:alpha:]]+', 'abcé'), { 'abc' })
same(found('[a-z&&[^aeiou]]+', 'regular'), { 'r', 'g', 'l', 'r' })
same(found('[a-z--[aeiou]]+', 'regular'), { 'r', 'g', 'l', 'r' })
same(found('[^a-z--[aeiou]]+', 'regular!'), { 'e', 'u', 'a', '!' })
same(found('[a-c[x-z]1]+', 'abx1-'), { 'abx1' })
same(found('[^a-c[x-z]]+', 'abx1-'), { '1-' })
same(found('[]a-]+', ']a-b'), { ']a-' })
same(found([[\h+]], 'xfeG'), { 'fe' })
same(found([[[\H]+]], 'xfeG'), { 'x', 'G' })
same(found([[\<a]], 'a ba'), { 'a' })
same(found([[a\b{end}]], 'ab ba'), { 'a' })
same(found('a{,2}b', 'aaab'), { 'aab' })
same(found('(?x) a  b # a comment [', 'ab'), { 'ab' })
same(found('(?U)a+', 'aa'), { 'a', 'a' })
same(found('(?u)a(?i-s:B)', 'ab'), { 'ab' })
same(found([[(\w)\1]], 'hello'), { 'll' })
same(found([[\w+(?=@)]], 'me@x'), { 'me' })
same(found([[(?<!x)y]], 'xyy'), { 'y' })
same(found('(?>a+)b', 'aab'), { 'aab' })
same(found('a++b', 'aab'), { 'aab' })

-- escape
same(regex.escape 'a.b*c[d]{e}(f)|g^h$i+j?k\\l#m&n-o~p q/é',
  [[a\.b\*c\[d\]\{e\}\(f\)\|g\^h\$i\+j\?k\\l\#m\&n\-o\~p q/é]])
same(regex.escape '', '')
same(regex.escape(1.5), [[1\.5]])
local odd = '^(a|b)[c]{2}\\d$ # & ~ -'
same(regex.compile('^' .. regex.escape(odd) .. '$'):is_match(odd), true)

-- misuse
for _, bad in ipairs {
  '(',
  ')',
  '[a',
  'a**b(',
  '*a',
  '(?R)',
  '(?-u)a',
  '(*UTF8)a',
  '(*ACCEPT)',
  [[\Qa\E]],
  [[\y]],
  '(?C1)',
  '[a~~b]',
  '[&&a]',
  '[a&&]',
  '[[:none:]]',
  '\\',
  '(?<a>x)(?<a>y)',
  'a\0b',
  'a\xff',
  ('a'):rep(70000),
} do
  raises('kumo.regex.compile: ', regex.compile, bad)
end
raises('error converting Lua nil to String', regex.compile)
raises('error converting Lua table to String', regex.compile, {})
raises('error converting Lua nil to String', regex.escape)
raises('error converting Lua nil to String', re.find, re)
raises('error converting Lua table to String', re.replace, re, 'a', {})
raises('error converting Lua nil to integer', re.replacen, re, 'a')
raises('out of range', re.replacen, re, 'a', -1, 'b')
raises('Regex expected', re.find, 'a', 'b')
for _, name in ipairs { 'captures', 'is_match', 'find', 'find_all', 'split',
  'replace', 'replace_all', 'replacen' } do
  local method = re[name]
  raises('Regex expected', method, nil, 'a', 1, 'b')
  raises('Regex expected', method, {}, 'a', 1, 'b')
  raises('error converting Lua nil to String', method, re, nil, 1, 'b')
  raises('error converting Lua table to String', method, re, {}, 1, 'b')
  raises('error converting Lua boolean to String', method, re, true, 1, 'b')
end
raises("attempt to get an unknown field 'none'", function()
  return re.none
end)
raises("attempt to set an unknown field 'none'", function()
  re.none = 1
end)
-- what would need ages ends, and is no "no"
raises('too ', function()
  return regex.compile('(a+)+$'):is_match(('a'):rep(60) .. '!')
end)
