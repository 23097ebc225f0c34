-- msys.base64, msys.qp, msys.idn, msys.parseRFC2822Addresses
local msys = require 'msys'
assert(require 'msys.base64' == msys.base64)
assert(require 'msys.qp' == msys.qp)
assert(require 'msys.idn' == msys.idn)

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

-- base64
local e, d = msys.base64.encode, msys.base64.decode
same(e(''), '')
same(e('a\0\255'), 'YQD/')
same(e(('x'):rep(60)), ('eHh4'):rep(20)) -- one line
same(e(('x'):rep(60), true), ('eHh4'):rep(19) .. '\r\neHh4\r\n')
same(e('gr\195\188n', false, 'iso-8859-1'), 'Z3L8bg==')
same(e('\226\130\172', nil, 'iso-8859-1'), 'Pw==') -- no euro there: ?
same(d('YQD/'), 'a\0\255')
same(d('Y Q\r\n=='), 'a')
same(d('YQ'), 'a')
same(d('Z3L8bg==', 'iso-8859-1'), 'gr\195\188n')
fails('msys.base64.decode: the text is not base64', d, 'Y*Q=')
fails('msys.base64.decode: the text is not base64', d, 'YQ=')
fails("msys.base64.decode: the charset 'x-none' is not known", d, 'YQ==', 'x-none')
fails("msys.base64.encode: the charset 'x-none' is not known", e, 'a', false, 'x-none')
fails('msys_codec.lua:', function()
  d('Y*Q=')
end)
fails('string expected, got nil', e)
local s = msys.core.string_new()
s:set('abc')
same(e(s), 'YWJj')

-- quoted-printable
e, d = msys.qp.encode, msys.qp.decode
same(e('gr\195\188n='), 'gr=C3=BCn=3D')
same(e('gr\195\188n', 'iso-8859-1'), 'gr=FCn')
same(e('a\n.b'), 'a\r\n.b')
local dots = ('x'):rep(75) .. '.yy'
same(e(dots), ('x'):rep(75) .. '=\r\n.yy')
same(e(dots, nil, true), ('x'):rep(75) .. '=\r\n..yy')
same(e('.a\r\n.b', nil, true), '.a\r\n.b') -- those were there before
same(d('gr=C3=BCn=\r\n!'), 'gr\195\188n!')
same(d('gr=FCn', 'iso-8859-1'), 'gr\195\188n')
fails('msys.qp.decode: the text is not quoted-printable', d, 'a=ZZ')

-- idn
same(msys.idn.to_idn('B\195\188cher.Example'), 'xn--bcher-kva.example')
same(msys.idn.to_idn('example.com'), 'example.com')
same(msys.idn.to_utf8('xn--bcher-kva.example'), 'b\195\188cher.example')
same(msys.idn.to_utf8('xn--zzzz--.example'), 'xn--zzzz--.example')
local name, why = msys.idn.to_idn('a b')
same(name, nil)
same(why, '"a b" is no domain')

-- addresses: text, component, result
local list = 'Ann <ann+news@Example.com>, G: bob@b.example, "c d+e"@c.example;, <>'
for _, row in ipairs {
  { list, 'all', 'ann+news@Example.com bob@b.example "c d+e"@c.example' },
  { list, nil, 'ann+news@Example.com bob@b.example "c d+e"@c.example' },
  { list, 'localpart', 'ann+news bob c d+e' },
  { list, 'user', 'ann bob c d' },
  { list, 'detail', 'news  e' },
  { list, 'domain', 'Example.com b.example c.example' },
  { '', 'all', '' },
  { 'no address', 'all', '' },
  { 'a@b.example, broken', 'domain', '' }, -- half a list must not pass
  { 'a+b+c@d', 'detail', 'b+c' },
} do
  same(table.concat(msys.parseRFC2822Addresses(row[1], row[2]), ' '), row[3])
end
fails('the component is all, localpart, user, detail or domain, not name',
  msys.parseRFC2822Addresses, 'a@b', 'name')
same(#msys.parseRFC2822Addresses(('a@b,'):rep(2 ^ 19), 'all'), 0) -- too long
