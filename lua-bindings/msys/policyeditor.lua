-- policyeditor.lua - what old policies and the default policy call:
-- that is msys.policyeditor, msys.pbp; msys.log, msys.config, msys.snmpTrap
--
-- Functions of msys.policyeditor take three tables: ctx, whose ec_message is
-- the message; vars, which set_variable and pcre_match fill; and params.

local msys, native, host = ...

local core = msys.core
local editor, pbp = {}, {}
msys.policyeditor, msys.pbp = editor, pbp

-- ---- msys.policyeditor -----------------------------------------------------

-- The function is called (ctx, vars, params); f is given the message, or
-- nil, then params and vars.
local function define(name, f)
  local what = 'msys.policyeditor.' .. name
  editor[name] = function(ctx, vars, params)
    if params == nil then
      params = {}
    end
    if type(ctx) ~= 'table' or type(vars) ~= 'table'
      or type(params) ~= 'table' then
      error(what .. ': three tables expected, got ' .. type(ctx) .. ', '
        .. type(vars) .. ' and ' .. type(params), 2)
    end
    return f(ctx.ec_message, params, vars, what)
  end
end

-- params[key] as a string
local function text(params, key, what)
  local value = params[key]
  if value == nil then
    error(what .. ': ' .. key .. ' is missing', 4)
  end
  return tostring(value)
end

-- For those that need the message.
local function define_msg(name, f)
  define(name, function(msg, params, vars, what)
    if msg == nil then
      error(what .. ': ctx.ec_message is missing', 3)
    end
    return f(msg, params, vars, what)
  end)
end

-- msys.policyeditor.get_header(ctx, vars, { header= })
--   -> its first value, or nil
--   Events: all callouts.  Waits: no.  From: Momentum msys.policyeditor.
define_msg('get_header', function(msg, params, _, what)
  return msg:header(text(params, 'header', what))[1]
end)

-- msys.policyeditor.del_header(ctx, vars, { header= }) -> the name
--   Events: all callouts.  Waits: no.  From: Momentum msys.policyeditor.
define_msg('del_header', function(msg, params, _, what)
  local name = text(params, 'header', what)
  msg:header(name, '')
  return name
end)

-- msys.policyeditor.get_mailfrom(ctx, vars, {}) -> address
-- msys.policyeditor.get_rcptto(ctx, vars, {}) -> address
--   Events: all callouts.  Waits: no.  From: Momentum msys.policyeditor.
define_msg('get_mailfrom', function(msg)
  return msg:mailfrom()
end)
define_msg('get_rcptto', function(msg)
  return msg:rcptto()
end)

-- msys.policyeditor.get_mess_recv_from(ctx, vars, { ip_only= })
-- msys.policyeditor.get_mess_recv_via(ctx, vars, { ip_only= })
--   "ip:port" of the client, of the MTA; or the address alone.
--   Events: all callouts.  Waits: no.  From: Momentum msys.policyeditor.
define_msg('get_mess_recv_from', function(msg, params)
  local only = params.ip_only
  return msg:reception_peer(only and only ~= 0 and 'ip' or 'all')
end)
define_msg('get_mess_recv_via', function(msg, params)
  local only = params.ip_only
  return msg:listener_addr(only and only ~= 0 and 'ip' or 'all')
end)

-- msys.policyeditor.vctx_conn_get(ctx, vars, { key= }) -> string or nil
-- msys.policyeditor.vctx_mess_get(ctx, vars, { key= }) -> string or nil
-- msys.policyeditor.vctx_conn_set(ctx, vars, { key=, value= }) -> value
-- msys.policyeditor.vctx_mess_set(ctx, vars, { key=, value= }) -> value
--   The dictionaries of the session's vctx.
--   Events: all callouts.  Waits: no.  From: Momentum msys.policyeditor.
local function define_dictionary(name, kind)
  define(name .. '_get', function(_, params, _, what)
    local vctx = host.need(what).vctx
    local key = text(params, 'key', what)
    local value = vctx:get(kind, key)
    if value == '' and vctx:exists(kind, key) == 0 then
      return nil
    end
    return value
  end)
  define(name .. '_set', function(_, params, _, what)
    local key, value = text(params, 'key', what), text(params, 'value', what)
    host.need(what).vctx:set(kind, key, value)
    return value
  end)
