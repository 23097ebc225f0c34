-- store.lua - values that are kept for a time, by key
--
--   local store = require('policy-extras.store').open 'sqlite:/some/file.db'
--
--   'sqlite:PATH'      A file of this machine, made if it is not there, in a
--                      folder where the daemon may write.
--   'redis://HOST:PORT/DB', 'rediss://...', or a table as for redis.open
--                      For several machines.  With a URL nothing takes longer
--                      than two seconds; a table has its own timeouts.
--
--   store:get(key) -> string, or nil
--   store:put(key, value, seconds)
--   store:add(key, value, seconds) -> the value that was there, else this one
--   store:count(key, seconds) -> how often it was counted, now included
--
-- All wait, and raise where the store does not work; what it needs is opened
-- at the first use, and again after a failure.  Keys are shared by all who open
-- the same store: begin them with the name of the module.

local store = {}

-- SQLite ----------------------------------------------------------------------

local PURGE_EVERY, PURGE_ROWS = 60, 1000

local schema = {
  [[CREATE TABLE IF NOT EXISTS extras (
      key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL
    ) WITHOUT ROWID]],
  'CREATE INDEX IF NOT EXISTS extras_expires ON extras (expires)',
}

local sql = {
  get = 'SELECT value FROM extras WHERE key = ? AND expires > ?',
  put = [[INSERT INTO extras VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, expires = excluded.expires]],
  add = [[INSERT INTO extras VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, expires = excluded.expires
    WHERE extras.expires <= ?]],
  count = [[INSERT INTO extras VALUES (?, '1', ?) ON CONFLICT (key) DO UPDATE
    SET value = CASE WHEN expires <= ? THEN '1'
      ELSE CAST(value AS INTEGER) + 1 END, expires = excluded.expires
    RETURNING value]],
  purge = [[DELETE FROM extras WHERE key IN
    (SELECT key FROM extras WHERE expires <= ? LIMIT ?)]],
}

local on_file = {}
on_file.__index = on_file

local function connect(self)
  if self.conn then
    return self.conn
  end
  local conn = require('sqlite').open(self.path, 1000)
  -- Readers and one writer at once.  Whoever cannot switch it now goes on.
  pcall(conn.execute, conn, 'PRAGMA journal_mode = WAL')
  conn:execute 'PRAGMA synchronous = NORMAL'
  for _, statement in ipairs(schema) do
    conn:execute(statement)
  end
  self.conn = conn
  return conn
end

local function run(self, statement, ...)
  local conn
  local ok, result = pcall(function(...)
    conn = connect(self)
    return conn:execute(sql[statement], ...)
  end, ...)
  if ok then
    return result
  end
  if self.conn == conn then
    self.conn = nil
  end
  error(result, 0)
end

-- Once a minute, by whoever writes.
local function purge(self, now)
  if math.abs(now - self.purged) >= PURGE_EVERY then
    self.purged = now
    run(self, 'purge', now, PURGE_ROWS)
  end
end

function on_file:get(key)
  return run(self, 'get', key, os.time())[1]
end

function on_file:put(key, value, seconds)
  local now = os.time()
  run(self, 'put', key, value, now + seconds)
  purge(self, now)
end

function on_file:add(key, value, seconds)
  local now = os.time()
  local known = run(self, 'get', key, now)[1]
  if known then
    return known
  end
  run(self, 'add', key, value, now + seconds, now)
  purge(self, now)
  return run(self, 'get', key, now)[1] or value
end

function on_file:count(key, seconds)
  local now = os.time()
  return tonumber(run(self, 'count', key, now + seconds, now)[1])
end

-- Redis -----------------------------------------------------------------------

local on_redis = {}
on_redis.__index = on_redis

local SLOW, PAUSE = 1, 5    -- seconds

-- A server that took long to fail is left alone for a moment: each session
-- would wait for it anew.
local function query(self, command, key, ...)
  local began = os.time()
  if self.broken and began < self.broken and began > self.broken - 2 * PAUSE
  then
    error('Redis did not answer a moment ago', 0)
  end
  self.broken = nil
  if not self.conn then
    self.conn = require('redis').open(self.params)
  end
  local ok, result = pcall(self.conn.query, self.conn, command,
    'extras:' .. key, ...)
  if ok then
    return result
  end
  local now = os.time()
  if now - began >= SLOW then
    self.broken = now + PAUSE
  end
  error(result, 0)
end

local function whole(seconds)
  return ('%d'):format(math.max(1, math.ceil(seconds)))
end

function on_redis:get(key)
  local value = query(self, 'GET', key)
  return value ~= nil and tostring(value) or nil
end

function on_redis:put(key, value, seconds)
  query(self, 'SET', key, value, 'EX', whole(seconds))
end

function on_redis:add(key, value, seconds)
  if query(self, 'SET', key, value, 'EX', whole(seconds), 'NX') then
    return value
  end
  return self:get(key) or value
end

function on_redis:count(key, seconds)
  local n = query(self, 'INCR', key)
  query(self, 'EXPIRE', key, whole(seconds))
  return tonumber(n)
end

local schemes = { ['redis'] = true, ['rediss'] = true, ['redis+unix'] = true,
  ['unix'] = true }

-- store.open(where) -> store; raises on what is neither
function store.open(where)
  local path = type(where) == 'string' and where:match '^sqlite:(.+)$'
  if path then
    return setmetatable({ path = path, purged = 0 }, on_file)
  elseif type(where) == 'table' then
    return setmetatable({ params = where }, on_redis)
  elseif type(where) == 'string' and schemes[where:match '^([%a+]+)://.'] then
    return setmetatable({ params = {
      node = where, connect_timeout = '2s', wait_timeout = '2s',
      response_timeout = '2s', recycle_timeout = '2s',
    } }, on_redis)
  end
  error("policy-extras.store: 'sqlite:PATH' or 'redis://HOST:PORT' expected, "
    .. 'got ' .. tostring(where), 3)
end

return store
