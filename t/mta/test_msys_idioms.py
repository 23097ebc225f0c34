"""Scriptlets as people write them for Momentum, t/lua/msys/*.lua, through
the MTAs; t/proto plays all of them."""
import glob
import os

import expect
from harness import ROOT, Failed, Smtp, check
from test_idioms import CONTENT, client_from, codes, line

BOB, CAROL = 'bob@one.test', 'carol@two.test'
SCRIPTS = {}
for _path in glob.glob(f'{ROOT}/t/lua/msys/*.lua'):
    with open(_path) as _file:
        SCRIPTS[os.path.basename(_path)] = _file.read()

CONFIGURE = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { %s
    scriptlets = { %s } }
end)
'''


def load(t, *names, options=''):
    """In `with`: the daemon with these scriptlets, in this order."""
    list_ = ', '.join(f"{{ name = '{name}', source = '{name}' }}"
                      for name in names)
    return t.kumilter(CONFIGURE % (options, list_), SCRIPTS)


def send(client, rcpts=(BOB,), sender='a@example.org'):
    """A message; its replies."""
    return client.message(sender, rcpts, CONTENT)


def test_helo_name(t):
    """A macro tells the client's name; what is none is refused at MAIL."""
    with load(t, 'helo_name'):
        with Smtp(t.mta.port) as client:
            client.greet('nodots')
            check('MAIL', [line(t, 'mail', 554,
                                '5.7.1 %nodots% is no host')],
                  list(client.cmd('MAIL FROM:<a@example.org>')))
        with client_from(t) as client:
            check('message', [250, 250, 354, 250], codes(send(client)))


def test_rcpt_table(t):
    """A row of a database is the reply."""
    with load(t, 'rcpt_table',
              options="datasources = { mail = 'sqlite::memory:' },"), \
            client_from(t) as client:
        replies = send(client, ['left@example.org', BOB])
        check('codes', [250, 551, 250, 354, 250], codes(replies))
        check('text', [line(t, 'rcpt', 551,
                            '5.1.6 moved to elsewhere.test')],
              list(replies[1]))
        check('recipients', [BOB], t.mta.queued(replies[-1]).recipients)


def test_copies(t):
    """One more recipient, where there are several."""
    with load(t, 'copies'), client_from(t) as client:
        for rcpts, want in (([BOB], [BOB]),
                            ([BOB, CAROL],
                             ['audit@archive.test', BOB, CAROL])):
            check('recipients', want, sorted(t.mta.queued(
                send(client, rcpts)[-1]).recipients))


def test_connect_time(t):
    """A pause before the banner; the session's fields set as a hook of TLS
    would, then the end at the next command."""
    with load(t, 'connect_time'), Smtp(t.mta.port) as client:
        client.greet('plain.example.org')
        check('MAIL', [line(t, 'mail', 454, '4.7.0 TLS first')],
              list(client.cmd('MAIL FROM:<a@example.org>')))
        check('next', [expect.condemned_line(t.mta.name)],
              list(client.cmd('MAIL FROM:<a@example.org>')))
        if not client.closed():
            raise Failed('the server did not close')


def test_quota(t):
    """Counted over sessions and Lua states."""
    with load(t, 'quota'):
        domain = f'{t.mta.name}.test'
        for n, want in enumerate((250, 250, 452, 452), 1):
            with client_from(t) as client:
                reply = client.cmd(f'MAIL FROM:<a@{domain}>')
                check('code', want, reply.code)
                if want == 452:
                    check('text', [line(t, 'mail', 452,
                                        f'4.7.1 {n} from {domain}')],
                          list(reply))


def test_networks(t):
    """A preset of one network relays, another leaves the module out, a
    third client is refused."""
    options = '''contexts = {
      { peer = '127.6.0.0/16', set = { can_relay = 'true' } },
      { peer = '127.7.0.1', set = { __bypass_allowed = 'true' } } },'''
    with load(t, 'allowed', options=options):
        for source, code in (('127.6.1.1', 250), ('127.7.0.1', 250),
                             ('127.7.0.2', 550)):
            with client_from(t, source) as client:
                check(source, code, send(client)[1].code)


def test_several_scriptlets(t):
    """In their order; the first to say DONE is the last to be asked."""
    with load(t, 'careless', 'peer', 'codecs') as daemon, \
            client_from(t) as client:
        check('codecs', [line(t, 'mail', 550, 'the policy caf=C3=A9 no5',
                              '<a@example.org>')],
              list(client.cmd('MAIL FROM:<a@example.org>')))
        daemon.wait_log('scriptlet: peer return')
    with load(t, 'careless', 'peer'), client_from(t) as client:
        client.expect('MAIL FROM:<a@example.org>', 250)
        check('peer', [line(
            t, 'rcpt', 550, '127.0.0.1 msys.core:_accept_construct ESMTP',
            f'<{BOB}>')], list(client.cmd(f'RCPT TO:<{BOB}>')))
        check('careless', [line(t, 'mail', 551, 'as asked')],
              list(fresh_mail(t, 'code551@example.org')))


def fresh_mail(t, sender):
    """The reply to MAIL in a session of its own."""
    with client_from(t) as client:
        return client.cmd(f'MAIL FROM:<{sender}>')


# -- of messages

HEADERS = 'From: a@example.org\nTo: b@one.test\nSubject: hello\n'
MIXED = HEADERS + '''\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

