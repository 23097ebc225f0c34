-- module.lua - modules and scriptlets: how they load, and in which order
-- their callouts run

local msys, native, host = ...

local core = msys.core
local load = native.load
local CONT, DONE, AGAIN = core.VALIDATE_CONT, core.VALIDATE_DONE,
  core.VALIDATE_AGAIN

-- ---- registering -----------------------------------------------------------

local modules = {}   -- all that run, in their order: { name=, mod= }
local registered = {} -- by the scriptlet that loads now

-- Callouts of a session, and the stage that each belongs to.
local stage_of = {
  core_validate_accept = 'validate_connect',
  validate_connect = 'validate_connect',
  validate_ehlo = 'validate_ehlo',
  validate_mailfrom = 'validate_mailfrom',
  validate_rcptto = 'validate_rcptto',
  validate_data = 'validate_data',
  validate_rcptto_list = 'validate_data',
  validate_rcptto_list_final = 'validate_data',
  validate_data_spool = 'validate_data',
  validate_data_spool_each_rcpt = 'validate_data_spool_each_rcpt',
  core_final_validation2 = 'validate_data_spool_each_rcpt',
  core_final_validation = 'validate_data_spool_each_rcpt',
  validate_dealloc = 'validate_dealloc',
}

-- Callouts that a milter never has an occasion for.
local never = {
  validate_set_binding = 'there are no bindings: the MTA delivers',
  core_validate_auth_hook = 'AUTH happens in the MTA; auth_user and '
    .. 'auth_name are set',
  ac_auth_perform_auth = 'AUTH happens in the MTA',
  ac_auth_log_auth_failure = 'AUTH happens in the MTA',
}

local once = { init = true, deinit = true, rsrc_setup = true }

local function is_never(key)
  return never[key] or key:match('^core_') and 'no such hook is called'
    or key:match('^outbound_') and 'the MTA delivers'
    or key:match('^generic_delivery_') and 'the MTA delivers'
    or key:match('^http_') and 'there is no HTTP server'
end

-- A warning while a policy loads: once, not for each of its Lua states.
local function warn(text)
  if load.is_first_state() then
    host.log_warn(text)
  end
end

-- Does the table have a callout?  Says so of those that will not be called.
local function look_through(name, mod)
  local usable = false
  for key, value in next, mod do
    if type(key) == 'string' and type(value) == 'function' then
      if stage_of[key] or once[key] then
        usable = true
      elseif is_never(key) then
        usable = true
        host.notice(name .. ':' .. key, is_never(key))
      end
    end
  end
  if not usable then
    warn(('scriptlet: no usable methods found for module %s in '
      .. 'registerModule call'):format(name))
  end
end

