-- vctx.lua - the validate context: two dictionaries of a session and what is
-- to be answered

local msys, native, host = ...

local core = msys.core
local session = native.session
local VCTX_CONN, VCTX_MESS = core.VCTX_CONN, core.VCTX_MESS

-- ---- predefined keys -------------------------------------------------------
-- Functions of nothing, called when the policy asks and has not set the key
-- itself; nil: there is no such value.

local function macro_not_empty(name)
  local value = session.macro(name)
  if value and value ~= '' then
    return value
  end
end

-- The CN of a name, "/C=de/CN=a.test"; Postfix gives nothing else.
local function common_name(macro)
  local name = macro_not_empty(macro)
  if name and name:sub(1, 1) == '/' then
    return name:match('/CN=([^/]*)')
  end
  return name
end

-- "<ann@example.com> SIZE=1": the address itself, without its brackets
local function bare(line)
  return line and (line:match('^%s*<(.-)>') or line:match('^%s*(%S*)'))
end

local function split(line)
  local address = bare(line)
  if not address then
    return nil
  end
  -- a source route goes before the address, as in "@a.example:b@c.example"
  address = address:gsub('^@[^:]*:', '')
  local left, right = address:match('^(.*)@([^@]*)$')
  return left or address, right or ''
end

-- host.mail_parts() -> local part, domain of the last MAIL; or nil
function host.mail_parts()
  return split(session.mail())
end

local connection = {
  ehlo_string = function()
    local helo = session.helo()
    return helo and 'EHLO ' .. helo
  end,
  ehlo_domain = session.helo,
  auth_name = function()
    return macro_not_empty('{auth_type}')
  end,
  auth_user = function()
    return macro_not_empty('{auth_authen}')
  end,
  auth_status = function()
    return macro_not_empty('{auth_authen}') and 'pass'
  end,
  connection_message_count = function()
    return tostring((session.counts()))
  end,
  connection_rcpt_count = function()
    return tostring((select(2, session.counts())))
  end,
  message_rcpt_count = function()
    return tostring((select(3, session.counts())))
  end,
  tls = function()
    return macro_not_empty('{tls_version}') and 'on'
  end,
  tls_cipher = function()
    return macro_not_empty('{cipher}')
  end,
  tls_cipher_usebits = function()
    return macro_not_empty('{cipher_bits}')
  end,
  tls_cipher_algbits = function()
    return macro_not_empty('{alg_bits}')
  end,
  tls_client_cert_subject = function()
    return macro_not_empty('{cert_subject}')
  end,
  tls_client_cert_subject_cn = function()
    return common_name('{cert_subject}')
  end,
  tls_client_cert_issuer = function()
    return macro_not_empty('{cert_issuer}')
  end,
  tls_client_cert_issuer_cn = function()
    return common_name('{cert_issuer}')
  end,
  tls_client_verified = function()
    -- without {verify} it is Postfix, which tells of no other certificates
    local verify = macro_not_empty('{verify}')
    if verify == 'OK' or not verify and macro_not_empty('{cert_subject}') then
      return 'yes'
    end
  end,
  pathway = function()
    return macro_not_empty('{daemon_name}') or 'default'
  end,
}

local message = {
  mailfrom_string = function()
    local line = session.mail()
    return line and 'MAIL FROM:' .. line
  end,
  mailfrom_localpart = function()
    return (split(session.mail()))
  end,
  mailfrom_domain = function()
    return (select(2, split(session.mail())))
  end,
  rcptto_string = function(record)
    local line = host.rcpt_line(record)
    return line and 'RCPT TO:' .. line
  end,
  rcptto_localpart = function(record)
    return (split(host.rcpt_line(record)))
  end,
  rcptto_domain = function(record)
    return (select(2, split(host.rcpt_line(record))))
  end,
  spf_status = function(record)
    return host.spf_status(record)
  end,
  rfc2822_date_missing = function(record)
    local m = record.message
    if m and record.has_content
      and not m:get_first_named_header_value('date') then
      return 'true'
    end
  end,
}