end
define_dictionary('vctx_conn', core.VCTX_CONN)
define_dictionary('vctx_mess', core.VCTX_MESS)

-- msys.policyeditor.get_variable(ctx, vars, { name= }) -> value or nil
-- msys.policyeditor.set_variable(ctx, vars, { name=, value= }) -> value
--   Of the table vars.
--   Events: any.  Waits: no.  From: Momentum msys.policyeditor.
define('get_variable', function(_, params, vars, what)
  return vars[text(params, 'name', what)]
end)
define('set_variable', function(_, params, vars, what)
  vars[text(params, 'name', what)] = params.value
  return params.value
end)

-- msys.policyeditor.pcre_match(ctx, vars, { subject=, pattern= }) -> boolean
--   vars["$0"] is the subject, vars["$1"] the first group, vars["$name"] one
--   with a name.
--   Events: any.  Waits: no.  From: Momentum msys.policyeditor.
define('pcre_match', function(_, params, vars, what)
  local subject = text(params, 'subject', what)
  local found = msys.pcre.match(subject, text(params, 'pattern', what))
  if not found then
    return false
  end
  for group, value in next, found do
    vars['$' .. group] = value
  end
  vars['$0'] = subject
  return true
end)

-- msys.policyeditor.send_email(ctx, vars,
--     { from=, to=, subject=, body=, throttle= })
--   to: addresses with commas or blanks between them.  throttle: no other
--   mail with this sender, list and subject in so many seconds.
--   Events: any.  Waits: yes.  From: Momentum msys.policyeditor.
define('send_email', function(_, params, _, what)
  local from, to = text(params, 'from', what), text(params, 'to', what)
  local subject = tostring(params.subject or '')
  local throttle = tonumber(params.throttle) or 0
  if throttle > 0 and not native.submit.may(from .. '\0' .. to .. '\0'
    .. subject, math.min(throttle, 1e9)) then
    return
  end
  host.submit(from, to, host.compose(from, to, subject,
    tostring(params.body or '')), what)
end)

-- msys.policyeditor.send_trap(ctx, vars, params): as msys.snmpTrap
--   Events: any.  Waits: no.  From: Momentum msys.policyeditor.
define('send_trap', function()
  msys.snmpTrap()
end)

-- msys.policyeditor.set_binding(ctx, vars, params)
-- msys.policyeditor.set_binding_group(ctx, vars, params)
-- msys.policyeditor.get_binding_domain_failure_rate(ctx, vars, params) -> false
--   No effect: delivery is the MTA's job.
--   Events: any.  Waits: no.  From: Momentum msys.policyeditor.

local DELIVERY = "delivery is the MTA's job"
for _, name in ipairs {
  'set_binding', 'set_binding_group', 'get_binding_domain_failure_rate',
} do
  host.stub(editor, name, 'msys.policyeditor.' .. name, DELIVERY, false)
end

-- ---- msys.pbp --------------------------------------------------------------

local WHITELIST = 'dp_whitelist_' -- keys of Momentum's default policy

-- msys.pbp.set_whitelist(vctx, [type,] name, value): remembers that the
--   connection, or with VCTX_MESS the message, is on the list of this name;
--   false: no more.
--   Events: all callouts with a vctx.  Waits: no.  From: Momentum msys.pbp.
function msys.pbp.set_whitelist(vctx, which, name, value)
  if type(which) ~= 'number' then
    which, name, value = core.VCTX_CONN, which, name
  end
  local key = WHITELIST .. tostring(name)
  if value and value ~= 0 then
    vctx:set(which, key, 'true')
  else
    vctx:delete(which, key)
  end
end

-- msys.pbp.check_whitelist(vctx, policy) -> boolean
--   policy: { honor_whitelist = name or array of names }, or those alone: is
--   the connection or the message on one of them?
--   Events: all callouts with a vctx.  Waits: no.  From: Momentum msys.pbp.
function msys.pbp.check_whitelist(vctx, policy)
  local names = policy
  if type(policy) == 'table' and policy.honor_whitelist then
    names = policy.honor_whitelist
  end
  if type(names) ~= 'table' then
    names = { names }
  end
  for _, name in ipairs(names) do
    local key = WHITELIST .. tostring(name)
    if vctx:exists(core.VCTX_CONN, key) == 1
      or vctx:exists(core.VCTX_MESS, key) == 1 then
      return true
    end
  end
  return false
