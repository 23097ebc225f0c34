"""The examples of conf/examples/, as strangers and users meet them.

All clients come from loopback here, so the examples trust 127.0.0.1 only, and
have the DNS that a test needs.
"""
import base64
import contextlib
import glob
import os
import re
import shutil
import sqlite3
import sys

import common
import expect
import secure
from harness import HOST, ROOT, Smtp, check

sys.path.append(f'{ROOT}/t')
import scanners                                             # noqa: E402

BOB, CAROL, DAVE = (f'{name}@example.net' for name in
                    ('bob', 'carol', 'dave'))
POSTMASTER = 'PostMaster@example.net'
SENDER = 'a@example.org'
CONTENT = 'From: a@example.org\nSubject: hello\n\none line\n'
LISTED, NAMELESS, STRANGER, NEIGHBOUR = (
    '127.5.0.66', '127.5.0.77', '127.5.0.9', '127.5.0.8')

DNS = r'''
require('kumo').dns.configure_test_resolver { zones = {
  '$ORIGIN example.org.\n' .. 'client A 127.5.0.9\n',
  '$ORIGIN 0.5.127.in-addr.arpa.\n' .. '9 PTR client.example.org.\n'
    .. '8 PTR client.example.org.\n' .. '66 PTR bad.example.org.\n',
  '$ORIGIN zen.spamhaus.org.\n' .. '66.0.5.127 A 127.0.0.2\n'
    .. '9.0.5.127 A 127.255.255.254\n',
} }
'''


def example(name, **changes):
    """(policy, files) of an example; changes: texts to replace."""
    with open(f'{ROOT}/conf/examples/{name}.lua', encoding='utf-8') as file:
        text = file.read().replace("'127.0.0.0/8'", "'127.0.0.1/32'")
    for old, new in changes.items():
        text = text.replace(old, new)
    return text + DNS, extras()


def extras():
    """name -> text of our library."""
    files = {}
    for path in glob.glob(f'{ROOT}/conf/policy-extras/*.lua'):
        with open(path, encoding='utf-8') as file:
            files[f'policy-extras/{os.path.basename(path)}'] = file.read()
    return files


def client_from(t, source=STRANGER, name='client.example.org'):
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


def refused(t, client, rcpt, code, text):
    """This recipient is, with that text."""
    check(rcpt, [line(t, 'rcpt', code, text, f'<{rcpt}>')],
          list(client.cmd(f'RCPT TO:<{rcpt}>')))


# ---- postmaster.lua --------------------------------------------------------

def test_names_and_lists(t):
    """HELO, PTR and block lists; mail for postmaster is taken all the same."""
    whole = '5.5.2 say your whole name in HELO'
    with t.kumilter(*example('postmaster')):
        for source, name, text in (
                (STRANGER, 'localhost', whole),
                (STRANGER, HOST, '5.7.1 that is my name, not yours'),
                (STRANGER, '[127.5.0.1]', '5.7.1 that is not your address'),
                (NAMELESS, 'client.example.org',
                 f'5.7.25 your address [{NAMELESS}] has no name'),
                (LISTED, 'client.example.org', f'5.7.1 [{LISTED}] is listed '
                 'by zen.spamhaus.org (SBL)')):
            with client_from(t, source, name) as client:
                client.expect(f'MAIL FROM:<{SENDER}>', 250)
                refused(t, client, BOB, 550, text)
                refused(t, client, CAROL, 550, text)
                client.expect('RSET', 250)
                replies = client.message(SENDER, [BOB, POSTMASTER], CONTENT)
                check(text, [250, 550, 250, 354, 250], codes(replies))
                check('recipients', [POSTMASTER],
                      t.mta.queued(replies[-1]).recipients)
        for source, name in ((STRANGER, f'[{STRANGER}]'),
                             (STRANGER, 'client.example.org'),
                             ('127.0.0.1', 'localhost')):
            with client_from(t, source, name) as client:
                check(name, [250, 250, 354, 250],
                      codes(client.message(SENDER, [BOB], CONTENT)))


