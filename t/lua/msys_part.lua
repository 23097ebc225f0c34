-- ec_message_part: a message as a tree, on messages that are in no transaction
local msys = require 'msys'

local core = msys.core

local function make(text)
  local m = core.ec_message_new()
  m:raw((text:gsub('\n', '\r\n')))
  return m
end

local function raw(m)
  return (m:raw():gsub('\r\n', '|'))
end

local function same(got, want)
  if got ~= want then
    error(('expected %q, got %q'):format(tostring(want), tostring(got)), 2)
  end
end

local function raises(what, f, ...)
  local ok, why = pcall(f, ...)
  assert(not ok and why:find(what, 1, true), tostring(why))
end

local TEXT = 'Subject: s\nMIME-Version: 1.0\n'
  .. 'Content-Type: multipart/mixed; boundary=out\n\n--out\n'
  .. 'Content-Type: multipart/alternative; boundary=in\n\n'
  .. '--in\nContent-Type: text/plain; charset=UTF-8\n\none\n'
  .. '--in\nContent-Type: text/html\n'
  .. 'Content-Transfer-Encoding: Base64\n\nPGI+dHdvPC9iPg==\n--in--\n'
  .. '--out\nContent-Type: application/pdf; name=b.pdf\nX-Id: 1\nX-Id: 2\n'
  .. 'Content-Disposition: attachment; filename=a.pdf\n\nPDF\n--out--\n'

