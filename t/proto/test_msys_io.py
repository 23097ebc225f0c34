"""Momentum's functions that reach outside: databases, files, new mail."""

import os
import select
import sqlite3

from case import HOST, alone, equal, match, policy, rows, true
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
    quick = crowd(d, 1)[0]
    equal(quick.mail('<quick@example.com>'), '550 seven')   # it has loaded
    lock = sqlite3.connect(os.path.join(d.dir, 'users.db'),
                           isolation_level=None)
    lock.execute('begin exclusive')
    waiting = crowd(d, 300)
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


# ---- new mail ---------------------------------------------------------------

SENDMAIL = {'sendmail': """
case "$*" in *fail@*) echo 'no such user' >&2; exit 67;; esac
case "$*" in *slow@*) sleep 300;; esac
umask 022
{ printf '%s|' "$@"; echo; cat; } > "$0.out"
"""}


def on_data(code, timeout='60s', phase='data'):
    args = 'str, ' if phase == 'mailfrom' else 'msg, '
    return """
require 'msys.core'
require 'msys.extended.message'
local dir = debug.getinfo(1, 'S').source:match('@(.*)/')
kumo.on('init', function()
  kumo.milter.configure {
    states = 1, message_timeout = '%s',
    submit_command = '/bin/sh ' .. dir .. '/sendmail -i',
  }
end)
local mod = {}
function mod:validate_%s(%saccept, vctx)
  %s
  return msys.core.VALIDATE_CONT
end
msys.registerModule('mail', mod)
""" % (timeout, phase, args, code)


def send(d, body=b'one line\r\n', subject='hello'):
    s = d.session()
    s.helo()
    headers = [('From', 'Ann <ann@example.com>'), ('Subject', subject)]
    reply = s.message(rcpts=['<bob@example.org>'], headers=headers, body=body)
    path = os.path.join(d.dir, 'sendmail.out')
    if not os.path.exists(path):
        return str(reply), None, None
    with open(path, 'rb') as f:
        words, _, mail = f.read().decode().partition('\n')
    return str(reply), words, mail


@policy(on_data("""
  assert(msg:inject('s@x.example', 'a@x.example, b@y.example') == true)"""),
        files=SENDMAIL)
def test_inject(d):
    reply, words, mail = send(d)
    equal(reply, 'continue')
    equal(words, '-i|-f|s@x.example|--|a@x.example|b@y.example|')
    equal(mail, 'From: Ann <ann@example.com>\nSubject: hello\n\none line\n')


@policy(on_data("""
  msg:forward('s@x.example', 'a@x.example', 'gr\\252\\223e', nil, 'latin1')
  """), files=SENDMAIL)
def test_forward(d):
    reply, words, mail = send(d, 'h\u00e9\r\n'.encode())
    equal(words, '-i|-f|s@x.example|--|a@x.example|')
    match(mail, r'(^|\n)From: s@x\.example\n')
    head, _, body = mail.partition('\n\n')
    match(head, r'\nTo: a@x\.example\n')
    match(head, r'\nSubject: Fwd: hello\n')
    match(head, r'\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\n')
    match(head, r'\nMessage-ID: <\S+@mx\.example\.test>\n')
    match(head, r'\nAuto-Submitted: auto-generated\n')
    match(body, 'Z3LDvMOfZQ==')    # base64, as UTF-8
    match(body, r'\n\nFrom: Ann <ann@example.com>\nSubject: hello\n\nh\u00e9\n')


FAILURES = {
    'status': ("'s@x.example', 'fail@x.example'", 'ended with status 67'),
    'option': ("'-bs', 'a@x.example'", 'bs'),
    'rcpt': ("'', 'a@x.example,-bs'", 'bs'),
    'none': ("'', ' , '", 'no recipient'),
    'null': ("'', '<>'", 'a recipient is empty'),
    'newline': ("'s@x.example', {'a@x.example\\nX: y'}", 'control character'),
}


@rows(FAILURES)
@policy(lambda row: on_data("""
  local ok, why = msg:inject(%s)
  vctx:set_code(550, tostring(ok) .. ' ' .. why)""" % row[0]), files=SENDMAIL)
def test_what_fails(d, row):
    reply, words, _ = send(d)
    match(reply, '^550 false .*' + row[1])
    equal(words, None)
    match(d.log(), row[1])


@policy(on_data("msg:inject('', 'fail@x.example')"), files=SENDMAIL)
def test_what_the_command_says_is_logged(d):
    equal(send(d)[0], 'continue')
    d.wait_log(r'submission: /bin/sh .* ended with status 67: no such user')


@policy(on_data("msg:inject('', 'slow@x.example')", '300ms'), files=SENDMAIL)
def test_a_slow_command_is_ended(d):
    equal(send(d)[0], TEMPORARY)


@policy(on_data("""
  local ok, why = pcall(msg.inject, msg, 's@x.example', 'a@x.example')
  vctx:set_code(550, why:match('msg:inject.*'))""", phase='rcptto')
        .replace('(msg, accept', '(msg, str, accept'), files=SENDMAIL)
def test_no_content_yet(d):
    s = d.session()
    s.helo()
    s.mail()
    equal(s.rcpt('<bob@example.org>'),
          '550 msg:inject: there is no content before validate_data')


@policy(on_data("""
  for i = 1, 3 do
    for _, subject in ipairs { 'one', 'two' } do
      msys.policyeditor.send_email({}, {}, { from = 'alert@x.example',
        to = 'a@x.example b@x.example', subject = subject, body = 'n ' .. i,
        throttle = 3600 })
    end
  end"""), files={'sendmail': 'echo "$@" >> "$0.out"; cat >> "$0.out"'})
def test_send_email_not_too_often(d):
    words, mail = send(d)[1:]
    equal(words, '-i -f alert@x.example -- a@x.example b@x.example')
    match(mail, r'^Content-Type: text/plain.*\nFrom: alert@x\.example\n'
          r'To: a@x\.example, b@x\.example\nSubject: one\n.*\n\nn 1\n'
          r'-i .*\nSubject: two\n.*\n\nn 1\n$')


@policy(on_data("""
  local new = msys.core.ec_message_new()
  new:build({ Subject = 'built' }, { ['text/plain'] = 'a line' })
  assert(new:inject('s@x.example', 'a@x.example') == true)
  assert(msys.core.ec_message_inject(new, 's@x.example', 'b@x.example'))"""),
        files={'sendmail': 'echo "$@" >> "$0.out"; cat >> "$0.out"'})
def test_a_new_message_is_sent(d):
    words, mail = send(d)[1:]
    equal(words, '-i -f s@x.example -- a@x.example')
    match(mail, r'^Subject: built\n.*\n\na line\n--.*'
          r'\n-i -f s@x\.example -- b@x\.example\n'
          r'Subject: built\n.*\n\na line\n--')
