-- require 'redis': options, arguments, results, failures.  Called with the URL
-- of an empty server and that of one that never answers.
local REDIS, SILENT = ...
local kumo = require 'kumo'
local redis = require 'redis'
assert(package.loaded.redis == redis and require 'redis' == redis)

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
  return err
end

local conn = redis.open { node = REDIS }
assert(type(conn) == 'userdata')
raises("unknown field 'x'", function() return conn.x end)
raises('unknown field', function() conn.x = 1 end)

-- results -------------------------------------------------------------------

assert(conn:query('SET', 'a', 'b') == true) -- OK
assert(conn:query('GET', 'a') == 'b')
assert(conn:query('GET', 'none') == nil)
assert(select('#', conn:query('GET', 'none')) == 1)
assert(conn:query 'PING' == 'PONG') -- another status
assert(conn:query('incr', 'test-count') == 1)
assert(conn:query('INCRBY', 'test-count', 2) == 3)
assert(conn:query('INCRBYFLOAT', 'test-count', 0.5) == '3.5')
assert(conn:query('SET', 'bin', 'x\0\r\n\255') == true)
assert(conn:query('GET', 'bin') == 'x\0\r\n\255')
assert(conn:query('SET', 'empty', '') and conn:query('GET', 'empty') == '')
local list = conn:query('MGET', 'a', 'none', 'bin')
assert(list[1] == 'b' and list[2] == nil and list[3] == 'x\0\r\n\255')
assert(getmetatable(list) == false)
assert(kumo.serde.json_encode(conn:query('LRANGE', 'none', 0, -1)) == '[]')
local nested = conn:query('EVAL', 'return {1, {2, {"three", false}}}', 0)
assert(nested[1] == 1 and nested[2][1] == 2 and nested[2][2][1] == 'three')
assert(nested[2][2][2] == nil)
assert(conn:query('EVAL', "return redis.status_reply('OK')", 0) == true)
assert(conn:query('EVAL', "return redis.status_reply('FINE')", 0) == 'FINE')
assert(conn:query('EVAL', 'return 9007199254740991', 0) == 2 ^ 53 - 1)

-- arguments -----------------------------------------------------------------

local function echo(...)
  local words = conn:query('EVAL', 'return ARGV', 0, ...)
  return table.concat(words, ' ')
end

assert(echo('a', 1, true, false) == 'a 1 1 0')
assert(echo(1.5, -7, 1e15, 2 ^ 53, 0.1, 1e300)
  == '1.5 -7 1000000000000000 9007199254740992 0.1 1e+300')
assert(echo('a', nil, 'b', nil) == 'a b')
assert(echo { 'a', { 'b', { 1 } }, {} } == 'a b 1')
assert(echo { key = 'value' } == 'key value')
assert(echo({ key = { 'v', 'w' } }, 'x') == 'key v w x')
assert(echo { 'a', ignored = 'b' } == 'a')
assert(echo(kumo.serde.json_parse '["j", 2]') == 'j 2')
conn:query('HSET', 'h', { one = 1, two = 2 })
assert(conn:query('HGET', 'h', 'two') == '2')
assert(conn:query { 'GET', 'a' } == 'b')

raises('a command expected', conn.query, conn)
raises('a command expected', conn.query, conn, nil)
raises('a command expected', conn.query, conn, {})
raises('cannot serialize <function>', conn.query, conn, 'SET', 'a', print)
raises('cannot serialize <function>', conn.query, conn, 'SET', { a = print })
raises('cannot serialize <userdata>', conn.query, conn, 'SET', 'a', conn)
raises('a number that is none', conn.query, conn, 'SET', 'a', 0 / 0)
raises('a number that is none', conn.query, conn, 'SET', 'a', math.huge)
local loop = {}
loop[1] = loop
raises('nested too deeply', conn.query, conn, 'SET', loop)
local many = {}
for i = 1, 65536 do
  many[i] = i
