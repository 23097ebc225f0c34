"""kumo.http: sessions whose policy asks a server that is good, slow, dying or
not there."""

import os
import shutil
import signal
import sys
import threading

from case import alone, equal, match, policy, rows, true
from daemon import PATIENCE, ROOT, Daemon, wait_until
from test_limits import all_at_once

sys.path.insert(0, os.path.join(ROOT, 't'))

from http_server import Server, make_certificate     # noqa: E402

CROWD = 300
SENDER = '<ann@example.com>'
QUICK = '<quick@example.com>'
POLICY = '''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '%(event_timeout)s', states = 2,
    http_body_limit = 65536 }
end)
local client = kumo.http.build_client { timeout = '%(timeout)s', %(options)s }
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'quick' then
    kumo.reject(550, 'quick')
  end
  local ok, text = pcall(function()
    local r = client:get('%(url)s' .. '%(path)s'):send()
    return r:status_code() .. ' ' .. r:text()
  end)
  kumo.reject(550, 'is ' .. (ok and text or text:gsub('^.-lua:%%d+: ', '')))
end)
'''


def text_of(server, path='/ok', timeout='60s', event_timeout='120s',
            options=''):
    return POLICY % {'url': server.url, 'path': path, 'timeout': timeout,
                     'event_timeout': event_timeout, 'options': options}


def serve(d, server, *args, **how):
    """A policy that asks this server from now on."""
    d.write_policy(text_of(server, *args, **how))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)


def crowd(d, n=CROWD):
    sessions = []
    for _ in range(n):
        s = d.session(timeout=PATIENCE)
        s.helo()
        sessions.append(s)
    return sessions


def ask(d):
    """What a new session is told."""
    s = d.session(timeout=PATIENCE)
    s.helo()
    answer = str(s.mail(SENDER))
    s.drop()
    return answer


@alone
@policy('')
def test_300_wait_for_a_slow_server(d):
    """Nobody is answered before all have asked: all wait at once, and hold
    none of the two states: another session goes on."""
    server = Server(CROWD + 1)
    serve(d, server, '/hold', timeout='100s')
    waiting = crowd(d)
    quick, last = crowd(d, 2)
    for s in waiting:
        s.send_macros('mail')
        s.milter.say('mail', SENDER.encode() + b'\0')
    for _ in range(5):
        equal(quick.mail(QUICK), '550 quick')
    equal(last.mail(SENDER), '550 is 200 held')
    equal({str(s.milter.answer()) for s in waiting}, {'550 is 200 held'})
    server.close()


@alone
@policy('')
def test_server_dies_with_300_waiting_and_comes_back(d):
    server = Server(CROWD)
    serve(d, server, '/silent', timeout='100s')

    def kill():
        server.all_here.wait(PATIENCE)
        server.close()
    killer = threading.Thread(target=kill)
    killer.start()
    answers, _ = all_at_once(crowd(d), SENDER)
    killer.join()
    equal(len(answers), CROWD)
    for answer in answers:
        match(answer, '^550 is error sending request for url '
              r'\(http://127.0.0.1:\d+/silent\): ')
    match(ask(d), 'Failed to connect')
    again = Server(port=server.port, answers={'/silent': (200, 'back')})
    equal(ask(d), '550 is 200 back')
    again.close()


@alone
@policy('')
def test_300_timeouts(d):
    server = Server(CROWD)
    serve(d, server, '/silent', timeout='1s')
    answers, _ = all_at_once(crowd(d), SENDER)
    equal({str(a) for a in answers},
          {'550 is error sending request for url (%s/silent): '
           'operation timed out' % server.url})
    serve(d, server, '/ok')
    equal(ask(d), '550 is 200 hello')
    server.close()


BODY = '550 is error reading the response body of url (%s): '
SENDING = '550 is error sending request for url (%s): '


@rows({
    'good': ('/ok', '550 is 200 hello'),
    'not found': ('/none', '550 is 404 none'),
    'refused': ('/status/503', '550 is 503 status'),
    'silent': ('/silent', SENDING + 'operation timed out'),
    'endless': ('/endless', BODY + "the response's body is larger than "
                'http_body_limit'),
    'dying in its body': ('/die', BODY + 'transfer closed with 96 bytes '
                          'remaining to read'),
    'gone': ('/gone', SENDING),
    'lying': ('/lie', '550 is 200 mo'),
    'a circle': ('/circle', SENDING + 'too many redirects'),
    'a secret': ('/secret', '550 is 403 no'),
})
@policy('')
def test_server_is(d, row):
    path, answer = row
    server = Server()
    serve(d, server, path, timeout='1s' if path == '/silent' else '60s')
    for _ in range(2):
        got = ask(d)
        if path == '/gone':     # with a reset, or with an end
            got = got[:len(answer) - 2 + len(server.url + path)]
        equal(got, answer.replace('%s', server.url + path))
    server.close()


