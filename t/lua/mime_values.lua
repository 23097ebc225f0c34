-- Header.value and the accessors of HeaderMap: headers as what they are
local kumo = require 'kumo'

local function show(v)
  if type(v) ~= 'table' then
    return tostring(v)
  end
  local keys, out = {}, {}
  for k in pairs(v) do
    keys[#keys + 1] = k
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, k in ipairs(keys) do
    out[#out + 1] = (type(k) == 'number' and '' or k .. '=') .. show(v[k])
  end
  return '{' .. table.concat(out, ' ') .. '}'
end

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local A = '{address={domain=b.example local_part=a}}'
local N = '{address={domain=d.example local_part=c} name=Ann}'

for _, row in ipairs {
  { 'From', 'a@b.example, Ann <c@d.example>', '{' .. A .. ' ' .. N .. '}' },
  { 'Resent-From', 'a@b.example', '{' .. A .. '}' },
  { 'Sender', 'Ann <c@d.example>', N },
  { 'Resent-Sender', 'a@b.example', A },
  { 'To', 'G: a@b.example;, Ann <c@d.example>',
    '{{entries={' .. A .. '} name=G} ' .. N .. '}' },
  { 'Cc', '"Ann" <c@d.example>', '{' .. N .. '}' },
  { 'Bcc', 'undisclosed:;', '{{entries={} name=undisclosed}}' },
  { 'Reply-To', '=?utf-8?q?Ann?= <c@d.example>', '{' .. N .. '}' },
  { 'Message-ID', ' <x@y>', 'x@y' },
  { 'Content-Id', '<x@y>', 'x@y' },
  { 'References', '<a@b>\r\n\t<c@d>', '{a@b c@d}' },
  { 'Content-Type', 'text/plain; charset=utf-8',
    '{parameters={charset=utf-8} value=text/plain}' },
  { 'Content-Disposition', "inline; filename*0=a; filename*1=b",
    '{parameters={filename=ab} value=inline}' },
  { 'Content-Transfer-Encoding', '8bit', '{parameters={} value=8bit}' },
  { 'Authentication-Results',
    'mx.example 1; spf=pass (ok) smtp.mailfrom=a@b reason="x y"; dkim/1=none',
    '{results={{method=spf props={smtp.mailfrom=a@b} reason=x y result=pass} '
    .. '{method=dkim method_version=1 props={} result=none}} serv_id=mx.example version=1}' },
  { 'Authentication-Results', 'mx; none', '{results={} serv_id=mx}' },
  { 'Subject', '=?utf-8?q?=C3=BC?=', '\195\188' },
  { 'Date', 'Tue, 1 Jul 2003 10:52:37 +0200', 'Tue, 1 Jul 2003 10:52:37 +0200' },
  { 'X-Other', 'a\r\n b', 'a b' },
} do
  local h = kumo.mimepart.parse(row[1] .. ':' .. row[2] .. '\r\n\r\n').headers
  same(show(h:get_first_named(row[1]).value), row[3])
end

-- getters, and nil where there is nothing
local headers = kumo.mimepart.parse('X: y\n\n').headers
for _, name in ipairs {
  'from', 'sender', 'to', 'cc', 'bcc', 'reply_to', 'resent_from', 'resent_sender',
  'resent_to', 'resent_cc', 'resent_bcc', 'subject', 'comments', 'mime_version',
  'message_id', 'content_id', 'references', 'content_type', 'content_disposition',
  'content_transfer_encoding',
} do
  same(headers[name](headers), nil)
  assert(headers['set_' .. name], name)
end

-- what is wrong raises with the name of the header
for _, row in ipairs {
  { 'From', 'a@', 'from' }, { 'To', '<a@b', 'to' }, { 'Sender', 'a@b, c@d', 'sender' },
  { 'From', 'g: a@b;', 'from' }, { 'Message-ID', 'x@y', 'message_id' },
  { 'References', 'none', 'references' }, { 'Content-Type', ';', 'content_type' },
} do
  local h = kumo.mimepart.parse(row[1] .. ': ' .. row[2] .. '\n\n').headers
  local ok, why = pcall(h[row[3]], h)
  assert(not ok and tostring(why):find('invalid header ' .. row[1], 1, true), tostring(why))
end
local odd = kumo.mimepart.parse('X: a; b@c\n\n').headers:get_first_named 'X'
for _, field in ipairs { 'mailbox_list', 'address_list', 'message_id', 'message_id_list',
  'authentication_results' } do
  assert(not pcall(function() return odd[field] end), field)
end
same(show(odd.mime_params), '{parameters={} value=a}')

-- setters: text as it stands in a header, or what the getter gives
local function set(name, value)
  local part = kumo.mimepart.parse('X: y\r\n\r\n')
  part.headers['set_' .. name](part.headers, value)
  local got = part.headers[name](part.headers)
  local reread = kumo.mimepart.parse(tostring(part)).headers
  same(show(reread[name](reread)), show(got))
  return (tostring(part.headers):gsub('^X: y\r\n', '')), got
end

local function mailbox(name, user, domain)
  return { name = name, address = { local_part = user, domain = domain or 'b.example' } }
end
same(set('from', 'Ann <c@d.example>'), 'From: Ann <c@d.example>\r\n')
same(set('from', { mailbox(nil, 'a') }), 'From: <a@b.example>\r\n')
same(set('sender', mailbox('Ann B', 'a')), 'Sender: "Ann B" <a@b.example>\r\n')
same(set('reply_to', { mailbox('T [x]', 'a.b') }), 'Reply-To: "T [x]" <a.b@b.example>\r\n')
same(set('resent_from', { mailbox('J\195\182rg, X', 'a b') }),
  'Resent-From: =?UTF-8?q?J=C3=B6rg=2C_X?= <"a b"@b.example>\r\n')
same(set('cc', { mailbox('x"y', 'a'), mailbox(nil, 'c') }),
  'Cc: "x\\"y" <a@b.example>,\r\n\t<c@b.example>\r\n')
same(set('bcc', { { name = 'The team', entries = { mailbox('Z', 'a'), mailbox(nil, 'c') } } }),
  'Bcc: The team:Z <a@b.example>,\r\n\t<c@b.example>;\r\n')
same(set('to', { { name = 'none', entries = {} } }), 'To: none:;\r\n')
same(set('subject', 'h\195\169'), 'Subject: =?UTF-8?q?h=C3=A9?=\r\n')
same(set('message_id', '<1@x>'), 'Message-ID: <1@x>\r\n')
same(set('references', { '1@x', '2@y' }), 'References: <1@x>\r\n\t<2@y>\r\n')
same(set('content_disposition', { value = 'attachment', parameters = { filename = 'a;b' } }),
  'Content-Disposition: attachment;\r\n\tfilename="a;b"\r\n')
local params = { z = '1', charset = 'utf-8', a = '\195\188' }
same(set('content_type', { value = 'text/html', parameters = params }),
  'Content-Type: text/html;\r\n\ta*=UTF-8\'\'%C3%BC;\r\n\tcharset="utf-8";\r\n\tz="1"\r\n')
same(set('content_transfer_encoding', '8bit'), 'Content-Transfer-Encoding: 8bit\r\n')

-- a header that is there is written over in its place
local over = kumo.mimepart.parse('SUBJECT: a\r\nTo: b@c\r\nSubject: z\r\n\r\n')
over.headers:set_subject 'new'
same(tostring(over.headers), 'Subject: new\r\nTo: b@c\r\nSubject: z\r\n')

-- what does not read is not written
for _, row in ipairs {
  { 'from', 'a@' }, { 'from', {} }, { 'from', { {} } }, { 'from', { 'a@b' } },
  { 'from', { mailbox(nil, 'a', 'b\r\nX: y') } }, { 'from', { mailbox(nil, 'a\n', 'b') } },
  { 'from', { { name = 'g', entries = {} } } }, { 'sender', 'a@b, c@d' },
  { 'sender', { name = 1, address = {} } }, { 'message_id', 'x@y' }, { 'message_id', {} },
  { 'references', { 'a b' } }, { 'references', { '<a>' } },
  { 'content_type', '' }, { 'content_type', { value = 'a b' } },
  { 'content_type', { value = 'a/b', parameters = { [1] = 'x' } } },
  { 'content_type', { value = 'a/b', parameters = 'x' } },
  { 'subject', {} }, { 'subject' }, { 'from', 'a@b.example\r\nBcc: x@y' },
} do
  local ok = pcall(set, row[1], row[2])
  assert(not ok, row[1])
end
-- and no text makes two headers of one
same(set('content_type', 'a/b\r\nBcc: x@y'), 'Content-Type: a/b Bcc: x@y\r\n')
same(set('subject', 'a\r\nBcc: x@y'), 'Subject: a Bcc: x@y\r\n')
