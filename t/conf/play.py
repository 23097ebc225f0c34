"""What the manual's examples do to a client.

Each function plays sessions with one policy and raises Failure where the
client is told something else than the comments in the policy promise.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'proto'))

from case import Failure, equal, match                      # noqa: E402
from daemon import Daemon, DaemonError                      # noqa: E402
from mta_session import MESSAGE                             # noqa: E402

STRANGER = '203.0.113.9'
HEADERS = MESSAGE[0]
__all__ = ['Daemon', 'DaemonError', 'Failure', 'EXAMPLES']


def session(daemon, helo='client.example.com', addr=STRANGER, **how):
    """One whose HELO passed, from nobody of ours."""
    s = daemon.session(addr=addr, **how)
    equal(s.helo(helo), 'continue')
    return s


def first(daemon):
    """The page's first policy."""
    s = session(daemon)
    equal(s.mail('<a@spammer.invalid>'),
          '550 5.7.1 no mail from your domain, please')
    equal(s.mail(), 'continue')


def bare_helo(daemon):
    """Refused at RCPT, and not for postmaster."""
    s = session(daemon, helo='localhost')
    equal(s.mail(), 'continue')
    equal(s.rcpt(), '550 5.7.1 say EHLO with your full name')
    equal(s.rcpt('<postmaster@example.org>'), 'continue')
    equal(s.helo('mail.example.com'), 'continue')
    equal(s.mail(), 'continue')
    equal(s.rcpt(), 'continue')


def misses(daemon):
    """The sixth unknown recipient is one too many."""
    s = session(daemon)
    equal(s.mail(), 'continue')
    for _ in range(5):
        equal(s.rcpt('<who@example.org>'), '550 5.1.1 no such user here')
        equal(s.rcpt('<alice@example.org>'), 'continue')
    equal(s.rcpt('<who@example.org>'), '421 4.7.0 too many unknown recipients')
    equal(s.state, 'closed')


def forged(daemon):
    """Held, and the session ends; whoever logged in may."""
    own = [('From', 'Boss <boss@example.net>'), *HEADERS[1:]]
    s = session(daemon)
    equal(s.message(headers=own), 'continue')
    equal(s.delivered.quarantine, 'From: is ours, the client is not')
    match(s.mail(), '^421 .* disconnecting due to previous error')
    s = session(daemon, macros={'{auth_authen}': 'joe'})
    equal(s.message(headers=own), 'continue')
    equal(s.delivered.quarantine, None)


def one_author(daemon):
    """From: has one address, or the message is refused."""
    no = '550 5.6.0 a message has one From: address'
    s = session(daemon)
    for value in ('a@example.com, b@example.com', 'a@', '', 'g: a@b.test;'):
        equal(s.message(headers=[('From', value), *HEADERS[1:]]), no, value)
    equal(s.message(headers=HEADERS[1:]), no, 'no From:')
    equal(s.message(), 'continue')


def external(daemon):
    """Marked once; what bears our name is copied."""
    s = session(daemon)
    for _ in range(2):
        equal(s.message(headers=[('From', 'x@Example.NET'),
                                 ('Subject', 'gr=?utf-8?q?=C3=BC?=n')]),
              'continue')
        equal(s.delivered.get('Subject'),
              ['=?UTF-8?q?=5Bexternal=5D_gr=C3=BCn?='])
        equal([rcpt.strip('<>') for rcpt in s.delivered.rcpts],
              ['bob@example.org', 'postmaster@example.net'])
    equal(s.message(headers=[('From', 'x@example.com'),
                             ('Subject', 'Re: [external] hi')]), 'continue')
    equal(s.delivered.get('Subject'), ['Re: [external] hi'])
    equal(len(s.delivered.rcpts), 1)
    s = session(daemon, macros={'{auth_authen}': 'joe'})
    equal(s.message(), 'continue')
    equal(s.delivered.get('Subject'), ['hello'])


def scanner(daemon):
    """Our scanner's mark counts, a stranger's does not."""
    marked = [*HEADERS, ('X-Scan', 'bad'), ('Authentication-Results', 'x')]
    s = session(daemon)
    equal(s.message(headers=marked), 'continue')
    equal(s.delivered.quarantine, None)
    equal(s.delivered.headers, HEADERS)
    s = session(daemon, addr='192.0.2.7')
    equal(s.message(headers=marked), 'continue')
    match(s.delivered.quarantine, '^scanner: ')
    equal(s.delivered.get('X-Scan'), [])


def checked(daemon):
    """No programs, however they are named; a footer below texts only."""
    def message(name):
        return {'headers': [*HEADERS, ('MIME-Version', '1.0'),
                            ('Content-Type', 'multipart/mixed; boundary=x')],
                'body': ('--x\r\n\r\nhello\r\n--x\r\n'
                         'Content-Type: application/octet-stream\r\n'
                         'Content-Disposition: attachment; '
                         f'filename{name}\r\n\r\nMZ\r\n--x--\r\n').encode()}

    footer = b'\r\n[checked by mx.example.net]\r\n'
    s = session(daemon)
    for name in ('=a.exe', '="A.EXE "', "*=utf-8''a%2Eexe", '*0=a.e; '
                 'filename*1=xe', '="=?utf-8?q?a=2Eexe?="'):
        equal(s.message(**message(name)), '552 5.7.0 no .exe files, please',
              name)
    equal(s.message(**message('=a.txt')), 'continue')
    equal(b'\r\nhello\r\n' + footer in s.delivered.body, True)
    equal(b'\r\nMZ\r\n--x--' in s.delivered.body, True)
    equal(s.message(headers=HEADERS, body=b'hi\r\n'), 'continue')
    equal(s.delivered.body, b'hi\r\n' + footer)
    html = [*HEADERS, ('Content-Type', 'text/html')]
    equal(s.message(headers=html, body=b'<p>hi\r\n'), 'continue')
    equal(s.delivered.body, b'<p>hi\r\n')
    many = message('=a.txt')
    many['body'] = b'--x\r\n\r\n\r\n' * 2000
    equal(s.message(**many), '552 5.6.0 too many parts')


# By a piece of the example's text.
EXAMPLES = {'no mail from your domain, please': first,
            'bare_helo': bare_helo,
            'misses': misses,
            'forged From:': forged,
            'one From: address': one_author,
            '[external]': external,
            'scanner: ': scanner,
            'files, please': checked}
