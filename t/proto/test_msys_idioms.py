"""Scriptlets as people write them for Momentum, t/lua/msys/*.lua, played.

Each is loaded by its name; what else it takes is said beside it.
"""

import glob
import os
import socket
import struct
import threading

from case import equal, match, policy, rows, true
from daemon import ROOT

SCRIPTS = {}
for _path in glob.glob(os.path.join(ROOT, 't/lua/msys/*.lua')):
    with open(_path) as _file:
        SCRIPTS[os.path.basename(_path)] = _file.read()

CONFIGURE = '''
kumo.on('init', function()
  kumo.milter.configure { states = 2, dns_timeout = '5s', %s
    scriptlets = { { name = '%s', source = '%s' } } }
end)
'''


def use(d, name, options=''):
    """Loads that script."""
    d.write_policy(CONFIGURE % (options, name, name))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)


def greeted(d, name='client.example.com', **how):
    s = d.session(**how)
    s.helo(name)
    return s


# -- what each does, and what else it is given

def helo_name(d):
    equal(greeted(d, 'nodots').mail(), '554 5.7.1 %nodots% is no host')
    equal(greeted(d, 'localhost').mail(), 'continue')
    equal(greeted(d).mail(), 'continue')


def binding(d):
    equal(greeted(d).message(), 'continue')
    d.wait_log('binding:validate_set_binding has no effect')
    d.wait_log('binding:ac_auth_perform_auth has no effect')


def rcpt_table(d):
    s = greeted(d)
    s.mail()
    equal(s.rcpt('<left@example.org>'), '551 5.1.6 moved to elsewhere.test')
    equal(s.rcpt('<here@example.org>'), 'continue')


def copies(d):
    s = greeted(d)
    equal(s.message(rcpts=['<one@x.test>', '<two@x.test>']), 'continue')
    equal(s.delivered.rcpts, ['<one@x.test>', '<two@x.test>',
                              '<audit@archive.test>'])
    d.wait_log('scriptlet: for ;one@x.test;two@x.test;')
    equal(s.message(rcpts=['<one@x.test>']), 'continue')
    equal(s.delivered.rcpts, ['<one@x.test>'])


def connect_time(d):
    equal(greeted(d).message(), 'continue')
    d.wait_log('esmtp_capability_add has no effect in a milter: the MTA '
               'writes the EHLO reply')
    s = greeted(d, 'plain')
    equal(s.mail(), '454 4.7.0 TLS first')
    equal(s.mail(), '421 mx.example.test disconnecting due to previous error')


def quota(d):
    equal([str(greeted(d).mail('<a@x.test>')) for _ in range(4)],
          ['continue', 'continue', '452 4.7.1 3 from x.test',
           '452 4.7.1 4 from x.test'])
    equal(greeted(d).mail('<a@y.test>'), 'continue')
    equal(greeted(d).mail('<>'), 'continue')


def audit(d):
    open_ = [greeted(d, addr='192.0.2.%d' % n) for n in (1, 2, 3)]
    equal(d.session(addr='192.0.2.4').banner, '421 too many of you')
    equal(d.session(addr='198.51.100.4').state, 'open')
    for _ in range(2):
        equal(open_[0].mail(), 'continue')
        open_[0].rset()
    match(open_[0].mail(), '^450 4.0.0 3 mails, [12] connections$')
    equal(open_[1].mail(), 'continue')


def peer(d):
    s = greeted(d)
    s.mail()
    equal(s.rcpt(), '550 5.0.0 192.0.2.1 msys.core:_accept_construct ESMTP')
    d.wait_log(r'scriptlet: peer return \{ "192.0.2.1", "40001"\}')


def dmarc(d):
    s = greeted(d)
    s.mail('<a@strict.test>')
    equal(s.rcpt(), '550 5.7.1 by the wish of strict.test')
    equal(s.rcpt(),
          '421 mx.example.test disconnecting due to previous error')
    for domain in ('mild.test', 'none.test'):
        s = greeted(d)
        s.mail('<a@%s>' % domain)
        equal(s.rcpt(), 'continue', domain)


def allowed(d):
    for addr, said in (('192.0.2.1', 'continue'),
                       ('198.51.100.1', '550 5.7.1 relaying denied'),
                       ('203.0.113.1', 'continue')):
        s = greeted(d, addr=addr)
        s.mail()
        equal(s.rcpt(), said, addr)