end

local units = { [''] = 1, k = 2 ^ 10, m = 2 ^ 20, g = 2 ^ 30 }

-- msys.pbp.size_in_bytes(size) -> number
--   size: a number, or text such as "30m": k, m or g, powers of 1024, with or
--   without a b behind.  Raises on anything else.
--   Events: any.  Waits: no.  From: Momentum msys.pbp.
function msys.pbp.size_in_bytes(size)
  local digits, unit = tostring(size):lower():match(
    '^%s*(%d+%.?%d*)%s*([kmg]?)b?%s*$')
  if not digits then
    error('msys.pbp.size_in_bytes: a size such as "30m" expected, got '
      .. tostring(size), 2)
  end
  return tonumber(digits) * units[unit]
end

local function dns_error(why)
  if why and why:find(': no such name', 1, true) then
    return 'NXDOMAIN'
  elseif why and not why:find(': no such record', 1, true) then
    return why
  end
end

local NAMES_MAX = 10 -- as RFC 7208, 5.5, bounds those of one address

-- msys.pbp.fcdns_check(ac, vctx) -> boolean, rdns_error, fdns_error
--   Does a name of the client's address lead back to it?  Of the connection's
--   keys reverse_dns becomes that name, else the first or "", and fcdns_status
--   "true" or "false".  The errors are those of msys.dnsLookup, but
--   "NXDOMAIN", and nil where there is the name without such a record.
--   Events: all callouts with ac and vctx.  Waits: yes.
--   From: Momentum msys.pbp.
function msys.pbp.fcdns_check(ac, vctx)
  local ip = ac.remote_addr.ip
  local kind = ip:find(':', 1, true) and 'AAAA' or 'A'
  local names, rdns_error, fdns_error
  if ip ~= '' then
    names, rdns_error = msys.dnsLookup(ip, 'PTR')
  end
  local found
  for i = 1, math.min(names and #names or 0, NAMES_MAX) do
    local list, why = msys.dnsLookup(names[i], kind)
    fdns_error = fdns_error or why
    for _, address in ipairs(list or {}) do
      found = found or address == ip and names[i]
    end
    if found then
      break
    end
  end
  vctx:set(core.VCTX_CONN, 'reverse_dns', found or names and names[1] or '')
  vctx:set(core.VCTX_CONN, 'fcdns_status', found and 'true' or 'false')
  if found then
    return true
  end
  return false, dns_error(rdns_error), dns_error(fdns_error)
end

-- ---- msys ------------------------------------------------------------------

for level, name in ipairs {
  'EMERG', 'ALERT', 'CRIT', 'ERR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG',
} do
  msys['LOG_' .. name], core['LOG_' .. name] = level - 1, level - 1
end
msys.LOG_ERROR, core.LOG_ERROR = msys.LOG_ERR, core.LOG_ERR

-- msys.log(level, text): a line in the log
--   level: msys.core.LOG_ERR, LOG_WARNING, LOG_INFO and so on.
--   Events: any.  Waits: no.  From: Momentum msys.log.
function msys.log(level, ...)
  local line = {}
  for i = 1, select('#', ...) do
    line[i] = tostring((select(i, ...)))
  end
  line = 'scriptlet: ' .. table.concat(line, ' ')
  level = tonumber(level) or msys.LOG_INFO
  if level <= msys.LOG_ERR then
    host.log_error(line)
  elseif level == msys.LOG_WARNING then
    host.log_warn(line)
  else
    host.log_info(line)
  end
end

-- msys.config(action, ...) -> nil, "": Momentum's configuration is not there
--   Events: any.  Waits: no.  From: Momentum msys.config.
function msys.config(action)
  host.notice('msys.config', 'the configuration is not Momentum\'s')
  if action == 'get' then
    return nil, ''
  end
  return nil, 'there is nothing to set'
end

-- msys.snmpTrap(table): no trap is sent
--   Events: any.  Waits: no.  From: Momentum msys.snmpTrap.
function msys.snmpTrap()
  host.notice('msys.snmpTrap', 'there is no SNMP')
end
