-- What Momentum's Lua states share: counters, series, gauges, networks,
-- values, locks, audit, statvfs; outside of sessions.

local msys = require 'msys'
require 'msys.counter'
require 'msys.audit_series'
require 'msys.gauge_cache'
require 'msys.cidr'
require 'msys.audit'
require 'msys.os'
local thread = require 'thread'

local function raises(pattern, f, ...)
  local ok, why = pcall(f, ...)
  assert(not ok, 'it does not raise: ' .. pattern)
  assert(tostring(why):find(pattern), why)
end

-- counters: a handle and its path are one
do
  local counter = msys.counter
  assert(require 'msys.counter' == counter)
  local c = counter.open('/lua/test')
  counter.reset(c)
  counter.inc(c)
  counter.inc('/lua/test')
  counter.add(c, 1024)
  counter.add('/lua/test', -24)
  assert(counter.read(c) == 1002)
  assert(counter.read('/lua/test') == 1002)
  local relaxed = counter.open('/lua/test', counter.RELAXED)
  assert(counter.read(relaxed) == 1002)
  counter.unlink('/lua/test')
  counter.inc(c)
  assert(counter.read(c) == 1003)
  assert(counter.read('/lua/test') == 0)
  counter.unlink('/lua/test')
  raises('STRICT or RELAXED', counter.open, '/x', 7)
  raises('path of 1 to 512', counter.open, '')
  raises('path of 1 to 512', counter.open, ('x'):rep(513))
  raises('string or number', counter.inc)
  raises('string or number', counter.inc, {})
  raises('number expected', counter.add, '/x', 'y')
  raises('fits 64 bits', counter.add, '/x', 1 / 0)
  raises('fits 64 bits', counter.add, '/x', 0 / 0)
  raises('number', counter.unlink, c) -- unlink takes a path
  local s = msys.core.string_new()
  s:set('/lua/ec_string')
  counter.add(s, 5)
  assert(counter.read('/lua/ec_string') == 5)
  counter.unlink(s)
end

-- series
do
  local series = msys.audit_series
  series.define('strings', 'string', 3600, 6)
  series.add('strings', 'a')
  series.add('strings', { key = 'a', count = 4 })
  series.add('strings', { key = 'a', count = -1 })
  assert(series.count('strings', 'a') == 4)
  assert(series.count('strings', { key = 'a', startv = 0, endv = 5 }) == 4)
  assert(series.count('strings', { key = 'a', startv = 2, endv = 5 }) == 0)
  assert(series.count('strings', 'b') == 0)
  series.define('strings', 'string', 3600, 6) -- as before: it stays
  assert(series.count('strings', 'a') == 4)
  series.remove_item('strings', 'a')
  assert(series.count('strings', 'a') == 0)
  series.define('four', 'cidr', 3600, 6, { persist = true })
  series.add('four', '192.0.2.1')
  series.add('four', { key = '192.0.2.2' })
  series.add('four', '2001:db8::1')
  assert(series.count('four', '192.0.2.1') == 1)
  assert(series.count('four', '192.0.2.9/24') == 2)
  assert(series.count('four', { key = '[2001:db8::1]' }) == 0)
  raises('a key expected', series.add, 'strings')
  raises('a key expected', series.add, 'strings', { count = 1 })
  raises('name of a series', series.add, nil, 'a')
  raises('no series "none"', series.add, 'none', 'a')
  raises('no client is connected', series.add, 'four')
  raises('is no IP address', series.count, 'four', 'x')
  raises('from 0 to 32', series.count, 'four', '192.0.2.1/33')
  raises('invalid option', series.define, 'x', 'ipv4', 60, 1)
  raises('interval', series.define, 'x', 'cidr', 0, 1)
  raises('number of windows', series.define, 'x', 'cidr', 60, 0)
end

-- gauges
do
  local gauge = msys.gauge_cache
  gauge.define('g', 2, 3600)
  assert(gauge.get('g', 'a') == 0)
  gauge.inc('g', 'a')
  gauge.inc('g', 'a')
  gauge.dec('g', 'b')
  assert(gauge.get('g', 'a') == 2 and gauge.get('g', 'b') == -1)
  gauge.inc('g', 'c') -- pushes a out
  assert(gauge.get('g', 'a') == 0 and gauge.get('g', 'c') == 1)
  gauge.remove_item('g', 'c')
  assert(gauge.get('g', 'c') == 0)
  raises('no cache "none"', gauge.get, 'none', 'a')
  raises('a key expected', gauge.get, 'g')
  raises('1024 bytes', gauge.inc, 'g', ('x'):rep(1025))
  raises('at least 1', gauge.define, 'x', 0, 1)
  raises('seconds, 0 or above', gauge.define, 'x', 1, -1)
end

