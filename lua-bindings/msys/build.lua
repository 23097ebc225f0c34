-- build.lua - new parts and new messages

local msys, native, host = ...

local core, mime = msys.core, native.mime
local methods = host.message_class.methods
local text_of = host.text_of
local kumo = host.kumo
local parse, make_message = kumo.mimepart.parse, kumo.make_message

core.EC_MIME_TE_7BIT, core.EC_MIME_TE_8BIT = 0, 1
core.EC_MIME_TE_QUOTED_PRINTABLE, core.EC_MIME_TE_BASE64 = 2, 3
core.EC_MIME_TE_BINARY = 4

local encodings = { [0] = '7bit', '8bit', 'quoted-printable', 'base64',
  'binary' }

-- ---- parts -----------------------------------------------------------------

-- A content type, perhaps with parameters, on one line.
local function type_of(value, what)
  local text = text_of(value, what)
  local bare = text:match('^%s*([^%s;]+)')
  if text:find('[%c\128-\255]') or not bare
    or not bare:find("^[%w!#$&^_.+-]+/[%w!#$&^_.+-]+$") then
    error(what .. ': a content type such as text/plain expected', 3)
  end
  return text, bare:lower()
end

local function is_utf8(text)
  return utf8.len(text) ~= nil
end

-- Content-Type and -Transfer-Encoding of bytes that are sent as they are
local function head_for(kind, bare, encoding, body)
  local plain = encoding == '7bit' and body:find('[\128-\255]')
  if plain then
    encoding = '8bit'
  end
  if bare:find('^text/') and plain and not kind:lower():find('charset', 1, true)
    and is_utf8(body) then
    kind = kind .. '; charset=utf-8'
  end
  local head = ('Content-Type: %s\r\n'):format(kind)
  if encoding ~= '7bit' then
    head = ('%sContent-Transfer-Encoding: %s\r\n'):format(head, encoding)
  end
  return head
end

-- msg:makePart(mimetype [, body [, encoding]]) -> msgpart in no message
--   body: string, or an object that is read; it is in that encoding already.
--   encoding: msys.core.EC_MIME_TE_7BIT, which is the default, _8BIT, _BASE64
--   or _QUOTED_PRINTABLE, or such a name.  7-bit content that is none is
--   marked as 8bit, and as UTF-8 if it is that.
--   Raises on a type or an encoding that is none.
--   Events: any.  Waits: no.  From: Momentum msg:makePart.
function methods:makePart(kind, body, encoding)
  host.message_data(self, 'msg:makePart')
  local full, bare = type_of(kind, 'msg:makePart')
  body = body == nil and '' or text_of(body, 'msg:makePart')
  local how = encodings[encoding == nil and 0 or tonumber(encoding)]
  for _, name in next, encodings do
    how = how or tostring(encoding):lower() == name and name
  end
  if not how then
    error('msg:makePart: an encoding of msys.core.EC_MIME_TE_* expected', 2)
  end
  return host.new_part(parse(head_for(full, bare, how, body) .. '\r\n' .. body),
    body)
end

-- msg:makeBoundary(part...) -> string that is in no message
--   Events: any.  Waits: no.  From: Momentum msg:makeBoundary.
function methods:makeBoundary()
  host.message_data(self, 'msg:makeBoundary')
  return mime.boundary()
end

local function container(kind, boundary)
  return parse(('Content-Type: %s;\r\n\tboundary="%s"\r\n\r\n--%s--\r\n')
    :format(kind, boundary, boundary))
end

-- msg:makeContainer(mimetype [, boundary [, add_terminator]]) -> msgpart in no
--   message, of type multipart/..., without parts
--   boundary: else a random one; it is changed where a part holds it.
--   add_terminator: no effect, the end of a message is the MTA's.
--   Raises on a type that is no multipart, and a boundary that is none.
--   Events: any.  Waits: no.  From: Momentum msg:makeContainer.
function methods:makeContainer(kind, boundary)
  host.message_data(self, 'msg:makeContainer')
  local full, bare = type_of(kind, 'msg:makeContainer')
  if not bare:find('^multipart/') then
    error('msg:makeContainer: a type of multipart/ expected', 2)
  end
  boundary = boundary == nil and mime.boundary()
    or text_of(boundary, 'msg:makeContainer')
  if #boundary > 70 or not boundary:find("^[%w'()+_,./:=? -]*[%w'()+_,./:=?-]$")
  then
    error('msg:makeContainer: not a boundary (RFC 2046: 1 to 70 characters)',
      2)
  end
  return host.new_part(container(full, boundary))
end

-- ---- messages --------------------------------------------------------------

