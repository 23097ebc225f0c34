-- message.lua - ec_message: its envelope, its context, what becomes of it
--
-- header.lua, content.lua, msgpart.lua and build.lua add what is inside of it.
-- The data of an object is { record, message, transaction, version }: message
-- is kumo's, and version counts the changes of its content.

local msys, native, host = ...

local core, session = msys.core, native.session
local tostring, tonumber, type = tostring, tonumber, type

local DELIVERY = "delivery is the MTA's job"

local methods, fields, setters = {}, {}, {}

local class = host.class('msys.core:_ec_message', {
  methods = methods,
  fields = fields,
  setters = setters,
})
host.message_class = class

local function copy(from)
  local to = {}
  for key, value in next, from do
    to[key] = value
  end
  return to
end

-- From validate_data_spool_each_rcpt on each recipient's message has a
-- dictionary of its own.
local function part_context(record)
  if record.shared_of ~= record.transaction then
    record.shared_of, record.shared_mess = record.transaction, record.mess
  end
  record.mess = copy(record.shared_mess)
end

-- host.message(record, message) -> ec_message of this callout
--   message: kumo's Message, or nil before MAIL.  One object for each.
function host.message(record, message)
  record.message = message
  record.has_content = record.phase ~= 'rcptto'
  if record.phase == 'each_rcpt' then
    part_context(record)
  end
  local old = record.msg
  if old and host.data(old).message == message
    and host.data(old).transaction == record.transaction then
    return old
  end
  record.msg = host.new(class, {
    record = record, message = message, transaction = record.transaction,
    version = 0,
  })
  return record.msg
end

-- ---- for the other parts ---------------------------------------------------

-- host.message_data(msg, what) -> its data
--   Without a msg, as in msg.mailfrom(), that of the callout that runs.
function host.message_data(msg, what)
  if msg == nil then
    local record = session.record()
    msg = record and record.msg
  end
  return host.check(msg, class, what)
end

-- host.message_content(msg, what) -> its data, kumo's Message
--   Raises where the content is not there yet.
function host.message_content(msg, what)
  local data = host.check(msg, class, what)
  if not data.own and not data.record.has_content then
    error(what .. ': the content is there from validate_data on', 3)
  end
  return data, data.message
end

-- host.message_changed(data): its content is another now
function host.message_changed(data)
  data.version = data.version + 1
end

-- host.text_of(value, what) -> string; of a number, an ec_string, or an
--   io_object, which is read to its end
function host.text_of(value, what)
  local kind = type(value)
  if kind == 'string' then
    return value
  elseif kind == 'number' then
    return tostring(value)
  end
  local of = kind == 'userdata' and getmetatable(value)
  if type(of) == 'table' and of.methods and of.methods.read then
    return of.methods.read(value, '*a') or ''
  elseif type(of) == 'table' and of.__tostring then
    return tostring(value)
  end
  error(('%s: string expected, got %s'):format(what, msys.type(value)), 3)
end

local data_of, text_of = host.message_data, host.text_of

-- ---- envelope --------------------------------------------------------------

-- An address as a policy writes one, perhaps in brackets.
local function plain(value, what)
  local text = text_of(value, what)
  return text:match('^%s*<(.*)>%s*$') or text
end

-- The recipient: that of the RCPT, or of this copy.
local function recipient(data)
  local record = data.record
  if not data.own and record.phase == 'rcptto' then
    local line = session.rcpt() or ''
    local text = line:match('^%s*<(.-)>') or line:match('^%s*(%S*)')
    return (text:gsub('^@[^:]*:', '')) -- without a source route
  end
  local list = data.message:recipient_list()
  return list[1] and tostring(list[1]) or ''
end

-- A call as msg.mailfrom("x") has no self, either.
local function with_self(self, ...)
  if self ~= nil and type(self) ~= 'userdata' then
    return nil, self
  end
  return self, ...
end

-- msg:mailfrom() -> address, "" for the null sender
-- msg:mailfrom(address) -> the new one
--   Raises on an address that does not parse.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:mailfrom.
function methods.mailfrom(...)
  local self, new = with_self(...)
  local data = data_of(self, 'msg:mailfrom')
  if new ~= nil then
    data.message:set_sender(plain(new, 'msg:mailfrom'))
  end
  return tostring(data.message:sender())
end

-- msg:rcptto() -> address; in validate_data and validate_data_spool the first
-- msg:rcptto(address) -> the new one
--   It may be set from validate_data_spool_each_rcpt on, else that raises, as
--   does an address that does not parse.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:rcptto.
function methods.rcptto(...)
  local self, new = with_self(...)
  local data = data_of(self, 'msg:rcptto')
  if new == nil then
    return recipient(data)
  end
  local phase = data.record.phase
  if not data.own and phase ~= 'each_rcpt' and phase ~= 'final_validation' then
    error('msg:rcptto: it can be set from validate_data_spool_each_rcpt on', 2)
  end
  data.message:set_recipient(plain(new, 'msg:rcptto'))
  return recipient(data)
