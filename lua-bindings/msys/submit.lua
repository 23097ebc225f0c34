-- submit.lua - new mail: msg:forward, msg:inject, and host.submit for others
--
-- The option submit_command says what takes it.  That a submission fails is
-- in the log; the policy goes on, unless it asks for the result.

local _, native, host = ...

local submit = native.submit
local mimepart = host.kumo.mimepart

local RCPTS_MAX = 1000

-- ---- addresses -------------------------------------------------------------

-- Text at commas, semicolons and blanks outside quotes.
local function split(text)
  local parts, part, quoted = {}, {}, false
  local function add()
    if #part > 0 then
      parts[#parts + 1] = table.concat(part)
      part = {}
    end
  end
  local at = 1
  while at <= #text do
    local c = text:sub(at, at)
    if quoted and c == '\\' then
      part[#part + 1] = text:sub(at, at + 1)
      at = at + 1
    elseif not quoted and c:find('[,;%s]') then
      add()
    else
      quoted = quoted ~= (c == '"')
      part[#part + 1] = c
    end
    at = at + 1
  end
  add()
  return parts
end

-- Array of addresses of a list given as text or array, or nil, why
local function addresses(list)
  if type(list) ~= 'table' then
    list = split(tostring(list))
  end
  local out = {}
  for i = 1, #list do
    local one, why = submit.address(tostring(list[i]))
    if not one then
      return nil, why
    elseif one == '' then
      return nil, 'a recipient is empty'
    end
    out[i] = one
  end
  if #out == 0 then
    return nil, 'no recipient'
  elseif #out > RCPTS_MAX then
    return nil, ('%d recipients, %d is the most'):format(#out, RCPTS_MAX)
  end
  return out
end

local function failed(what, why)
  host.log_warn(('%s: %s'):format(what, why))
  return false, why
end

-- host.submit(sender, list, data [, what]) -> true; false, why
--   sender: address, "" or "<>" for the null sender.  list: "a,b" or an array.
--   data: header and body.  what: for the log.  Waits.
function host.submit(sender, list, data, what)
  what = what or 'submission'
  local from, why = submit.address(tostring(sender))
  if not from then
    return failed(what, why)
  end
  local to
  to, why = addresses(list)
  if not to then
    return failed(what, why)
  end
  local ok
  ok, why = submit.run(from, to, data)
  if ok then
    return true
  end
  return false, why -- the log has it, with what the command said
end

-- ---- messages --------------------------------------------------------------

local sent = 0

local function hostname()
  local record = host.session()
  return record and native.session.hostname() or 'localhost'
end

local function message_id()
  local record = host.session()
  sent = sent + 1
  return ('<%d.%d.%s@%s>'):format(os.time(), sent,
    record and record.id or tostring(host):match('%x+$'), hostname())
end

-- Fields of a mail that a program sends.
local function set_fields(headers, sender, list, subject)
  local from = submit.address(tostring(sender))
  if not from or from == '' then
    from = 'postmaster@' .. hostname()
  end
  headers:append('From', from)
  headers:append('To', table.concat(addresses(list) or {}, ', '))
  headers:append('Subject', subject)
  headers:append('Date', os.date('!%a, %d %b %Y %H:%M:%S +0000'))
  headers:append('Message-ID', message_id())
  headers:append('Auto-Submitted', 'auto-generated')
  headers:append('MIME-Version', '1.0')
end

-- A text part; text in this charset, or in UTF-8.
local function text_part(text, charset)
  if charset ~= nil then
    charset = tostring(charset)
    if not charset:find('^[%w._:+-]+$') then
      error('msg:forward: no charset can be called "' .. charset .. '"', 3)
    end
    text = mimepart.parse(('Content-Type: text/plain; charset="%s"\r\n'
      .. 'Content-Transfer-Encoding: binary\r\n\r\n%s'):format(charset, text))
      .body
  end
  return mimepart.new_text_plain(text)
end

-- host.compose(sender, list, subject, text [, charset [, original]]) -> mail
function host.compose(sender, list, subject, text, charset, original)
  local part = text_part(text, charset)
  if original then
    local head = 'Content-Type: message/rfc822\r\n'
      .. 'Content-Disposition: attachment\r\n'
    if original:find('[\128-\255]') then
      head = head .. 'Content-Transfer-Encoding: 8bit\r\n'
    end
    part = mimepart.new_multipart('multipart/mixed',
      { part, mimepart.parse(head .. '\r\n' .. original) })
  end
  set_fields(part.headers, sender, list, subject)
  return tostring(part)
end

local methods = host.message_class.methods

-- The message as it is now; nil before it is there.
local function content(msg, what)
  local data = host.message_data(msg, what)
  if not data.message or not data.own and not data.record.has_content then
    return nil
  end
  return data.message:get_data()
end

-- msg:inject(sender, rcptto) -> true; false, why
--   sender: address.  rcptto: addresses, with "," between them.  The message
--   as it is, edits included, becomes new mail.
--   Raises where there is no content yet.
--   Events: validate_data and later.  Waits: yes.  From: Momentum msg:inject.
function methods:inject(sender, rcptto)
  local data = content(self, 'msg:inject')
  if not data then
    error('msg:inject: there is no content before validate_data', 2)
  end
  return host.submit(sender, rcptto, data, 'msg:inject')
end

-- msg:forward(sender, rcptto, text [, subject [, charset]]) -> true; false, why
--   sender, rcptto: as with inject.  text: what stands above the message,
--   which is attached.  subject: "Fwd: " and the message's where it is nil.
--   charset: that of text; nil is UTF-8.
--   Events: validate_rcptto, where nothing is attached, and later.  Waits: yes.
--   From: Momentum msg:forward.
function methods:forward(sender, rcptto, text, subject, charset)
  local original = content(self, 'msg:forward')
  if subject == nil then
    local message = host.data(self).message
    subject = 'Fwd: ' .. (original
      and message:get_first_named_header_value('Subject') or '')
  end
  return host.submit(sender, rcptto,
    host.compose(sender, rcptto, tostring(subject), tostring(text or ''),
      charset, original), 'msg:forward')
end