def test_pipelining(t):
    """Each command has its answer, in the order in which they came."""
    with t.kumilter(*example('postmaster')), \
            client_from(t, LISTED) as client:
        replies = client.pipeline(
            f'MAIL FROM:<{SENDER}>', f'RCPT TO:<{BOB}>',
            f'RCPT TO:<{POSTMASTER}>', f'RCPT TO:<{CAROL}>', 'DATA')
        check('codes', [250, 550, 250, 550, 354], codes(replies))
        check('message', 250, client.content(CONTENT).code)


def test_postmaster_apart(t):
    """What is for postmaster is not refused for the sake of others."""
    later = '4.5.3 this recipient in another transaction, please'
    twice = 'From: b@example.org\n' + CONTENT
    with t.kumilter(*example('postmaster')), client_from(t) as client:
        client.expect(f'MAIL FROM:<{SENDER}>', 250)
        client.expect(f'RCPT TO:<{BOB}>', 250)
        refused(t, client, POSTMASTER, 452, later)
        client.expect(f'RCPT TO:<{CAROL}>', 250)
        client.expect('RSET', 250)
        reply = client.message(SENDER, [BOB, CAROL], twice)[-1]
        check('refused', [line(t, 'eom', 550,
                               '5.6.0 a message has one From: header')],
              list(reply))
        replies = client.message(SENDER, [POSTMASTER, BOB], twice)
        check('taken', [250, 250, 452, 354, 250], codes(replies))
        check('recipients', [POSTMASTER],
              t.mta.queued(replies[-1]).recipients)


# ---- greylist.lua ----------------------------------------------------------

@contextlib.contextmanager
def store():
    """In `with`: a folder that the daemon may write to."""
    path = common.temp_dir()
    os.chmod(path, 0o777)
    try:
        yield path
    finally:
        common.remove_dir(path)


def age(path, seconds):
    """All that the greylist keeps is that much older."""
    with contextlib.closing(sqlite3.connect(f'{path}/greylist.db')) as db, db:
        db.execute("UPDATE extras SET value = 'wait ' || "
                   "(CAST(substr(value, 6) AS INTEGER) - ?) "
                   "WHERE value LIKE 'wait %'", (seconds,))


def greylisted(name, reply):
    """Is it that answer?"""
    check(name, True, bool(re.fullmatch(
        r'451 4\.7\.1 greylisted, please come again in \d+ seconds',
        '\n'.join(reply))) or list(reply))


def test_greylist(t):
    """Each recipient for itself, pipelined, and across a reload."""
    with store() as path:
        policy = example('greylist', **{'/var/lib/kumilter': path})
        with t.kumilter(*policy), client_from(t) as client:
            replies = client.pipeline(f'MAIL FROM:<{SENDER}>',
                                      f'RCPT TO:<{BOB}>',
                                      f'RCPT TO:<{CAROL}>', 'DATA')
            greylisted('bob', replies[1])
            greylisted('carol', replies[2])
            check('DATA', True, 500 <= replies[3].code < 600)
            client.expect('RSET', 250)
            replies = client.message(SENDER, [BOB, POSTMASTER], CONTENT)
            check('postmaster', [POSTMASTER],
                  t.mta.queued(replies[-1]).recipients)
        age(path, 300)
        with t.kumilter(*policy), client_from(t, NEIGHBOUR) as client:
            replies = client.message(SENDER, [BOB, DAVE, CAROL], CONTENT)
            check('codes', [250, 250, 451, 250, 354, 250], codes(replies))
            check('recipients', [BOB, CAROL],
                  sorted(t.mta.queued(replies[-1]).recipients))
            check('another sender', 451,
                  client.message('b@example.org', [BOB], CONTENT)[1].code)
            with client_from(t, '127.0.0.1') as ours:
                check('ours', 250, ours.message('c@example.org', [BOB],
                                                CONTENT)[-1].code)
        shutil.rmtree(path)
        with t.kumilter(*policy), client_from(t) as client:
            replies = client.message('d@example.org', [DAVE], CONTENT)
            check('without a store', 250, replies[-1].code)
        other = example('greylist', **{'/var/lib/kumilter': path,
                                       "= 'pass'": "= 'tempfail'"})
        with t.kumilter(*other), client_from(t) as client:
            client.expect(f'MAIL FROM:<{SENDER}>', 250)
            refused(t, client, BOB, 451, '4.3.0 try again later, please')
            client.expect(f'RCPT TO:<{POSTMASTER}>', 250)


