"""Metrics: Prometheus' format, JSON and the page that draws them."""

import html
import http.client
import json
import os
import re
import socket
import subprocess
import tempfile

from case import equal, match, policy, program, rows, true
from daemon import KUMILTER, PATIENCE, wait_until
from exposition import read

POLICY = '''
local double = kumo.memoize(function(x) return x .. x end,
  { name = 'with "quotes" \\\\ and <b>', ttl = '1 hour', capacity = 10 })
local throttle = kumo.make_throttle('metrics', '2/d')
kumo.on('smtp_server_ehlo', function(domain) double(domain) end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bug' then error 'a bug' end
  if sender.user == 'wait' then kumo.sleep(0.01) end
  if sender.user == 'no' then kumo.reject(550, 'no') end
  if throttle:throttle().throttled then kumo.reject(451, 'later') end
end)
'''


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(d, path, method='GET', headers=None, body=None):
    """The answer by HTTP: status, headers, text."""
    c = Unix(d.dir + '/metrics')
    c.request(method, path, body, headers or {})
    answer = c.getresponse()
    text = answer.read().decode()
    c.close()
    return answer.status, answer.headers, text


def samples(d):
    return read(ask(d, '/metrics')[2])


def unix(text, **options):
    return policy(text, args=['--metrics', 'unix:@DIR@/metrics'], **options)


def use(d):
    s = d.session()
    s.helo('a.example')
    s.helo('a.example')
    equal(s.mail('<no@example.com>'), '550 no')
    equal(s.mail('<wait@example.com>'), 'continue')
    s.quit()
    wait_until('the session is over', lambda: samples(d)[
        'kumilter_sessions_open'] == 0)


