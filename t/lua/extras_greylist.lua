-- policy-extras.store and .greylist, on SQLite
local extras = dofile 't/lua/extras.lua'
local store = require 'policy-extras.store'
local site = require 'policy-extras.site'
local new = require('policy-extras.greylist').new
local conn, address, same, later = extras.conn, extras.address, extras.same,
  extras.later

local path = os.tmpname()
local where = 'sqlite:' .. path

-- a store
local s = store.open(where)
same(s:get 'a', nil)
same(s:add('a', 'one', 10), 'one')
same(s:add('a', 'two', 10), 'one')
same(s:get 'a', 'one')
s:put('a', 'three', 10)
same(s:get 'a', 'three')
same(s:count('n', 10), 1)
same(s:count('n', 10), 2)
same(s:get 'n', '2')
later(11, function()
  same(s:get 'a', nil)
  same(s:add('a', 'four', 10), 'four')
  same(s:count('n', 10), 1)
end)
-- another one on the same file, as after a reload
same(store.open(where):get 'a', 'four')
-- what is over goes
for i = 1, 20 do
  s:put('gone' .. i, 'x', 1)
end
later(120, function()
  s:put('b', 'x', 1)
  local conn_ = require('sqlite').open(path)
  same(conn_:execute('SELECT count(*) FROM extras')[1], 1)
end)
for _, bad in ipairs { 'file:x', 'sqlite:', '', 7, false, 'http://x',
  'redis://' } do
  extras.raises("'sqlite:PATH' or 'redis://HOST:PORT' expected", store.open,
    bad)
end
-- keys are bytes
same(s:add("q'; DROP TABLE extras; --", 'x', 10), 'x')
same(s:get "q'; DROP TABLE extras; --", 'x')

-- on Redis, as far as it goes without one
local queries, reply = {}, nil
package.loaded.redis = { open = function(params)
  same(params.node, 'redis://192.0.2.1/0')
  same(params.response_timeout, '2s')
  return { query = function(_, ...)
    queries[#queries + 1] = table.concat({ ... }, ' ')
    if type(reply) == 'function' then
      return reply(...)
    end
    return reply
  end }
end }
local r = store.open 'redis://192.0.2.1/0'
reply = 'value'
same(r:get 'k', 'value')
reply = nil
same(r:get 'k', nil)
r:put('k', 'v', 0.5)
reply = true
same(r:add('k', 'v', 60), 'v')
reply = function(command) return command == 'GET' and 'old' or nil end
same(r:add('k', 'v', 60), 'old')
reply = function(command) return command == 'INCR' and 3 or true end
same(r:count('n', 60), 3)
same(table.concat(queries, '|'), 'GET extras:k|GET extras:k|'
  .. 'SET extras:k v EX 1|SET extras:k v EX 60 NX|SET extras:k v EX 60 NX|'
  .. 'GET extras:k|INCR extras:n|EXPIRE extras:n 60')
-- one that fails at once is asked again; one that is slow to fail is not
queries, reply = {}, function() error 'refused' end
extras.raises('refused', r.get, r, 'k')
extras.raises('refused', r.get, r, 'k')
local time = os.time
reply = function()
  os.time = function() return time() + 2 end
  error 'timed out'
end
extras.raises('timed out', r.get, r, 'k')
extras.raises('a moment ago', r.get, r, 'k')
os.time = time
same(#queries, 3)
later(8, function()
  reply = 'back'
  same(r:get 'k', 'back')
end)
package.loaded.redis = nil

extras.checks_options('greylist', {
  store = where, delay = '1m', retry_within = 3600, keep = '1d',
  whitelist_after = 3, text = 'x', on_failure = 'pass', fold_sender = true,
}, 'store')
extras.raises("option 'store' is missing", new, {})
extras.raises("'sqlite:PATH'", new, { store = 'x' })

-- One RCPT of one transaction.
local function try(g, ip, from, to, more)
  local c = conn(ip, more)
  g:mail_from(address(from), c)
  return extras.refusal(g.rcpt_to, g, address(to), c)
end
local wait = '451 4.7.1 greylisted, please come again in %d seconds'
local g = new { store = where }

same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), wait:format(300))
later(299, function()
  same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), wait:format(1))
end)
later(300, function()
  -- a neighbour, and letters in other case; but not another sender, recipient
  -- or network
  same(try(g, '192.0.2.8', 'A@A.test', 'B@b.test'), nil)
  same(try(g, '192.0.2.7', 'b@a.test', 'b@b.test'), wait:format(300))
  same(try(g, '192.0.2.7', '', 'b@b.test'), wait:format(300))
  same(try(g, '192.0.2.7', 'a@a.test', 'c@b.test'), wait:format(300))
  same(try(g, '192.0.3.7', 'a@a.test', 'b@b.test'), wait:format(300))
end)
-- it is known from now on, for its time
later(301, function()
  same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), nil)
end)
later(35 * 86400, function()
  same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), nil)
end)
later(70 * 86400, function()
  same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), nil)
