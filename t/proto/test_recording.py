"""serve --record: sessions become lines of a file, and mail never waits."""

import json
import os
import re
import stat

from case import equal, match, policy, rows, true
from daemon import wait_until

POLICY = '''
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.reject(550, '5.1.1 no ' .. rcpt.email)
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-New', 'value')
end)
'''
HEADERS = [('Subject', 'secret plans'), ('From', 'Ann <ann@example.com>')]
BODY = b'first\r\nsecond\r\n'
FILE = '@DIR@/sessions'


def play(d, rcpts=('no', 'bob'), **how):
    s = d.session(**how)
    s.helo('client.example.com')
    s.mail('<ann@example.com>', 'SIZE=100')
    for rcpt in rcpts:
        s.rcpt(f'<{rcpt}@example.net>')
    s.data()
    s.content(HEADERS, BODY)
    s.quit()


def sessions(d, n, name='sessions'):
    """Its lines, once there are n."""
    def there():
        with open(os.path.join(d.dir, name)) as file:
            lines = file.read().splitlines()
        return lines if len(lines) >= n else None
    lines = wait_until(f'{n} recorded sessions', there)
    equal(len(lines), n)
    return [json.loads(line) for line in lines]


def steps(session):
    return [step['do'] for step in session['steps']]


@policy(POLICY, args=['--record', FILE, '--record-bodies', 'all'])
def test_a_session(d):
    play(d)
    mode = os.stat(f'{d.dir}/sessions').st_mode
    equal(stat.S_IMODE(mode), 0o600)
    session, = sessions(d, 1)
    equal(session['kumilter_recording'], 1)
    equal(session['mta'], 'postfix')
    match(session['policy'], r'^[0-9a-f]{16}$')
    match(session['begin'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
    equal(steps(session), ['connect', 'helo', 'mail', 'rcpt', 'rcpt', 'eom',
                           'close'])
    connect, _, mail, refused, passed, eom, _ = session['steps']
    true(connect['macros']['{daemon_name}'], 'macros')
    equal(mail['text'], '<ann@example.com> SIZE=100')
    equal(refused['reply'], {'code': 550,
                             'text': '5.1.1 no no@example.net'})
    equal(passed['reply'], 'continue')
    equal(eom['body'], BODY.decode())
    equal(eom['size'], len(BODY))
    equal(eom['headers'], [[name, f' {value}'] for name, value in HEADERS])
    equal(eom['edits'], [{'edit': 'insert header', 'name': 'X-New',
                          'value': ' value'}])
    equal([h['event'] for h in eom['handlers']],
          ['smtp_server_message_received'])


# What the MTA would not tell of an empty policy is asked for.
@policy('', args=['--record', FILE])
def test_a_policy_that_asks_for_nothing(d):
    play(d)
    session, = sessions(d, 1)
    equal(steps(session), ['connect', 'helo', 'mail', 'rcpt', 'rcpt', 'eom',
                           'close'])
    eom = session['steps'][5]
    equal(eom['headers'], [[name, f' {value}'] for name, value in HEADERS])
    true('body' not in eom and 'size' not in eom, 'a body that is not asked '
         f'for, not {eom}')


@policy(POLICY, args=['--record', FILE, '--record-bodies', '7',
                      '--record-redact', 'addresses,subject'])
def test_redacted(d):
    play(d)
    session, = sessions(d, 1)
    text = json.dumps(session)
    for word in ('ann', 'bob', 'no@', 'secret'):
        true(not re.search(rf'\b{word}', text.replace('Ann', '')),
             f'no "{word}" in {text}')
    _, _, mail, refused, _, eom, _ = session['steps']
    user = mail['text'].partition('@')[0].strip('<')
    match(user, r'^u[0-9a-f]{16}$')
    true(user in dict(eom['headers'])['From'], 'the same user is the same')
    equal(dict(eom['headers'])['Subject'], ' (redacted)')
    equal(eom['body'], BODY[:7].decode())
    equal(eom['size'], len(BODY))
    equal(session['redacted'], ['addresses', 'header:subject'])
    match(refused['reply']['text'], r'@example\.net$')


@policy(POLICY, args=['--record', FILE, '--record-max', '3k'])
def test_it_stops_at_its_size(d):
    for _ in range(4):
        play(d)
    d.wait_log(r'recording to \S+/sessions stops: it is as large')
    true(os.stat(f'{d.dir}/sessions').st_size <= 3072, 'no more than 3 kB')
    play(d)    # mail goes on
    status = d.verb('status').stdout
    match(status, r'\nrecorded [1-3]\n')
    equal(d.verb('record', 'status').returncode, 69)


@policy(POLICY)
def test_begun_while_serving(d):
    file = f'{d.dir}/later'
    done = d.verb('record', 'status')
    equal((done.returncode, done.stderr),
          (69, 'sessions are not recorded\n'))
    before = d.session()
    before.helo()
    done = d.verb('record', 'start', file, '--bodies', 'all', '--redact',
                  'subject')
    equal((done.returncode, done.stdout),
          (0, f'sessions are recorded to {file}\n'))
    play(d)
    before.quit()   # it began too early
    session, = sessions(d, 1, 'later')
    equal(session['redacted'], ['header:subject'])
    equal(d.verb('record', 'start', f'{d.dir}/second').returncode, 73)
    done = d.verb('record', 'status')
    match(done.stdout,
          rf'^recording to {file}: 1 sessions, 0 dropped, \d+ of ')
    done = d.verb('record', 'stop')
    equal(done.returncode, 0)
    play(d)
    sessions(d, 1, 'later')
    d.verb('record', 'start', file)
    play(d)
    sessions(d, 2, 'later')


WRONG = {
    'no file': (['start'], 64),
    'two words': (['stop', 'now'], 64),
    'no word': ([], 64),
    'a size': (['start', '/nonexistent/x', '--max', 'much'], 64),
    'bodies': (['start', '/nonexistent/x', '--bodies', 'some'], 64),
    'redact': (['start', '/nonexistent/x', '--redact', 'all'], 73),
    'a folder that is not there': (['start', '/nonexistent/x'], 73),
}


@rows(WRONG)
@policy(lambda row: '')
def test_wrong(d, row):
    words, code = row
    done = d.verb('record', *words)
    equal(done.returncode, code, done.stderr)
    true(done.stderr, 'a complaint')


@policy('')
def test_where_the_daemon_may_not(d):
    """/proc takes no files from anybody."""
    done = d.verb('record', 'start', '/proc/self/x')
    equal(done.returncode, 73)
    equal("the daemon's user writes it" in done.stderr,
          'denied' in done.stderr or 'Read-only' in done.stderr, done.stderr)


@policy(POLICY, args=['--record', FILE + '.zst'])
def test_what_was_queued_is_written_at_the_end(d):
    play(d)
    file = f'{d.dir}/sessions.zst'
    d.process.terminate()
    d.process.wait(30)
    with open(file, 'rb') as zst:
        equal(zst.read(4), b'\x28\xb5\x2f\xfd')