def journal(d):
    for name in ('one', 'two', 'three'):
        equal(greeted(d).mail('<%s@x.test>' % name), 'continue')
    with open(os.path.join(d.dir, 'journal.txt')) as f:
        equal(f.read(), ''.join(
            'MAIL FROM:<%s@x.test> from 192.0.2.1:40001\n' % name
            for name in ('one', 'two', 'three')))
    mode = os.stat(os.path.join(d.dir, 'journal.txt')).st_mode
    equal(oct(mode & 0o733), '0o600', 'mode, but for what umask takes')


def shared(d):
    one, two = greeted(d), greeted(d)
    equal(one.mail('<ann@x.test>'), '550 behind nobody, of 2')
    equal(two.mail('<bob@x.test>'), '550 behind ann, of 2')
    one.quit()
    d.wait_log('left: 1')
    equal(two.mail('<cid@x.test>'), '550 behind bob, of 1')


def careless(d):
    s = greeted(d)
    equal(s.mail('<code551@x.test>'), '551 as asked')
    equal(s.mail(), 'continue')
    equal(s.rcpt(), '550 nothing')
    d.wait_log(r'scriptlet-00147: validate_mailfrom error: \(null\)')
    d.wait_log(r'scriptlet-00239: careless error: \(null\)')
    d.wait_log('Attempt to set null key or value in validate context '
               'connection dictionary')


def methods(d):
    equal(greeted(d).mail(), '550 no mail')


def codecs(d):
    equal(greeted(d).mail(), '550 the policy caf=C3=A9 no5')


PLAIN = [('From', 'Ann <ann@example.com>'), ('To', 'bob@example.org'),
         ('Subject', 'hello'), ('X-Spam-Flag', 'YES')]
ATTACHED = b'\r\n'.join((
    b'--x', b'Content-Type: text/plain', b'', b'see there', b'--x',
    b'Content-Type: application/octet-stream',
    b'Content-Disposition: attachment; filename="%s"', b'', b'MZ', b'--x--',
    b''))
MIXED = PLAIN + [('MIME-Version', '1.0'),
                 ('Content-Type', 'multipart/mixed; boundary=x')]


def stamp(d):
    s = greeted(d)
    equal(s.message(headers=PLAIN), 'continue')
    m = s.delivered
    match(m.headers[0], r"^\('X-Stamp', 'from 192\.0\.2\.1 size \d+ as 1'\)")
    equal(m.get('X-Spam-Flag'), [])
    equal(m.get('X-Seen'), ['one', 'two'])
    d.wait_log(r'batch (\w\w/\w\w-\w{5}-\w{8}) conn \w\w/\w\w-\w{5}-\w{8} '
               r'at 198\.51\.100\.25:25$')


def one_from(d):
    s = greeted(d)
    equal(s.message(headers=PLAIN), 'continue')
    equal(s.message('<ann@other.test>', headers=PLAIN),
          '550 5.7.1 from example.com? sender: none')
    equal(s.message(headers=PLAIN + PLAIN[:1]), '550 5.7.1 2 authors')
    equal(s.mail(), '421 mx.example.test disconnecting due to previous error')
    equal(greeted(d).message(headers=PLAIN[1:]), '550 5.7.1 0 authors')


def attachments(d):
    s = greeted(d)
    equal(s.message(headers=MIXED, body=ATTACHED % b'setup.EXE'),
          '554 5.7.1 no setup.EXE')
    equal(s.message(headers=MIXED, body=ATTACHED % b'a.txt'), 'continue')
    match(s.delivered.body, r'MZ\\r\\n--x\\r\\n.*scanned\\r\\n--x--')
    equal(s.message(body=b'hello\r\n'), 'continue')
    equal(s.delivered.body, b'hello\r\n-- \r\nscanned\r\n')


def envelope(d):
    s = greeted(d)
    equal(s.message('<ann@x.test>', ['<bob+list@y.test>']), 'continue')
    equal(s.delivered.rcpts, ['<bob@y.test>'])
    equal(s.delivered.get('X-Who'), ['ann@x.test = ann@x.test'])
    equal(s.message('<ann@x.test>', ['<bob@y.test>', '<cid+a@y.test>']),
          'continue')
    equal(s.delivered.rcpts, ['<bob@y.test>', '<cid@y.test>'])


