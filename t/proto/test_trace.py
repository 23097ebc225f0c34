"""kumilter trace: sessions as they happen, on the control socket."""

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess

from case import equal, match, policy, rows, true
from daemon import KUMILTER, PATIENCE, wait_until
from mta_session import MESSAGE
from test_recording import sessions
from test_records import FOLDER, wait_records

HEADERS, BODY = MESSAGE
POLICY = '''
kumo.on('smtp_server_connection_accepted', function(cm)
  cm:set_meta('site', 'office') cm:set_meta('bytes', '\\255\\0')
end)
kumo.on('smtp_server_mail_from', function(sender)
  print 'hello'
  if sender.user == 'bad' then
    kumo.reject(550, '5.7.1 not you')
  end
  kumo.sleep(0.002)
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'bug' then
    error 'oops'
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-A', '1')
  msg:set_meta('tenant', 't1')
end)
'''


class Watch:
    """kumilter trace, on a daemon; what it prints."""

    def __init__(self, d, *words, stdout=None, env=None):
        self.path = os.path.join(d.dir, 'watch-%d' % id(self))
        before = count(d, 'trace_watchers')
        with open(self.path, 'wb') as out, \
                open(self.path + '.err', 'wb') as err:
            self.process = subprocess.Popen(
                [KUMILTER, 'trace', '--control', d.control] + list(words),
                stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err,
                env=dict(os.environ, **(env or {})))
        wait_until('it watches', lambda: self.process.poll() is not None or
                   count(d, 'trace_watchers') > before)

    def text(self):
        with open(self.path, 'rb') as f:
            return f.read().decode()

    def errors(self):
        with open(self.path + '.err', 'rb') as f:
            return f.read().decode()

    def items(self):
        """Of --json; whole lines only."""
        return [json.loads(line) for line in self.text().splitlines(True)
                if line.endswith('\n')][1:]

    def wait_text(self, pattern):
        wait_until('trace says ' + pattern,
                   lambda: re.search(pattern, self.text(), re.M))

    def wait_closed(self, n):
        return wait_until('%d sessions' % n, lambda: [
            i for i in self.items() if i['type'] == 'close'][n - 1:] and
            self.items())

    def ends(self):
        return self.process.wait(PATIENCE)

    def stop(self):
        self.process.kill()
        self.process.wait()