-- The recipient that a callout is about: that of its RCPT, and at the end of
-- the message that of its copy.
function host.rcpt_line(record)
  if record.phase == 'rcptto' then
    return session.rcpt()
  end
  local list = record.message and record.message:recipient_list()
  if list and #list == 1 then
    return '<' .. tostring(list[1]) .. '>'
  end
  return session.rcpt()
end

-- ---- dictionaries ----------------------------------------------------------

local REMOVED = {} -- stands for a predefined key that the policy deleted

-- host.get(record, which, key) -> string or nil
function host.get(record, which, key)
  local own, given
  if which == VCTX_CONN then
    own, given = record.conn, connection
  elseif which == VCTX_MESS then
    own, given = record.mess, message
  else
    error('the dictionary is msys.core.VCTX_CONN or VCTX_MESS, not '
      .. tostring(which), 3)
  end
  local value = own[key]
  if value == REMOVED then
    return nil
  elseif value ~= nil then
    return value
  end
  local find = given[key]
  return find and find(record) or nil
end

-- host.set(record, which, key, value): value is kept as a string
function host.set(record, which, key, value)
  local own = which == VCTX_CONN and record.conn
    or which == VCTX_MESS and record.mess
  if not own then
    error('the dictionary is msys.core.VCTX_CONN or VCTX_MESS, not '
      .. tostring(which), 3)
  end
  if key == nil or value == nil then
    host.log_warn(('Attempt to set null key or value in validate context '
      .. '%s dictionary.'):format(
      which == VCTX_CONN and 'connection' or 'message'))
    return
  end
  own[tostring(key)] = tostring(value)
end

-- host.delete(record, which, key) -> whether it was there
function host.delete(record, which, key)
  local was = host.get(record, which, key) ~= nil
  local own = which == VCTX_CONN and record.conn or record.mess
  own[key] = was and REMOVED or nil
  return was
end

-- ---- one stage, one phase --------------------------------------------------

local function preset(record)
  for _, context in ipairs(host.contexts or {}) do
    if session.is_peer_in(context.peer) then
      for key, value in next, context.set do
        record.conn[key] = tostring(value)
      end
    end
  end
end

-- host.enter(record): a handler of the session begins
function host.enter(record)
  if not record.vctx then
    record.conn, record.mess = {}, {}
    record.vctx = host.new(host.vctx_class, record)
    record.accept = host.new(host.accept_class, record)
    preset(record)
  end
  local n = session.counts()
  if record.transaction ~= n then
    record.transaction = n
    record.mess = {}
    record.list_is_final = nil
  end
  record.ends = nil
  record.message, record.has_content = nil, nil -- until the stage gives one
end

-- host.begin_phase(record): nothing is answered yet; that the session is to
-- end holds for the stage
function host.begin_phase(record)
  record.code, record.note, record.owed = 250, nil, 0
end

-- host.refuses(code) -> boolean, of what end_phase() gave
function host.refuses(code)
  return code ~= nil and code >= 400
end

-- Hold the client for what the callouts asked, as long as there is time.
local function tarpit(record)
  local owed = record.owed
  if owed <= 0 then
    return
  end
  local most = session.time_left() * 0.9
  if owed > most then
    if native.load.is_first('tarpit cut') then
      host.log_warn(('vctx:tarpit: %g s are more than the event\'s time '
        .. 'limit leaves: %.1f s (event_timeout)'):format(owed, most))
    end
    owed = most
  end
  host.kumo.sleep(owed)
end

-- host.end_phase(record) -> code, text, ends; nothing where all is well
function host.end_phase(record)
  tarpit(record)
  local code, ends = tonumber(record.code) or 250, record.ends
  if code >= 400 then
    return code, record.note or '', ends
  elseif ends then
    return 250, '', true
  end
end

-- ---- codes -----------------------------------------------------------------

-- A code as a policy gives it: a number or "550", of a reply that SMTP has.
local function reply_code(value, what)
  local code = tonumber(value)
  if not code or code ~= math.floor(code) or code < 200 or code > 599
    or code >= 300 and code < 400 then
    error(('%s: %s is no code to answer with (200 to 299, 400 to 599)')
      :format(what, tostring(value)), 3)
  end
  return code
