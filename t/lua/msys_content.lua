-- ec_message: body, source and text, on messages that are in no transaction
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

-- raw
local m = make('A: b\n\none\ntwo\n')
same(m:raw(), 'A: b\r\n\r\none\r\ntwo\r\n')
same(m:raw('C: d\r\n\r\nx\r\n.\r\n'), true)
same(m:raw(), 'C: d\r\n\r\nx\r\n.\r\n')

-- body
m = make('A: b\n\none\ntwo\n')
same(m:body(), 'one\r\ntwo\r\n')
same(m:body('new\r\n.\r\n'), 'new\r\n')
same(raw(m), 'A: b||new|')
same(m:body('.\r\n'), '')
same(raw(m), 'A: b||')
same(m:body('no end'), 'no end')
same(raw(m), 'A: b||no end')
-- dots as on the wire, there and back
m = make('A: b\n\n.one\n..two\nthree.\n.\nfour\n')
same(m:body(), '..one\r\n...two\r\nthree.\r\n..\r\nfour\r\n')
m:body(m:body() .. '.\r\n')
same(raw(m), 'A: b||.one|..two|three.|.|four|')
-- without headers, without a body
m = make('')
same(m:body('x\r\n.\r\n'), 'x\r\n')
same(raw(m), '|x|')
same(m:body(), 'x\r\n')
raises('string expected, got boolean', m.body, m, true)

-- match
m = make('A: b\n\none two\nthree\n')
local found = m:body_match('(?P<first>o\\w+) (\\w+)')
same(found[0], 'one two')
same(found[1], 'one')
same(found[2], 'two')
same(found.first, 'one')
same(m:body_match('A: b'), false)
same(m:raw_match('A: (.)')[1], 'b')
same(m:raw_match('nothing'), false)
local no, why, number = m:body_match('(')
same(no, false)
assert(type(why) == 'string' and type(number) == 'number')
same((m:text_replace('(', 'x')), false)

-- replace
same(m:body_replace('t(w|hr)', 'T$1'), true)
same(raw(m), 'A: b||one Two|Three|')
same(m:body_replace('nothing', 'x'), false)
same(m:raw_replace('^A: b', 'A: c'), true)
same(raw(m), 'A: c||one Two|Three|')
-- the end of the message
same(m:body_replace('\r\n.\r\n', '\r\nlast\r\n.\r\n'), true)
same(raw(m), 'A: c||one Two|Three|last|')
same(m:raw_replace('\r\n\\.\r\n', ' line\r\n.\r\n'), true)
same(raw(m), 'A: c||one Two|Three|last line|')
m = make('A: b\n\nx\n-\n.\ny\n')
same(m:body_replace('\r\n.\r\n', '|end\r\n.\r\n'), true)
same(raw(m), 'A: b||x|-|.|y|end|')
m = make('A: b\n\nno line end')
same(m:body_replace('no', 'yes'), true)
same(raw(m), 'A: b||yes line end')
same(m:body_replace('end(\r\n\\.\r\n)$', 'END$1'), true)
same(raw(m), 'A: b||yes line END')
m = make('A: b\n\nx\n')
same(m:body_replace('\r\n.\r\n', ''), true)
same(raw(m), 'A: b||x')
m = make('A: b\n\n')
same(m:body_replace('\r\n.\r\n', 'new\r\n.\r\n'), true)
same(raw(m):gsub('|$', ''), 'A: b||new')

-- text
m = make('A: b\n\nplain\n')
same(m:text(), 'plain\r\n')
m = make('Content-Type: text/plain; charset=iso-8859-1\n'
  .. 'Content-Transfer-Encoding: quoted-printable\n\ngr=FC=DFe\n')
same(m:text(), 'gr\195\188\195\159e\r\n')
same(m:text_match('gr(..)')[1], '\195\188')
same(m:text_match('=FC'), false)
-- charset and encoding stay
same(m:text_replace('gr', 'Gr'), true)
same(raw(m), 'Content-Type: text/plain; charset=iso-8859-1|'
  .. 'Content-Transfer-Encoding: quoted-printable||Gr=FC=DFe|')
same(m:text_replace('nothing', ''), false)
-- but where they cannot say it
same(m:text_replace('Gr', '\226\130\172'), true)
same(m:text(), '\226\130\172\195\188\195\159e\r\n')
assert(raw(m):find('charset="?utf%-8'), raw(m))
-- 7-bit text gets an encoding when it needs one
m = make('Subject: x\nContent-Type: text/plain; format=flowed\n\nplain\n')
same(m:text_replace('plain', 'still plain'), true)
same(raw(m), 'Subject: x|Content-Type: text/plain; format=flowed||still plain|')
same(m:text_replace('plain', 'n\195\164h'), true)
same(m:text(), 'still n\195\164h\r\n')
same(m:header('Content-Transfer-Encoding')[1], 'quoted-printable')
same(m:header('MIME-Version')[1], '1.0')
assert(m:header('Content-Type')[1]:find('format="?flowed'), raw(m))
-- the manual's disclaimer
m = make('A: b\n\nHi\n-\nJoe\n')
same(m:text_replace('\r\n.\r\n', '\r\nDisclaimer\r\n.\r\n'), true)
same(raw(m), 'A: b||Hi|-|Joe|Disclaimer|')
m = make('A: b\nContent-Transfer-Encoding: base64\n\nSGkNCg==\n')
same(m:text_replace('\r\n.\r\n', ' there\r\n.\r\n'), true)
same(m:text(), 'Hi there\r\n')
same(m:header('Content-Transfer-Encoding')[1], 'base64')

-- several text parts
local MIXED = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n'
  .. 'preamble\n--b\n\none\n--b\nContent-Type: image/png\n\npixels\n--b\n'
  .. 'Content-Type: text/html\n\n<p>two\n--b--\nepilogue\n'
m = make(MIXED)
same(#m:text(), 2)
same(m:text()[1], 'one\r\n')
same(m:text()[2], '<p>two\r\n')
same(m:text_match('t(.)o')[1], 'w')
same(m:text_match('pixels'), false)
same(m:text_replace('[op]', 'O'), true)
same(raw(m), (MIXED:gsub('one', 'One'):gsub('<p>two', '<O>twO')
  :gsub('\n', '|')))
m = make('Content-Type: image/png\n\nx')
same(m:text(), nil)
same(m:text_replace('x', 'y'), false)

-- text of the whole
m = make(MIXED)
same(m:text('gr\195\188n'), true)
same(m:text(), 'gr\195\188n')
assert(m:header('Content-Type')[1]:find('^text/plain'), raw(m))
m:text('<b>', 'text/html', 'iso-8859-15')
same(m:header('Content-Type')[1]:gsub('["%s]', ''),
  'text/html;charset=iso-8859-15')
m:text('\226\130\172', 'text/plain', 'iso-8859-15')
same(m:text(), '\226\130\172')
same(m:body(), '=A4')
m:text('\226\130\172', 'text/plain', 'iso-8859-1')
same(m:text(), '\226\130\172')
m:text('x', 'text/plain', '')
same(m:text(), 'x')
raises('the charset is not known', m.text, m, 'x', 'text/plain', 'x-none')
raises('not a content type', m.text, m, 'x', 'plain')
-- no line of the text is a header or a boundary
m = make('A: b\n\n')
m:text('\r\nX: y\r\n\r\n')
same(#m:header('X'), 0)