# ---- submission.lua --------------------------------------------------------

FROM_ANN = 'From: Ann <ann@example.net>\nSubject: hello\n\none line\n'


def test_our_names_from_outside(t):
    """In the envelope and in From:, for everybody but postmaster."""
    with t.kumilter(*example('submission')), client_from(t) as client:
        # loopback is trusted here
        check('trusted', 250, client.message(
            'ann@example.net', [BOB], FROM_ANN)[-1].code)
    policy, files = example('submission')
    policy = ("require('policy-extras.site').configure { trusted = {} }\n"
              + policy)
    with t.kumilter(policy, files), client_from(t) as client:
        client.expect('MAIL FROM:<ann@example.net>', 250)
        refused(t, client, BOB, 550, '5.7.1 log in to send as example.net')
        client.expect(f'RCPT TO:<{POSTMASTER}>', 250)
        client.expect('RSET', 250)
        reply = client.message(SENDER, [BOB], FROM_ANN)[-1]
        check('From:', [line(t, 'eom', 550,
                             '5.7.1 log in to write as example.net')],
              list(reply))
        check('a stranger', 250,
              client.message(SENDER, [BOB], CONTENT)[-1].code)


def test_users(t):
    """Who logged in writes as himself, and 60 times in 10 minutes."""
    policy, files = example('submission', **{"'60/10min'": "'3/10min'"})
    with t.kumilter(policy, files), secure.users(t.mta):
        with client_from(t) as client:
            plain = base64.b64encode(b'\0ann\0secret').decode()
            client.expect(f'AUTH PLAIN {plain}', 235)
            client.expect('MAIL FROM:<joe@example.net>', 250)
            refused(t, client, BOB, 550, '5.7.1 that sender is not yours')
            client.expect('RSET', 250)
            reply = client.message('ann@example.net', [BOB], CONTENT)[-1]
            check('From:', [line(t, 'eom', 550, '5.7.1 a@example.org in '
                                 'From: is not yours')], list(reply))
            replies = client.message('ann@example.net', [BOB, CAROL, DAVE],
                                     FROM_ANN)
            check('codes', [250, 250, 250, 451, 354, 250], codes(replies))
            check('text', True, '451 4.7.1 you may send 3/10min, please '
                  'wait ' in str(replies[3]) or str(replies[3]))
            check('recipients', [BOB, CAROL],
                  sorted(t.mta.queued(replies[-1]).recipients))


# ---- rspamd.lua ------------------------------------------------------------

def spam(action, **more):
    """A message for which Rspamd answers so."""
    wanted = action if action == 'fail' else scanners.answer(action, **more)
    return f'X-Spam: No\nX-Answer: {wanted}\n{CONTENT}'


@contextlib.contextmanager
def with_rspamd(t, **changes):
    """In `with`: (Rspamd, the folder of the greylist, a client)."""
    with store() as path, scanners.Rspamd() as rspamd, \
            t.kumilter(*example('rspamd', **{
                '/var/lib/kumilter': path, **changes,
                'http://127.0.0.1:11333': rspamd.url})), \
            client_from(t) as client:
        yield rspamd, path, client


def test_rspamd_refuses(t):
    """With its text, or with ours; nothing of the message is taken."""
    table = (
        ('reject', {}, 550, '5.7.1 this looks like spam'),
        ('reject', {'messages': {'smtp_message': 'Gtube pattern'}}, 550,
         '5.7.1 Gtube pattern'),
        ('soft reject', {'messages': {'smtp_message': 'Try again later'}},
         451, '4.7.1 Try again later'),
        ('add header', {'symbols': {'CLAM_VIRUS': {'options': ['Eicar']}}},
         550, '5.7.1 this message has a virus: Eicar'))
    with with_rspamd(t) as (rspamd, _, client):
        for action, more, code, text in table:
            reply = client.message(SENDER, [BOB, CAROL],
                                   spam(action, **more))[-1]
            check(action, [line(t, 'eom', code, text)], list(reply))
        asked = rspamd.asked[0]
        check('asked', [[STRANGER], ['client.example.org'], [f'<{SENDER}>'],
                        [f'<{BOB}>', f'<{CAROL}>'], [HOST]],
              [asked[name] for name in ('ip', 'helo', 'from', 'rcpt',
                                        'mta-name')])


