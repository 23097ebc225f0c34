"""require 'sqlite': hundreds of sessions that wait for a database."""

import os
import select
import sqlite3

from case import DIFFICULTIES, alone, equal, policy, true
from test_limits import all_at_once, crowd

DATABASE = '''
local sqlite = require 'sqlite'
local path = debug.getinfo(1, 'S').source:match('@(.*)/') .. '/users.db'
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '%s', states = 2 }
  local db = sqlite.open(path)
  db:execute 'create table u (name, code)'
  db:execute("insert into u values ('ann', 551)")
  db:close()
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'quick' then
    kumo.reject(550, 'quick')
  end
  local db = sqlite.open(path, 120000)
  if sender.user == 'endless' then
    db:execute('with recursive c(n) as (select 1 union all '
      .. 'select n + 1 from c) select count(*) from c')
  end
  local rows = db:execute('select name, code from u where name = :name',
    { name = sender.user })
  kumo.reject(rows[1].code, 'no ' .. rows[1].name)
end)
'''


@policy(DATABASE % '120s')
def test_a_row_decides(d):
    equal(crowd(d, 1)[0].mail('<ann@example.com>'), '551 no ann')
    equal(crowd(d, 1)[0].mail('<bob@example.com>'), DIFFICULTIES)


@alone
@policy(DATABASE % '120s')
def test_300_wait_for_a_lock(d):
    """They hold no state: there are two, and another session goes on."""
    quick = crowd(d, 1)[0]
    lock = sqlite3.connect(os.path.join(d.dir, 'users.db'),
                           isolation_level=None)
    lock.execute('begin exclusive')
    waiting = crowd(d, 300)
    for s in waiting:
        s.send_macros('mail')
        s.milter.say('mail', b'<ann@example.com>\0')
    for _ in range(5):
        equal(quick.mail('<quick@example.com>'), '550 quick')
    ready = select.select([s.milter.wire.sock for s in waiting], [], [], 0)[0]
    true(not ready, 'no answer while the database is locked')
    lock.execute('rollback')
    lock.close()
    equal({str(s.milter.answer()) for s in waiting}, {'551 no ann'})


@policy(DATABASE % '300ms')
def test_an_endless_query_ends(d):
    slow, quick = crowd(d, 2)
    slow.send_macros('mail')
    slow.milter.say('mail', b'<endless@example.com>\0')
    equal(quick.mail('<quick@example.com>'), '550 quick')
    equal(slow.milter.answer(), DIFFICULTIES)


@alone
@policy(DATABASE % '120s')
def test_100_ask_at_once(d):
    for _ in range(3):
        answers, _ = all_at_once(crowd(d, 100))
        equal({str(a) for a in answers}, {'551 no ann'})