def scanners(d):
    equal(greeted(d).message(), 'continue')
    d.wait_log('scanners:init returns 0, not true: taken for true')
    d.wait_log('msys.av.scan has no effect')
    d.wait_log('msys.brightmail.scan has no effect')


def editor(d):
    s = greeted(d)
    equal(s.message(), 'continue')
    equal(s.message(headers=[('Subject', '=?utf-8?q?You?= have WON 1000 $')]),
          '550 5.7.1 1000 to bob@example.org by ann@example.com')


def pool(d):
    equal(greeted(d).message(body=b'one\r\ntwo\r\n'), '550 true 2 one')


def discards(d):
    s = greeted(d)
    equal(s.message(headers=PLAIN + [('X-Adaptive', 'drop')]), 'discard')
    equal(s.message(rcpts=['<nobody@x.test>', '<bob@x.test>']), 'continue')
    equal(s.delivered.rcpts, ['<bob@x.test>'])


def signing(d):
    s = greeted(d)
    equal(s.message(), 'continue')
    equal(s.delivered.get('X-Last'), ['example.com one line'])


def blocked(d):
    for addr, said in (('192.0.2.9', '554 5.7.1 192.0.2.9 is dynamic'),
                       ('192.0.2.200', '554 5.7.1 told you so'),
                       ('198.51.100.1', 'continue')):
        equal(greeted(d, addr=addr).mail(), said, addr)
    d.wait_log('scriptlet: blocked return nil')


def verdicts(d):
    for addr, said in (('192.0.2.1', 'continue'),
                       ('198.51.100.1', '450 4.7.1 come again')):
        s = greeted(d, addr=addr)
        s.mail()
        equal(s.rcpt(), said, addr)


BLOCKED = '''\
:127.0.0.2:$ is dynamic
192.0.2.0/25
192.0.2.128/25 :127.0.0.3:told you so
'''
NETWORKS = '''contexts = {
  { peer = '192.0.2.0/24', set = { can_relay = 'true' } },
  { peer = '203.0.113.1', set = { __bypass_allowed = 'true' } } },'''
NO_DNS = "dns_servers = { '127.0.0.1:1' }, dns_timeout = '0.2s',"
DATABASE = "datasources = { mail = 'sqlite::memory:' },"
IDIOMS = {f.__name__: (f, options) for f, options in (
    (helo_name, ''), (binding, ''), (rcpt_table, DATABASE), (copies, ''),
    (connect_time, ''), (quota, ''), (peer, ''),
    (audit, "audit = { '60,1' },"),
    (allowed, NETWORKS), (journal, ''), (shared, ''), (careless, ''),
    (methods, ''), (codecs, ''), (stamp, ''), (one_from, ''),
    (attachments, ''), (envelope, ''), (scanners, ''), (editor, ''),
    (pool, ''), (discards, ''), (signing, ''),
    (verdicts, NO_DNS),
    (blocked, NO_DNS))}


@rows(IDIOMS)
@policy(lambda _: '', files=SCRIPTS | {'networks': BLOCKED})
def test_idiom(d, row):
    play, options = row
    use(d, play.__name__, options)
    play(d)


# -- with a nameserver

class Texts(threading.Thread):
    """On 127.0.0.1: TXT records, or no such name."""

    def __init__(self, records):
        super().__init__(daemon=True)
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            packet, peer_ = self.socket.recvfrom(4096)
            if not packet:
                return
            self.socket.sendto(self.answer(packet), peer_)

    def answer(self, packet):
        end = packet.index(b'\0', 12) + 1
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        text = self.records.get('.'.join(labels).lower())
        kind = struct.unpack('>H', packet[end:end + 2])[0]
        found = text is not None and kind == 16
        head = struct.pack('>5H', 0x8580 | (0 if text else 3), 1, found, 0, 0)
        reply = packet[:2] + head + packet[12:end + 4]
        if found:
            data = bytes([len(text)]) + text.encode()
            reply += b'\xc0\x0c' + struct.pack('>HHIH', 16, 1, 60,
                                               len(data)) + data
        return reply

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b'', self.socket.getsockname())
        self.join()
        self.socket.close()


