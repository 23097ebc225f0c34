"""kumilter replay: what the daemon recorded, against another policy."""

import json
import os
import signal
import subprocess

from case import equal, match, policy, rows, true
from daemon import KUMILTER, PATIENCE, wait_until

from test_recording import FILE, sessions

POLICY = '''
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then
    kumo.reject(550, '5.7.1 not you')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-New', 'value')
end)
'''
# sender: how the session ends with OTHER
OTHER = POLICY.replace('bad', 'good').replace("'value'", "'another'")
SENDERS = ('ann', 'bad', 'good')


def record(d, senders=SENDERS, n=1):
    """So many sessions of each, in this order; gives the file."""
    for i, sender in enumerate(senders * n):
        s = d.session()
        s.helo()
        if str(s.mail(f'<{sender}@example.com>')) == 'continue':
            s.rcpt()
            s.data()
            s.content()
        s.quit()
        sessions(d, i + 1)
    return f'{d.dir}/sessions'


def replay(*words, stdin=None):
    return subprocess.run(
        [KUMILTER, 'replay', *words], input=stdin, capture_output=True,
        text=True, timeout=PATIENCE)


def other(d, text=OTHER, name='other.lua'):
    return d.write_file(name, "local kumo = require 'kumo'\n"
                        + text.removeprefix('\n'))


def results(done):
    """The sessions, by line, and the summary."""
    true(done.returncode in (0, 1), done.stderr)
    *listed, summary = map(json.loads, done.stdout.splitlines())
    return {one['line']: one for one in listed}, summary


RECORDS = {'args': ['--record', FILE, '--record-bodies', 'all']}


@policy(POLICY, **RECORDS)
def test_the_same_policy(d):
    done = replay('-p', d.policy_file, record(d))
    equal((done.returncode, done.stderr), (0, ''))
    match(done.stdout, '^3 sessions: 3 the same, 0 changed\n')
    match(done.stdout, r'\nsmtp_server_mail_from +\d+\.\d{3} ')


@policy(POLICY, **RECORDS)
def test_another_policy(d):
    file = record(d)
    done = replay('-p', other(d), file, '--details')
    equal((done.returncode, done.stderr), (1, ''))
    match(done.stdout, '^3 sessions: 0 the same, 3 changed\n')
    match(done.stdout, r'\n       1  mail: accept -> 550 5.7.1 not you\n')
    match(done.stdout, r'\n       1  message: other changes to it\n')
    match(done.stdout, r'\nline 1: 2.*\n  message: other changes to it\n'
          r'(    .*\n)*    -X-New: value\n    \+X-New: another\n')
    match(done.stdout, r'\nline 2: 2.*\n  mail <bad@example.com>: '
          r'550 5.7.1 not you -> accept   '
          r'\[smtp_server_mail_from other.lua:2\]\n')
    listed, summary = results(replay('-p', other(d), file, '--json'))
    equal(sorted(listed), [1, 2, 3])
    equal(listed[3]['changes'][0]['now'], '550 5.7.1 not you')
    equal(listed[3]['follows'], 2)
    equal([summary[key] for key in ('sessions', 'changed', 'bad', 'lost')],
          [3, 3, 0, 0])
    equal(summary['times'][0]['now']['n'], 3)
    for what, n in (('all', 3), ('changed', 3), ('none', 0)):
        listed, _ = results(replay('-p', other(d), file, '--json', '--only',
                                   what))
        equal(len(listed), n, what)


@policy(POLICY, **RECORDS)
def test_two_policies(d):
    """Without the recording's own answers; in any number of processes."""
    file = record(d, n=2)
    for jobs in ('1', '3', '8'):
        listed, summary = results(replay(
            '-p', other(d), '--against', d.policy_file, file, '--json',
            '-j', jobs))
        equal(list(listed), list(range(1, 7)))
        equal(summary['changed'], 6)
        _, summary = results(replay(
            '-p', other(d), '--against', other(d), file, '--json', '-j',
            jobs))
        equal((summary['same'], summary['changed']), (6, 0))


@policy(POLICY, **RECORDS)
def test_lines_that_are_none(d):
    with open(record(d)) as lines:
        good = lines.read().splitlines()
    text = '\n'.join([good[0], 'x', '{"kumilter_recording":9}', '', good[1],
                      good[2][:100]])
    done = replay('-p', d.policy_file, '-', stdin=text)
    equal(done.returncode, 0)
    match(done.stdout, '^2 sessions: 2 the same, 0 changed\n'
          '2 lines are no sessions\n')
    match(done.stderr, '^-:2: is no JSON: .*\n'
          '-:3: is of version 9 of the format; this kumilter reads 1\n'
          '-:6: the last line is not whole')
    done = replay('-p', d.policy_file, '-', stdin='')
    equal((done.returncode, done.stdout),
          (0, '0 sessions: 0 the same, 0 changed\n'))