end

local FROM, TO = core.EC_MSG_ENV_FROM, core.EC_MSG_ENV_TO
local COMPLETE = core.EC_MSG_ENV_COMPLETE

local function has(flags, bit)
  return flags % (2 * bit) >= bit
end

-- msg:get_envelope2(flags, localpart, domain) -> 1, or 0 for other flags
--   flags: msys.core.EC_MSG_ENV_FROM or EC_MSG_ENV_TO; with
--   EC_MSG_ENV_COMPLETE added the whole address goes into localpart.
--   localpart, domain: ec_strings, which get the parts.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:get_envelope2.
function methods:get_envelope2(flags, localpart, domain)
  local data = data_of(self, 'msg:get_envelope2')
  flags = tonumber(flags)
  if not flags or flags % 1 ~= 0 or has(flags, FROM) == has(flags, TO) then
    return 0
  end
  local address = has(flags, FROM) and tostring(data.message:sender())
    or recipient(data)
  if has(flags, COMPLETE) then
    localpart:set(address)
    return 1
  end
  local left, right = address:match('^(.*)@([^@]*)$')
  localpart:set(left or address)
  domain:set(right or '')
  return 1
end

-- msg:routing_domain() -> the recipient's domain in lower case
-- msg:routing_domain(domain): no effect, because the MTA delivers
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:routing_domain.
function methods:routing_domain(new)
  local data = data_of(self, 'msg:routing_domain')
  if new ~= nil then
    host.notice('msg:routing_domain', DELIVERY)
    data.routing_domain = tostring(new):lower()
  end
  return data.routing_domain
    or (recipient(data):match('@([^@]*)$') or ''):lower()
end

-- ---- context ---------------------------------------------------------------

-- A message that was made here has dictionaries of its own.
local function get(data, which, key)
  if data.own then
    local own = data.own[which]
    if not own then
      error('the dictionary is msys.core.ECMESS_CTX_CONN or ECMESS_CTX_MESS, '
        .. 'not ' .. tostring(which), 3)
    end
    return own[key]
  end
  return host.get(data.record, which, key)
end

-- msg:context_get(type, key) -> string, "" where there is none
--   type: msys.core.ECMESS_CTX_CONN or ECMESS_CTX_MESS.  Raises on others.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:context_get.
function methods:context_get(which, key)
  return get(data_of(self, 'msg:context_get'), which, key) or ''
end

-- msg:context_set(type, key, value): value is kept as a string; nil is only
--   logged.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:context_set.
function methods:context_set(which, key, value)
  local data = data_of(self, 'msg:context_set')
  if not data.own then
    host.set(data.record, which, key, value)
  elseif key ~= nil and value ~= nil then
    get(data, which, key)
    data.own[which][tostring(key)] = tostring(value)
  end
end

-- msg:context_exists(type, key) -> 1 or 0
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:context_exists.
function methods:context_exists(which, key)
  return get(data_of(self, 'msg:context_exists'), which, key) and 1 or 0
end

-- msg:context_exists_and_get(type, key) -> 1, string; or 0, nil
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:context_exists_and_get.
function methods:context_exists_and_get(which, key)
  local value = get(data_of(self, 'msg:context_exists_and_get'), which, key)
  return value and 1 or 0, value
end

-- msg:context_delete(type, key) -> 1 or 0: was it there
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:context_delete.
function methods:context_delete(which, key)
  local data = data_of(self, 'msg:context_delete')
  if not data.own then
    return host.delete(data.record, which, key) and 1 or 0
  end
  local was = get(data, which, key) and 1 or 0
  data.own[which][key] = nil
  return was
end

-- ---- where it came from ----------------------------------------------------

-- "ip:port" or "[ip]:port", or one of both
local function end_point(text, flag, what)
  local ip, port = text:match('^%[?(.-)%]?:(%d+)$')
  if flag == nil or flag == 'all' then
    return text
  elseif flag == 'ip' then
    return ip or text
  elseif flag == 'port' then
    return port or ''
  end
  error(("%s: 'ip', 'port' or 'all' expected, not %s"):format(what,
    tostring(flag)), 3)
end

-- msg:reception_peer(["ip" | "port" | "all"]) -> string
--   The client's address; "all", which is the default, is "ip:port", of IPv6
--   "[ip]:port".  "" where it is no IP address.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:reception_peer.
function methods:reception_peer(flag)
  local data = data_of(self, 'msg:reception_peer')
  return end_point(data.own and '' or host.peer_text(data.record), flag,
    'msg:reception_peer')
