"""What the examples of conf/examples/ do to a client, and what they need.

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


def postmaster_names(daemon, _place):
    """Who does not say its name is refused, and not to postmaster."""
    s = session(daemon, helo='localhost')
    equal(s.mail(), 'continue')
    equal(s.rcpt(), '550 5.5.2 say your whole name in HELO')
    equal(s.rcpt('<PostMaster@example.org>'), 'continue')
    equal(s.rcpt('<abuse@example.org>'), 'continue')
    s.data()
    equal(s.content(), 'continue')
    equal(s.helo('example.net'), 'continue')
    s.mail()
    equal(s.rcpt(), '550 5.7.1 that is my name, not yours')
    equal(s.helo('client.example.com'), 'continue')
    equal(s.message(), 'continue')
    # it logs in only now
    s = session(daemon, helo='localhost')
    s.values.update(ANN)
    equal(s.message(), 'continue')
    equal(session(daemon, helo='pc', addr='127.0.0.1').message(), 'continue')
    equal(session(daemon, helo='pc', addr='::1', family='6').message(),
          'continue')


def postmaster_lists(daemon, _place):
    """Listed, without a name, and a list that answers with an error."""
    s = session(daemon, addr='203.0.113.66')
    s.mail()
    for _ in range(2):
        equal(s.rcpt(), '550 5.7.1 [203.0.113.66] is listed by '
              'zen.spamhaus.org (SBL)')
    equal(s.rcpt('<postmaster@example.org>'), 'continue')
    s = session(daemon, addr='203.0.113.77')
    s.mail()
    equal(s.rcpt(), '550 5.7.25 your address [203.0.113.77] has no name')
    s = session(daemon, addr='2001:db8::7', family='6')
    s.mail()
    equal(s.rcpt(), '550 5.7.25 your address [2001:db8::7] has no name')
    equal(session(daemon).message(), 'continue')
    match(daemon.log(), 'it answers 127.255.255.254')


def postmaster_apart(daemon, _place):
    """A message for postmaster is never refused for the sake of others."""
    later = '452 4.5.3 this recipient in another transaction, please'
    two = [*HEADERS, ('From', 'b@example.com')]
    s = session(daemon)
    s.mail()
    equal(s.rcpt(), 'continue')
    equal(s.rcpt('<postmaster@example.org>'), later)
    equal(s.rcpt('<carol@example.org>'), 'continue')
    s.rset()
    s.mail()
    equal(s.rcpt('<postmaster@example.org>'), 'continue')
    equal(s.rcpt(), later)
    s.data()
    equal(s.content(headers=two), 'continue')
    equal(s.message(headers=two), '550 5.6.0 a message has one From: header')
    equal(s.message(), 'continue')


def greylist(daemon, place):
    """Each recipient for itself; known after a while, and after a reload."""
    wait = '^451 4.7.1 greylisted, please come again in (300|299) seconds'
    s = session(daemon)
    s.mail()
    for rcpt in (BOB, BOB, '<carol@example.org>'):
        match(s.rcpt(rcpt), wait)
    equal(s.rcpt('<Postmaster>'), 'continue')
    s.quit()
    place.age(300)
    daemon.verb('reload')
    s = session(daemon, addr='203.0.113.200')    # a neighbour
    s.mail()
    equal(s.rcpt(), 'continue')
    match(s.rcpt('<dave@example.org>'), wait)
    s.data()
    equal(s.content().refuses, False)
    s.mail('<other@example.com>')
    match(s.rcpt(), wait)
    s = session(daemon, addr='2001:db8::7', family='6')
    s.mail()
    match(s.rcpt(), wait)
    for how in ({'addr': '127.0.0.1'}, {'macros': ANN},
                {'addr': '203.0.113.10'}):
        equal(session(daemon, **how).message('<new@example.com>'), 'continue',
              str(how))


def greylist_without_store(daemon, place):
    """Mail goes on where the store is gone, and one line says why."""
    shutil.rmtree(place.path)
    equal(session(daemon).message(), 'continue')
    equal(session(daemon).message(), 'continue')
    match(daemon.log(), 'policy-extras.greylist: .*unable to open database')


def submission(daemon, _place):
    """Names of one's own, in the envelope and in From:."""
    mine = '550 5.7.1 that sender is not yours'
    s = session(daemon, macros=ANN)
    for sender, answer in (('<ann@example.net>', 'continue'),
                           ('<Sales+x@Example.NET>', 'continue'),
                           ('<joe@example.net>', mine), ('<>', 'continue')):
        s.rset()
        s.mail(sender)
        equal(s.rcpt(), answer, sender)
    s.rset()
    own = [('From', 'Ann <ann@example.net>'), *HEADERS[1:]]
    equal(s.message('<ann@example.net>', headers=own), 'continue')
    equal(s.message('<ann@example.net>'),
          '550 5.7.1 ann@example.com in From: is not yours')
    s = session(daemon)
    s.mail('<ann@example.net>')
    equal(s.rcpt(), '550 5.7.1 log in to send as example.net')
    equal(s.rcpt('<postmaster@example.net>'), 'continue')
    s.rset()
    equal(s.message(headers=own), '550 5.7.1 log in to write as example.net')
    equal(s.message(), 'continue')


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