WORLD = '''
local http = kumo.http.build_client {}
local sqlite = require 'sqlite'
kumo.on('init', function()
  print 'loaded'
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'web' then
    http:get('http://127.0.0.1:9/'):send()
  elseif sender.user == 'name' then
    local list = kumo.dns.lookup_txt 'there.example'
    kumo.reject(550, 'x ' .. (list[1] or 'nothing'))
  elseif sender.user == 'base' then
    local db = sqlite.open '/nonexistent/folder/db'
    db:execute 'CREATE TABLE t (n)'
  elseif sender.user == 'time' then
    kumo.sleep(5)
    kumo.reject(550, 'x ' .. os.date '!%Y')
  end
end)
'''


@policy('', **RECORDS)
def test_nothing_is_changed_outside(d):
    file = record(d, ('web', 'name', 'base', 'time'))
    zone = d.write_file('zone', '$ORIGIN example.\n'
                        'there 300 IN TXT "a text"\n')
    with open(file) as lines:
        text = lines.read()
    year = json.loads(text.splitlines()[0])['begin'][:4]
    text = text.replace(f'"begin":"{year}', '"begin":"2031')
    listed, _ = results(replay(
        '-p', other(d, WORLD), '-', '--json', '--dns-zones', zone,
        stdin=text))
    equal({line: [change['now'] for change in one['changes']]
           for line, one in listed.items()},
          {1: ['smtp_server_mail_from other.lua:7',
               '421 4.3.0 mx.example.test technical difficulties (closes)'],
           2: ['550 x a text'], 4: ['550 x 2031']})
    match(listed[1]['log'][0]['text'],
          r'a replay asks no web server \(--live does\)')


WRONG = {
    'no policy': (['FILE'], 64, 'which policy'),
    'no recording': (['-p', 'POLICY'], 64, 'one recording'),
    'two': (['-p', 'POLICY', 'FILE', 'FILE'], 64, 'one recording'),
    'jobs': (['-p', 'POLICY', '-j', '0', 'FILE'], 64, '--jobs 0'),
    'only': (['-p', 'POLICY', '--only', 'some', 'FILE'], 64, '--only some'),
    'mta': (['-p', 'POLICY', '--mta', 'exim', 'FILE'], 64, 'exim'),
    'not there': (['-p', 'POLICY', '/nonexistent'], 66, '/nonexistent'),
    'no such policy': (['-p', '/nonexistent.lua', 'FILE'], 65,
                       'cannot open /nonexistent.lua'),
    'a zone': (['-p', 'POLICY', '--dns-zones', '/nonexistent', 'FILE'], 65,
               '/nonexistent'),
    'against': (['-p', 'POLICY', '--against', '/nonexistent.lua', 'FILE'],
                65, 'cannot open /nonexistent.lua'),
}


@rows(WRONG)
@policy(lambda row: '', **RECORDS)
def test_wrong(d, row):
    words, code, says = row
    names = {'FILE': record(d, ('ann',)), 'POLICY': d.policy_file}
    done = replay(*[names.get(word, word) for word in words])
    equal(done.returncode, code, done.stderr)
    match(done.stderr, says)


@policy('', **RECORDS)
def test_another_mta(d):
    file = record(d, ('ann',))
    text = "kumo.on('smtp_server_mail_from', function()\n" \
        "  kumo.reject(521, 'no') end)\n"
    for mta, closes in (('postfix', ' (closes)'), ('sendmail', '')):
        listed, _ = results(replay('-p', other(d, text), file, '--json',
                                   '--mta', mta))
        equal(listed[1]['changes'][0]['now'], '521 no' + closes)


@policy('', **RECORDS)
def test_interrupted(d):
    """What was done until then is told; nothing is left behind."""
    with open(record(d, ('ann',))) as lines:
        line = lines.read()
    marks = f'{d.dir}/marks'
    text = "kumo.on('smtp_server_mail_from', function()\n" \
        f"  local f = io.open('{marks}', 'a') f:write 'x' f:close()\nend)\n"
    process = subprocess.Popen(
        [KUMILTER, 'replay', '-p', other(d, text), '-'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, TMPDIR=d.dir))
    process.stdin.write(line * 3)
    process.stdin.flush()
    # the third is under way or over: two are told for sure
    wait_until('three sessions', lambda: os.path.exists(marks)
               and os.stat(marks).st_size == 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    equal((process.returncode, err), (130, ''))
    match(out, '^[23] sessions before the interrupt: ')
    equal([name for name in os.listdir(d.dir) if 'kumilter-' in name], [])