def test_rspamd_marks(t):
    """Headers, its own and ours, and the subject; a forged mark goes."""
    more = {'milter': {'add_headers': {'X-Own': {'value': 'x', 'order': 1}},
                       'remove_headers': {'X-Answer': 0}},
            'subject': '[spam] gr\u00fcn',
            'symbols': {'B': {}, 'A': {}}}
    with with_rspamd(t) as (_, _, client):
        queued = t.mta.queued(client.message(
            SENDER, [BOB], spam('rewrite subject', **more))[-1])
        check('headers', [['Yes'], ['7.50 / 15.00'], ['A, B'], ['x'], [],
                          ['=?UTF-8?q?=5Bspam=5D_gr=C3=BCn?=']],
              [queued.values(name) for name in (
                  'X-Spam', 'X-Spam-Score', 'X-Spam-Symbols', 'X-Own',
                  'X-Answer', 'Subject')])
        queued = t.mta.queued(client.message(SENDER, [BOB],
                                             spam('no action'))[-1])
        check('clean', [[], ['hello']],
              [queued.values(name) for name in ('X-Spam', 'Subject')])


def test_rspamd_greylist(t):
    """What it is not sure of comes again; and what it finds good does not."""
    with with_rspamd(t) as (_, path, client):
        greylisted('unsure', client.message(SENDER, [BOB],
                                            spam('greylist'))[-1])
        check('good', 250, client.message(SENDER, [BOB],
                                          spam('no action'))[-1].code)
        age(path, 300)
        check('again', 250, client.message(SENDER, [BOB],
                                           spam('greylist'))[-1].code)


def test_rspamd_spares(t):
    """Mail for postmaster, and all mail while it does not answer."""
    with with_rspamd(t) as (rspamd, _, client):
        replies = client.message(SENDER, [POSTMASTER, BOB], spam('reject'))
        check('codes', [250, 250, 452, 354, 250], codes(replies))
        queued = t.mta.queued(replies[-1])
        check('recipients', [POSTMASTER], queued.recipients)
        check('marked', ['Yes'], queued.values('X-Spam'))
        for how in ('fails', 'is gone'):
            wanted = 'fail' if how == 'fails' else 'reject'
            check(how, 250, client.message(SENDER, [BOB],
                                           spam(wanted))[-1].code)
            rspamd.close()
    with with_rspamd(t, **{"= 'pass'": "= 'tempfail'"}) as (_, _, client):
        reply = client.message(SENDER, [BOB], spam('fail'))[-1]
        check('tempfail', [line(t, 'eom', 451,
                                '4.3.0 try again later, please')],
              list(reply))


# ---- clamav.lua ------------------------------------------------------------

VIRUS = f'{CONTENT}VIRUS\n'


def test_clamav(t):
    """Refused or held, of everybody; and what comes while clamd is away."""
    socket = '/run/clamav/clamd.ctl'
    no = [line(t, 'eom', 550, '5.7.1 this message has a virus: Eicar-Test')]
    with scanners.Clamd() as clamd, \
            t.kumilter(*example('clamav', **{socket: clamd.path})):
        for source in (STRANGER, '127.0.0.1'):
            with client_from(t, source) as client:
                check('virus', no, list(client.message(
                    SENDER, [BOB, POSTMASTER], VIRUS)[-1]))
                check('none', 250, client.message(SENDER, [BOB],
                                                  CONTENT)[-1].code)
        clamd.close()
        with client_from(t) as client:
            check('away', [line(t, 'eom', 451,
                                '4.3.0 try again later, please')],
                  list(client.message(SENDER, [BOB], VIRUS)[-1]))
    with scanners.Clamd() as clamd, t.kumilter(*example('clamav', **{
            socket: clamd.path, "= 'reject'": "= 'quarantine'",
            "= 'tempfail'": "= 'pass'"})), client_from(t) as client:
        queued = t.mta.queued(client.message(SENDER, [BOB], VIRUS)[-1])
        check('held', True, queued.held)
        clamd.close()
        check('passes', 250, client.message(SENDER, [BOB],
                                            CONTENT)[-1].code)
