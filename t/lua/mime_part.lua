-- MimePart: reading and changing a tree that came as bytes
local kumo = require 'kumo'

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function lines(text)
  return (text:gsub('\n', '\r\n'))
end

local mixed = lines [[
From: Ann <ann@a.example>
Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

preamble
--outer
Content-Type: multipart/alternative; boundary="in ner"

--in ner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 =
more
--in ner
Content-Type: text/html

<p>hi</p>
--in ner--
--outer
Content-Type: application/pdf; name="a.pdf"
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf
Content-Transfer-Encoding: base64
Content-ID: <one@a.example>

JVBERi0=
--outer
Content-Type: text/plain

second text
--outer--
epilogue
]]

-- structure
local root = kumo.mimepart.parse(mixed)
same(tostring(root), mixed)
same(root.id, '')
same(root.body, '')
same(root.limited, false)
same(root.headers:subject(), 'grüße')

local s = root:get_simple_structure()
same(s.header_part.id, '')
same(s.text_part.id, '0.0')
same(s.text_part.body, 'café more\r\n')
same(s.html_part.body, '<p>hi</p>\r\n')
same(s.amp_html_part, nil)
same(#s.attachments, 2)
local pdf, second = s.attachments[1], s.attachments[2]
same(pdf.file_name, 'résumé.pdf')
same(pdf.content_type, 'application/pdf')
same(pdf.content_id, 'one@a.example')
same(pdf.inline, false)
same(pdf.part.body, '%PDF-')
same(second.file_name, nil)
same(second.content_type, 'text/plain')
same(second.inline, true)
same(second.content_id, nil)
same(second.part.body, 'second text\r\n')

-- a change of one part is a change of that part only
second.part.body = 'a=b and ü\n'
same(second.part.body, 'a=b and ü\r\n')
local head, tail =
  mixed:match '^(.*%-%-outer\r\n)Content%-Type: text/plain\r\n\r\nsecond text\r\n(.*)$'
same(
  tostring(root),
  head
    .. 'Content-Type: text/plain;\r\n\tcharset="utf-8"\r\n'
    .. 'Content-Transfer-Encoding: quoted-printable\r\n\r\n'
    .. 'a=3Db and =C3=BC\r\n'
    .. tail
)
same(tostring(s.text_part), tostring(root))

-- binary content is base64, and keeps its bytes
second.part:replace_body('\255\254\0x', 'image/x-thing')
same(second.part.body, '\255\254\0x')
same(second.part.headers:content_type().value, 'image/x-thing')
same(second.part.headers:content_transfer_encoding().value, 'base64')

-- a line that looks like the boundary moves the boundary, not the tree
s.text_part.body = 'x\n--in ner--\n--outer\ny\n'
local again = kumo.mimepart.parse(tostring(root))
same(again:get_simple_structure().text_part.body,
  'x\r\n--in ner--\r\n--outer\r\ny\r\n')
same(#again:get_simple_structure().attachments, 2)
same(#root:get_simple_structure().attachments, 2)

-- append_part copies, also from itself and from other trees
local note = kumo.mimepart.new_text_plain 'note'
root:append_part(note)
note.body = 'changed'
same(root:get_simple_structure().attachments[3].part.body, 'note\r\n')
root:append_part(root)
same(kumo.mimepart.parse(tostring(root)):get_simple_structure().attachments[4].part.id, '4.0.0')
local ok, why = pcall(note.append_part, note, note)
same(ok, false)
assert(tostring(why):find('no multipart', 1, true), why)

-- a part that is gone says so; the others go on
local inner = s.text_part
root.body = 'now one text'
same(root.body, 'now one text\r\n')
ok, why = pcall(function()
  return inner.body
end)
same(ok, false)
assert(tostring(why):find('removed from its message', 1, true), why)
ok = pcall(function()
  return inner.headers
end)
same(ok, false)
same(root.headers:content_type().value, 'text/plain')

-- rebuild
local raw = kumo.mimepart.parse 'Subject: gr\195\188\195\159e an Jos\195\169\nX: y\n\nk\195\182nig'
local built = raw:rebuild()
same(built.headers:subject(), 'grüße an José')
same(built.headers:mime_version(), '1.0')
same(built.headers:get_first_named('X').value, 'y')
same(built.body, 'könig\r\n')
assert(not tostring(built):find '[\128-\255]', tostring(built))
assert(not tostring(built):gsub('\r\n', ''):find '[\r\n]')
same(tostring(built:rebuild()), tostring(built))
local whole = kumo.mimepart.parse(mixed):rebuild()
same(whole:get_simple_structure().text_part.body, 'café more\r\n')
same(whole:get_simple_structure().attachments[1].part.body, '%PDF-')
same(whole:get_simple_structure().attachments[1].file_name, 'résumé.pdf')

-- what is no MIME is text; nothing raises
for _, text in ipairs {
  '', '\n', 'no header at all', '\0\0\0', '\r\r\r', '\239\187\191Subject: x\n\nb',
  'Content-Type: multipart/mixed; boundary=x\n\nnothing',
  'Content-Type: multipart/mixed; boundary=""\n\n--\n--\n',
  'Content-Type: \n\n', ': x\n', 'A:b',
} do
  local part = kumo.mimepart.parse(text)
  same(tostring(part), text)
  assert(type(part.body) == 'string')
  assert(type(tostring(part:rebuild())) == 'string')
  part:get_simple_structure()
end

-- a content type is a type and no more
root:replace_body('x', 'text/plain\r\nBcc: y; charset=z')
same(
  tostring(root.headers):match 'Content%-Type.*',
  'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\n'
)

-- misuse
for _, f in ipairs {
  function() kumo.mimepart.parse() end,
  function() kumo.mimepart.parse {} end,
  function() return root.bdy end,
  function() root.id = 'x' end,
  function() root.body = {} end,
  function() root:replace_body('x', 'notatype') end,
  function() root:append_part 'x' end,
  function() root.headers.body = 1 end,
  function() kumo.mimepart.parse('x').get_simple_structure() end,
} do
  assert(not pcall(f))
end