end)
later(110 * 86400, function()
  same(try(g, '192.0.2.7', 'a@a.test', 'b@b.test'), wait:format(300))
end)
-- too late is anew
same(try(g, '192.0.5.7', 'a@a.test', 'b@b.test'), wait:format(300))
later(2 * 86400 + 1, function()
  same(try(g, '192.0.5.7', 'a@a.test', 'b@b.test'), wait:format(300))
end)
-- a clock that was put back
later(86400, function()
  same(try(g, '192.0.6.7', 'a@a.test', 'b@b.test'), wait:format(300))
end)
same(try(g, '192.0.6.7', 'a@a.test', 'b@b.test'), wait:format(300))
later(300, function()
  same(try(g, '192.0.6.7', 'a@a.test', 'b@b.test'), nil)
end)
-- IPv6
same(try(g, '2001:db8::1', 'a@a.test', 'b@b.test'), wait:format(300))
later(300, function()
  same(try(g, '2001:db8::ffff:1', 'a@a.test', 'b@b.test'), nil)
  same(try(g, '2001:db8:0:1::1', 'a@a.test', 'b@b.test'), wait:format(300))
end)
-- numbers of a list's bounces
same(try(g, '192.0.7.7', 'list-b-123@a.test', 'b@b.test'), wait:format(300))
later(300, function()
  same(try(g, '192.0.7.7', 'list-b-4567@a.test', 'b@b.test'), nil)
  same(try(new { store = where, fold_sender = false }, '192.0.7.7',
    'list-b-4567@a.test', 'b@b.test'), wait:format(300))
end)
-- long addresses
local long = ('x'):rep(900) .. '@a.test'
same(try(g, '192.0.8.7', long, long), wait:format(300))

-- who is not asked
same(try(g, '127.0.0.1', 'a@a.test', 'x@b.test'), nil)
same(try(g, nil, 'a@a.test', 'x@b.test'), nil)
same(try(g, '192.0.9.7', 'a@a.test', 'x@b.test', { authn_id = 'ann' }), nil)
same(try(g, '192.0.9.7', 'a@a.test', 'Postmaster@b.test'), nil)
local skipping = new { store = where, skip = function(c)
  return site.client(c) == '192.0.9.7'
end }
same(try(skipping, '192.0.9.7', 'a@a.test', 'x@b.test'), nil)
same(try(skipping, '192.0.9.8', 'a@a.test', 'x@b.test'), wait:format(300))

-- a network that sent enough: by transactions, not by recipients
local quick = new { store = where, delay = 0, whitelist_after = 3 }
local c = conn '198.51.100.1'
quick:mail_from(address 's@a.test', c)
for i = 1, 9 do
  extras.says(nil, quick, 'rcpt_to', address('r' .. i .. '@b.test'), c)
end
g = new { store = where, whitelist_after = 3 }
same(try(g, '198.51.100.2', 'new@a.test', 'b@b.test'), wait:format(300))
same(try(quick, '198.51.100.1', 's@a.test', 'r1@b.test'), nil)
same(try(g, '198.51.100.2', 'new@a.test', 'b@b.test'), wait:format(300))
same(try(quick, '198.51.100.1', 's@a.test', 'r2@b.test'), nil)
same(try(g, '198.51.100.2', 'new@a.test', 'b@b.test'), nil)
same(try(g, '198.51.101.2', 'new@a.test', 'b@b.test'), wait:format(300))
same(try(new { store = where, whitelist_after = 0 }, '198.51.100.2',
  'newer@a.test', 'b@b.test'), wait:format(300))

-- each recipient for itself
c = conn '203.0.113.1'
g:mail_from(address 's@a.test', c)
extras.says(wait:format(300), g, 'rcpt_to', address 'b@b.test', c)
extras.says(nil, g, 'rcpt_to', address 'postmaster@b.test', c)
extras.says(wait:format(300), g, 'rcpt_to', address 'c@b.test', c)

-- a message at once
local function message(from, ...)
  local list = {}
  for i, each in ipairs { ... } do
    list[i] = address(each)
  end
  return {
    recipient_list = function() return list end,
    sender = function() return address(from) end,
  }
end
c = conn '203.0.114.1'
extras.says(wait:format(300), g, 'message', message('s@a.test', 'b@b.test'), c)
extras.says(nil, g, 'message', message('s@a.test', 'abuse@b.test'), c)
extras.says(nil, g, 'message', message('s@a.test', 'b@b.test'),
  conn '127.0.0.1')
later(300, function()
  extras.says(nil, g, 'message', message('s@a.test', 'b@b.test'), c)
  extras.says(wait:format(300), g, 'message',
    message('s@a.test', 'b@b.test', 'd@b.test'), c)
end)

-- it has to be told of the sender
extras.raises('call mail_from() in smtp_server_mail_from', g.rcpt_to, g,
  address 'b@b.test', conn '192.0.2.7')

-- a store that does not work: go on, or come again; and when it works again
for mode, expected in pairs { pass = false,
  tempfail = '451 4.3.0 try again later, please' } do
  local folder = os.tmpname()
  os.remove(folder)
  local broken = new { store = 'sqlite:' .. folder .. '/x/greylist.db',
    on_failure = mode }
  same(try(broken, '192.0.2.9', 'a@a.test', 'b@b.test') or false, expected)
  broken.store.path = path
  same(try(broken, '192.0.2.9', mode .. '@a.test', 'b@b.test'),
    wait:format(300))
end
-- a file that is none of SQLite's
local other = os.tmpname()
local text = io.open(other, 'w')
text:write(('no database\n'):rep(1000))
text:close()
same(try(new { store = 'sqlite:' .. other }, '192.0.2.7', 'a@a.test',
  'b@b.test'), nil)
os.remove(other)
os.remove(path)
os.remove(path .. '-wal')
os.remove(path .. '-shm')
