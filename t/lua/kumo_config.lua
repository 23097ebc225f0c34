-- what a policy configures: kumo.make_listener_domain, the objects of
-- delivery, kumo.configure_local_logs
local kumo = require 'kumo'

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- listener domains ----------------------------------------------------------

local make = kumo.make_listener_domain
local d = make {}
assert(d.relay_to == false and next(d.relay_from) == nil)
assert(d.log_oob == 'Ignore' and d.log_arf == 'Ignore' and d.ttl == nil)
d = make {
  relay_to = true,
  relay_from = { '10.0.0.0/8', '::1', '192.0.2.1' },
  log_oob = true,
  log_arf = 'LogThenDrop',
  ttl = '5 minutes',
}
assert(d.relay_to == true and d.relay_from[2] == '::1' and d.ttl == '5 minutes')
assert(d.log_oob == 'LogThenRelay' and d.log_arf == 'LogThenDrop')
assert(make { log_oob = false }.log_oob == 'Ignore')
assert(make { ttl = 30 }.ttl == 30)
-- what it returned is a table of its own, is iterated and taken again
local again, n = make(d), 0
for k, v in pairs(again) do
  n = n + 1
  assert(k == 'relay_from' or v == d[k], k)
end
assert(n == 5 and again.relay_from[1] == '10.0.0.0/8')
raises("attempt to get an unknown field 'relay'", function()
  return d.relay
end)

raises('a table expected, got nil', make)
raises('a table expected, got string', make, 'example.com')
raises('deserialize error: unknown field `relay`, while processing {',
  make, { relay = true })
raises('unknown field `1`', make, { 'relay_to' })
raises('relay_to: invalid type: string "yes", expected a boolean', make,
  { relay_to = 'yes' })
raises('log_arf: invalid value: string "yes", expected a boolean', make,
  { log_arf = 'yes' })
raises('log_oob: invalid value: number `1`', make, { log_oob = 1 })
raises('invalid type: string "10.0.0.0/8", expected a list', make,
  { relay_from = '10.0.0.0/8' })
raises('deserialize error: relay_from: invalid value: 10.0.0.1/8 is not a valid',
  make, { relay_from = { '10.0.0.1/8' } })
raises('nets is not a valid CIDR', make, { relay_from = { 'nets' } })
raises('ttl: invalid value: string "soon", expected a duration', make,
  { ttl = 'soon' })
-- text that its readers take apart, also of what no JSON can hold
raises(', while processing ', make, { relay_to = print })

-- delivery ------------------------------------------------------------------
-- no effect, but what is no option of KumoMTA's raises, as its helpers expect

local q = kumo.make_queue_config {
  retry_interval = '1m',
  max_age = 86400,
  egress_pool = 'pool',
  max_message_rate = '100/s',
  protocol = { custom_lua = { constructor = 'x' } },
  shrink_policy = { { interval = '0s', policy = 'ShrinkData' } },
}
assert(q.egress_pool == 'pool' and q.max_age == 86400 and q.strategy == nil)
n = 0
for _ in pairs(q) do
  n = n + 1
end
assert(n == 6)
raises('deserialize error: unknown field `mytenant`', kumo.make_queue_config,
  { mytenant = {} })
raises('egress_pool: invalid type: table, expected a string',
  kumo.make_queue_config, { egress_pool = {} })
raises('max_age: invalid value: boolean `true`', kumo.make_queue_config,
  { max_age = true })
raises('a table expected', kumo.make_queue_config)

for _, good in ipairs {
  { source_address = '10.0.0.1' },
  { source_address = '2001:db8::1', remote_port = 587 },
  { ha_proxy_server = '10.0.0.1:5000', ha_proxy_source_address = '::1' },
  { socks5_proxy_server = '[::1]:5000' },
  { socks5_proxy_server = 'proxy-1.example.com:5000', ehlo_domain = 'a.b' },
  { socks5_proxy_password = { key_data = 'x' }, ttl = '5m' },
} do
  good.name = 'name'
  assert(kumo.make_egress_source(good).name == 'name')
end
for why, bad in pairs {
  ['unknown field `weight`'] = { weight = 1 },
  ['source_address: invalid value: string "ten"'] = { source_address = 'ten' },
  ['invalid value: string "10.0.0.0/8"'] = { source_address = '10.0.0.0/8' },
  ['invalid value: string "10.0.0.1:25"'] = { source_address = '10.0.0.1:25' },
  ['invalid value: number `1`'] = { source_address = 1 },
  ['invalid hostname "I have spaces"'] =
    { socks5_proxy_server = 'I have spaces:1' },
  ['invalid hostname "::1"'] = { ha_proxy_server = '::1:25' },
  ['expected host:port'] = { ha_proxy_server = 'proxy' },
  ['string "p:65536", expected host:port'] = { ha_proxy_server = 'p:65536' },
  ['remote_port: invalid type'] = { remote_port = 'smtp' },
} do
  raises(why, kumo.make_egress_source, bad)
end

local pool = kumo.make_egress_pool { name = 'p', entries = { { name = 'a' } } }
assert(pool.entries[1].name == 'a')
raises('unknown field `source`', kumo.make_egress_pool, { source = 'a' })
raises('name: invalid type: number `1`', kumo.make_egress_pool, { name = 1 })

-- records -------------------------------------------------------------------

local function logs(more)
  local options = { log_dir = '/nonexistent/kumilter' }
  for k, v in pairs(more) do
    options[k] = v
  end
  return kumo.configure_local_logs(options)
end
assert(select('#', logs {}) == 0)
logs {
  max_file_size = 1e6,
  max_segment_duration = '5 minutes',
  compression_level = 3,
  back_pressure = 1000,
  meta = { 'x_*' },
  headers = {},
  filter_event = 'any name',
  min_free_space = '10%',
  min_free_inodes = 100,
  per_record = {
    Reception = { suffix = '_recv', enable = true },
    Delivery = { enable = false },
    Any = { log_dir = '/nonexistent/other', segment_header = 'x' },
  },
}
raises('table expected', kumo.configure_local_logs)
raises('kumo.configure_local_logs: missing key "log_dir"',
  kumo.configure_local_logs, {})
raises('unknown key "log_file"', logs, { log_file = 'x' })
raises('missing key "log_dir"', logs, { 'x' }) -- to JSON it is an array
raises('"logs" is no absolute path', logs, { log_dir = 'logs' })
raises('meta: an array of names expected', logs, { meta = 'x' })
raises('headers: an array of names expected', logs, { headers = { a = 1 } })
raises('max_segment_duration: ', logs, { max_segment_duration = '5 parsecs' })
raises('per_record: unknown type "Reject"', logs,
  { per_record = { Reject = {} } })
raises('per_record: Any: unknown key "x"', logs,
  { per_record = { Any = { x = 1 } } })
raises('min_free_space: a number', logs, { min_free_space = 'much' })
raises('cannot serialize function', logs, { filter_event = print })