end

local class

local function check(self, what)
  return host.check(self, class, what)
end

local function flag(value)
  return value ~= nil and value ~= false and value ~= 0
end

local function recipients_change(record, what)
  if record.list_is_final then
    error(what .. ': the list of recipients is final', 3)
  end
  local m = record.message or session.message()
  if not m then
    error(what .. ': there is no message here', 3)
  end
  return m
end

local function each_address(value, what, use)
  if type(value) == 'table' then
    for _, one in ipairs(value) do
      use(tostring(one))
    end
  elseif value == nil then
    error(what .. ': an address or a table of addresses expected', 3)
  else
    use(tostring(value))
  end
end

local methods = {}

-- vctx:set_code(code, text)
--   code: number or numeric string, 200 to 299 or 400 to 599; from 400 on it
--   refuses what this stage is about.  text: the reply, may begin with an
--   enhanced code and have several lines.  Raises on other codes.
--   Events: all callouts with a vctx.  Waits: no.
--   From: Momentum vctx:set_code.
function methods:set_code(code, text)
  local record = check(self, 'vctx:set_code')
  record.code = reply_code(code, 'vctx:set_code')
  record.note = text ~= nil and tostring(text) or nil
end

-- vctx:disconnect([code [, text]])
--   As set_code, and the connection ends after the reply (421 without a code);
--   the callout goes on: return VALIDATE_DONE.  Raises on other codes.
--   Events: all callouts with a vctx.  Waits: no.
--   From: Momentum vctx:disconnect; how a milter closes: kumo.disconnect.
function methods:disconnect(code, text)
  local record = check(self, 'vctx:disconnect')
  record.code = reply_code(code == nil and 421 or code, 'vctx:disconnect')
  if code == nil and text == nil then
    text = (session.hostname() or 'localhost')
      .. ' closing transmission channel'
  end
  record.note = text ~= nil and tostring(text) or nil
  record.ends = true
end

-- vctx:get(type, key) -> string, "" where there is none
--   type: msys.core.VCTX_CONN or VCTX_MESS.
--   Events: all callouts with a vctx.  Waits: for DNS in spf_status, else no.
--   From: Momentum vctx:get.
function methods:get(which, key)
  return host.get(check(self, 'vctx:get'), which, key) or ''
end

-- vctx:set(type, key, value): value is kept as a string; nil is only logged
--   Events: all callouts with a vctx.  Waits: no.  From: Momentum vctx:set.
function methods:set(which, key, value)
  host.set(check(self, 'vctx:set'), which, key, value)
end

-- vctx:exists(type, key) -> 1 or 0
--   Events: all callouts with a vctx.  Waits: no.
--   From: Momentum validate_context_exists (C).
function methods:exists(which, key)
  return host.get(check(self, 'vctx:exists'), which, key) and 1 or 0
end

-- vctx:delete(type, key) -> 1 or 0: was it there
--   Events: all callouts with a vctx.  Waits: no.
--   From: Momentum validate_context_delete (C).
function methods:delete(which, key)
  return host.delete(check(self, 'vctx:delete'), which, key) and 1 or 0
end

-- vctx:add_recipient(address)
--   address: string or array of strings; those that are there already are
--   left alone.  Raises on an address that does not parse, and once the list
--   is final (from validate_data_spool on).
--   Events: validate_rcptto, validate_data, validate_rcptto_list.  Waits: no.
--   From: Momentum vctx:add_recipient.
function methods:add_recipient(address)
  local record = check(self, 'vctx:add_recipient')
  local m = recipients_change(record, 'vctx:add_recipient')
  each_address(address, 'vctx:add_recipient', function(one)
    m:add_recipient(one)
  end)
end

-- vctx:remove_recipient(address)
--   As add_recipient, with one that goes.
--   Events: validate_rcptto, validate_data, validate_rcptto_list.  Waits: no.
--   From: Momentum vctx:remove_recipient.
function methods:remove_recipient(address)
  local record = check(self, 'vctx:remove_recipient')
  local m = recipients_change(record, 'vctx:remove_recipient')
  each_address(address, 'vctx:remove_recipient', function(one)
    m:remove_recipient(one)
  end)
