"""Whoever connects: probes, garbage, odd peers, sessions cut short."""

import random
import socket

from case import equal, match, policy, rows, true
from milter_client import open_socket, packet

COUNT = '''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local n = (cm:get_meta('n') or 0) + 1
  cm:set_meta('n', n)
  if sender.user == 'count' then kumo.reject(550, 'n=' .. n) end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user:find('^bad') then kumo.reject(550, 'no ' .. rcpt.user) end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Seen', 'yes')
end)
'''


def serves(d):
    """The daemon still does its work."""
    true(d.alive(), 'a living daemon')
    s = d.session()
    s.helo()
    equal(s.message(), 'continue')
    equal(s.delivered.get('X-Seen'), ['yes'])
    s.quit()


def send_and_leave(d, data):
    with open_socket(d.address, 10) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass


@policy(COUNT)
def test_port_probes(d):
    for _ in range(200):
        open_socket(d.address, 10).close()
    serves(d)


NEGOTIATE = packet(b'O', bytes.fromhex('00000006000001ff001fffff'))
CONNECT = packet(b'C', b'c.example\0004\x01\x02192.0.2.1\0')
MAIL = packet(b'M', b'<a@example.com>\0')

RAW = {
    'http': b'GET / HTTP/1.0\r\n\r\n',
    'smtp': b'EHLO x\r\nMAIL FROM:<a@b.c>\r\n',
    '4 GB': b'\xff\xff\xff\xffO',
    '2 GB': b'\x7f\xff\xff\xffO' + b'x' * 100,
    'empty packet': b'\0\0\0\0',
    'empty packets': NEGOTIATE + b'\0\0\0\0' * 1000,
    'half a length': b'\0\0',
    'half a packet': b'\0\0\0\x0dO\0\0',
    'short negotiation': packet(b'O', b'\0\0'),
    'version 0': packet(b'O', bytes(12)),
    'version 99': packet(b'O', b'\0\0\0\x63' + b'\xff' * 8),
    'no negotiation': CONNECT + MAIL,
    'negotiates twice': NEGOTIATE * 2 + CONNECT + MAIL,
    'connects twice': NEGOTIATE + CONNECT * 2 + MAIL,
    'connect empty': NEGOTIATE + packet(b'C') + MAIL,
    'connect no family': NEGOTIATE + packet(b'C', b'c.example\0') + MAIL,
    'connect no nul': NEGOTIATE + packet(b'C', b'c.example') + MAIL,
    'connect bad family': NEGOTIATE + packet(b'C', b'c\0Z\0\x19x\0') + MAIL,
    'connect bad address': NEGOTIATE + packet(b'C', b'c\0004\0\x19x\0') + MAIL,
    'connect no address': NEGOTIATE + packet(b'C', b'c\0004\0') + MAIL,
    'mail empty': NEGOTIATE + CONNECT + packet(b'M') + MAIL,
    'mail no nul': NEGOTIATE + CONNECT + packet(b'M', b'<a@b.c>'),
    'mail nuls': NEGOTIATE + CONNECT + packet(b'M', b'\0' * 50),
    'mail 60 kB': NEGOTIATE + CONNECT + packet(b'M', b'a' * 60000 + b'\0'),
    'rcpt first': NEGOTIATE + CONNECT + packet(b'R', b'<a@b.c>\0') + MAIL,
    'eom first': NEGOTIATE + CONNECT + packet(b'E'),
    'body first': NEGOTIATE + CONNECT + packet(b'B', b'x' * 100),
    'header no value': NEGOTIATE + CONNECT + MAIL +
    packet(b'R', b'<a@b.c>\0') + packet(b'L', b'X') + packet(b'L', b'X\0') +
    packet(b'E'),
    'macros cut': NEGOTIATE + packet(b'D') + packet(b'D', b'C') +
    packet(b'D', b'Cj') + packet(b'D', b'Cj\0') + CONNECT + MAIL,
    'macros odd': NEGOTIATE + packet(b'D', b'Cj\0x\0v\0') + CONNECT + MAIL,
    'no such command': NEGOTIATE + CONNECT + packet(b'z', b'x') + MAIL,
}


@rows(RAW)
@policy(lambda _: COUNT)
def test_raw_bytes(d, data):
    send_and_leave(d, data)
    serves(d)


@policy(COUNT)
def test_random_bytes(d):
    rng = random.Random(1)
    for _ in range(200):
        n = rng.randrange(1, 200)
        data = bytes(rng.randrange(256) for _ in range(n))
        send_and_leave(d, rng.choice([b'', NEGOTIATE, NEGOTIATE + CONNECT]) +
                       data)
    serves(d)


@policy(COUNT)
def test_random_letters(d):
    """Well-formed packets of random commands in random order."""
    rng = random.Random(2)
    for _ in range(200):
        packets = [packet(bytes([rng.choice(b'ABCDEHLMNRTUz')]),
                          rng.choice([b'', b'x\0', b'a\0b\0', b'\0', b'xy']))
                   for _ in range(20)]
        send_and_leave(d, NEGOTIATE + b''.join(packets) + packet(b'Q'))
    serves(d)