-- networks
do
  local cidr = msys.cidr
  local path = os.tmpname()
  local function write(text)
    local f = assert(io.open(path, 'w'))
    f:write(text)
    f:close()
  end
  write(':127.0.0.2:listed $\n192.0.2.0/24\n192.0.2.7:3:seven\nwhat\n'
    .. '!192.0.2.8\n2001:db8::/32 :4:six\n')
  cidr.define('a', { type = 'rbldnsd', source = path })
  assert(cidr.query('a', '192.0.2.1') == '127.0.0.2')
  assert(cidr.query('a', '192.0.2.7') == '127.0.0.3')
  assert(cidr.query('a', '192.0.2.8') == nil)
  assert(cidr.query('a', '2001:db8::5') == '127.0.0.4')
  assert(cidr.query('a', '[2001:db8::5]') == '127.0.0.4')
  assert(cidr.query('a', '::ffff:192.0.2.7') == '127.0.0.3')
  cidr.define('t', {
    type = 'rbldnsd', source = 'file://' .. path, value = 'txt',
    interpolate = true, default_value = 'none',
  })
  assert(cidr.query('t', '192.0.2.1') == 'listed 192.0.2.1')
  assert(cidr.query('t', '192.0.3.1') == 'none')
  write('192.0.3.0/24 new\n')
  assert(cidr.query('t', '192.0.3.1') == 'none')
  assert(cidr.reload('t') == true)
  assert(cidr.query('t', '192.0.3.1') == 'new')
  os.remove(path)
  local ok, why = cidr.reload('t')
  assert(ok == nil and why:find('No such file'), why)
  assert(cidr.query('t', '192.0.3.1') == 'new')
  raises('No such file', cidr.define, 't',
    { type = 'rbldnsd', source = path })
  cidr.define('empty', 'empty')
  assert(cidr.query('empty', '192.0.2.1') == nil)
  cidr.define('empty', { type = 'empty', default_value = false })
  assert(cidr.query('empty', '192.0.2.1') == false)
  raises('cachename: a string expected', cidr.define, 'x',
    { type = 'datasource' })
  raises('no such datasource', cidr.define, 'x',
    { type = 'datasource', cachename = 'x', query = 'select 1' })
  raises('only files', cidr.define, 'x',
    { type = 'rbldnsd', source = 'http://x.example/list' })
  raises('a file expected, got nil', cidr.define, 'x', 'rbldnsd')
  raises('"rbldnsd", "datasource" or "empty"', cidr.define, 'x', {})
  raises('type: "rbldnsd"', cidr.define, 'x', { file = 'y' })
  cidr.define('others', { type = 'empty', limits = { a = 1 } })
  raises('"a" or "txt"', cidr.define, 'x',
    { type = 'rbldnsd', source = '/x', value = 'mx' })
  raises('no networks "nobody"', cidr.query, 'nobody', '192.0.2.1')
  raises('no networks "never"', cidr.query, 'never', '192.0.2.1')
  raises('is no IP address', cidr.query, 'a', 'x')
  raises('no client is connected', cidr.query, 'a')
end

-- shared values
do
  assert(msys.shareGet('k') == nil)
  for _, value in ipairs { 'a\0b', 1.5, true, false, '' } do
    assert(msys.shareSet('k', value) == true)
    assert(msys.shareGet('k') == value)
  end
  assert(msys.shareSet('k', {}) == false)
  assert(msys.shareSet('k', print) == false)
  assert(msys.shareGet('k') == '')
  assert(msys.shareSet('k', ('x'):rep(2 ^ 20 + 1)) == false)
  assert(msys.shareSet('k') == true and msys.shareGet('k') == nil)
  assert(msys.shareSet(nil, 1) == false)
  msys.shareSet('k', 1)
  msys.shareUnset('k')
  assert(msys.shareGet('k') == nil)
end

-- locks
do
  assert(msys.unlock('l') == false)
  assert(msys.lock('l') == true)
  raises('for ever', msys.lock, 'l')
  assert(msys.lock('other') == true)
  assert(msys.unlock('l') == true and msys.unlock('l') == false)
  assert(msys.lock('l') == true) -- given back when loading is over
  local m = thread.mutex()
  assert(m:lock() == true)
  raises('for ever', m.lock, m)
  assert(m:trylock() == false)
  assert(m:unlock() == true and m:unlock() == false)
  assert(m:trylock() == true and m:unlock() == true)
  local r = thread.mutex(thread.MUTEX_RECURSIVE)
  r:lock()
  r:lock()
  assert(r:trylock() and r:unlock() and r:unlock() and r:unlock())
  assert(not r:unlock())
  local e = thread.mutex(thread.MUTEX_ERRORCHECK)
  raises('does not hold', e.unlock, e)
  e:lock()
  e:unlock()
  raises('MUTEX_NORMAL', thread.mutex, 9)
  raises('_mutex expected, got nil', m.lock)
  for i = 1, 300 do
    if i == 300 then
      raises('256 locks', msys.lock, 'many' .. i)
    else
      pcall(msys.lock, 'many' .. i)
    end
  end
end

-- audit: without a session only networks can be asked for
do
  assert(msys.audit.inbound_session_count('192.0.2.0/24', 'SMTP') == 0)
  assert(msys.audit.inbound_session_count('192.0.2.0/24', 'Control') == 0)
  assert(msys.audit.connections('60,1', '192.0.2.0/24') == 0)
  assert(msys.audit.rejections('60,1',
    { cidr = '192.0.2.0/24', startv = 0, endv = 1 }) == 0)
  raises('no client is connected', msys.audit.inbound_session_count)
  raises('no client is connected', msys.audit.receptions, '60,1')
  raises('a monitor such as "60,1"', msys.audit.connections, 'x', '::/0')
end

-- statvfs
do
  local r = msys.os.statvfs_subscribe('/', 10)
  local st, why = msys.os.statvfs_read(r)
  assert(st, why)
  assert(st.version == 1 and st.kilobytes_total > 0)
  assert(st['kilobytes_available'] <= st.kilobytes_total)
  assert(st.objects_available <= st.objects_total)
  st, why = msys.os.statvfs_read(msys.os.statvfs_subscribe('/nowhere', 0))
  assert(st == nil and why:find('No such file'), why)
  assert(msys.os.statvfs_read('/').version == 1)
  raises('a path expected', msys.os.statvfs_subscribe)
  raises('_statvfs_record expected, got nil', msys.os.statvfs_read)
end
