"""A policy as people write them for KumoMTA, played through."""
import os

import expect
from harness import HOST, Failed, Smtp, check

CONTENT = 'Subject: hello\nX-Partner: forged\n\none line\n'
BOB = 'bob@example.net'

with open(f'{os.path.dirname(os.path.abspath(__file__))}/'
          'policy_idioms.lua') as _file:
    POLICY = _file.read()


def client_from(t, source='127.0.0.1', name='client.example.org'):
    """A greeted client."""
    client = Smtp(t.mta.port, source=source)
    client.greet(name)
    return client


def line(t, at, code, text, address=''):
    """The line that a client of this MTA reads."""
    return expect.lines(t.mta.name, at, code, text, address)[0]


def codes(replies):
    """Of replies to a message."""
    return [reply.code for reply in replies]


def test_banned_client(t):
    """Turned away before its first word."""
    with t.kumilter(POLICY), Smtp(t.mta.port, source='127.5.0.66') as client:
        check('banner', [expect.BANNER_421[t.mta.name]],
              list(client.reply()))
        if not client.closed():
            raise Failed('the server did not close')


def test_helo_names(t):
    """A name that is not the client's is refused for every MAIL, until it
    says a better one."""
    sender = 'a@example.org'
    with t.kumilter(POLICY), Smtp(t.mta.port) as client:
        check('banner', 220, client.reply().code)
        for name, code, text in (
                (HOST, 550, '5.7.1 that name is taken'),
                ('nodots', 554, '5.5.2 a whole name, please')):
            client.expect(f'EHLO {name}', 250)
            check(name, [line(t, 'mail', code, text, f'<{sender}>')],
                  list(client.cmd(f'MAIL FROM:<{sender}>')))
        for name in ('[127.0.0.1]', 'good.example.org'):
            client.expect(f'EHLO {name}', 250)
            check(name, [250, 250, 354, 250],
                  codes(client.message(sender, [BOB], CONTENT)))


def test_recipients(t):
    """Each for itself; mail goes to those that are left."""
    rcpts = ['left@example.net', BOB, 'Full@Example.net', 'carol@a.test']
    with t.kumilter(POLICY), client_from(t) as client:
        replies = client.message('a@example.org', rcpts, CONTENT)
        check('codes', [250, 550, 250, 452, 250, 354, 250], codes(replies))
        check('text', [line(t, 'rcpt', 550,
                            '5.1.1 nobody of that name any more',
                            '<left@example.net>')], list(replies[1]))
        check('recipients', [BOB, 'carol@a.test'],
              sorted(t.mta.queued(replies[-1]).recipients))


def test_bad_sender(t):
    """Refused for everybody but postmaster; the next sender is not."""
    with t.kumilter(POLICY), client_from(t) as client:
        replies = client.message(
            'x@spam.invalid', [BOB, 'PostMaster@example.net'], CONTENT)
        check('codes', [250, 550, 250, 354, 250], codes(replies))
        check('text', [line(t, 'rcpt', 550, '5.7.1 no mail from '
                            'spam.invalid', f'<{BOB}>')], list(replies[1]))
        check('recipients', ['PostMaster@example.net'],
              t.mta.queued(replies[-1]).recipients)
        check('next', [250, 250, 354, 250],
              codes(client.message('a@example.org', [BOB], CONTENT)))


def test_bounce(t):
    """The null sender passes, and the handlers know it."""
    with t.kumilter(POLICY), client_from(t) as client:
        queued = t.mta.queued(client.message('', [BOB], CONTENT)[-1])
        check('sender', '', queued.sender)
        check('X-Seen', [f'127.0.0.1 as client.example.org, for <{BOB}>, a '
                         'bounce'], queued.values('X-Seen'))


def test_partner(t):
    """What was found at connect is used at the end of the message: a header
    that nobody can forge, and a quota, after which the session ends."""
    with t.kumilter(POLICY), \
            client_from(t, '127.5.0.1', 'mail.north.test') as client:
        for _ in range(2):
            replies = client.message('a@example.org', [BOB], CONTENT)
            queued = t.mta.queued(replies[-1])
            check('X-Partner', ['north'], queued.values('X-Partner'))
            check('X-Seen', f'127.5.0.1 as mail.north.test, for <{BOB}>',
                  queued.headers[0][1])
        reply = client.message('a@example.org', [BOB], CONTENT)[-1]
        check('third', [line(t, 'eom', 451, '4.7.1 north had its share')],
              list(reply))
        reply = client.cmd('MAIL FROM:<a@example.org>')
        check('then', [expect.condemned_line(t.mta.name)], list(reply))
        if not client.closed():
            raise Failed('the server did not close')


def test_sessions_are_apart(t):
    """One partner's count is not the other's, nor that of a stranger."""
    with t.kumilter(POLICY), client_from(t, '127.5.0.1') as north, \
            client_from(t, '127.5.0.2') as south, client_from(t) as stranger:
        for client, name in ((north, 'north'), (south, 'south'),
                             (stranger, 'none'), (north, 'north'),
                             (stranger, 'none'), (stranger, 'none')):
            queued = t.mta.queued(
                client.message('a@example.org', [BOB], CONTENT)[-1])
            check('X-Partner', [name], queued.values('X-Partner'))
        check('south', 451, client_reply(south))
        check('stranger', 250, client_reply(stranger))


def client_reply(client):
    """The code of the reply to a message."""
    return client.message('a@example.org', [BOB], CONTENT)[-1].code


def test_without_subject(t):
    """Refused for its content; nothing of the edits before is kept."""
    with t.kumilter(POLICY), client_from(t) as client:
        reply = client.message('a@example.org', [BOB], 'X-A: b\n\nc\n')[-1]
        check('reply', [line(t, 'eom', 554, '5.6.0 a subject is asked for')],
              list(reply))
        check('next', 250, client_reply(client))