end

-- host.recipient_list(record) -> array of strings; [0] is ""
function host.recipient_list(record)
  local list = { [0] = '' }
  local m = record.message or session.message()
  for i, address in ipairs(m and m:recipient_list() or {}) do
    list[i] = tostring(address)
  end
  return list
end

-- vctx:recipient_list() -> array of "local@domain"
-- vctx:recipient_list(list): replaces it
--   The array is 1..n with "" at 0, so that loops from 0 work, too.
--   Raises where the list is final.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum vctx:recipient_list.
function methods:recipient_list(...)
  local record = check(self, 'vctx:recipient_list')
  if select('#', ...) == 0 then
    if record.phase == 'rcptto' then
      host.log_warn('vctx:recipient_list: the list is not complete in '
        .. 'validate_rcptto')
    end
    return host.recipient_list(record)
  end
  local m = recipients_change(record, 'vctx:recipient_list')
  local new = {}
  each_address((...), 'vctx:recipient_list', function(one)
    if one ~= '' then
      new[#new + 1] = one
    end
  end)
  m:set_recipient(new)
end

-- vctx:tarpit(seconds): the reply of this phase is held back so long, or as
--   long as event_timeout leaves.
--   Events: all callouts with a vctx.  Waits: no; the end of the phase does.
--   From: Momentum vctx:tarpit.
function methods:tarpit(seconds)
  local record = check(self, 'vctx:tarpit')
  local s = tonumber(seconds)
  if not s or s < 0 or s ~= s then
    error('vctx:tarpit: a number of seconds expected', 2)
  end
  record.owed = record.owed + s
end

-- vctx:pbp_disconnect(code, text) -> VALIDATE_DONE: disconnect()
--   Events: all callouts with a vctx.  Waits: no.  From: Momentum msys.pbp.
function methods:pbp_disconnect(code, text)
  methods.disconnect(self, code, text)
  return core.VALIDATE_DONE
end

-- vctx:pbp_action(code, text) -> VALIDATE_DONE: set_code()
--   Events: all callouts with a vctx.  Waits: no.  From: Momentum msys.pbp.
function methods:pbp_action(code, text)
  methods.set_code(self, code, text)
  return core.VALIDATE_DONE
end

-- vctx.code, vctx.note
--   What set_code() and disconnect() were given; either may be set.
--   Raises on a code that is none.
--   Events: all callouts with a vctx.  Waits: no.
--   From: Momentum validate_context (C).

class = host.class('msys.core:_validate_context', {
  methods = methods,
  -- fields of the C structure; disconnect reads as the method
  fields = {
    code = function(record)
      return record.code
    end,
    note = function(record)
      return record.note
    end,
  },
  setters = {
    code = function(record, value)
      record.code = reply_code(value, 'vctx.code')
    end,
    note = function(record, value)
      record.note = value ~= nil and tostring(value) or nil
    end,
    disconnect = function(record, value)
      record.ends = flag(value) or nil
    end,
  },
})
host.vctx_class = class

-- msys.core.get_now_ts() -> seconds since 1970
--   Events: any.  Waits: no.  From: Momentum msys.core.get_now_ts.
function core.get_now_ts()
  return os.time()
end

-- msys.asyncOk() -> boolean: may waiting be done without holding others up?
--   Events: any.  Waits: no.  From: Momentum msys.asyncOk.
function msys.asyncOk()
  return session.record() ~= nil
end

-- _TLS: the session's own table; one and the same name for all sessions.
local outside = {}

local function own_tls()
  local record = session.record()
  if not record then
    return outside
  end
  if not record.tls then -- in a handler of kumo's, before all callouts
    record.tls = {}
  end
  return record.tls
end

_G._TLS = setmetatable({}, {
  __index = function(_, key)
    return own_tls()[key]
  end,
  __newindex = function(_, key, value)
    own_tls()[key] = value
  end,
  __pairs = function()
    return next, own_tls(), nil
  end,
})

-- _OSTLS: of the Lua state, across sessions.
_G._OSTLS = {}

