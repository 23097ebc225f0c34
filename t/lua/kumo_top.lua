-- the top level of the kumo module: what is in it, and misuse of it
local kumo = require 'kumo'

local function same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
  return err
end

-- the module ----------------------------------------------------------------

same(require 'kumo', kumo)
same(package.loaded.kumo, kumo)
same(rawget(_G, 'kumo'), nil)
same(type(kumo.version), 'string')
assert(kumo.version:find '^%d%d%d%d%.%d%d%.%d%d%-', kumo.version)
same(kumo.redis, nil)
same(kumo.sqlite, nil)
same(kumo.no_such_function, nil)
-- parts of it are modules, too
for _, part in ipairs { 'regex', 'string', 'dns', 'time', 'fs', 'serde' } do
  same(require('kumo.' .. part), kumo[part])
end
raises("module 'kumo.no_such' not found", require, 'kumo.no_such')
raises("module 'kumo.version' not found", require, 'kumo.version')
raises("module 'kumo.reject' not found", require, 'kumo.reject')
raises("module 'kumo.' not found", require, 'kumo.')

-- on, get_event_registrars --------------------------------------------------

same(select('#', kumo.on('an event of our own', print)), 0)
raises('an event of our own event already has a handler defined at ',
  kumo.on, 'an event of our own', print)
kumo.on(12, print) -- a number is a string
raises('12 event already has a handler', kumo.on, '12', print)
kumo.on('', print)
raises('a name without NUL expected', kumo.on, 'a\0b', print)
kumo.on('a', print)
raises('error converting Lua nil to String', kumo.on)
raises('error converting Lua table to String', kumo.on, {}, print)
raises('function expected, got no value', kumo.on, 'x')
raises('function expected, got table', kumo.on, 'x', setmetatable({},
  { __call = print }))
