-- HeaderMap: a live view of the head of a part
local kumo = require 'kumo'

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local text = 'A: 1\nFrom: a@b.example,\n  c@d.example\nA: 2\na : 3\nodd\195\188: x\n\nbody'
local part = kumo.mimepart.parse(text)
local headers = part.headers
same(tostring(headers), text:match '^(.*\n)\n')

local seen = {}
for h in headers:iter() do
  seen[#seen + 1] = h.name .. '=' .. h.raw_value
end
same(table.concat(seen, '|'), 'A=1|From=a@b.example,\n  c@d.example|A=2|a=3|odd\195\188=x')
local n = 0
for h in headers:iter 'a' do
  n = n + 1
  same(h.unstructured, tostring(n))
  headers:remove_all_named 'a' -- the loop goes on with what was there
end
same(n, 3)
same(headers:get_first_named 'A', nil)
same(tostring(headers), 'From: a@b.example,\n  c@d.example\nodd\195\188: x\n')

-- a Header is a copy
local from = headers:get_first_named 'FROM'
headers:remove_all_named 'From'
same(from.name, 'From')
same(from.unstructured, 'a@b.example, c@d.example')
same(tostring(from), 'From: a@b.example,\n  c@d.example\r\n')

-- adding
headers:remove_all_named 'odd\195\188'
headers:append('X-Last', 'z')
headers:prepend('X-First', 'gr\195\188\195\159e')
same(tostring(headers), 'X-First: =?UTF-8?q?gr=C3=BC=C3=9Fe?=\r\nX-Last: z\r\n')
same(headers:get_first_named('x-first').value, 'gr\195\188\195\159e')
same(part.headers:get_first_named('x-last').value, 'z')
same(tostring(part), tostring(headers) .. '\nbody')

-- a header is one header, whatever its value
headers:append('X-Bad', 'a\r\nBcc: b@c\r\n\r\nbody\0')
n = 0
for _ in kumo.mimepart.parse(tostring(part)).headers:iter() do
  n = n + 1
end
same(n, 3)
for _, name in ipairs { '', 'a b', 'a:b', 'a\r\n', 'gr\195\188n' } do
  assert(not pcall(headers.append, headers, name, 'x'))
end
assert(not pcall(headers.append, headers, 'X', ('x'):rep(300000)))

-- long values
headers:prepend('X-Long', ('A'):rep(1500))
same(
  tostring(headers:get_first_named 'X-Long'),
  'X-Long: ' .. ('A'):rep(900) .. '\r\n\t' .. ('A'):rep(600) .. '\r\n'
)

-- a head that ends with the message
local bare = kumo.mimepart.parse 'A: b'
bare.headers:append('C', 'd')
same(tostring(bare), 'A: b\r\nC: d\r\n\r\n')
local none = kumo.mimepart.parse ''
none.headers:append('C', 'd')
same(tostring(none), 'C: d\r\n\r\n')
local bodied = kumo.mimepart.parse 'no head here'
bodied.headers:append('C', 'd')
same(tostring(bodied), 'C: d\r\n\r\nno head here')

-- another boundary is another boundary of the whole
local m = kumo.mimepart.parse(
  'Content-Type: multipart/mixed; boundary=one\n\n--one\n\nx\n--two\n--one--\n'
)
m.headers:set_content_type { value = 'multipart/mixed', parameters = { boundary = 'three' } }
same(m:get_simple_structure().text_part.body, 'x\n--two\n')
local again = kumo.mimepart.parse(tostring(m))
same(again.headers:content_type().parameters.boundary, 'three')
same(again:get_simple_structure().text_part.body, 'x\n--two\n')
m.headers:set_content_type 'multipart/mixed; boundary=two'
again = kumo.mimepart.parse(tostring(m))
assert(again.headers:content_type().parameters.boundary ~= 'two')
same(again:get_simple_structure().text_part.body, 'x\n--two\n')
assert(not pcall(m.headers.set_content_type, m.headers, 'text/plain'))
m.headers:set_content_type 'multipart/related'
again = kumo.mimepart.parse(tostring(m))
same(again.headers:content_type().value, 'multipart/related')
same(again:get_simple_structure().text_part.body, 'x\n--two\n')