see there
--x
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="%s"

MZ
--x--
'''


def reply_to(client, content, rcpts=(BOB,)):
    """The reply to that message."""
    return client.message('a@example.org', rcpts, content)[-1]


def test_stamp(t):
    """What is known of a message is in a header above all others."""
    with load(t, 'stamp') as daemon, client_from(t, '127.5.1.1') as client:
        queued = t.mta.queued(reply_to(
            client, f'X-Spam-Flag: YES\n{HEADERS}\nhello\n'))
        values = queued.values('X-Stamp')
        check('X-Stamp', True, len(values) == 1 and values[0].startswith(
            'from 127.5.1.1 size ') and values[0].endswith(' as 1'))
        check('X-Spam-Flag', [], queued.values('X-Spam-Flag'))
        check('X-Seen', ['one', 'two'], queued.values('X-Seen'))
        daemon.wait_log(r'batch \w\w/\w\w-\w{5}-\w{8} conn \w\w/\w\w-')


def test_one_from(t):
    """Headers decide: who writes as somebody else is refused."""
    with load(t, 'one_from'), client_from(t) as client:
        check('fine', 250, reply_to(client, f'{HEADERS}\nhello\n').code)
        check('other domain', [line(
            t, 'eom', 550, '5.7.1 from other.test? sender: c@d.test')],
            list(reply_to(client, 'From: x@other.test\nSender: c@d.test\n'
                                  '\nhello\n')))
        check('two', [line(t, 'eom', 550, '5.7.1 2 authors')],
              list(reply_to(client, f'From: b@c.test\n{HEADERS}\nhello\n')))
        check('then', [expect.condemned_line(t.mta.name)],
              list(client.cmd('MAIL FROM:<a@example.org>')))


def test_attachments(t):
    """Parts of a message decide, and get company."""
    with load(t, 'attachments'), client_from(t) as client:
        check('program', [line(t, 'eom', 554, '5.7.1 no setup.EXE')],
              list(reply_to(client, MIXED % 'setup.EXE')))
        queued = t.mta.queued(reply_to(client, MIXED % 'a.txt'))
        check('part', True, queued.body.endswith(
            b'\nMZ\n--x\nContent-Type: text/plain\n\nscanned\n--x--\n'))
        queued = t.mta.queued(reply_to(client, f'{HEADERS}\nhello\n'))
        check('text', b'hello\n-- \nscanned\n', queued.body)


def test_envelope(t):
    """Each recipient's address is made another one."""
    with load(t, 'envelope'), client_from(t) as client:
        queued = t.mta.queued(reply_to(
            client, f'{HEADERS}\nhello\n', ['bob+list@one.test', CAROL]))
        check('recipients', [BOB, CAROL], sorted(queued.recipients))
        check('X-Who', ['a@example.org = a@example.org'],
              queued.values('X-Who'))


def test_discards(t):
    """Who is not wanted gets nothing, and nobody hears of that."""
    with load(t, 'discards'), client_from(t) as client:
        queued = t.mta.queued(reply_to(
            client, f'{HEADERS}\nhello\n', ['nobody@one.test', BOB]))
        check('recipients', [BOB], queued.recipients)
        t.mta.forget_messages()
        check('all', 250, reply_to(
            client, f'X-Adaptive: drop\n{HEADERS}\nhello\n').code)
        check('queue', [], t.mta.messages())


def test_editor_and_signing(t):
    """Two scriptlets: the one refuses, the other has the last word."""
    with load(t, 'editor', 'signing', 'scanners'), \
            client_from(t) as client:
        check('refused', [line(t, 'eom', 550, f'5.7.1 1000 to {BOB} by '
                               'a@example.org')],
              list(reply_to(client, 'Subject: You won 1000\n\nx\n')))
        queued = t.mta.queued(reply_to(client, f'{HEADERS}\nhello\n'))
        check('X-Last', ['example.org hello'], queued.values('X-Last'))
