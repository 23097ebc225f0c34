"""Momentum's functions that reach outside: databases, files, new mail."""

import os
import select
import sqlite3

from case import HOST, alone, equal, policy, true
from test_limits import all_at_once, crowd

TEMPORARY = '421 %s temporary issue, please retry your message later' % HOST

DATABASE = '''
require 'msys.core'
require 'msys.db'
local dir = debug.getinfo(1, 'S').source:match('@(.*)/')
kumo.on('init', function()
  kumo.milter.configure {
    states = 1, event_timeout = '%s',
    datasources = {
      users = 'sqlite:' .. dir .. '/users.db',
      mem = 'sqlite::memory:',
    },
  }
end)
local mod = {}
function mod:init()
  msys.db.execute('users', 'create table if not exists u (name, code)')
  msys.db.execute('users', "insert into u values ('ann', 551)")
  return true
end
function mod:validate_mailfrom(str, accept, vctx)
  local name = vctx:get(msys.core.VCTX_MESS, 'mailfrom_localpart')
  if name == 'endless' then
    msys.db.query('mem', 'with recursive c(n) as (select 1 union all '
      .. 'select n + 1 from c) select count(*) from c')
  elseif name == 'quick' then
    vctx:set_code(550, msys.db.fetch_row('mem', "select 'seven' as x").x)
  else
    local row = msys.db.fetch_row('users', 'select * from u where name = ?',
      { name })
    vctx:set_code(row.code, '5.1.0 no ' .. row.name)
  end
  return msys.core.VALIDATE_DONE
end
msys.registerModule('db', mod)
'''


@policy(DATABASE % '120s')
def test_a_row_decides(d):
    equal(crowd(d, 1)[0].mail('<ann@example.com>'), '551 5.1.0 no ann')
    equal(crowd(d, 1)[0].mail('<bob@example.com>'), TEMPORARY)


@alone
@policy(DATABASE % '120s')
def test_300_wait_for_a_lock(d):
    """They hold no state: there is one, and another session goes on."""
    lock = sqlite3.connect(os.path.join(d.dir, 'users.db'),
                           isolation_level=None)
    lock.execute('begin exclusive')
    waiting = crowd(d, 300)
    quick = crowd(d, 1)[0]
    for s in waiting:
        s.send_macros('mail')
        s.milter.say('mail', b'<ann@example.com>\0')
    for _ in range(5):
        equal(quick.mail('<quick@example.com>'), '550 seven')
    ready = select.select([s.milter.wire.sock for s in waiting], [], [], 0)[0]
    true(not ready, 'no answer while the database is locked')
    lock.execute('rollback')
    lock.close()
    equal({str(s.milter.answer()) for s in waiting}, {'551 5.1.0 no ann'})


@policy(DATABASE % '300ms')
def test_an_endless_query_ends(d):
    slow, quick = crowd(d, 2)
    slow.send_macros('mail')
    slow.milter.say('mail', b'<endless@example.com>\0')
    equal(slow.milter.answer(), TEMPORARY)
    # the database in memory has one connection, and that is free again
    equal(quick.mail('<quick@example.com>'), '550 seven')


@alone
@policy(DATABASE % '120s')
def test_100_ask_at_once(d):
    for _ in range(3):
        answers, _ = all_at_once(crowd(d, 100))
        equal({str(a) for a in answers}, {'551 5.1.0 no ann'})