@policy('')
def test_the_handler_ends_before_the_request(d):
    server = Server()
    serve(d, server, '/silent', event_timeout='300ms')
    match(ask(d), '^421 4.3.0 .* technical difficulties')
    d.wait_log('event_timeout passed')
    serve(d, server, '/ok')
    equal(ask(d), '550 is 200 hello')
    server.close()


@policy('')
def test_a_connection_is_used_by_all_sessions(d):
    server = Server(answers={'/port': lambda request: (200, 'x')})
    serve(d, server, '/ok')
    for _ in range(5):
        equal(ask(d), '550 is 200 hello')
    equal(len(server.requests), 5)
    server.close()


@policy('')
def test_daemon_stops_while_requests_wait(d):
    server = Server(3)
    serve(d, server, '/silent', event_timeout='3s')
    waiting = crowd(d, 3)
    for s in waiting:
        s.send_macros('mail')
        s.milter.say('mail', SENDER.encode() + b'\0')
    true(server.all_here.wait(PATIENCE), 'three requests')
    d.signal(signal.SIGTERM)
    for s in waiting:
        match(s.milter.answer(), '^421 4.3.0 ')
        s.drop()
    wait_until('the daemon ends', lambda: not d.alive())
    server.close()


# whose certificate is known, and what the session is told
@rows({
    'known': ('127.0.0.1', True, '', 'is 200 hello'),
    'unknown': ('127.0.0.1', False, '',
                r'error sending request for url .*certificate'),
    'of another host': ('127.0.0.9', True, '',
                        'no alternative certificate subject name matches'),
    'any': ('127.0.0.9', False, 'accept_invalid_certs = true',
            'is 200 hello'),
})
@policy('')
def test_certificate(d, row):
    host, known, options, answer = row
    folder = os.path.join(d.dir, 'tls')
    os.mkdir(folder)
    make_certificate(folder, host)
    for path in (folder, folder + '/cert.pem'):
        os.chmod(path, 0o755)
    server = Server(certificate=folder)
    other = Daemon(text_of(server, options=options),
                   env={'SSL_CERT_FILE': folder + '/cert.pem'} if known
                   else {})
    try:
        match(ask(other), answer)
        equal(other.stop(), [])
    finally:
        other.clean()
        server.close()
        shutil.rmtree(folder)


@rows({
    'by its name': ({'http_proxy': '%s'}, True),
    'in capitals': ({'HTTP_PROXY': '%s'}, True),
    'of a script': ({'HTTP_PROXY': '%s', 'REQUEST_METHOD': 'GET'}, False),
    'not for all': ({'http_proxy': '%s', 'no_proxy': '127.0.0.1'}, False),
})
@policy('')
def test_proxy(d, row):
    env, used = row
    proxy = Server(answers={'http://127.0.0.1:1/ok': (200, 'by proxy')})
    server = Server()
    server.close()
    env = {name: value.replace('%s', proxy.url) for name, value in env.items()}
    other = Daemon(POLICY % {
        'url': 'http://127.0.0.1:1', 'path': '/ok', 'timeout': '60s',
        'event_timeout': '120s', 'options': ''}, env=env)
    try:
        match(ask(other), 'is 200 by proxy' if used else 'Failed to connect')
        equal(other.stop(), [])
    finally:
        other.clean()
        proxy.close()


OUTSIDE = '''
local client = kumo.http.build_client {}
local text = client:get('%s/ok'):send():text()
kumo.on('init', function()
  text = text .. client:get('%s/ok'):send():status_code()
end)
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, 'is ' .. text)
end)
'''


@policy('')
def test_while_loading(d):
    server = Server()
    d.write_policy(OUTSIDE % (server.url, server.url))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)
    match(ask(d), '550 is hello')
    server.close()
    done = d.verb('reload')
    true(done.returncode != 0, 'a policy that cannot ask does not load')
    match(done.stderr, 'error sending request for url')
    match(ask(d), '550 is hello')


VAULT = '''
kumo.on('smtp_server_mail_from', function(sender)
  local ok, key = pcall(kumo.secrets.load, { vault_mount = 'secret',
    vault_path = sender.user, vault_address = '%s', vault_token = '%s' })
  kumo.reject(550, 'is ' .. (ok and key or key:gsub('^.-lua:%%d+: ', '')))
end)
'''


def secret(request):
    """As Vault answers for its key-value store, version 2."""
    if b'\r\nX-Vault-Token: token\r\n' not in request:
        return 403, '{"errors": ["permission denied"]}'
    return 200, '{"data": {"data": {"key": "a secret"}, "metadata": {}}}'


@policy('')
def test_key_in_vault(d):
    server = Server(answers={'/v1/secret/data/ann': secret})
    for token, answer in (
            ('token', '550 is a secret'),
            ('wrong', '550 is key source: kv2::read vault_mount=secret, '
             'vault_path=ann: HTTP status 403: permission denied')):
        d.write_policy(VAULT % (server.url, token))
        equal(d.verb('reload').returncode, 0)
        equal(ask(d), answer)
    server.close()
    match(ask(d), 'vault_path=ann: error sending request')
    true('wrong' not in d.log(), 'no token in the log')