@policy('', files=SCRIPTS)
def test_idiom_dmarc(d):
    server = Texts({'_dmarc.strict.test': 'v=DMARC1; p=reject; pct=100',
                    '_dmarc.mild.test': 'v=DMARC1; p=none'})
    try:
        use(d, 'dmarc', "dns_servers = { '%s' }," % server.address)
        dmarc(d)
    finally:
        server.close()


KEY = 'v=DKIM1; k=ed25519; p=bBWMQy+58GoG8dyas7N0QzBEt8xDsZ/hx+Wsj4TDkUI='
STRICT = [('From', 'Ann <ann@strict.example>'), ('To', 'bob@example.org'),
          ('Subject', 'hello')]
GOOD = ('DKIM-Signature',
        'v=1; a=ed25519-sha256; c=relaxed/relaxed; d=strict.example; s=s; '
        'h=from:subject; bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; '
        'b=wvGkMDm84m02fkBm8H8S5G4ZYVGunWfIjlkqFzb48zPmBxcRq6vdz7XGo/r+/pb'
        'l/3i0I3iuaPSOO/bp2ZexDA==')
NO_KEY = ('DKIM-Signature', GOOD[1].replace('s=s;', 's=t; i=x@a.strict.example;'))
NO_LIST = ('DKIM-Signature', 'v=1; nonsense')
GIVES = 'strict.example,s,ed25519-sha256,%d,relaxed,%d,true,false,@strict.example,'
# headers, body -> X-Opendkim, X-Dkim
SIGNED = {
    'none': ([], b'hello\r\n', '0:2', '0:0 strict.example'),
    'good': ([GOOD], b'hello\r\n', '1:0 ' + GIVES % (256, 6) + 'no error',
             '1:1 strict.example pass=good signature'),
    'bad': ([GOOD], b'hullo\r\n',
            '1:1 ' + GIVES % (0, 0) + 'body hash did not verify',
            '1:0 strict.example fail=body hash did not verify'),
    'no key': ([NO_KEY], b'hello\r\n',
               '1:3 strict.example,t,ed25519-sha256,0,relaxed,0,true,false,'
               'x@a.strict.example,no key for signature',
               '1:0 strict.example permerror=no key for signature'),
    'several': ([NO_LIST, NO_KEY, GOOD], b'hello\r\n', '3:0 nil,nil,unknown',
                '3:1 strict.example permerror='),
}


@rows(SIGNED)
@policy('', files=SCRIPTS)
def test_idiom_signatures(d, row):
    headers, body, opendkim, dkim = row
    server = Texts({'s._domainkey.strict.example': KEY})
    try:
        use(d, 'signatures', "dns_servers = { '%s' }," % server.address)
        s = greeted(d)
        equal(s.message(headers=[*headers, *STRICT], body=body), 'continue')
        for name, value in (('X-Opendkim', opendkim), ('X-Dkim', dkim)):
            got = s.delivered.get(name)[0]
            equal(got[:len(value)], value, got)
    finally:
        server.close()


@policy('', files=SCRIPTS)
def test_idiom_signed(d):
    """What it signs it finds good."""
    server = Texts({'k._domainkey.own.test': KEY})
    try:
        use(d, 'signatures', "dns_servers = { '%s' }," % server.address)
        s = greeted(d)
        equal(s.message(headers=[*STRICT, ('X-Sign', 'yes')]), 'continue')
        sent = s.delivered.get('DKIM-Signature')
        equal(len(sent), 1)
        true('h=from:subject:to;' in sent[0], sent[0])
        true('c=relaxed/simple' in sent[0], sent[0])
        d.wait_log('signed: 0')
        d.wait_log('signing_domain or base_domain is missing')
        equal(s.message(headers=[('DKIM-Signature', sent[0]), *STRICT]),
              'continue')
        equal(s.delivered.get('X-Opendkim')[0][:8], '1:0 own.')
    finally:
        server.close()


@policy('', files=SCRIPTS)
def test_all_are_played(d):
    played = set(IDIOMS) | {'dmarc', 'texts', 'signatures'}
    equal(sorted(name[:-4] for name in SCRIPTS), sorted(played))
    true(d.alive(), 'a living daemon')