end

-- msg:listener_addr(["ip" | "port" | "all"]) -> string
--   As reception_peer, the MTA's own address; "" where the MTA does not tell.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:listener_addr.
function methods:listener_addr(flag)
  local data = data_of(self, 'msg:listener_addr')
  return end_point(not data.own and data.record.meta:get_meta('received_via')
    or '', flag, 'msg:listener_addr')
end

-- msg:get_message_size() -> bytes of headers and body
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:get_message_size.
function methods:get_message_size()
  return data_of(self, 'msg:get_message_size').message:size()
end

-- msg:get_delivery_method() -> "smtp"
--   Events: any.  Waits: no.  From: Momentum msg:get_delivery_method.
function methods:get_delivery_method()
  data_of(self, 'msg:get_delivery_method')
  return 'smtp'
end

-- msg:is_mcmt() -> false: no message is one to mobile phones
--   Events: any.  Waits: no.  From: Momentum msg:is_mcmt.
function methods:is_mcmt()
  data_of(self, 'msg:is_mcmt')
  return false
end

-- msg:binding(...), msg:binding_group(...): no effect
--   Events: any.  Waits: no.  From: Momentum msg:binding.
host.stub(methods, 'binding', 'msg:binding', DELIVERY, nil)
host.stub(methods, 'binding_group', 'msg:binding_group', DELIVERY, nil)

-- msg.id, msg.batch_id, msg.conn_id
--   message_ids.  Each recipient's copy has an id, all have one batch_id.
-- msg.recv_method
--   P_ESMTP.
-- msg.priority
--   A number, kept.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum ec_message.

function fields.id(data)
  data.id = data.id or host.id(data.message:id())
  return data.id
end

function fields.batch_id(data)
  local whole = not data.own and session.message()
  return whole and host.id(whole:id()) or fields.id(data)
end

function fields.conn_id(data)
  return not data.own and host.conn_id(data.record) or nil
end

function fields.recv_method()
  return core.P_ESMTP
end

function fields.priority(data)
  return data.priority or 0
end

function setters.priority(data, value)
  host.notice('msg.priority', DELIVERY)
  data.priority = value
end

-- ---- what becomes of it ----------------------------------------------------

-- "421 one\r\n421-two" or "one\ntwo", and a code for those without
local function reply_text(code, text)
  local lines = {}
  for line in (text:gsub('\r\n', '\n') .. '\n'):gmatch('(.-)\n') do
    local own, rest = line:match('^(%d%d%d)[ -](.*)')
    code = code or own
    lines[#lines + 1] = own and rest or line
  end
  if lines[#lines] == '' and #lines > 1 then
    lines[#lines] = nil
  end
  if not code then
    return text
  end
  for i, line in ipairs(lines) do
    lines[i] = ('%s%s%s'):format(code, i < #lines and '-' or ' ', line)
  end
  return table.concat(lines, '\r\n')
end

-- msg:code() -> string, "" where none was set
-- msg:code(number, text): number 0: text begins with the code; else it is put
--   before each line of text.  The client is not told: vctx:set_code() does
--   that.  Raises on a number that is no code.
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:code.
function methods:code(...)
  local data = data_of(self, 'msg:code')
  if select('#', ...) == 0 then
    return data.code or ''
  end
  local number, text = ...
  local code = tonumber(number)
  if not code or code % 1 ~= 0 or code ~= 0 and (code < 200 or code > 599) then
    error(('msg:code: %s is no code'):format(tostring(number)), 2)
  end
  text = text == nil and '' or text_of(text, 'msg:code')
  data.code = reply_text(code ~= 0 and ('%d'):format(code) or nil, text)
end

-- msg:discard([reason])
--   The client is told that the message was accepted, and it is dropped; from
--   validate_data_spool_each_rcpt on for this recipient.  The callout goes on.
--   reason: "550 text", for the log.
--   Events: validate_rcptto and later.  Waits: no.
--   From: Momentum msg:discard.
function methods:discard(reason)
  local data = data_of(self, 'msg:discard')
  if reason == nil then
    reason = '550 5.7.0 discarded by policy'
  elseif not tostring(reason):find('^[2-5]%d%d[ -]') then
    reason = '550 5.7.1 [internal] discarded by policy'
  end
  data.message:discard()
  host.log_info(('discarded: %s (from <%s> to <%s>)'):format(
    tostring(reason):gsub('%c', ' '), methods.mailfrom(self), recipient(data)))
end

-- ---- C's spellings ---------------------------------------------------------

-- C has msys.core.ec_message_X(msg, ...) for msg:X(...)
setmetatable(core, {
  __index = function(_, key)
    local name = type(key) == 'string' and key:match('^ec_message_(.*)')
    return name and methods[name] or nil
  end,
})