-- msys.registerModule(name, module)
--   name: string, that of the scriptlet.  module: table whose functions
--   core_validate_accept, validate_connect, validate_ehlo,
--   validate_mailfrom, validate_rcptto,
--   validate_data, validate_rcptto_list, validate_rcptto_list_final,
--   validate_data_spool, validate_data_spool_each_rcpt, core_final_validation,
--   validate_dealloc, init, deinit and rsrc_setup are called with ":".
--   Raises on other arguments and once the policy is loaded.
--   Events: while the scriptlet loads, and in init.  Waits: no.
--   From: Momentum msys.registerModule.
function msys.registerModule(name, mod)
  if type(name) ~= 'string' or type(mod) ~= 'table' then
    error('msys.registerModule: a name and a table expected, got '
      .. type(name) .. ' and ' .. type(mod), 2)
  end
  if not load.is_loading() then
    error('msys.registerModule: call it while the scriptlet loads', 2)
  end
  look_through(name, mod)
  registered[#registered + 1] = { name = name, mod = mod }
end

-- ---- loading ---------------------------------------------------------------

local ENOENT = 2

-- A scriptlet's file: its path and text.
local function find(entry)
  if entry.text then
    return entry.path, entry.text
  end
  local path = entry.file or package.searchpath(entry.source, package.path)
  local text, why, errno
  if path then
    text, why, errno = load.read(path)
  else
    why, errno = 'No such file or directory', ENOENT
  end
  if not text then
    error(("Unable to open '%s', errno=%d %s%s"):format(path or entry.source,
      errno, why, path and '' or ' (source is a path below the folders of '
        .. 'package.path, "." or "/" between its parts, without ".lua")'), 0)
  end
  return path, text
end

-- Which modules of a scriptlet run: those of its own name.
local function take(entry)
  local found = false
  for _, module in ipairs(registered) do
    if entry.file or module.name == entry.name then
      modules[#modules + 1] = module
      found = true
    else
      warn(('scriptlet: %s registers a module "%s", which never '
        .. 'runs: give the scriptlet that name'):format(entry.name,
        module.name))
    end
  end
  if not found and #registered == 0 then
    warn(('scriptlet: %s calls no msys.registerModule: nothing of '
      .. 'it will run'):format(entry.name or entry.file))
  end
  registered = {}
end

local function load_scriptlet(config, i, entry)
  local path, text = find(entry)
  if not entry.text then -- the first state: the others run the same
    load.keep(config, i, path, text)
  end
  local chunk, why = host.compile(text, '@' .. path)
  if not chunk then
    error(why, 0)
  end
  chunk()
  take(entry)
end

-- What a policy of kumo's own registers runs first.
local function take_policys()
  for _, module in ipairs(registered) do
    modules[#modules + 1] = module
  end
  registered = {}
end

-- init and rsrc_setup must return true.
local function call_once(module, key)
  local callout = module.mod[key]
  if type(callout) ~= 'function' then
    return
  end
  local result = callout(module.mod)
  if result == true then
    return
  end
  if result == 0 then -- an example of Momentum's own manual does
    warn(('scriptlet: %s:%s returns 0, not true: taken for true')
      :format(module.name, key))
    return
  end
  error(("module %s: %s() returned %s, not true"):format(module.name, key,
    tostring(result)), 0)
end

local order = {
  'core_validate_accept', 'validate_connect', 'validate_ehlo',
  'validate_mailfrom', 'validate_rcptto',
  'validate_data', 'validate_rcptto_list', 'validate_rcptto_list_final',
  'validate_data_spool', 'validate_data_spool_each_rcpt',
  'core_final_validation2', 'core_final_validation', 'validate_dealloc',
}

local make_handlers

-- host.load(config): all scriptlets, then every module's init
function host.load(config)
  take_policys()
  host.contexts = load.contexts(config)
  for i, entry in ipairs(load.scriptlets(config)) do
    load_scriptlet(config, i, entry)
  end
  for _, module in ipairs(modules) do
    call_once(module, 'init')
    call_once(module, 'rsrc_setup')
  end
  take_policys() -- registered by an init
  for _, module in ipairs(modules) do
    for _, callout in ipairs(order) do
      if type(module.mod[callout]) == 'function' then
        host.callouts[#host.callouts + 1] = { module.name, callout }
      end
    end
  end
  make_handlers()
end

-- ---- calling ---------------------------------------------------------------

-- The session's table of this module: `self` in its callouts.
local function self_of(record, module)
  local all = record.self
  if not all then
    all = {}
    record.self = all
  end
  local own = all[module]
  if not own then
    own = setmetatable({}, { __index = module.mod })
    all[module] = own
  end
  return own
end

-- What a callout returned that is no VALIDATE_*: Momentum's two lines, and
-- the module counts as done with CONT; the option strict makes it an error.
local function complain(module, callout)
  if native.session.is_strict() then
    error(('module %s: %s returned no VALIDATE_CONT or VALIDATE_DONE')
      :format(module.name, callout), 0)
  end
  host.log_warn(('scriptlet-00147: %s error: (null)'):format(callout))
  host.log_warn(('scriptlet-00239: %s error: (null) (it must return '
    .. 'VALIDATE_CONT or VALIDATE_DONE)'):format(module.name))
end

local function is_bypassed(record, module)
  local conn = record.conn
  return conn and conn['__bypass_' .. module.name] == 'true'
end

-- What ran last, for the log of C.
local function mark(record, module, callout)
  rawset(record, 'callout', callout)
  rawset(record, 'module', module.name)
end

-- One callout of all modules, until one returns DONE.
local function run(list, record, callout, ...)
  for i = 1, #list do
    local module = list[i]
    if not is_bypassed(record, module) then
      mark(record, module, callout)
      local result = module.mod[callout](self_of(record, module), ...)
      if result == DONE then
        return
      elseif result == AGAIN then
        if load.is_first(module.name .. callout .. 'AGAIN') then
          host.log_warn(('scriptlet: module %s: %s returned VALIDATE_AGAIN: '
            .. 'taken for VALIDATE_CONT'):format(module.name, callout))
        end
      elseif result ~= CONT then
        complain(module, callout)
      end
    end
  end
end

-- Runs whose result says nothing.
local function run_all(list, record, callout, ...)
  for i = 1, #list do
    local module = list[i]
    if not is_bypassed(record, module) then
      mark(record, module, callout)
      module.mod[callout](self_of(record, module), ...)
    end
  end
end

local lists = {} -- callout -> the modules that have it

local function phase(record, callout, ...)
  if not lists[callout] then
    return
  end
  host.begin_phase(record)
  run(lists[callout], record, callout, ...)
  return host.end_phase(record)
end

local list_callouts = { 'validate_rcptto_list', 'validate_rcptto_list_final' }

-- The end of a message: several callouts, until one of them refuses.
local function data_stage(record, msg)
  local ac, vctx = record.accept, record.vctx
  local code, note, ends = phase(record, 'validate_data', msg, ac, vctx)
  for _, callout in ipairs(list_callouts) do
    if lists[callout] and not host.refuses(code) then
      record.phase = callout
      code, note, ends = phase(record, callout,
        host.recipient_list(record), vctx)
    end
  end
  record.list_is_final = true
  if lists.validate_data_spool and not host.refuses(code) then
    record.phase = 'data_spool'
    code, note, ends = phase(record, 'validate_data_spool', msg, ac, vctx)
  end
  return code, note, ends
end

-- core_final_validation2 returns 0 to go on, 1 to reject, 2 to defer.
local function final_validation2(record, msg, ac, vctx)
  local list = lists.core_final_validation2
  for i = 1, list and #list or 0 do
    local module = list[i]
    if not is_bypassed(record, module) then
      mark(record, module, 'core_final_validation2')
      local result = module.mod.core_final_validation2(
        self_of(record, module), msg, ac, vctx)
      if result == 1 or result == 2 then
        local code, note, ends = host.end_phase(record)
        if not host.refuses(code) then
          code = result == 1 and 550 or 451
          note = result == 1 and '5.7.1 rejected by policy'
            or '4.7.1 deferred by policy'
        end
        return code, note, ends
      end
    end
  end
end

local function each_rcpt_stage(record, msg)
  local ac, vctx = record.accept, record.vctx
  local code, note, ends = phase(record, 'validate_data_spool_each_rcpt', msg,
    ac, vctx)
  if host.refuses(code) then
    return code, note, ends
  end
  record.phase = 'final_validation'
  host.begin_phase(record)
  code, note, ends = final_validation2(record, msg, ac, vctx)
  if host.refuses(code) then
    return code, note, ends
  end
  if lists.core_final_validation then
    run_all(lists.core_final_validation, record, 'core_final_validation', msg,
      ac, vctx)
  end
  return host.end_phase(record)
end

-- How each stage is run: (record, argument of the command, message).
local stages = {
  validate_connect = function(record)
    record.phase = 'connect'
    local code, note, ends = phase(record, 'core_validate_accept',
      record.accept, record.vctx)
    if lists.validate_connect and not host.refuses(code) then
      return phase(record, 'validate_connect', record.accept, record.vctx)
    end
    return code, note, ends
  end,
  validate_ehlo = function(record, line)
    record.phase = 'ehlo'
    return phase(record, 'validate_ehlo', 'EHLO ' .. line, record.accept,
      record.vctx)
  end,
  validate_mailfrom = function(record, line)
    record.phase = 'mailfrom'
    return phase(record, 'validate_mailfrom', 'MAIL FROM:' .. line,
      record.accept, record.vctx)
  end,
  validate_rcptto = function(record, line, message)
    record.phase = 'rcptto'
    return phase(record, 'validate_rcptto', host.message(record, message),
      'RCPT TO:' .. line, record.accept, record.vctx)
  end,
  validate_data = function(record, _, message)
    record.phase = 'data'
    return data_stage(record, host.message(record, message))
  end,
  validate_data_spool_each_rcpt = function(record, _, message)
    record.phase, record.list_is_final = 'each_rcpt', true
    return each_rcpt_stage(record, host.message(record, message))
  end,
}

-- Only modules of which something ran.
local function dealloc(record)
  local list = lists.validate_dealloc
  for i = 1, #list do
    local own = record.self and record.self[list[i]]
    if own then
      mark(record, list[i], 'validate_dealloc')
      list[i].mod.validate_dealloc(own)
    end
  end
end

local function deinit()
  for _, module in ipairs(modules) do
    if type(module.mod.deinit) == 'function'
      and module.mod.deinit(module.mod) ~= true then
      host.log_warn(('scriptlet: module %s: deinit() did not return true')
        :format(module.name))
    end
  end
end

-- The handler of a stage returns code, text and whether the session ends; no
-- code where nobody refuses.
function make_handlers()
  local wanted = {}
  for _, callout in ipairs(order) do
    for _, module in ipairs(modules) do
      if type(module.mod[callout]) == 'function' then
        lists[callout] = lists[callout] or {}
        table.insert(lists[callout], module)
        wanted[stage_of[callout]] = true
      end
    end
  end
  for stage, handler in next, stages do
    if wanted[stage] then
      host.handlers[stage] = function(record, line, message)
        host.enter(record)
        return handler(record, line, message)
      end
    end
  end
  if wanted.validate_dealloc then
    host.handlers.validate_dealloc = dealloc
  end
  for _, module in ipairs(modules) do
    if type(module.mod.deinit) == 'function' then
      host.handlers.deinit = deinit
    end
  end
end
