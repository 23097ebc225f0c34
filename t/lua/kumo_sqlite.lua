-- require 'sqlite': parameters, results, connections, failures.
require 'kumo'
local sqlite = require 'sqlite'
assert(package.loaded.sqlite == sqlite and require 'sqlite' == sqlite)

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function list(t)
  local out = {}
  for i = 1, #t do
    out[i] = tostring(t[i])
  end
  return table.concat(out, ' ')
end

local db = sqlite.open ':memory:'
assert(type(db) == 'userdata')
raises("unknown field 'x'", function() return db.x end)
raises('unknown field', function() db.x = 1 end)

-- statements without columns: the rows they changed
assert(db:execute 'create table t (n integer, s text, r real)' == 0)
assert(db:execute('insert into t values (?, ?, ?)', 1, 'one', 0.5) == 1)
assert(db:execute('insert into t values (?, ?, ?)', { 2, 'two', 1.5 }) == 1)
assert(db:execute('insert into t values (:n, :s, :n)', { n = 3, s = 'x\0y' }) == 1)
assert(db:execute('insert into t values (?, ?, ?)', 4, nil, nil) == 1)
assert(db:execute('insert into t (n, s) values (:n, ?)', 5, 'five') == 1)
assert(db:execute 'update t set r = 9 where n > 3' == 2)
assert(db:execute 'delete from t where n = 99' == 0)

-- one column: values; several: tables
local r = db:execute 'select n from t order by n'
assert(list(r) == '1 2 3 4 5' and type(r[1]) == 'number')
assert(getmetatable(r) == false)
r = db:execute('select n, s, r from t where n = ?', 1)
assert(#r == 1 and r[1].n == 1 and r[1].s == 'one' and r[1].r == 0.5)
r = db:execute('select s from t where n = ?', { 3 })
assert(r[1] == 'x\0y')
r = db:execute('select n, s from t where n = :n', { n = 4 })
assert(r[1].n == 4 and r[1].s == nil)
assert(#db:execute('select n from t where s = ?', 'no') == 0)
assert(#db:execute('select n, s from t where s = ?', 'no') == 0)
assert(db:execute('select count(*) from t')[1] == 5)
assert(db:execute("select x'616263'")[1] == 'abc')
assert(db:execute('select ?', 'ü')[1] == 'ü')
assert(db:execute('select ?', '\255\0')[1] == '\255\0')
assert(db:execute('select ?', 2 ^ 53 - 1)[1] == 2 ^ 53 - 1)
assert(db:execute('select ?', 1e300)[1] == 1e300)
assert(db:execute('select typeof(?)', 7)[1] == 'integer')
assert(db:execute('select typeof(?)', 7.5)[1] == 'real')
assert(db:execute('select typeof(?)', '7')[1] == 'text')
-- a placeholder without a parameter is NULL
assert(db:execute('select typeof(?)')[1] == 'null')
assert(db:execute('select typeof(?)', nil)[1] == 'null')
assert(db:execute('select typeof(:a)', {})[1] == 'null')
assert(#db:execute('select ?', nil) == 0)
assert(db:execute('select typeof(?2)', 1, 2)[1] == 'integer')

-- parameters that fit nothing
raises('2 values for 1 placeholders', db.execute, db, 'select ?', 1, 2)
raises('there is no placeholder :b', db.execute, db, 'select :a', { b = 1 })
raises('there is no placeholder :', db.execute, db, 'select :a',
  { [('b'):rep(1000)] = 1 })
for _, bad in ipairs { true, { true }, { { 1 } }, { a = {} }, { a = false } } do
  raises('only numbers, strings and nil can be passed as parameter values',
    db.execute, db, 'select :a', bad)
end
raises('only numbers, strings and nil', db.execute, db, 'select ?, ?', 1, {})
raises('cannot serialize function', db.execute, db, 'select ?', print)
raises("bad argument #1 to 'execute'", db.execute, db)
raises("bad argument #1 to 'execute'", db.execute, db, {})
raises('SqliteConnection expected', db.execute, nil, 'select 1')
raises('SqliteConnection expected', db.execute, io.stdout, 'select 1')
raises('too many parameters', db.execute, db, 'select 1',
  (table.unpack or unpack)({}, 1, 2000))

-- what is no statement
raises('syntax error', db.execute, db, 'selec 1')
raises('a statement expected, got nothing', db.execute, db, '')
raises('no such table: u', db.execute, db, 'select * from u')
raises('more than one statement', db.execute, db, 'select 1; select 2')
raises('a NUL', db.execute, db, 'select 1\0')
raises('too long', db.execute, db, (' '):rep(2 ^ 20))
raises('more than 100000 rows', db.execute, db,
  'with recursive c(n) as (select 1 union all select n + 1 from c) '
  .. 'select n from c')

-- a failure is raised at the line that asked
local ok, err = pcall(function() db:execute 'selec 1' end)
assert(not ok and err:find('kumo_sqlite.lua:', 1, true), err)

-- what belongs to a connection stays: transactions, its memory
db:execute 'begin'
db:execute 'delete from t'
assert(db:execute('select count(*) from t')[1] == 0)
db:execute 'rollback'
assert(db:execute('select count(*) from t')[1] == 5)
raises('no such table', function()
  sqlite.open(':memory:'):execute 'select * from t'
end)

-- two connections to a file: locks, busy_timeout
local path = os.tmpname()
local one, two = sqlite.open(path), sqlite.open(path, 0)
one:execute 'create table t (n)'
one:execute 'begin immediate'
raises('locked', two.execute, two, 'insert into t values (1)')
one:execute 'commit'
assert(two:execute('insert into t values (?)', 1) == 1)
assert(one:execute('select n from t')[1] == 1)

-- close
two:close()
two:close()
raises('connection was closed', two.execute, two, 'select 1')
one:execute 'begin immediate'
one:close() -- gives its lock back
local three = sqlite.open(path, 0)
three:execute 'insert into t values (2)'
three:close()

raises('unable to open', sqlite.open, '/no/such/folder/db')
raises('a NUL', sqlite.open, 'a\0b')
raises("bad argument #1 to 'open'", sqlite.open)
for _, bad in ipairs { -1, 'x', {}, 0.5, 2 ^ 31, 0 / 0 } do
  raises("bad argument #2 to 'open'", sqlite.open, ':memory:', bad)
end

-- connections that nobody has any more are closed
for i = 1, 2000 do
  local some = sqlite.open(path)
  assert(#some:execute 'select * from t' == 2, i)
end
local many = {}
raises('too many connections', function()
  for i = 1, 2000 do
    many[i] = sqlite.open(path)
  end
end)
assert(#many > 100)
os.remove(path)