def rspamd(daemon, place):
    """Each action."""
    for action, more, text in (
            ('reject', {}, '550 5.7.1 this looks like spam'),
            ('reject', {'messages': {'smtp_message': 'Gtube'}},
             '550 5.7.1 Gtube'),
            ('soft reject', {}, '451 4.7.1 try again later, please'),
            ('no action', {'symbols': {'CLAM_VIRUS': {'options': ['X']}}},
             '550 5.7.1 this message has a virus: X'),
            ('no action', {}, 'continue'), ('add header', {}, 'continue'),
            ('rewrite subject', {}, 'continue')):
        reply, s = scanned(daemon, action, **more)
        equal(reply, text, action)
        if text != 'continue':
            continue
        spam = action != 'no action'
        equal(s.delivered.get('X-Spam'), ['Yes'] if spam else [])
        equal(s.delivered.get('X-Spam-Score'), ['7.50 / 15.00'])
        equal(s.delivered.get('Subject'), [
            '*** SPAM *** hello' if 'subject' in action else 'hello'])
    asked = place.rspamd.asked[-1]
    equal([asked[name] for name in ('ip', 'helo', 'from', 'rcpt')],
          [[STRANGER], ['client.example.com'], ['<ann@example.com>'], [BOB]])


def rspamd_greylist(daemon, place):
    """What it is not sure of comes again, once."""
    match(scanned(daemon, 'greylist')[0], '^451 4.7.1 greylisted, please')
    place.age(300)
    equal(scanned(daemon, 'greylist')[0], 'continue')


def rspamd_spares(daemon, place):
    """Postmaster, users, and everybody when it is away."""
    reply, s = scanned(daemon, 'reject', ['<postmaster@example.org>'])
    equal(reply, 'continue')
    equal(s.delivered.get('X-Spam'), ['Yes'])
    number = len(place.rspamd.asked)
    equal(session(daemon, macros=ANN).message(), 'continue')
    equal(len(place.rspamd.asked), number)
    equal(scanned(daemon, 'fail')[0], 'continue')
    place.rspamd.close()
    reply, s = scanned(daemon, 'reject')
    equal(reply, 'continue')
    match(daemon.log(), 'policy-extras.rspamd: it answers with status 500')
    equal(s.delivered.get('X-Spam-Score'), [])


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
    'postmaster.lua': (postmaster_names, postmaster_lists, postmaster_apart),
    'greylist.lua': (greylist, greylist_without_store),
    'rspamd.lua': (rspamd, rspamd_greylist, rspamd_spares),
    'submission.lua': (submission, submission_quota),
}
__all__ = ['EXAMPLES', 'Failure', 'Place', 'STRANGER', 'extras', 'play']
