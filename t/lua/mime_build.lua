-- kumo.mimepart.new_*: parts from nothing, and the builder
local kumo = require 'kumo'
local mimepart = kumo.mimepart

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function lines(text)
  return (text:gsub('\n', '\r\n'))
end

same(
  tostring(mimepart.new_text_plain 'Hi'),
  'Content-Type: text/plain;\r\n\tcharset="us-ascii"\r\n\r\nHi\r\n'
)
same(
  tostring(mimepart.new_html '<b>\195\188</b>'),
  'Content-Type: text/html;\r\n\tcharset="utf-8"\r\n'
    .. 'Content-Transfer-Encoding: quoted-printable\r\n\r\n'
    .. '<b>=C3=BC</b>\r\n'
)
-- mostly not ASCII: base64 is shorter
same(
  mimepart.new_text('text/x-y', ('\228\189\160'):rep(20)).headers:content_transfer_encoding().value,
  'base64'
)
same(mimepart.new_text('text/x-y', ('\228\189\160'):rep(20)).body:sub(1, 3), '\228\189\160')

same(
  tostring(mimepart.new_binary('application/octet-stream', '\1\2')),
  'Content-Type: application/octet-stream\r\n'
    .. 'Content-Transfer-Encoding: base64\r\n\r\nAQI=\r\n'
)
same(
  tostring(mimepart.new_binary('image/png', 'x', {
    file_name = 'a "b".png',
    inline = true,
    content_id = '<c@d>',
  })),
  lines [[
Content-Disposition: inline;
	filename="a \"b\".png"
Content-ID: <c@d>
Content-Type: image/png;
	name="a \"b\".png"
Content-Transfer-Encoding: base64

eA==
]]
)

-- multiparts
local one = mimepart.new_text_plain 'one'
local two = mimepart.new_binary('application/x-two', '2', { file_name = 'zwei\195\188.bin' })
local both = mimepart.new_multipart('multipart/mixed', { one, two }, 'frontier')
same(
  tostring(both),
  lines [[
Content-Type: multipart/mixed;
	boundary="frontier"

--frontier
Content-Type: text/plain;
	charset="us-ascii"

one
--frontier
Content-Disposition: attachment;
	filename*=UTF-8''zwei%C3%BC.bin
Content-Type: application/x-two;
	name="=?UTF-8?q?zwei=C3=BC=2Ebin?="
Content-Transfer-Encoding: base64

Mg==
--frontier--
]]
)
same(both:get_simple_structure().attachments[1].file_name, 'zwei\195\188.bin')
local tricky = mimepart.new_multipart('multipart/mixed', {
  mimepart.new_text_plain 'x\n--frontier\ny',
}, 'frontier')
assert(tricky.headers:content_type().parameters.boundary ~= 'frontier')
same(#mimepart.new_multipart('multipart/mixed', {}):get_simple_structure().attachments, 0)

-- the builder
local b = mimepart.builder()
b:set_stable_content(true)
b:text_html '<i>Hallo</i>'
b:text_plain 'Hallo'
b:text_amp_html '<html amp4email></html>'
b:attach('image/gif', 'GIF', { inline = true, content_id = 'logo@x' })
b:attach('text/plain', 'readme')
b:attach_part(mimepart.new_binary('x/y', 'z'))
local message = b:build()
same(
  tostring(message),
  lines [[
Content-Type: multipart/mixed;
	boundary="mm-boundary"
Mime-Version: 1.0
Date: Tue, 1 Jul 2003 10:52:37 +0200

--mm-boundary
Content-Type: multipart/related;
	boundary="mr-boundary"

--mr-boundary
Content-Type: multipart/alternative;
	boundary="ma-boundary"

--ma-boundary
Content-Type: text/plain;
	charset="us-ascii"

Hallo
--ma-boundary
Content-Type: text/x-amp-html;
	charset="us-ascii"

<html amp4email></html>
--ma-boundary
Content-Type: text/html;
	charset="us-ascii"

<i>Hallo</i>
--ma-boundary--
--mr-boundary
Content-Disposition: inline
Content-ID: <logo@x>
Content-Type: image/gif
Content-Transfer-Encoding: base64

R0lG
--mr-boundary--
--mm-boundary
Content-Type: text/plain
Content-Transfer-Encoding: base64

cmVhZG1l
--mm-boundary
Content-Type: x/y
Content-Transfer-Encoding: base64

eg==
--mm-boundary--
]]
)
local s = message:get_simple_structure()
same(s.text_part.body, 'Hallo\r\n')
same(s.html_part.body, '<i>Hallo</i>\r\n')
same(s.amp_html_part.id, '0.0.1')
same(#s.attachments, 3)
for _, call in ipairs { 'build', 'text_plain', 'attach', 'set_stable_content' } do
  local ok, why = pcall(b[call], b, 'x', 'y')
  assert(not ok and tostring(why):find('builder already built!', 1, true), why)
end

-- without stable content it differs each time
local function random()
  local r = mimepart.builder()
  r:text_plain 'a'
  r:text_html 'b'
  return r:build().headers:content_type().parameters.boundary
end
assert(random() ~= random())

local function fails(what, f, ...)
  local ok, why = pcall(f, ...)
  assert(not ok and tostring(why):find(what, 1, true), tostring(why))
end
local empty = mimepart.builder()
fails('no text or html part', empty.build, empty)
empty:text_amp_html 'x'
fails('AMP', empty.build, empty)
fails('unknown field', empty.attach, empty, 'a/b', 'x', { filename = 'y' })
fails('content type', empty.attach, empty, 'ab', 'x')
fails('message id', empty.attach, empty, 'a/b', 'x', { content_id = 'a b' })
fails('content type', mimepart.new_text, 'text', 'x')
fails('MimePart expected', mimepart.new_multipart, 'multipart/mixed', { 'x' })
fails('70', mimepart.new_multipart, 'multipart/mixed', {}, ('x'):rep(71))
fails('printable', mimepart.new_multipart, 'multipart/mixed', {}, 'a\r\nb')

-- nesting has an end
local deep = mimepart.new_text_plain 'x'
local ok, why = pcall(function()
  for _ = 1, 60 do
    deep = mimepart.new_multipart('multipart/mixed', { deep })
  end
end)
assert(not ok and tostring(why):find('levels', 1, true), why)
