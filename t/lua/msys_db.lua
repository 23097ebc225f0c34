-- msys.db against a database in memory: forms of parameters, rows, failures.
local kumo = require 'kumo'
local msys = require 'msys'
require 'msys.db'
require 'msys.datasource'

local path = os.tmpname()
kumo.milter.configure {
  datasources = {
    mem = 'sqlite::memory:',
    second = { 'sqlite:/no/such/folder/x', 'sqlite:' .. path },
    nowhere = { 'sqlite:/no/such/folder/x', 'sqlite:/no/such/folder/y' },
    pg = 'pgsql:host=db.example',
    mixed = { 'mysql:db', 'sqlite::memory:' },
  },
}

local db = msys.db
assert(require 'msys.db' == db)

-- execute
assert(db.execute('mem', 'create table t (n integer, s text, r real)') == true)
assert(db.execute('mem', 'insert into t values (?, ?, ?)', { 1, 'one', 0.5 }))
assert(db.execute('mem', 'insert into t values (:n, $s, :n)',
  { n = 2, s = 'two' }))
assert(db.execute('mem', 'insert into t values (?, ?, ?)', { [1] = 3 }))
assert(db.execute('mem', 'insert into t values (?, ?, ?)',
  { 4, nil, true }))

-- query: an iterator of rows, all values strings, NULL is nil
local seen = {}
for row in db.query('mem', 'select * from t order by n') do
  seen[#seen + 1] = row.n .. (row.s or '-') .. (row.r or '-')
end
assert(table.concat(seen, ' ') == '1one0.5 2two2.0 3-- 4-1.0',
  table.concat(seen, ' '))
local iter = db.query('mem', 'select 1 where 0')
assert(type(iter) == 'function' and iter() == nil and iter() == nil)

-- fetch_row; a column without a name has its text
local row = db.fetch_row('mem', 'select 1')
assert(row['1'] == '1' and row[1] == nil)
assert(db.fetch_row('mem', 'select n from t where s = ?', { 'two' }).n == '2')
assert(db.fetch_row('mem', 'select n from t where s = ?', { 'x' }) == nil)
assert(db.fetch_row('mem', 'select n from t order by n desc').n == '4')
assert(db.fetch_row('mem', 'select count(*) as c from t').c == '4')

-- bytes, ec_string, large numbers
local s = msys.core.string_new()
s:set('x\0y')
row = db.fetch_row('mem', 'select ? as a, length(?) as b, ? as c, ? as d',
  { s, 'ü', 2 ^ 53, 1e300 })
assert(row.a == 'x\0y' and row.b == '1', row.a)
assert(row.c == '9.00719925474099e+15' and row.d == '1.0e+300', row.c)
assert(db.fetch_row('mem', 'select ? as n', { 9007199254740991 }).n ==
  '9007199254740991')
assert(db.fetch_row('mem', 'select typeof(?) as t', { 7 }).t == 'integer')
assert(db.fetch_row('mem', 'select :a || :b as x', { [':a'] = 'p', b = 'q' })
  .x == 'pq')

-- text stays text
db.execute('mem', 'insert into t values (9, ?, 0)', { "'); drop table t; --" })
assert(db.fetch_row('mem', 'select s from t where n = 9').s ==
  "'); drop table t; --")

-- failures raise where the caller stands, or come back
local function fails(f, why, ...)
  local ok, text = pcall(f, ...)
  assert(not ok and text:find(why, 1, true), tostring(text))
end
local quiet = { raise_error = false, nocache = true, whatever = 1 }
fails(db.query, 'msys.db.query: mem: no such table: none', 'mem',
  'select * from none')
fails(db.fetch_row, 'msys.db.fetch_row: mem: near "selec": syntax error',
  'mem', 'selec')
fails(db.execute, 'more than one statement', 'mem', 'select 1; select 2')
fails(db.execute, '2 values for 1 placeholders', 'mem', 'select ?', { 1, 2 })
fails(db.query, 'none: no such datasource', 'none', 'select 1')
fails(db.query, 'pg: built without pgsql', 'pg', 'select 1')
fails(db.query, 'nowhere: /no/such/folder/y: unable to open', 'nowhere',
  'select 1')
fails(db.query, 'params: a table expected, got string', 'mem', 'select ?', 'x')
fails(db.query, 'options: a table expected', 'mem', 'select 1', nil, 7)
fails(db.query, 'a parameter cannot be a table', 'mem', 'select ?', { {} })
fails(db.query, "a parameter's key", 'mem', 'select ?', { [0] = 1 })
fails(db.query, "a parameter's key", 'mem', 'select ?', { [1.5] = 1 })
fails(db.query, "a parameter's key", 'mem', 'select ?', { [1e9] = 1 })
fails(db.query, "a parameter's key", 'mem', 'select ?', { [true] = 1 })
local r, why = db.query('mem', 'selec', nil, quiet)
assert(r == nil and why:find('syntax error'))
r, why = db.fetch_row('none', 'select 1', nil, quiet)
assert(r == nil and why == 'msys.db.fetch_row: none: no such datasource')
r, why = db.execute('mem', 'insert into none values (1)', nil, quiet)
assert(r == false and why:find('no such table'))

-- the next URI of a datasource
assert(db.execute('second', 'create table u (x)'))
assert(db.fetch_row('second', 'select count(*) as c from u').c == '0')
assert(db.fetch_row('mixed', 'select count(*) as c from t').c == '5')
os.remove(path)

-- more than fits
fails(db.query, 'more than 100000 rows', 'mem',
  'with recursive c(n) as (select 1 union all select n + 1 from c) '
  .. 'select n from c')

-- the option itself
local function refused(what, text)
  fails(kumo.milter.configure, text, { datasources = what })
end
refused({ x = '/path' }, 'datasources: x: "/path" is no URI')
refused({ x = 7 }, 'datasources: x: a URI')
refused('sqlite:/x', 'a table of names and URIs expected')