-- msys.core.ec_message_new() -> ec_message, empty, for msg:build()
--   It is in no transaction: nothing becomes of it but what the policy does
--   with it.
--   Events: any.  Waits: no.  From: Momentum msys.core.ec_message_new.
function core.ec_message_new()
  local message = make_message('', 'nobody@localhost', '')
  message:set_recipient({})
  return host.new(host.message_class, {
    record = {}, message = message, version = 0,
    own = { [core.VCTX_CONN] = {}, [core.VCTX_MESS] = {} },
  })
end

-- Bytes in a transfer encoding.
local function encoded(head, text, is_quoted)
  local how = is_quoted and 'quoted-printable' or 'base64'
  local body = is_quoted and native.codec.quoted_printable(text)
    or native.codec.base64(text, true)
  if body:sub(-2) ~= '\r\n' then
    body = body .. '\r\n'
  end
  return ('%sContent-Transfer-Encoding: %s\r\n\r\n%s'):format(head, how, body)
end

local function text_part(kind, text)
  local full, bare = type_of(kind, 'msg:build')
  text = text_of(text, 'msg:build')
  local is_quoted = bare:find('^text/') and not full:lower():find('charset', 1,
    true)
  if is_quoted and text:find('[\128-\255]') then
    full = full .. '; charset=utf-8'
  end
  return parse(encoded(('Content-Type: %s\r\nContent-Disposition: inline\r\n')
    :format(full), text, is_quoted))
end

-- text/plain first and text/html last: readers show the last that they know
local function in_order(parts)
  local kinds = {}
  for kind in next, parts do
    kinds[#kinds + 1] = tostring(kind)
  end
  local function rank(kind)
    return kind:lower():find('^text/plain') and '1'
      or kind:lower():find('^text/html') and '3' or '2'
  end
  table.sort(kinds, function(a, b)
    return rank(a) .. a < rank(b) .. b
  end)
  return kinds
end

-- "Name: value" lines of a policy
local function add_lines(headers, text)
  for line in (text .. '\n'):gmatch('([^\r\n]+)\r?\n') do
    local name, value = line:match('^([^:%s]+)%s*:%s*(.*)')
    if not name then
      error(('msg:build: %q is no header'):format(line), 4)
    end
    headers:append(name, value)
  end
end

local function attachment(one)
  local what = 'msg:build'
  local inner = one.content
  if type(inner) == 'userdata' and getmetatable(inner) == host.message_class
  then
    return parse('Content-Type: message/rfc822; name="Attached Message"\r\n'
      .. '\r\n' .. host.data(inner).message:get_data())
  end
  local full, bare = type_of(one.type or 'application/octet-stream', what)
  local made = parse(encoded(('Content-Type: %s\r\n'):format(full),
    text_of(inner, what), type(inner) == 'string' and bare:find('^text/')))
  local file = one.name ~= nil and text_of(one.name, what):match('[^/]*$')
  made.headers:set_content_disposition {
    value = 'attachment', parameters = { filename = file or nil },
  }
  if one.headers ~= nil then
    add_lines(made.headers, text_of(one.headers, what))
  end
  return made
end

local function add_headers(top, headers)
  local names = {}
  for name in next, headers do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  for i = #names, 1, -1 do
    local name = names[i]
    local value = text_of(headers[name], 'msg:build')
    local own = value:match('^([^:%s]+):%s')
    if own and own:lower() == name:lower() then
      value = value:match(':%s*(.*)')
    end
    top.headers:prepend(name, value)
  end
end

-- msg:build(headers, parts, attachments)
--   Makes an empty message a multipart/mixed of a multipart/alternative and
--   attachments.  headers: name -> value.  parts: content type -> text; a text/
--   type without charset is UTF-8, others are encoded in base64.  attachments:
--   array of { type=, name=, headers=, content= }; content is a string, an
--   object that is read, or an ec_message.
--   Raises if the message is not from msys.core.ec_message_new() or not empty,
--   and on types and headers that are none.
--   Events: any.  Waits: no.  From: Momentum msg:build.
function methods:build(headers, parts, attachments)
  local data = host.message_data(self, 'msg:build')
  if not data.own or data.built then
    error('msg:build: an empty message of msys.core.ec_message_new() expected',
      2)
  end
  local top = container('multipart/mixed', mime.boundary())
  local texts = container('multipart/alternative', mime.boundary())
  for _, kind in ipairs(in_order(parts or {})) do
    texts:append_part(text_part(kind, parts[kind]))
  end
  top:append_part(texts)
  for _, one in ipairs(attachments or {}) do
    top:append_part(attachment(one))
  end
  top.headers:prepend('MIME-Version', '1.0')
  add_headers(top, headers or {})
  data.built = true
  data.message:set_data(tostring(top))
  host.message_changed(data)
end