end
raises('more than 65536 arguments', conn.query, conn, 'DEL', many)
raises('more than 16 MiB', conn.query, conn, 'SET', 'a', ('x'):rep(2 ^ 24))
raises('RedisConnection expected', conn.query, nil, 'PING')
raises('RedisConnection expected', conn.query, {}, 'PING')

-- what would outlast the query
for _, words in ipairs {
  { 'SELECT', 1 }, { 'multi' }, { 'Subscribe', 'c' }, { 'MONITOR' },
  { 'AUTH', 'x' }, { 'HELLO', 3 }, { 'QUIT' }, { 'CLIENT', 'REPLY', 'OFF' },
} do
  raises('connections are lent for one command alone', conn.query, conn, words)
end

-- failures ------------------------------------------------------------------

raises("ERR unknown command 'NOSUCH'", conn.query, conn, 'NOSUCH')
raises('WRONGTYPE', conn.query, conn, 'LPUSH', 'a', 1)
raises('ERR in a script', conn.query, conn, 'EVAL',
  "return redis.error_reply('ERR in a script')", 0)
raises('ERR in it', conn.query, conn, 'EVAL',
  "return {1, {redis.error_reply('ERR in it')}}", 0)
assert(conn:query('GET', 'a') == 'b')
local ok, err = pcall(function() conn:query 'NOSUCH' end)
assert(not ok and err:find('kumo_redis.lua:', 1, true), err)
conn:query('EVAL', "for i = 1, 300000 do redis.call('rpush', 'l', i) end", 0)
raises('too many values in a reply', conn.query, conn, 'LRANGE', 'l', 0, -1)
assert(#conn:query('LRANGE', 'l', 0, 99999) == 100000)
conn:query('DEL', 'l')

-- nobody there: not before a query
local nobody = redis.open { node = 'unix:///no/such/socket' }
raises('Redis at /no/such/socket: No such file', nobody.query, nobody, 'PING')
local silent = redis.open { node = SILENT, response_timeout = '30ms' }
raises('no answer in time', silent.query, silent, 'PING')
silent = redis.open { node = SILENT .. '?db=1', connect_timeout = 0.03 }
raises('no answer in time', silent.query, silent, 'PING')

-- options -------------------------------------------------------------------

local other = redis.open {
  node = REDIS .. '?db=1', pool_size = 2, connect_timeout = '1s',
  wait_timeout = 1, response_timeout = '2 seconds', recycle_timeout = 0.5,
  cluster = false, read_from_replicas = false,
}
assert(other:query('GET', 'a') == nil)

raises("deserialize error: unknown field `nodes`, while processing "
  .. '{"nodes":1}', redis.open, { nodes = 1 })
raises('deserialize error: missing field `node`, while processing {}',
  redis.open, {})
raises('deserialize error: Redis URL did not parse', redis.open,
  { node = 'localhost' })
raises('pool_size: an integer', redis.open, { node = REDIS, pool_size = 0 })
raises('connect_timeout: ', redis.open,
  { node = REDIS, connect_timeout = 'soon' })
raises('cannot serialize', redis.open, { node = print })
for _, bad in ipairs { 'redis://localhost', 7, true } do
  raises("bad argument #1 to 'open'", redis.open, bad)
end
raises("bad argument #1 to 'open'", redis.open)
err = raises('unknown field `x`', redis.open,
  { node = 'redis://u:secret@h', password = 'secret', x = 1 })
assert(not err:find('secret', 1, true), err)
err = raises('Redis URL: bad port', redis.open, { node = 'redis://u:secret@h:x' })
assert(not err:find('secret', 1, true), err)

-- clients that nobody has any more make room
for i = 1, 300 do
  redis.open { node = REDIS .. '?db=' .. i }
end
local kept = {}
raises('more than 64 different clients', function()
  for i = 1, 100 do
    kept[i] = redis.open { node = REDIS .. '?db=' .. i }
  end
end)
assert(#kept > 10)
