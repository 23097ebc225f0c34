-- msg:build(): new messages
local msys = require 'msys'

local core = msys.core

local function same(got, want)
  if got ~= want then
    error(('expected %q, got %q'):format(tostring(want), tostring(got)), 2)
  end
end

local function raises(what, f, ...)
  local ok, why = pcall(f, ...)
  assert(not ok and why:find(what, 1, true), tostring(why))
end

local function shape(part)
  local child, all = part.parts, {}
  while child do
    all[#all + 1] = shape(child)
    child = child.next
  end
  return part:content_type().mimetype
    .. (#all > 0 and '(' .. table.concat(all, ' ') .. ')' or '')
end

local m = core.ec_message_new(nil)
m:build({
  Subject = 'gr\195\188n', from = 'From: A <a@a.example>',
  ['X-Evil'] = 'a\r\nBcc: b@b.example',
}, {
  ['text/html; charset=iso-8859-1'] = '<b>\252',
  ['text/plain'] = 'gr\195\188n\n',
  ['text/calendar'] = 'BEGIN',
}, {
  { type = 'text/csv', name = 'dir/a.csv', content = '1;2\n',
    headers = 'Openby: x\r\nCertificate: y' },
  { name = 'gr\195\188n.bin', content = '\0\1\10\2' },
})
same(m:header('Subject')[1], 'gr\195\188n')
same(m:header('From')[1], 'A <a@a.example>')
same(#m:header('Bcc'), 0)
same(m:header('MIME-Version')[1], '1.0')
same(m:address_header('from', 'domain')[1], 'a.example')
local top = m:mime(true)
same(shape(top), 'multipart/mixed(multipart/alternative(text/plain '
  .. 'text/calendar text/html) text/csv application/octet-stream)')
local plain = top.parts.parts
same(plain:text(), 'gr\195\188n\r\n')
same(plain:content_type().encoding, 'quoted-printable')
same(plain:header('Content-Disposition')[1], 'inline')
local html = plain.next.next
same(html:text(), '<b>\195\188')
same(html:content_type().encoding, 'base64')
local csv = top.parts.next
same(csv:text(), '1;2\r\n')
same(csv:content_type().filename, 'a.csv')
same(csv:content_type().is_attachment, true)
same(csv:header('Certificate')[1], 'y')
same(csv.next:text(), '\0\1\10\2')
same(csv.next:content_type().filename, 'gr\195\188n.bin')

raises('an empty message', m.build, m, {}, {}, {})
local n = core.ec_message_new()
n:build({ Subject = 'outer' }, { ['text/plain'] = 'see' }, { { content = m } })
same(shape(n:mime()), 'multipart/mixed(multipart/alternative(text/plain) '
  .. 'message/rfc822)')
assert(n:raw():find('Subject: =?UTF-8?q?gr=C3=BCn?=', 1, true))
raises('is no header', core.ec_message_new().build, core.ec_message_new(), {},
  {}, { { content = 'x', headers = 'x' } })
raises('a content type', core.ec_message_new().build, core.ec_message_new(),
  {}, { text = 'x' })
raises('not a header name', core.ec_message_new().build, core.ec_message_new(),
  { ['a\nb'] = 'x' })