def count(d, name):
    """A counter, asked for as `kumilter status` does, but with no process."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(d.control)
        s.sendall(b'status\n')
        with s.makefile('rb') as f:
            equal(f.readline(), b'0\n')
            return json.load(f)['counters'][name]


def play(d, sender='<ann@example.com>', rcpt='<bob@example.net>', **how):
    s = d.session(**how)
    s.helo('client.example.com')
    if not s.mail(sender).refuses and not s.rcpt(rcpt).refuses:
        s.data()
        s.content(HEADERS, BODY)
    s.quit()


SHOWN = r'''-- \d{4}-\d\d-\d\dT[0-9:.]+Z  192\.0\.2\.7:4711 \(client\.example\.net\) connects to mx\.example\.test, postfix; epoch 1
   smtp_server_connection_accepted\(\)  policy\.lua:2  [0-9.]+ ms
     conn_meta site = "office"
     conn_meta bytes = "�\\u0000"
S: \(the MTA's own\)
C: EHLO evil\\x1b\[31m\\xc2\\x9b
S: \(the MTA's own\)
C: MAIL FROM:<bad@example\.com> SIZE=100
   \(logged in as bob\)
   \(by TLSv1\.3\)
     log info: \S+policy\.lua:6: hello
     log info: smtp_server_mail_from: refused 550 5\.7\.1 not you
   smtp_server_mail_from\(bad@example\.com\)  policy\.lua:5  [0-9.]+ ms
     refuses with 550 5\.7\.1 not you, at \S+policy\.lua:8
S: 550 5\.7\.1 not you
C: MAIL FROM:<ann@example\.com>
   \(logged in as bob\)
   \(by TLSv1\.3\)
     log info: \S+policy\.lua:6: hello
   smtp_server_mail_from\(ann@example\.com\)  policy\.lua:5  [0-9.]+ ms, waits [0-9.]+ ms of it
S: \(the MTA's own\)
C: RCPT TO:<bob@example\.net>
   smtp_server_rcpt_to\(bob@example\.net\)  policy\.lua:12  [0-9.]+ ms
S: \(the MTA's own\)
C: \(the message, \d+ bytes, and the final dot\)
   \(queue id 4XyZ0123456789\)
   smtp_server_message_received\(\)  policy\.lua:17  [0-9.]+ ms
   edit insert header X-A: 1
     message tenant = "t1"
S: \(the MTA's own\)
C: MAIL FROM:<ann@example\.com>
   \(logged in as bob\)
   \(by TLSv1\.3\)
     log info: \S+policy\.lua:6: hello
   smtp_server_mail_from\(ann@example\.com\)  policy\.lua:5  [0-9.]+ ms, waits [0-9.]+ ms of it
S: \(the MTA's own\)
   \(the transaction is given up\)
C: MAIL FROM:<ann@example\.com>
   \(logged in as bob\)
   \(by TLSv1\.3\)
     log info: \S+policy\.lua:6: hello
   smtp_server_mail_from\(ann@example\.com\)  policy\.lua:5  [0-9.]+ ms, waits [0-9.]+ ms of it
S: \(the MTA's own\)
C: RCPT TO:<bug@example\.net>
     log error: smtp_server_rcpt_to: .*oops.*
   smtp_server_rcpt_to\(bug@example\.net\)  policy\.lua:12  [0-9.]+ ms
     fails
     refuses with 421 4\.3\.0 mx\.example\.test technical difficulties
S: 421 4\.3\.0 mx\.example\.test technical difficulties
   \(the connection closes\)
   \(the transaction is given up\)
-- over, after [0-9.]+ ms
'''


@policy(POLICY)
def test_a_session_reads_like_this(d):
    w = Watch(d)
    s = d.session(addr='192.0.2.7', port=4711, macros={
        '{auth_authen}': 'bob', '{auth_type}': 'PLAIN'})
    s.starttls()
    s.helo('evil\x1b[31m\x9b')
    s.mail('<bad@example.com>', 'SIZE=100')
    s.mail('<ann@example.com>')
    s.rcpt('<bob@example.net>')
    s.data()
    s.content(HEADERS, BODY)
    s.mail('<ann@example.com>')
    s.rset()
    s.mail('<ann@example.com>')
    s.rcpt('<bug@example.net>')
    w.wait_text('-- over')
    got = w.text().splitlines()
    want = SHOWN.splitlines()
    tag = got[0][:5]
    match(tag, '^[0-9a-f]{5}$')
    for line, pattern in zip(got, want):
        match(line, '^%s  %s$' % (tag, pattern))
    equal(len(got), len(want))
    w.stop()


# options: the senders of the sessions that are shown
FILTERS = {
    'all': ([], ['ann@a.example', 'bad@b.example', 'joe@b.example']),
    'one client': (['--client', '192.0.2.1'], ['ann@a.example']),
    'a network': (['--client', '192.0.2.0/24'],
                  ['ann@a.example', 'bad@b.example']),
    'IPv6': (['--client', '2001:db8::/32'], ['joe@b.example']),
    'two': (['--client', '2001:db8::/32', '--client', '192.0.2.1'],
            ['ann@a.example', 'joe@b.example']),
    'nobody': (['--client', '198.51.100.0/24'], []),
    'a domain': (['--from', 'b.example'], ['bad@b.example', 'joe@b.example']),
    'a sender': (['--from', '*oe@b.example'], ['joe@b.example']),
    'a recipient': (['--rcpt', 'c.example'], ['joe@b.example']),
    'all of them': (['--client', '192.0.2.0/24', '--from', 'a.example',
                     '--rcpt', 'bob@*'], ['ann@a.example']),
    'not all of them': (['--client', '192.0.2.0/24', '--rcpt', 'c.example'],
                        []),
}


@rows(FILTERS)
@policy(lambda row: POLICY)
def test_filters(d, row):
    options, want = row
    w = Watch(d, '--json', *options)
    every = Watch(d, '--json')
    play(d, '<ann@a.example>')
    play(d, '<bad@b.example>', addr='192.0.2.2')
    play(d, '<joe@b.example>', '<sue@c.example>', family='6',
         addr='2001:db8::1')
    every.wait_closed(3)
    d.signal(signal.SIGTERM)
    equal((every.ends(), w.ends()), (0, 0))
    items = w.items()
    equal(items[-1], {'type': 'end'})
    got = [i['line'][11:-1] for i in items
           if i['type'] == 'client' and i.get('line', '').startswith('MAIL')]
    equal(got, want)
    equal([i['type'] for i in items].count('connect'), len(want))
    equal([i['type'] for i in items].count('close'), len(want))


@policy(POLICY)
def test_many_watchers(d):
    watchers = [Watch(d, '--json') for _ in range(16)]
    late = Watch(d)
    equal(late.ends(), 75)
    match(late.errors(), 'too many watch already')
    play(d)
    for w in watchers:
        w.wait_closed(1)
    for w in watchers[:8]:
        w.process.kill()
    for w in watchers[8:]:
        w.process.terminate()
    play(d)
    wait_until('nobody watches', lambda: count(d, 'trace_watchers') == 0)
    for w in watchers:
        w.ends()
    equal(count(d, 'trace_sessions_lost'), 0)


def raw_watch(d):
    """Asks for everything, and reads nothing."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE)
    s.connect(d.control)
    s.sendall(b'trace {}\n')
    equal(s.recv(2), b'0\n')
    return s


