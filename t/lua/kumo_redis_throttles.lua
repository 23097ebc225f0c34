-- kumo.configure_redis_throttles, misused.  Called with the URL of a server.
local REDIS = ...
local kumo = require 'kumo'
local configure = kumo.configure_redis_throttles

local function raises(why, ...)
  local ok, err = pcall(configure, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
  assert(not err:find('secret', 1, true), err)
end

local function table_expected(got)
  return "bad argument #1 to 'configure_redis_throttles' (table expected, got "
    .. got .. ')'
end

local function with(more)
  more.node = more.node or REDIS
  return more
end

raises(table_expected 'nil')
raises(table_expected 'nil', nil, { node = REDIS })
raises(table_expected 'string', REDIS)
raises(table_expected 'number', 7)
raises(table_expected 'boolean', true)
raises(table_expected 'function', print)
raises(table_expected 'userdata', kumo.make_throttle('x', '1/s'))

for _, row in ipairs {
  { 'missing field `node`', {} },
  { 'missing field `node`', { milter_on_error = 'allow' } },
  { 'a table with node expected', { REDIS } },
  { 'Redis URL did not parse', { node = 'localhost' } },
  { 'a URL or an array of them expected', { node = 7 } },
  { 'a URL or an array of them expected', { node = {} } },
  { 'a URL or an array of them expected', { node = REDIS .. '\0' } },
  { 'bad port', { node = 'redis://u:secret@h:x' } },
  { 'several are a cluster',
    { node = { 'redis://u:secret@h', 'redis://h' }, cluster = false } },
  { 'unknown field `nodes`', with { nodes = 'redis://u:secret@h' } },
  { 'unknown field `on_error`', with { on_error = 'allow' } },
  { 'pool_size: an integer', with { pool_size = 0 } },
  { 'pool_size: an integer', with { pool_size = 1e9 } },
  { 'password: a string', with { username = 'secret', password = {} } },
  { 'response_timeout: ', with { response_timeout = 'soon' } },
  { 'connect_timeout: ', with { connect_timeout = -1 } },
  { 'cannot serialize', with { connect_timeout = print } },
  { 'milter_on_error: ', with { milter_on_error = 'shrug' } },
  { 'milter_on_error: ', with { milter_on_error = '' } },
  { 'milter_on_error: ', with { milter_on_error = 'Allow' } },
  { 'milter_on_error: ', with { milter_on_error = false } },
  { 'milter_on_error: ', with { milter_on_error = { 'allow' } } },
  { 'milter_on_error: ', with { milter_on_error = 'allow\0' } },
} do
  raises('kumo.configure_redis_throttles: ', row[2])
  raises(row[1], row[2])
end

-- none of these counts as the one call that there may be
configure(with { milter_on_error = 'error' })
raises('redis already configured for throttles',
  with { milter_on_error = 'error' })
raises('redis already configured for throttles', { node = 'unix:///no/such' })
assert(kumo.make_throttle('misuse', '2/d'):throttle().remaining == 1)
