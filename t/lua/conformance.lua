-- Message: check_fix_conformance and queue_name
local kumo = require 'kumo'

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function raises(text, f, ...)
  local ok, why = pcall(f, ...)
  if ok or not tostring(why):find(text, 1, true) then
    error(('got %q, expected %q'):format(tostring(why), text), 2)
  end
end

local function of(text, sender)
  return kumo.make_message(sender or 's@a.example', 'r@b.example',
    (text:gsub('\n', '\r\n')))
end

local function check(text, ...)
  return of(text):check_fix_conformance(...)
end

local good = [[
Date: Thu, 1 Jan 2026 00:00:00 +0000
Message-ID: <a@b.example>
MIME-Version: 1.0
]]
local ALL = 'MISSING_COLON_VALUE|NON_CANONICAL_LINE_ENDINGS|LINE_TOO_LONG|'
  .. 'NAME_ENDS_WITH_SPACE|NEEDS_TRANSFER_ENCODING|MISSING_DATE_HEADER|'
  .. 'MISSING_MESSAGE_ID_HEADER|MISSING_MIME_VERSION|INVALID_MIME_HEADERS'

-- checks
same(check(good .. '\nbody\n', ALL, ''), nil)
same(check(good .. '\nbody\n', ALL, ALL), nil)
same(check('A: b\n\n\255\n', '', ''), nil)
same(check('A: b\n\n\255\n', 'NEEDS_TRANSFER_ENCODING|MISSING_DATE_HEADER', ''),
  'Message has conformance issues: '
  .. 'MISSING_DATE_HEADER|NEEDS_TRANSFER_ENCODING')
same(check('A: b\n\n\255\n', 'NEEDS_TRANSFER_ENCODING|MISSING_DATE_HEADER',
  'MISSING_DATE_HEADER'),
  'Message has conformance issues: NEEDS_TRANSFER_ENCODING')
same(select('#', check(good .. '\n', ALL, '', nil, 'more')), 0)

-- what a check finds, nobody repairs
local msg = of('A: b\n\n\255\n')
local before = msg:get_data()
assert(msg:check_fix_conformance('NEEDS_TRANSFER_ENCODING', 'MISSING_DATE_HEADER'))
same(msg:get_data(), before)

-- headers
msg = of('Subject: hi\n\nbody\n')
same(msg:check_fix_conformance(ALL, ALL), nil)
local data = msg:get_data()
assert(data:find('\r\nDate: %a%a%a, %d%d %a%a%a %d+ %d%d:%d%d:%d%d %+0000\r\n'))
assert(data:find('\r\nMessage-ID: <' .. msg:id() .. '@a.example>\r\n', 1, true))
assert(data:find('\r\nMIME%-Version: 1.0\r\n\r\nbody\r\n$'))
same(msg:check_fix_conformance(ALL, ''), nil)
msg:check_fix_conformance('', ALL)
same(msg:get_data(), data)

for _, id in ipairs { 'a@b', '<a@b>' } do
  msg = of('A: b\n\nbody\n')
  msg:check_fix_conformance('', 'MISSING_MESSAGE_ID_HEADER', { message_id = id })
  same(msg:get_first_named_header_value('message-id'), '<a@b>')
end
msg = of('A: b\n\nbody\n', '')
msg:check_fix_conformance('', 'MISSING_MESSAGE_ID_HEADER')
assert(msg:get_first_named_header_value('Message-ID'):find('^<%x+@[^@>]+>$'))
msg = of('Date: one\nDate: two\n\n')
msg:check_fix_conformance('', 'MISSING_DATE_HEADER')
same(#msg:get_all_named_header_values('Date'), 1)

-- all of it
msg = of(good .. 'Subject : ' .. ('word '):rep(40) .. '\n\ncaf\195\169\n')
same(msg:check_fix_conformance('', ALL), nil)
same(msg:check_fix_conformance(ALL, ''), nil)
same(msg:parse_mime().body, 'café\r\n')
same(msg:get_first_named_header_value('Subject'), ('word '):rep(40):sub(1, -2))

local function detect(text, settings)
  local m = of(good .. 'Content-Type: text/plain; charset=utf-8\n\n' .. text)
  m:check_fix_conformance('', 'NEEDS_TRANSFER_ENCODING', settings)
  return m:parse_mime().body
end
same(detect('\233\n'), '\239\191\189\r\n')
same(detect('\233\n', { detect_encoding = true }), 'é\r\n')
same(detect('\193\n', { detect_encoding = true,
  include_encodings = { 'koi8-r' } }), 'а\r\n')
same(detect('\233\n', { detect_encoding = true,
  exclude_encodings = { 'windows-1252' } }), '\239\191\189\r\n')

-- misuse
msg = of(good .. '\n')
local f = msg.check_fix_conformance
raises('unknown conformance issue "NONE"', f, msg, 'NONE', '')
raises('unknown conformance issue "NONE"', f, msg, '', 'LINE_TOO_LONG|NONE')
raises('unknown conformance issue ""', f, msg, '|', '')
raises('bad argument #2', f, msg, nil, '')
raises('bad argument #3', f, msg, '')
raises('bad argument #4', f, msg, '', '', 1)
raises('unknown key "detect"', f, msg, '', '', { detect = true })
raises('unknown key ""', f, msg, '', '', { 'detect_encoding' })
raises('message_id is no string', f, msg, '', '', { message_id = {} })
raises('message_id is no message id', f, msg, '', '', { message_id = 'a b' })
raises('message_id is no message id', f, msg, '', '', { message_id = 'a\r\nb' })
raises('include_encodings is no array', f, msg, '', '',
  { include_encodings = 'utf-8' })
raises('exclude_encodings is no array', f, msg, '', '',
  { exclude_encodings = { 1 } })
local many = {}
for i = 1, 33 do
  many[i] = 'utf-8'
end
raises('more than 32', f, msg, '', '', { include_encodings = many })

-- queue_name
msg = of(good .. '\n')
same(msg:queue_name(), 'b.example')
msg:set_meta('tenant', 't')
same(msg:queue_name(), 't@b.example')
msg:set_meta('campaign', 'c')
same(msg:queue_name(), 'c:t@b.example')
msg:set_meta('routing_domain', 'mx.example')
same(msg:queue_name(), 'c:t@b.example!mx.example')
msg:set_meta('tenant', nil)
same(msg:queue_name(), 'c:@b.example!mx.example')
msg:set_meta('queue', 'null')
same(msg:queue_name(), 'null')
msg:set_meta('campaign', 1)
raises('metadata "campaign" is no string', msg.queue_name, msg)
msg = of(good .. '\n')
msg:remove_recipient('r@b.example')
raises('no recipient', msg.queue_name, msg)
