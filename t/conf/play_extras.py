"""What of the examples of conf/examples/ takes a daemon: a reload, a store that
is gone, a clamd.  Their tests, beside them, have the rest.

An Example is its text as it is, with the places of files, the times and the
DNS changed to what a test can have; its plays are functions as in play.py.
"""
import glob
import os
import shutil
import sqlite3
import sys
import tempfile

import play
from play import HEADERS, STRANGER, Failure, session

T = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [f'{T}/proto', T]

from case import equal, match                               # noqa: E402
import scanners                                             # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FOLDERS = ('/var/lib/kumilter', '/etc/kumilter')
ANN = {'{auth_authen}': 'ann'}
BOB = '<bob@example.org>'

# What the DNS knows, for all examples.
DNS = r'''
kumo.dns.configure_test_resolver { zones = {
  '$ORIGIN example.com.\n' .. 'client A 203.0.113.9\n',
  '$ORIGIN google.com.\n' .. 'out A 203.0.113.10\n',
  '$ORIGIN 113.0.203.in-addr.arpa.\n' .. '9 PTR client.example.com.\n'
    .. '10 PTR out.google.com.\n' .. '66 PTR bad.example.com.\n',
  '$ORIGIN zen.spamhaus.org.\n' .. '66.113.0.203 A 127.0.0.2\n'
    .. '67.113.0.203 A 127.0.0.10\n' .. '68.113.0.203 A 127.0.0.11\n'
    .. '69.113.0.203 A 127.0.0.2\n' .. '70.113.0.203 A 127.0.0.10\n'
    .. '9.113.0.203 A 127.255.255.254\n',
  '$ORIGIN bl.spamcop.net.\n' .. '68.113.0.203 A 127.0.0.2\n',
  '$ORIGIN list.dnswl.org.\n' .. '69.113.0.203 A 127.0.3.2\n',
  '$ORIGIN key.list.example.\n' .. '70.113.0.203 A 127.0.0.2\n',
  '$ORIGIN bl.example.com.\n' .. '66.113.0.203 A 127.0.0.2\n'
    .. '66.113.0.203 TXT "spam seen"\n'
    .. '67.113.0.203 A 127.255.255.255\n',
  [[$ORIGIN strict.example.
_dmarc TXT "v=DMARC1; p=reject"
@ TXT "v=spf1 ip4:203.0.113.9 -all"
s._domainkey TXT "v=DKIM1; k=ed25519; p=bBWMQy+58GoG8dyas7N0QzBEt8xDsZ/hx+Wsj4TDkUI="
]],
  [[$ORIGIN example.net.
arc._domainkey TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
]],
  '$ORIGIN mild.example.\n' .. '_dmarc TXT "v=DMARC1; p=quarantine"\n',
  '$ORIGIN lists.example.org.\n' .. '@ TXT "v=spf1 ip4:203.0.113.9 -all"\n',
} }
'''


def extras():
    """name -> text of our library, to put beside a policy."""
    return {f'policy-extras/{os.path.basename(path)}':
            open(path, encoding='utf-8').read()
            for path in glob.glob(f'{ROOT}/conf/policy-extras/*.lua')}


class Place:
    """In `with`: a folder for what policies keep."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='kumilter-')
        os.chmod(self.path, 0o777)
        with open(f'{self.path}/bad-networks', 'w', encoding='utf-8') as file:
            file.write('198.51.100.0/24\n2001:db8:bad::/48\n')
        os.chmod(file.name, 0o644)
        self.rspamd = scanners.Rspamd()
        self.clamd = scanners.Clamd()
        return self

    def __exit__(self, *_exc):
        self.rspamd.close()
        self.clamd.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def text(self, text):
        """That of an example, changed to be played."""
        for folder in FOLDERS:
            text = text.replace(folder, self.path)
        text = text.replace('http://127.0.0.1:11333', self.rspamd.url)
        text = text.replace('/run/clamav/clamd.ctl', self.clamd.path)
        return text + DNS

    def age(self, seconds):
        """All that the greylist keeps is that much older."""
        with sqlite3.connect(f'{self.path}/greylist.db') as db:
            db.execute("UPDATE extras SET value = substr(value, 1, 5) || "
                       "(CAST(substr(value, 6) AS INTEGER) - ?) "
                       "WHERE value LIKE 'wait %'", (seconds,))
        db.close()


def greylist(daemon, place):
    """Known after a reload."""
    wait = '^451 4.7.1 greylisted, please come again in (300|299) seconds'
    s = session(daemon)
    s.mail()
    match(s.rcpt(), wait)
    s.quit()
    place.age(300)
    daemon.verb('reload')
    s = session(daemon)
    s.mail()
    equal(s.rcpt(), 'continue')
    match(s.rcpt('<dave@example.org>'), wait)


def greylist_without_store(daemon, place):
    """Mail goes on where the store is gone, and one line says why."""
    shutil.rmtree(place.path)
    equal(session(daemon).message(), 'continue')
    equal(session(daemon).message(), 'continue')
    match(daemon.log(), 'policy-extras.greylist: .*unable to open database')


def submission_quota(daemon, _place):
    """The recipient that is too much, in whatever session and after a
    reload; the message goes to the others."""
    macros = {'{auth_authen}': 'joe'}
    own = [('From', 'x@joe.example'), *HEADERS[1:]]
    s = session(daemon, macros=macros)
    s.mail('<x@joe.example>')
    for number in range(58):
        equal(s.rcpt(f'<r{number}@example.org>'), 'continue')
    s.data()
    equal(s.content(headers=own), 'continue')
    daemon.verb('reload')
    s = session(daemon, macros=macros)
    s.mail('<x@joe.example>')
    answers = [str(s.rcpt()) for _ in range(4)]
    equal(answers[:2], ['continue'] * 2)
    match(answers[3], r'^451 4.7.1 you may send 60/10min, please wait \d+ sec')
    s.data()
    equal(s.content(headers=own), 'continue')
    other = session(daemon, macros=ANN)
    other.mail('<ann@example.net>')
    equal(other.rcpt(), 'continue')


def scanned(daemon, action, rcpts=(BOB,), **more):
    """A message for which Rspamd answers so: the reply and the session."""
    s = session(daemon)
    wanted = action if action == 'fail' else scanners.answer(action, **more)
    reply = s.message(rcpts=rcpts, headers=[*HEADERS, ('X-Answer', wanted)])
    return reply, s


VIRUS = b'this is a VIRUS\r\n'


def clamav(daemon, place):
    """Of everybody; and when clamd is away."""
    no = '550 5.7.1 this message has a virus: Eicar-Test'
    for how in ({}, {'macros': ANN}, {'addr': '127.0.0.1'}):
        s = session(daemon, **how)
        equal(s.message(body=VIRUS), no)
        equal(s.message(rcpts=['<Postmaster>'], body=VIRUS), no)
        equal(s.message(), 'continue')
    equal(b'Subject: hello\r\n' in place.clamd.scanned[0], True)
    equal(place.clamd.scanned[0].endswith(b'\r\n\r\n' + VIRUS), True)
    place.clamd.close()
    equal(session(daemon).message(), '451 4.3.0 try again later, please')
    match(daemon.log(), 'policy-extras.clamav: ')


EXAMPLES = {
    'clamav.lua': (clamav,),
    'greylist.lua': (greylist, greylist_without_store),
    'submission.lua': (submission_quota,),
}
__all__ = ['EXAMPLES', 'Failure', 'Place', 'STRANGER', 'extras', 'play']