PEERS = {
    'inet': (dict(family='4', addr='192.0.2.1', port=25), '192.0.2.1:25'),
    'inet6': (dict(family='6', addr='2001:db8::1', port=25),
              '[2001:db8::1]:25'),
    'inet6 as Postfix writes it': (
        dict(family='6', addr='IPv6:2001:db8::1', port=25),
        '[2001:db8::1]:25'),
    'no port': (dict(family='4', addr='192.0.2.1', port=0), '192.0.2.1:0'),
    'unix': (dict(family='L', addr='/var/run/x', port=0), None),
    'unknown': (dict(family='U'), None),
}
SAY_PEER = '''
kumo.on('smtp_server_mail_from', function(sender, cm)
  kumo.reject(550, 'peer ' .. tostring(cm:get_meta('received_from')))
end)
'''


@rows(PEERS)
@policy(lambda _: SAY_PEER)
def test_peers(d, row):
    how, want = row
    no_macro = {'{client_addr}': '', '{client_port}': '', '_': ''}
    s = d.session(macros=no_macro, **how)
    s.helo()
    said = s.mail()
    if want:
        equal(said, '550 peer ' + want)
    else:
        match(said, '^550 peer ')


@policy(COUNT, listen='inet')
def test_listens_on_tcp(d):
    serves(d)


@policy(COUNT, listen='inet6')
def test_listens_on_tcp6(d):
    serves(d)


STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body']


def walk(m, last):
    """Through the stages up to and with last."""
    m.negotiate()
    steps = {
        'connect': lambda: m.connect('c.example', '4', 25, '192.0.2.1'),
        'helo': lambda: m.helo('c.example'),
        'mail': lambda: m.mail('<a@example.com>'),
        'rcpt': lambda: m.rcpt('<b@example.org>'),
        'data': m.data,
        'header': lambda: m.header('Subject', 'x'),
        'eoh': m.eoh,
        'body': lambda: m.body(b'some text\r\n'),
    }
    for stage in STAGES[:STAGES.index(last) + 1]:
        steps[stage]()


@rows({stage: stage for stage in STAGES})
@policy(lambda _: COUNT)
def test_abort_after(d, stage):
    m = d.milter()
    walk(m, stage)
    m.abort()
    if stage == 'connect':
        m.helo('c.example')
    equal(m.mail('<a@example.com>'), 'continue')
    m.rcpt('<b@example.org>')
    m.data()
    m.header('Subject', 'second')
    m.eoh()
    answer = m.eom()
    equal(answer, 'continue')
    equal(len(answer.edits), 1, 'one X-Seen')
    m.quit()
    serves(d)


@rows({stage: stage for stage in STAGES})
@policy(lambda _: COUNT)
def test_client_gone_after(d, stage):
    for how in ('quit', 'close'):
        m = d.milter()
        walk(m, stage)
        getattr(m, how)()
    serves(d)


@policy(COUNT)
def test_hundred_aborts(d):
    s = d.session()
    s.helo()
    for i in range(100):
        equal(s.mail(), 'continue')
        equal(s.rcpt(), 'continue')
        s.rset()
    equal(s.mail('<count@example.com>'), '550 n=101')


@policy(COUNT)
def test_new_session_on_one_connection(d):
    """QUIT_NC: libmilter's worker pool does not know it, and no MTA sends it;
    what follows is the old session going on, and nothing breaks."""
    m = d.milter()
    walk(m, 'helo')
    equal(m.mail('<count@example.com>'), '550 n=1')
    equal(m.mail('<count@example.com>'), '550 n=2')
    m.quit_nc()
    m.connect('d.example', '4', 26, '192.0.2.2')
    m.helo('d.example')
    equal(m.mail('<count@example.com>'), '550 n=3')
    m.quit()
    serves(d)


RECIPIENTS = {
    'first': (['bad1', 'x', 'y'], ['<x@example.org>', '<y@example.org>']),
    'middle': (['x', 'bad1', 'y'], ['<x@example.org>', '<y@example.org>']),
    'last': (['x', 'y', 'bad1'], ['<x@example.org>', '<y@example.org>']),
    'every': (['bad1', 'bad2'], []),
}


@rows(RECIPIENTS)
@policy(lambda _: COUNT)
def test_refused_recipients(d, row):
    users, accepted = row
    s = d.session()
    s.helo()
    s.mail()
    for user in users:
        want = '550 no ' + user if user.startswith('bad') else 'continue'
        equal(s.rcpt('<%s@example.org>' % user), want)
    if accepted:
        s.data()
        equal(s.content(), 'continue')
        equal(s.delivered.rcpts, accepted)
    else:
        s.rset()
    equal(s.message(), 'continue', 'the next message')
    s.quit()


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  kumo.reject(550, sender.user .. ' for ' .. tostring(cm:get_meta('mine')))
end)
kumo.on('smtp_server_connection_accepted', function(cm)
  cm:set_meta('mine', cm:get_meta('received_from'))
end)
''')
def test_sessions_do_not_mix(d):
    sessions = [d.session(addr='192.0.2.%d' % i) for i in range(1, 101)]
    for s in sessions:
        s.helo()
    for turn in range(3):
        for i, s in enumerate(sessions, 1):
            equal(s.mail('<u%d.%d@example.com>' % (i, turn)),
                  '550 u%d.%d for 192.0.2.%d:40001' % (i, turn, i))