for _, name in ipairs { 'pre_init', 'validate_config', 'get_queue_config' } do
  local before = #(kumo.get_event_registrars(name) or {})
  kumo.on(name, function() end)
  kumo.on(name, function() end)
  local stacks = kumo.get_event_registrars(name)
  same(#stacks, before + 2)
  assert(stacks[#stacks][1]:find('kumo_top.lua:%d+$'), stacks[#stacks][1])
  same(getmetatable(stacks), false)
end
same(kumo.get_event_registrars 'nobody registered', nil)
same(#kumo.get_event_registrars 'an event of our own', 1)
raises('error converting Lua nil to String', kumo.get_event_registrars)
raises('a name without NUL expected', kumo.get_event_registrars, 'a\0b')

-- reject, disconnect --------------------------------------------------------

for _, f in ipairs { kumo.reject, kumo.disconnect } do
  local err = raises('550 5.7.1 no', f, 550, '5.7.1 no')
  same(type(err), 'userdata')
  same(raises('550', error, err), err) -- raised again it is the same
  raises('400 ', f, 400, '')
  raises('599 a\nb', f, 599, 'a\nb')
  raises('450 12', f, '450', 12)
  for _, code in ipairs { 0, 200, 250, 354, 399, 600, 999, 65535 } do
    raises('is no code that SMTP can refuse with', f, code, 'x')
  end
  raises('out of range', f, 65536, 'x')
  raises('out of range', f, -1, 'x')
  raises('integer', f, 550.5, 'x')
  raises('integer', f, 'x')
  raises('integer', f)
  raises('error converting Lua nil to String', f, 550)
  raises('error converting Lua table to String', f, 550, {})
end
for _, how in ipairs { 'If421', 'FollowWith421', 'ForceDisconnect' } do
  raises('550 no', kumo.disconnect, 550, 'no', how)
end
raises('550 no', kumo.disconnect, 550, 'no', nil)
raises("but got 'if421'", kumo.disconnect, 550, 'no', 'if421')
raises('error converting Lua table', kumo.disconnect, 550, 'no', {})

-- logging -------------------------------------------------------------------

for _, level in ipairs { 'error', 'warn', 'info', 'debug' } do
  local log = kumo['log_' .. level]
  same(select('#', log('text', nil, 1.5, {}, true, print, '\255\0\n')), 0)
  same(select('#', log()), 0)
  local silent = setmetatable({}, { __tostring = function()
    error 'no text'
  end })
  if level == 'error' then
    raises('no text', log, silent)
  else
    pcall(log, silent) -- nor made text where nobody wants that level
  end
end
for _, spec in ipairs { 'info', 'kumod=debug,lua=info', 'lua=error', '' } do
  same(select('#', kumo.set_diagnostic_log_filter(spec)), 0)
end
kumo.set_diagnostic_log_filter 'lua=info'
raises('"lots" is no log level', kumo.set_diagnostic_log_filter, 'lua=lots')
raises('error converting Lua nil', kumo.set_diagnostic_log_filter)
raises('error converting Lua table', kumo.set_diagnostic_log_filter, {})

-- sleep ---------------------------------------------------------------------

same(kumo.sleep == kumo.time.sleep or type(kumo.time.sleep) == 'function', true)
for _, sleep in ipairs { kumo.sleep, kumo.time.sleep } do
  same(select('#', sleep(0)), 0)
  sleep(0.001)
  sleep '0.001'
  for _, bad in ipairs { -1, -0.001, 86401, 0 / 0, 1 / 0 } do
    raises('seconds from 0 to 86400 expected', sleep, bad)
  end
  raises('number expected, got string', sleep, 'soon')
  raises('number expected, got no value', sleep)
  raises('number expected, got table', sleep, {})
end

-- traceback, available_parallelism, validation_failed -----------------------

local function frames(level)
  local found = kumo.traceback(level)
  return found
end
local here = frames(1)[1]
same(here.what, 'Lua')
assert(here.source:find 'kumo_top.lua$' and here.short_src:find 'kumo_top.lua$')
same(here.line_defined <= here.curr_line, true)
same(here.last_line_defined >= here.curr_line, true)
same(here.event, 'call')
same(here.is_tail_call, false)
same(#frames(0), #frames(1) + 1)
same(#frames(10000), 0)
same(getmetatable(frames(10000)), false)
raises('out of range', kumo.traceback, -1)
raises('integer', kumo.traceback)
raises('integer', kumo.traceback, 'x')
local n = kumo.available_parallelism()
assert(n >= 1 and n == math.floor(n))
same(type(kumo.validation_failed), 'function')

-- messages of nobody --------------------------------------------------------

local text = 'From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n'
local m = kumo.make_message('<Ann@Example.com>', 'b@example.org', text)
same(m:sender().email, 'Ann@example.com')
same(m:recipient().email, 'b@example.org')
same(#m:recipient_list(), 1)
same(m:get_data(), text)
same(m:get_meta 'hostname', nil) -- no connection's
same(#m:id(), 32)
assert(kumo.make_message('', 'b@example.org', ''):sender().email == '')
assert(kumo.make_message('', 'Postmaster', 'a'):recipient().user
  == 'postmaster')
assert(kumo.make_message(m:sender(), m:recipient(), text):id() ~= m:id())
raises('"@b" is no domain', kumo.make_message, 'a@@b', 'b@example.org', text)
raises('is no address', kumo.make_message, 'Ann <x>', 'b@example.org', text)
raises('bad argument #2', kumo.make_message, '', 'x y', text)
raises('error converting Lua nil', kumo.make_message)
raises('error converting Lua nil', kumo.make_message, '', 'b@example.org')
raises('error converting Lua table', kumo.make_message, '', {}, text)
raises('error converting Lua table', kumo.make_message, '', 'b@a.example', {})

kumo.apply_supplemental_trace_header(m)
local name, value = m:get_data():match '^(.-): (%S+)\r\n'
same(name, 'X-KumoRef')
same(kumo.json_parse(kumo.encode.base64_decode(value)).recipient,
  'b@example.org')
m:set_meta('x', { 1 })
kumo.apply_supplemental_trace_header(m,
  { header_name = 'X-Mine', include_meta_names = { 'x', 'none' } })
name, value = m:get_data():match '^(.-): (%S+)\r\n'
same(name, 'X-Mine')
value = kumo.json_parse(kumo.encode.base64_decode(value))
same(value.x[1], 1)
same(value.none, nil)
local before = m:get_data()
kumo.apply_supplemental_trace_header(m, { supplemental_header = false })
same(m:get_data(), before)
raises('Message expected', kumo.apply_supplemental_trace_header)
raises('Message expected', kumo.apply_supplemental_trace_header, {})
raises('header_name', kumo.apply_supplemental_trace_header, m, { x = 1 })
raises('bad argument', kumo.apply_supplemental_trace_header, m, 'x')

-- what a milter has no use for ----------------------------------------------
-- It exists, takes anything and gives something harmless.

local nothing = [[
define_spool suspend_delivery_when_spool_unhealthy inject_message
configure_bounce_classifier start_http_listener configure_accounting_db_path
configure_log_hook configure_log_disposition_hook spawn_thread_pool
set_lruttl_cache_capacity set_max_lua_context_use_count
set_max_lua_context_age set_max_spare_lua_contexts set_lua_gc_on_put
set_memory_hard_limit set_memory_soft_limit set_memory_low_thresh
enable_memory_callstack_tracking set_smtpsrv_threads set_qmaint_threads
set_ready_qmaint_threads set_readyq_threads set_spoolin_threads
set_logging_threads set_httpinject_threads
set_httpinject_recipient_rate_limit set_timeq_spawn_reinsertion
 dns.set_mx_concurrency_limit dns.set_mx_timeout
dns.set_mx_negative_cache_ttl dns.set_mta_sts_enabled
dns.configure_test_mta_sts aaa.configure_acct_log aaa.set_acl_cache_ttl
aaa.set_check_cache_ttl aaa.set_fall_back_to_acl_map
api.admin.suspend.suspend api.admin.bounce.bounce xfer.xfer
xfer.xfer_in_requeue xfer.cancel_xfer
]]
local none = [[
generate_rfc3464_message get_memory_hard_limit get_memory_soft_limit
get_memory_low_thresh format_queue_config_toml
format_egress_path_config_toml format_egress_path_config_constraints
xfer.get_xfer_target
]]
local objects = [[
make_egress_path invoke_get_queue_config invoke_get_egress_source
invoke_get_egress_pool invoke_get_egress_path_config
compute_queue_config_constraints compute_egress_path_config_constraints
shaping.load aaa.make_access_control_list aaa.load_acl_map
aaa.query_resource_access aaa.make_http_url_resource api.inject.inject_v1
jsonl.new_tailer jsonl.new_multi_tailer jsonl.new_writer prometheus_metrics
]]

local function find(path)
  local at = kumo
  for part in path:gmatch '[^.]+' do
    at = at[part]
    assert(at ~= nil, path)
  end
  return at
end

local function each(list, check)
  for path in list:gmatch '%S+' do
    local f = find(path)
    for _, args in ipairs { {}, { 1 }, { {} }, { 'x', print, {} } } do
      check(path, (table.unpack or unpack)({ pcall(f,
        (table.unpack or unpack)(args)) }))
    end
  end
end

each(nothing, function(path, ok, result)
  assert(ok and result == nil, path)
end)
each(none, function(path, ok, result)
  assert(ok and result == nil, path)
end)
each(objects, function(path, ok, result)
  assert(ok and result ~= nil, path)
  assert(result.some_method(result, 1) ~= nil, path)
  assert(type(tostring(result)) == 'string', path)
end)
same(kumo.make_egress_path({ a = 1 }).a, 1)
same(kumo.string.normalize_smtp_response '250 ok', '250 ok')
for _, path in ipairs { 'tsa.configure_tsa_db_path', 'tsa.start_http_listener',
  'proxy.start_proxy_listener', 'proxy.start_http_listener' } do
  local module, f = path:match '^(.-)%.(.*)$'
  same(select('#', require(module)[f] {}), 0)
end