BIG = '''
kumo.on('smtp_server_mail_from', function(sender, cm)
  cm:set_meta('big', ('x'):rep(50000))
end)
'''


@policy(BIG)
def test_who_does_not_read_stops_nobody(d):
    slow = raw_watch(d)
    fast = Watch(d, '--json')
    for n in range(1, 81):
        play(d)
        if n % 10 == 0:
            wait_until('%d sessions' % n,
                       lambda: fast.text().count('"type":"close"') == n)
    lost = count(d, 'trace_sessions_lost')
    true(0 < lost < 80, lost)
    text = b''
    while b'"type":"lost"' not in text:
        text += slow.recv(1 << 20)
    play(d, addr='192.0.2.200')
    while b'"close"' not in text.partition(b'192.0.2.200')[2] or \
            not text.endswith(b'}\n'):
        text += slow.recv(1 << 20)
    items = [json.loads(line) for line in text.splitlines()]
    told = [i for i in items if i['type'] == 'lost']
    equal(sum(i['sessions'] + i['cut'] for i in told), lost)
    equal(sum(i['type'] == 'connect' for i in items),
          81 - sum(i['sessions'] for i in told))
    slow.close()
    wait_until('it is gone', lambda: count(d, 'trace_watchers') == 1)
    fast.stop()


@policy(POLICY)
def test_a_pipe_that_closes(d):
    reader, writer = os.pipe()
    w = Watch(d, stdout=writer)
    os.close(writer)
    os.close(reader)
    w.ends()
    wait_until('nobody watches', lambda: count(d, 'trace_watchers') == 0)


@policy(POLICY)
def test_a_terminal(d):
    for options, env, colours in (
            ([], {}, True), (['--no-colour'], {}, False),
            ([], {'NO_COLOR': '1'}, False)):
        ours, theirs = pty.openpty()
        w = Watch(d, '--count', '1', *options, stdout=theirs,
                  env={'NO_COLOR': '', **env} if env else None)
        s = d.session()
        s.helo('\x1b]0;title\x07\x9b31m\x7f')
        s.quit()
        equal(w.ends(), 0)
        os.close(theirs)
        text = b''
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:     # all is read and nobody is left to write
                break
            if not piece:
                break
            text += piece
        os.close(ours)
        equal(b'\x1b[1m' in text, colours)
        plain = re.sub(rb'\x1b\[\d*m', b'', text) if colours else text
        plain = plain.decode()
        match(plain, r'EHLO \\x1b\]0;title\\x07')
        true(not re.search('[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]', plain),
             plain)


@policy(POLICY)
def test_permissions(d):
    mode = os.stat(d.control)
    equal(oct(stat.S_IMODE(mode.st_mode)), '0o600')
    if os.geteuid() != 0:
        return
    true(mode.st_uid != 0, 'the socket is the user\'s that serves')
    done = subprocess.run([KUMILTER, 'trace', '--control', d.control],
                          user='games', group='games', extra_groups=[],
                          cwd='/', capture_output=True, text=True,
                          timeout=PATIENCE)
    equal(done.returncode, 69, done.stderr)
    match(done.stderr, 'Permission denied')