local function shape(part)
  local whole, kind = part:content_type().mimetype:match('(.*)/(.*)')
  local child, all = part.parts, {}
  if whole ~= 'multipart' then
    return kind
  end
  while child do
    all[#all + 1] = shape(child)
    child = child.next
  end
  return kind .. '(' .. table.concat(all, ' ') .. ')'
end

-- the walk
local m = make(TEXT)
local top = m:mime(true)
same(msys.type(top), 'msys.core:_ec_message_part')
same(shape(top), 'mixed(alternative(plain html) pdf)')
local at, seen = top, {}
while at ~= nil do
  seen[#seen + 1] = at:content_type().mimetype
  at = at.thread
end
same(table.concat(seen, ' '), 'multipart/mixed multipart/alternative '
  .. 'text/plain text/html application/pdf')
same(top.parent, nil)
same(top.next, nil)
same(top.parts.parent, top)
same(top.parts.next.next, nil)
same(m:mime(true), top)
same(top.parts, top.parts)

-- what they say
local plain, html = top.parts.parts, top.parts.parts.next
local pdf = top.parts.next
same(plain:content_type().charset, 'UTF-8')
same(plain:content_type().encoding, '7bit')
same(plain:content_type().is_attachment, false)
same(plain:content_type().filename, nil)
same(html:content_type().charset, 'us-ascii')
same(html:content_type().encoding, 'base64')
same(pdf:content_type().filename, 'a.pdf')
same(pdf:content_type().is_attachment, true)
same(pdf:content_type().charset, nil)
same(plain:text(), 'one\r\n')
same(html:text(), '<b>two</b>')
same(pdf:text(), 'PDF\r\n')
same(top:text(), nil)
same(make('A: b\n\n'):mime():text(), nil)
same(make('A: b\n\nx'):mime():content_type().mimetype, 'text/plain')
same(html.body, 'PGI+dHdvPC9iPg==\r\n')
same(html.body_start, 0)
same(html.body_end, 18)
same(table.concat(pdf:header('x-id'), ';'), '1;2')
same(#pdf:header('none'), 0)
same(top:header('Subject')[1], 's')
same(html:body_match('PG')[0], 'PG')
same(html:body_match('two'), false)
same(html:text_match('two')[0], 'two')
same(html:raw_match('Base64')[0], 'Base64')
same(html:raw_match('one'), false)
same(top:text_match('two')[0], 'two')
same(#top:address_header('Subject'), 0)

-- read-only
raises('read-only', pdf.header, pdf, 'X', 'y')
raises('read-only', pdf.header, pdf, 'X', nil)
raises('read-only', plain.text, plain, 'x')
raises('read-only', plain.body_replace, plain, 'x', 'y')
raises('read-only', plain.raw_replace, plain, 'x', 'y')
raises('read-only', plain.text_replace, plain, 'x', 'y')
raises('read-only', pdf.unlink, pdf)
raises('read-only', top.addLastChild, top, m:makePart('text/plain', 'x'))
raises('read-only', m:makePart('text/plain', 'x').insertAfter,
  m:makePart('text/plain', 'x'), pdf)
raises('read-only', function()
  plain.body = 'x'
end)
same(raw(m), (TEXT:gsub('\n', '|')))

-- changes, seen in the message at once and nowhere else
local function changed(what, want, ...)
  m = make(TEXT)
  top = m:mime(false)
  plain, html, pdf = top.parts.parts, top.parts.parts.next, top.parts.next
  same(what(...), want)
  return raw(m), (TEXT:gsub('\n', '|'))
end

local got, was = changed(function()
  return pdf:header('X-Id', nil)
end, true)
same(got, (was:gsub('X%-Id: %d|', '')))
got, was = changed(function()
  return pdf:header('X-Id', '3')
end, true)
same(got, (was:gsub('X%-Id: %d|', ''):gsub('a.pdf|', '%0X-Id: 3|')))
got, was = changed(function()
  return pdf:header('X-Id', '3', 'append')
end, true)
same(got, (was:gsub('a.pdf|', '%0X-Id: 3|')))
got, was = changed(function()
  return pdf:header('X-Id', '0', 'prepend')
end, true)
same(got, (was:gsub('Content%-Type: app', 'X-Id: 0|%0')))
got, was = changed(function()
  return pdf:header('X-None', nil)
end, false)
same(got, was)
got, was = changed(function()
  return top:header('Subject', 'gr\195\188n')
end, true)
same(got, (was:gsub('Subject: s|', '')
  :gsub('=out|', '%0Subject: =?UTF-8?q?gr=C3=BCn?=|')))
got, was = changed(function()
  return html:text_replace('two', 'three')
end, true)
same(got, (was:gsub('PGI.-|', 'PGI+dGhyZWU8L2I+|')))
got, was = changed(function()
  return html:text_replace('none', 'three')
end, false)
same(got, was)
changed(function()
  return plain:body_replace('ONE|one', 'zwei\r\n--in\r\n')
end, true)
same(shape(top), 'mixed(alternative(plain html) pdf)')
same(plain:text(), 'zwei\r\n--in\r\n\r\n')
got, was = changed(function()
  return plain:raw_replace('plain(; charset=UTF-8)', 'enriched$1\r\nX: y')
end, true)
same(got, (was:gsub('plain(; charset=UTF%-8|)', 'enriched%1X: y|')))
changed(function()
  return plain:text('gr\195\188n', 'text/plain', 'iso-8859-1')
end, true)
same(plain:text(), 'gr\195\188n')
same(plain:content_type().charset, 'iso-8859-1')
same(plain:content_type().encoding, 'quoted-printable')
got, was = changed(function()
  plain.body = 'other\r\n'
end)
same(got, (was:gsub('one', 'other')))
changed(function()
  return top:text_replace('o', '0')
end, true)
same(plain:text() .. html:text(), '0ne\r\n<b>tw0</b>')

-- unlink, and put elsewhere
got, was = changed(function()
  pdf:unlink()
end)
same(shape(top), 'mixed(alternative(plain html))')
same(got, (was:gsub('|%-%-out|Content%-Type: app.-(|%-%-out%-%-)', '%1')))
same(pdf.parent, nil)
same(pdf:text(), 'PDF\r\n')
pdf:header('X-Id', 'kept')
same(html:insertAfter(pdf), false)
same(pdf:insertBefore(plain), true)
same(shape(top), 'mixed(alternative(pdf plain html))')
same(pdf.parent, top.parts)
same(m:mime().parts.parts, pdf)
pdf:header('X-Id', 'seen')
assert(raw(m):find('X-Id: seen', 1, true) and not raw(m):find('kept'))
same(plain:insertAfter(html), true)
same(shape(top), 'mixed(alternative(pdf html plain))')
same(plain:insertAfter(plain), true)
local inner = top.parts
inner:unlink()
same(shape(top), 'mixed()')
same(plain.parent, inner)
plain:header('X-In', '1')
same(top:addFirstChild(inner), true)
same(shape(top), 'mixed(alternative(pdf html plain))')
same(plain:header('X-In')[1], '1')
plain:header('X-In', '2')
assert(raw(m):find('X-In: 2', 1, true))
raises('cannot be unlinked', top.unlink, top)
raises('put into itself', inner.addLastChild, inner, top)
raises('put into itself', inner.addLastChild, inner, inner)
same(plain:addLastChild(html), false)
raises('put into itself', top.insertAfter, top, plain)

-- new parts
m = make(TEXT)
top = m:mime(false)
local new = m:makePart('text/plain', 'Disclaimer')
new.body_start = 0
new.body_end = #'Disclaimer'
same(new:text(), 'Disclaimer')
same(top:addLastChild(new), true)
same(new.parent, top)
same(raw(m), (TEXT:gsub('\n', '|'):gsub('%-%-out%-%-',
  '--out|Content-Type: text/plain||Disclaimer|%0')))
same(new:text(), 'Disclaimer')
local cut = m:makePart('text/plain', 'all of it')
cut.body_start, cut.body_end = 4, 6
same(cut.body, 'of')
raises('only of a part that', function()
  top.parts.body_start = 1
end)
same(m:makePart('text/plain', 'gr\195\188n'):content_type().charset, 'utf-8')
same(m:makePart('text/plain', 'gr\195\188n'):content_type().encoding, '8bit')
same(m:makePart('text/plain', 'eA==', core.EC_MIME_TE_BASE64):text(), 'x')
same(m:makePart('text/plain', '=78', 'quoted-printable'):text(), 'x')
same(m:makePart('application/x'):text(), nil)
raises('a content type', m.makePart, m, 'text')
raises('a content type', m.makePart, m, 'text/plain\r\nX: y')
raises('an encoding', m.makePart, m, 'text/plain', 'x', 77)

-- new containers
local box = m:makeContainer('multipart/mixed')
same(shape(box), 'mixed()')
local first = m:makePart('text/plain', 'first')
same(box:addLastChild(m:makePart('text/html', 'last')), true)
same(box:addFirstChild(first), true)
same(shape(box), 'mixed(plain html)')
same(first.parent, box)
same(top:addFirstChild(box), true)
same(shape(top), 'mixed(mixed(plain html) alternative(plain html) pdf plain)')
same(first.parent, box)
same(box.parent, top)
box = m:makeContainer('multipart/mixed', 'mine')
assert(raw({ raw = function()
  return box:header('Content-Type')[1]
end }):find('mine'))
raises('multipart/ expected', m.makeContainer, m, 'text/plain')
raises('not a boundary', m.makeContainer, m, 'multipart/mixed', 'a"b')
raises('not a boundary', m.makeContainer, m, 'multipart/mixed', '')
raises('not a boundary', m.makeContainer, m, 'multipart/mixed', ('x'):rep(71))
-- a boundary that the content holds is changed
box = m:makeContainer('multipart/mixed', 'x')
same(box:addLastChild(m:makePart('text/plain', '--x\r\nno')), true)
same(shape(box), 'mixed(plain)')
assert(m:makeBoundary(box) ~= m:makeBoundary(box))

-- changes of the message beside its parts
m = make(TEXT)
top = m:mime(false)
plain, pdf = top.parts.parts, top.parts.next
m:header('Subject', 'new')
same(top:header('Subject')[1], 'new')
same(plain:text(), 'one\r\n')
same(m:mime(), top)
m:text_replace('one', 'uno')
same(plain:text(), 'uno\r\n')
m:text('all')
same(top:text(), 'all')
raises('no such part any more', plain.text, plain)
raises('no such part any more', function()
  return pdf.next
end)
same(top.parts, nil)

-- a part of another message is copied
local other = make('Subject: o\n\nother\n')
m = make(TEXT)
same(m:mime():addLastChild(other:mime()), true)
same(shape(m:mime()), 'mixed(alternative(plain html) pdf plain)')
same(raw(other), 'Subject: o||other|')

-- the manual's example
m = make('A: b\n\nHi\n')
local p = m:mime(false)
same(p.parts, nil)

-- many
m = make(TEXT)
top = m:mime(false)
for _ = 1, 20 do
  same(top:addLastChild(m:makePart('text/plain', 'x')), true)
end
local deep, levels = top, 0
repeat
  local below = m:makeContainer('multipart/mixed')
  local ok = deep:addLastChild(below)
  deep, levels = below, levels + 1
until not ok or levels > 60
assert(levels > 40 and levels < 60, levels)

-- a part of a file
local path = os.tmpname()
local file = assert(io.open(path, 'w'))
file:write('from a file\r\n')
file:close()
file = assert(core.io_wrapper_open(path, core.O_RDONLY))
same(m:makePart('text/plain', file):text(), 'from a file\r\n')
os.remove(path)

-- 1000 parts that are looked at, and a header for each
local lines = {}
for i = 1, 990 do
  lines[i] = '--b\n\nx\n'
end
m = make('Content-Type: multipart/mixed; boundary=b\n\n'
  .. table.concat(lines) .. '--b--\n')
at, seen = m:mime().parts, {}
for i = 1, 990 do
  seen[i], at = at, at.thread
end
same(at, nil)
for i = 1, 10 do
  m:header('X-N', tostring(i), 'append')
  same(seen[990]:text(), 'x\r\n')
end