@unix(POLICY)
def test_prometheus(d):
    status, headers, text = ask(d, '/metrics')
    equal(status, 200)
    equal(headers['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')
    before = read(text)
    equal(before['kumilter_sessions_total'], 0.0)
    use(d)
    s = d.session()
    s.helo('b.example')
    equal(s.mail('<ann@example.com>'), 'continue')
    s.helo('b.example')
    equal(s.mail('<ann@example.com>'), '451 later')
    match(s.mail('<bug@example.com>'), '^421 4.3.0')
    now = samples(d)
    want = {
        'kumilter_sessions_total': 2,
        'kumilter_refused_total': 2,
        'kumilter_errors_total{kind="lua"}': 1,
        'kumilter_errors_total{kind="timeout"}': 0,
        'kumilter_throttle_total{result="passed"}': 2,
        'kumilter_throttle_total{result="refused"}': 1,
        'kumilter_waits_total': 1,
        'kumilter_wait_seconds_count': 1,
        'kumilter_event_seconds_count{event="smtp_server_ehlo"}': 4,
        'kumilter_event_seconds_count{event="smtp_server_mail_from"}': 5,
        'kumilter_replies_total{answer="5xx",stage="mail"}': 1,
        'kumilter_replies_total{answer="4xx",stage="mail"}': 1,
        'kumilter_replies_total{answer="421",stage="mail"}': 1,
        'kumilter_replies_total{answer="continue",stage="mail"}': 2,
        'kumilter_reply_codes_total{code="550"}': 1,
        r'kumilter_cache_hits_total{cache="with \"quotes\" \\ and <b>"}': 2,
        r'kumilter_cache_misses_total{cache="with \"quotes\" \\ and <b>"}':
            2,
        'kumilter_epoch': 1,
        'kumilter_epochs': 1,
    }
    equal({k: now.get(k) for k in want}, {k: float(v) for k, v in
                                          want.items()})
    for name in ('kumilter_state_memory_bytes{state="0"}',
                 'process_resident_memory_bytes', 'process_open_fds',
                 'process_start_time_seconds'):
        true(now[name] > 0, name)


@unix(POLICY)
def test_promtool(d):
    use(d)
    promtool(ask(d, '/metrics')[2])


def promtool(text):
    """What Prometheus' own reader says of it."""
    done = subprocess.run([program('promtool'), 'check', 'metrics'], input=text,
                          capture_output=True, text=True, timeout=PATIENCE)
    equal(done.returncode, 0, done.stderr)


@unix(POLICY)
def test_json(d):
    use(d)
    status, headers, text = ask(d, '/status.json')
    equal(status, 200)
    equal(headers['Content-Type'], 'application/json')
    now = json.loads(text)
    equal(now['counters']['sessions'], 1)
    equal(now['codes'], {'550': 1})
    mail = now['events']['smtp_server_mail_from']
    equal(mail['count'], 2)
    equal(sum(mail['buckets']), 2)
    true(mail['p50'] <= mail['p90'] <= mail['p99'], 'p50 <= p90 <= p99')
    true(mail['sum'] >= 0.01, 'a wait of 10 ms')


REQUESTS = {
    'page': ('/', 'GET', {}, 200),
    'head': ('/metrics', 'HEAD', {}, 200),
    'question': ('/?x=1', 'GET', {}, 200),
    'unknown': ('/etc/passwd', 'GET', {}, 404),
    'dots': ('/../metrics', 'GET', {}, 404),
    'post': ('/metrics', 'POST', {}, 405),
    'delete': ('/metrics', 'DELETE', {}, 405),
    'odd method': ('/metrics', 'XYZZY', {}, 405),
}


@rows(REQUESTS)
@unix(lambda _: POLICY)
def test_requests(d, row):
    path, method, headers, want = row
    status, got, text = ask(d, path, method, headers)
    equal(status, want)
    equal(got['X-Content-Type-Options'], 'nosniff')
    if method == 'HEAD':
        equal(text, '')
        true(int(got['Content-Length']) > 1000, 'the length of a GET')
    if status == 405:
        equal(got['Allow'], 'GET, HEAD')


@unix(POLICY)
def test_body_and_rubbish(d):
    """None of these takes the daemon or its metrics along."""
    pieces = [b'\0' * 5000, b'GET ' + b'/' * 70000 + b' HTTP/1.1\r\n\r\n',
              b'GET /metrics HTTP/1.1\r\n' + b'X: y\r\n' * 20000 + b'\r\n',
              b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: '
              b'99999999\r\n\r\n' + b'x' * 100000,
              b'GET / HTTP/1.1\r\n']
    for piece in pieces:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(d.dir + '/metrics')
            try:
                s.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
    equal(ask(d, '/metrics')[0], 200)
    use(d)


@unix(POLICY)
def test_page_is_self_contained(d):
    status, headers, text = ask(d, '/')
    rule = headers['Content-Security-Policy']
    nonce = re.search("script-src 'nonce-([0-9a-f]{32})'", rule).group(1)
    match(rule, "^default-src 'none'; .*connect-src 'self'")
    true('unsafe' not in rule, 'no unsafe source')
    equal(re.findall(r'<(?:script|style)[^>]*>', text),
          ['<style nonce="%s">' % nonce, '<script nonce="%s">' % nonce])
    # no address of anywhere but the name of SVG
    equal(set(re.findall(r'(?:https?:)?//[\w.]+', text)),
          {'http://www.w3.org'})
    true('@NONCE@' not in text, 'a nonce everywhere')
    other = ask(d, '/')[1]['Content-Security-Policy']
    true(nonce not in other, 'another nonce for another answer')


HOSTS = {'127.0.0.1:9': 200, 'localhost': 200, 'LocalHost:99': 200,
         '[::1]:80': 200, '10.1.2.3': 200, 'evil.example': 403,
         'localhost.evil.example': 403, '127.0.0.1.evil.example': 403,
         '': 403}


@policy(POLICY, args=['--metrics', 'inet:0@127.0.0.1'])
def test_host_of_a_request(d):
    """A page that found this port by its own DNS name reads nothing."""
    port = listening(d)
    for host, want in HOSTS.items():
        c = http.client.HTTPConnection('127.0.0.1', port, timeout=PATIENCE)
        c.request('GET', '/status.json', headers={'Host': host})
        equal(c.getresponse().status, want, 'Host: ' + host)
        c.close()


def listening(d):
    """The TCP port on which the daemon listens: it has one."""
    inodes = set()
    for fd in os.listdir('/proc/%d/fd' % d.process.pid):
        try:
            inodes.add(os.readlink('/proc/%d/fd/%s' % (d.process.pid, fd)))
        except FileNotFoundError:
            pass        # closed meanwhile
    with open('/proc/net/tcp') as f:
        for line in f.readlines()[1:]:
            field = line.split()
            if field[3] == '0A' and 'socket:[%s]' % field[9] in inodes:
                return int(field[1].split(':')[1], 16)
    raise AssertionError('no port')


REFUSED = {
    'any address': ('inet:0', 'others than this machine'),
    'any IPv6': ('inet6:0', 'others than this machine'),
    'fd': ('fd:5', 'expected'),
    'rubbish': ('tcp://x', 'expected'),
    'no folder': ('unix:/no/such/folder/x', 'cannot make the socket'),
}


@rows(REFUSED)
@policy(lambda _: POLICY)
def test_refused_listeners(d, row):
    spec, reason = row
    done = serve(d, '--metrics', spec)
    true(done.returncode not in (0, -9), 'an error')
    match(done.stderr, reason)


def serve(d, *args):
    """A second daemon that is to give up at once."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [KUMILTER, 'serve', '--policy', d.policy_file, '--user', 'root',
             '--listen', 'unix:%s/s' % folder, '--control', 'none', *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE)


@policy(POLICY, args=['--metrics', 'inet:0', '--metrics-public'])
def test_public_if_told(d):
    c = http.client.HTTPConnection('127.0.0.1', listening(d),
                                   timeout=PATIENCE)
    c.request('GET', '/metrics', headers={'Host': 'mx.example.com'})
    equal(c.getresponse().status, 200)
    c.close()


def by_policy(path):
    return POLICY + '''
kumo.on('init', function()
  kumo.milter.configure { metrics_listen = '%s' }
end)
''' % path


@policy(by_policy('none'))
def test_policy_says_where(d):
    """And a reload may move it; a place that cannot be had changes nothing."""
    def answers(name):
        c = Unix('%s/%s' % (d.dir, name))
        try:
            c.request('GET', '/metrics')
            return c.getresponse().status == 200
        except OSError:
            return False
        finally:
            c.close()
    for name in ('one', 'two', 'two'):
        d.write_policy(by_policy('unix:%s/%s' % (d.dir, name)))
        equal(d.verb('reload').returncode, 0)
        true(answers(name), 'metrics on ' + name)
    true(not answers('one'), 'no more on the first')
    d.write_policy(by_policy('unix:/no/such/folder/x'))
    equal(d.verb('reload').returncode, 0)
    d.wait_log('metrics stay where they are: .*cannot make the socket')
    true(answers('two'), 'metrics where they were')
    d.write_policy(by_policy('none'))
    equal(d.verb('reload').returncode, 0)
    true(not answers('two'), 'no metrics')
    d.write_policy(by_policy('nonsense'))
    match(d.verb('reload').stderr, 'metrics_listen: "nonsense" is not')


@policy(POLICY, args=['--metrics', 'inet:0@127.0.0.1'])
def test_page_in_a_browser(d):
    """What it draws, where there is a Chromium."""
    s = d.session()
    s.helo('a.example')
    equal(s.mail('<no@example.com>'), '550 no')
    match(s.mail('<bug@example.com>'), '^421')
    seen, page = browse(d)
    true('live' in seen, 'the word "live" in\n' + ' '.join(seen))
    for words in (['smtp_server_', 'mail_from', '2'], ['550', '1'],
                  ['errors of the policy', '1'],
                  ['with "quotes" \\ and <b>', '0']):
        i = seen.index(words[-2])
        equal(seen[i + 2 - len(words):i + 2], words)
    true(page.count('<svg') >= 6, 'charts')
    match(page, '<section class="card" id="dry-card" hidden')


def browse(d):
    """The words of the page in a browser, and all of it."""
    browser = program('chromium', 'chromium-browser')
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [browser, '--headless', '--no-sandbox', '--disable-gpu',
             '--user-data-dir=' + profile, '--virtual-time-budget=7000',
             '--dump-dom', 'http://127.0.0.1:%d/' % listening(d)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE * 4)
    text = html.unescape(re.sub(r'<[^>]+>', '\n', re.sub(
        r'(?s)<(script|style)[^>]*>.*?</\1>', '', done.stdout)))
    return [line.strip() for line in text.split('\n') if line.strip()], \
        done.stdout


@policy(POLICY + '''
kumo.on('init', function()
  kumo.milter.configure { dry_run = { 'smtp_server_mail_from' } }
end)
''', args=['--metrics', 'inet:0@127.0.0.1'])
def test_dry_run(d):
    """Its numbers, and its part of the page, which is there only for it."""
    s = d.session()
    s.helo('a.example')
    equal(s.mail('<no@example.com>'), 'continue')
    c = http.client.HTTPConnection('127.0.0.1', listening(d),
                                   timeout=PATIENCE)
    c.request('GET', '/metrics')
    now = read(c.getresponse().read().decode())
    c.close()
    equal(now['kumilter_dry_run_total{what="refused"}'], 1.0)
    equal(now['kumilter_refused_total'], 0.0)
    seen, _ = browse(d)
    for words in (['not obeyed: smtp_server_mail_from', 'count', '/s',
                   'refusals', '1'],):
        i = seen.index(words[0])
        equal(seen[i:i + len(words)], words)


@policy(POLICY)
def test_status_verb(d):
    s = d.session()
    s.helo('a.example')
    equal(s.mail('<no@example.com>'), '550 no')
    done = d.verb('status')
    equal(done.returncode, 0, done.stderr)
    for line in ('sessions 1', 'refused 1'):
        true(line in done.stdout.split('\n'), line)
    match(done.stdout, r'(?m)^smtp_server_mail_from +1 ')
    match(done.stdout, r'(?m)^CODES +550 1$')
    now = json.loads(d.verb('status', '--json').stdout)
    equal(now['events']['smtp_server_mail_from']['count'], 1)
    equal(now['pid'], d.process.pid)
    equal(d.verb('status', '--json', '--watch').returncode, 64)
    equal(d.verb('status', '--watch', '--interval', '1ms').returncode, 64)


@policy(POLICY)
def test_status_watch(d):
    """Again and again, with what happened in between, until it is stopped."""
    s = d.session()
    s.helo('a.example')
    watch = subprocess.Popen(
        [KUMILTER, 'status', '--watch', '--interval', '100ms', '--control',
         d.control], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = watch.stdout.readline()
        match(line, r'^kumilter \S+  pid %d ' % d.process.pid)
        equal(s.mail('<no@example.com>'), '550 no')
        while not line.startswith('CODES'):
            line = watch.stdout.readline()
            true(line, 'a code in time')
        match(line, '550 1$')
        watch.terminate()
        watch.stdout.read()
        equal(watch.wait(PATIENCE), 0)
    finally:
        watch.kill()
        watch.communicate()


@policy(POLICY)
def test_status_of_nobody(d):
    equal(subprocess.run([KUMILTER, 'status', '--control', d.dir + '/none'],
                         capture_output=True).returncode, 69)