@policy(POLICY)
def test_reload(d):
    w = Watch(d, '--json')
    old = d.session()
    old.helo()
    equal(d.verb('reload').returncode, 0)
    play(d)
    old.mail('<bad@example.com>')
    old.quit()
    items = w.wait_closed(2)
    equal([i['epoch'] for i in items if i['type'] == 'connect'], [1, 2])
    true(any(i.get('code') == 550 for i in items), 'the refusal of the old')
    w.stop()


@policy(POLICY)
def test_stop_while_a_session_is_open(d):
    """It is shown to its end; then the trace ends in order."""
    w = Watch(d)
    idle = Watch(d, '--client', '198.51.100.1')
    stuck = raw_watch(d)
    s = d.session()
    s.helo()
    d.signal(signal.SIGTERM)
    d.wait_log('open sessions have ended')
    equal(s.mail('<bad@example.com>'), '550 5.7.1 not you')
    s.quit()
    equal((w.ends(), idle.ends()), (0, 0))
    match(w.text(), r'S: 550 5\.7\.1 not you\n.*-- over.*\n'
          r'the daemon stops\n$')
    equal(idle.text(), 'the daemon stops\n')
    stuck.close()


@policy(POLICY)
def test_a_daemon_that_dies(d):
    w = Watch(d)
    other = d.process
    other.kill()
    other.wait()
    equal(w.ends(), 69)
    match(w.errors(), 'the daemon is gone')
    d._start([], None)


@policy(POLICY)
def test_count_and_for(d):
    one = Watch(d, '--json', '--count', '1', '--from', '*')
    two = Watch(d, '--json', '--count', '2')
    first = d.session()
    first.helo()
    for _ in range(2):
        play(d)
    first.quit()
    equal((one.ends(), two.ends()), (0, 0))
    for w, n in (one, 1), (two, 2):
        items = w.items()
        equal(len({i['session'] for i in items}), n)
        equal(sum(i['type'] == 'close' for i in items), n)
    short = Watch(d, '--for', '300ms')
    equal(short.ends(), 0)
    equal(short.text(), '')


MISUSE = {
    'client': (['--client', 'mx'], 'mx'),
    'host bits': (['--client', '192.0.2.1/24'], '192.0.2.1/24'),
    'pattern': (['--from', ''], 'a pattern of'),
    'count': (['--count', '0'], '--count 0'),
    'time': (['--for', 'ever'], '--for ever'),
    'option': (['--what'], 'usage'),
    'argument': (['what'], 'usage'),
}


@policy(POLICY)
def test_misuse(d):
    for name, (words, why) in MISUSE.items():
        done = d.verb('trace', *words)
        equal(done.returncode, 64, name)
        true(why in done.stderr, done.stderr)
    equal(d.verb('trace', '--help').returncode, 0)
    done = subprocess.run([KUMILTER, 'trace', '--control', '/nowhere'],
                          capture_output=True, text=True, timeout=PATIENCE)
    equal(done.returncode, 69)
    match(done.stderr, 'is kumilter serve running')


TWO_LOGS = FOLDER + '''
kumo.on('init', function()
  kumo.milter.configure { compress_records = false,
    decision_log = { log_dir = folder .. '/logs' } }
end)
''' + POLICY


@policy(TWO_LOGS, args=['--record', '@DIR@/sessions'])
def test_beside_other_observers(d):
    """The decision log and a recording are told the same session."""
    w = Watch(d, '--json')
    play(d)
    play(d, '<bad@example.com>')
    items = w.wait_closed(2)
    lines = wait_records(d, 2)
    recorded = sessions(d, 2)
    equal([line['outcome'] for line in lines], ['accepted', 'refused'])
    equal([r['steps'][-1]['do'] for r in recorded], ['close', 'close'])
    shown = [i['session'] for i in items if i['type'] == 'connect']
    equal(shown, [line['session'] for line in lines])
    handlers = [i['event'] for i in items if i['type'] == 'handler']
    equal(sorted(set(handlers)), sorted(
        {event for line in lines for event in line['events']} |
        {'smtp_server_connection_accepted'}))
    w.stop()
