"""What the recipes of kumilter-cookbook(7) do to a client, by their titles."""
import os
import re
import sqlite3
import subprocess
import sys

from play import HEADERS, STRANGER, session
from play_extras import ANN, BOB, clamav, scanned

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'proto'))

from case import equal, match                               # noqa: E402

LISTED = '203.0.113.66'
WAIT = '^451 4.7.1 greylisted, please come again in (300|299) seconds'
SLOW = r'^4.. 4.7.1 '
OWN = [('From', 'Ann <ann@example.net>'), *HEADERS[1:]]


def refused(daemon, answer, sender='<ann@example.com>', rcpt=BOB, **how):
    """A session whose recipient is answered so."""
    s = session(daemon, **how)
    s.mail(sender)
    got = s.rcpt(rcpt)
    if answer is None:
        equal(got.refuses, False, str(got))
    else:
        match(got, answer)
    return s


def users(place):
    """A database of them."""
    path = f'{place.path}/users.db'
    with sqlite3.connect(path) as db:
        db.execute('CREATE TABLE users (name TEXT, address TEXT)')
        db.execute("INSERT INTO users VALUES ('ann', 'bob@example.org'), "
                   "('ann', 'ann@example.net')")
    db.close()
    os.chmod(path, 0o666)


def mx(daemon, _place):
    """HELO, PTR, a list; and not for postmaster."""
    refused(daemon, '^550 5.5.2 say your whole name', helo='pc')
    refused(daemon, '^550 5.7.1 that is my name', helo='Example.NET')
    refused(daemon, '^550 5.7.25 .* has no name', addr='203.0.113.77')
    s = refused(daemon, '^550 5.7.1 .* is listed by zen', addr=LISTED)
    equal(s.rcpt('<postmaster@example.org>'), 'continue')
    refused(daemon, None)
    refused(daemon, None, addr='192.0.2.5', helo='pc')


def weights(daemon, _place):
    """Two that weigh enough; one that does not; one that is trusted."""
    refused(daemon, '^550 5.7.1 .* listed by zen.spamhaus.org', addr=LISTED)
    refused(daemon, None, addr='203.0.113.67')           # PBL: 1
    refused(daemon, 'zen.spamhaus.org, bl.spamcop.net',  # PBL and another
            addr='203.0.113.68')
    refused(daemon, None, addr='203.0.113.69')           # SBL, but trusted
    refused(daemon, 'listed by zen.spamhaus.org, list.example',
            addr='203.0.113.70')


def by_hand(daemon, _place):
    """Listed; an error is no listing."""
    s = refused(daemon, '^550 5.7.1 listed by bl.example.com: spam seen',
                addr=LISTED)
    equal(s.rcpt('<postmaster@example.org>'), 'continue')
    refused(daemon, None, addr='203.0.113.67')
    refused(daemon, None)
    refused(daemon, None, addr='2001:db8::1', family='6')


def networks(daemon, _place):
    """At connect."""
    for addr, family in (('198.51.100.9', '4'), ('2001:db8:bad::1', '6')):
        s = daemon.session(addr=addr, family=family)
        equal(s.banner, '421 4.7.1 no mail from your network')
    refused(daemon, None)


def greylisting(daemon, place):
    """Each triplet once."""
    refused(daemon, WAIT)
    place.age(300)
    refused(daemon, None)
    refused(daemon, WAIT, sender='<other@example.com>')
    refused(daemon, None, macros=ANN, sender='<new@example.com>')


def suspicious(daemon, _place):
    """Without a name, or listed; others not."""
    refused(daemon, None)
    refused(daemon, WAIT, addr='203.0.113.77')
    refused(daemon, WAIT, addr=LISTED)


def by_network(daemon, _place):
    """21 at once; neighbours together, others not."""
    s = refused(daemon, None)
    for _ in range(20):
        equal(s.rcpt(), 'continue')
    match(s.rcpt(), r'^451 4.7.1 slowly, please: 100/h,max_burst=20 from \d+ ')
    refused(daemon, SLOW, addr='203.0.113.200')
    refused(daemon, None, addr='203.0.114.9')
    refused(daemon, None, rcpt='<postmaster@example.org>')
    refused(daemon, None, addr='127.0.0.1')


def quota(daemon, _place):
    """By name; root has none."""
    s = refused(daemon, None, macros=ANN)
    for _ in range(59):
        equal(s.rcpt(), 'continue')
    match([str(s.rcpt()) for _ in range(3)][-1],
          r'^550 5.7.1 you may send 60/10min, please wait \d+ seconds')
    s = refused(daemon, None, macros={'{auth_authen}': 'root'})
    for _ in range(70):
        equal(s.rcpt(), 'continue')


def own_names(daemon, _place):
    """Of one's own, in envelope and From:."""
    mine = '^550 5.7.1 that sender is not yours'
    joe, boss = {'{auth_authen}': 'joe'}, {'{auth_authen}': 'Boss'}
    refused(daemon, None, sender='<sales@example.net>', macros=ANN)
    refused(daemon, mine, sender='<joe@joe.example>', macros=ANN)
    refused(daemon, None, sender='<any@joe.example>', macros=joe)
    refused(daemon, None, sender='<any@where.example>', macros=boss)
    refused(daemon, '^550 5.7.1 log in', sender='<ann@example.net>')
    s = session(daemon, macros=ANN)
    equal(s.message('<ann@example.net>'),
          '550 5.7.1 ann@example.com in From: is not yours')
    equal(s.message('<ann@example.net>', headers=OWN), 'continue')


def database_users(daemon, place):
    """What is in it; and when it is gone."""
    users(place)
    refused(daemon, None, sender='<ann@example.net>', macros=ANN)
    refused(daemon, '^550 ', sender='<x@example.net>', macros=ANN)
    refused(daemon, '^550 ', sender='<x@example.net>',
            macros={'{auth_authen}': 'nobody'})


def left_out(daemon, _place):
    """Added for users only."""
    s = session(daemon, macros=ANN)
    sent = [('From', 'a@example.com'), ('X-Mailer', 'x')]
    equal(s.message(headers=sent), 'continue')
    equal([name for name, _ in s.delivered.headers if name != 'From'],
          ['Message-ID', 'Date'] if s.delivered.headers[1][0] == 'Message-ID'
          else ['Date', 'Message-ID'])
    s = session(daemon)
    equal(s.message(headers=sent), 'continue')
    equal(s.delivered.headers, sent)


def recipients(daemon, place):
    """Those of a database; later, where there is none."""
    match(session(daemon).message(), '^451 4.3.0 try again later, please')
    users(place)
    refused(daemon, None)
    refused(daemon, None, rcpt='<BOB@example.org>')
    refused(daemon, '^550 5.1.1 no such', rcpt='<who@example.org>')
    refused(daemon, None, rcpt='<postmaster@example.org>')


def with_tls(daemon, _place):
    """These domains, and those below."""
    for sender in ('<a@bank.example>', '<a@x.y.bank.example>'):
        s = session(daemon)
        match(s.mail(sender), '^550 5.7.10 .*bank.example sends with TLS')
        s.starttls()
        s.helo('client.example.com')
        equal(s.mail(sender), 'continue')
    refused(daemon, None, sender='<a@riverbank.example>')


def bounces(daemon, _place):
    """One recipient of a bounce, any number of others."""
    s = session(daemon)
    for _ in range(2):
        s.mail('<>')
        equal(s.rcpt(), 'continue')
        equal(s.rcpt(), '550 5.5.3 a bounce has one recipient')
        s.rset()
    s.mail()
    for _ in range(3):
        equal(s.rcpt(), 'continue')


def closed(daemon, place):
    """While the file is there."""
    s = session(daemon)
    equal(s.mail(), 'continue')
    with open(f'{place.path}/closed', 'w', encoding='utf-8') as file:
        file.write('back at noon\n')
    os.chmod(file.name, 0o644)
    s.rset()
    equal(s.mail(), '451 4.3.2 back at noon')
    os.remove(file.name)
    equal(s.mail(), 'continue')


def rspamd(daemon, place):
    """Refused, and taken where it does not answer."""
    equal(scanned(daemon, 'reject')[0], '550 5.7.1 this looks like spam')
    equal(scanned(daemon, 'no action', symbols={'CLAM_VIRUS': {}})[0],
          '550 5.7.1 this message has a virus')
    equal(scanned(daemon, 'reject', ['<abuse@example.org>'])[0], 'continue')
    place.rspamd.close()
    equal(scanned(daemon, 'reject')[0], 'continue')


def rspamd_greylist(daemon, place):
    """Only what it says."""
    equal(scanned(daemon, 'no action')[0], 'continue')
    match(scanned(daemon, 'greylist')[0], WAIT)
    place.age(300)
    equal(scanned(daemon, 'greylist')[0], 'continue')


def log_line(daemon, _place):
    """What is in it."""
    s = session(daemon, macros=ANN)
    equal(s.message(rcpts=(BOB, '<"c d"@example.org>')), 'continue')
    line = re.search(r'\{.*\}', daemon.log()).group()
    for part in ('"user":"ann"', '"sender":"ann@example.com"',
                 '"subject":"hello"', '"client":"203.0.113.9:40001"',
                 r'"recipients":["bob@example.org","\"c d\"@example.org"]'):
        equal(part in line, True, f'{part} in {line}')


def archive(daemon, _place):
    """What the department sends, and nothing else."""
    for sender, how, number in (
            ('<x@trade.example.net>', {'macros': ANN}, 2),
            ('<x@trade.example.net>', {}, 1),
            ('<x@example.net>', {'macros': ANN}, 1)):
        s = session(daemon, **how)
        equal(s.message(sender), 'continue')
        equal(len(s.delivered.rcpts), number)


def no_exe(daemon, _place):
    """Neither in a part; but to postmaster."""
    mime = [*HEADERS, ('MIME-Version', '1.0'),
            ('Content-Type', 'multipart/mixed; boundary=x')]
    body = (b'--x\r\n\r\nhello\r\n--x\r\nContent-Type: a/b; name="A.Exe"\r\n'
            b'\r\nMZ\r\n--x--\r\n')
    s = session(daemon)
    equal(s.message(headers=mime, body=body),
          '550 5.7.1 no programs by mail, please')
    equal(s.message(rcpts=('<postmaster@example.org>',), headers=mime,
                    body=body), 'continue')
    equal(s.message(), 'continue')
    refused(daemon, '^550 5.5.2 ', helo='pc')


STRICT = [('From', 'Ann <ann@strict.example>'), *HEADERS[1:]]
SIGNED = [('DKIM-Signature',
           'v=1; a=ed25519-sha256; c=relaxed/relaxed; d=strict.example; s=s; '
           'h=from:subject; bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=; '
           'b=wvGkMDm84m02fkBm8H8S5G4ZYVGunWfIjlkqFzb48zPmBxcRq6vdz7XGo/r+/pb'
           'l/3i0I3iuaPSOO/bp2ZexDA=='), *STRICT]
HELLO = b'hello\r\n'


def by_tenant(daemon, place):
    """Two signatures for one's own domains, none for others."""
    folder = f'{place.path}/dkim/acme.example.net'
    os.makedirs(folder)
    for name in 'rsa', 'ed25519':
        subprocess.run(['openssl', 'genpkey', '-algorithm', name, '-out',
                        f'{folder}/{name}.pem'], check=True,
                       capture_output=True)
        os.chmod(f'{folder}/{name}.pem', 0o644)
    own = [('From', 'Ann <x@ACME.example.net>'), ('Subject', 'hello')]
    s = session(daemon, macros={'{auth_authen}': 'ann@acme.example'})
    equal(s.message(headers=own), 'continue')
    first, second = (re.sub(r'\s', '', field) for field
                     in s.delivered.get('DKIM-Signature'))
    match(first, '^v=1;a=ed25519-sha256;c=relaxed/relaxed;'
          'd=acme.example.net;s=ed25519;.*h=from:from:.*:date:message-id:')
    match(second, '^v=1;a=rsa-sha256;.*;d=acme.example.net;s=rsa;')
    for headers in ([('From', 'x@joe.example')], [('Subject', 'none')],
                    [('From', 'x@acme.example, y@acme.example')]):
        equal(s.message(headers=headers),
              '550 5.7.1 From: has none of the domains of acme.example')
    for macros in None, ANN, {'{auth_authen}': 'x@other.example'}:
        s = session(daemon, macros=macros)
        equal(s.message(headers=own), 'continue')
        equal(s.delivered.get('DKIM-Signature'), [])


def verified(daemon, _place):
    """What was found; and not what a stranger says."""
    forged = [('Authentication-Results', 'MX.example.net; dkim=pass'),
              ('Authentication-Results', 'other.example; dkim=pass')]
    for sender, headers, found in (
            ('<x@other.example>', SIGNED,
             ('dkim=pass', 'header.d=strict.example', 'spf=none',
              'dmarc=pass', 'arc=none')),
            ('<x@strict.example>', STRICT, ('spf=pass', 'dmarc=pass')),
            ('<x@other.example>', STRICT, ('spf=none', 'dmarc=fail'))):
        s = session(daemon)
        equal(s.message(sender, headers=[*forged, *headers], body=HELLO),
              'continue')
        ours, *others = s.delivered.get('Authentication-Results')
        match(ours, '^mx.example.net;')
        equal(others, ['other.example; dkim=pass'])
        for words in found:
            equal(words in ours, True, f'{words} in {ours}')
    s = session(daemon, macros=ANN)
    equal(s.message(headers=forged + STRICT), 'continue')
    equal(len(s.delivered.get('Authentication-Results')), 1)


def dmarc(daemon, _place):
    """Refused, held, exempt; and From: that is none."""
    no = '550 5.7.26 not from strict.example, says its DMARC'
    mild = [('From', 'a@mild.example'), *HEADERS[1:]]
    for sender, headers, answer, how in (
            ('<x@other.example>', STRICT, no, {}),
            ('<x@other.example>', SIGNED, 'continue', {}),
            ('<x@strict.example>', STRICT, 'continue', {}),
            ('<x@strict.example>', STRICT, no, {'addr': '203.0.113.10'}),
            ('<x@other.example>', STRICT, 'continue', {'addr': '192.0.2.1'}),
            ('<x@lists.example.org>', STRICT, 'continue', {}),
            ('<x@lists.example.org>', STRICT, no, {'addr': '203.0.113.10'}),
            ('<x@other.example>', STRICT, 'continue', {'macros': ANN}),
            ('<x@other.example>', HEADERS, 'continue', {}),
            ('<x@strict.example>', [*STRICT, *STRICT],
             '550 5.6.0 several From: fields', {})):
        s = session(daemon, **how)
        equal(s.message(sender, headers=headers, body=HELLO), answer,
              f'{sender} {how}')
    s = session(daemon)
    equal(s.message('<x@other.example>', headers=mild), 'continue')
    equal(s.delivered.quarantine, 'DMARC of mild.example')


# That of RFC 8463, whose public half the DNS has.
ARC_KEY = '''-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
'''


def sealed(daemon, place):
    """What is forwarded; a chain that came, and one that is broken."""
    with open(f'{place.path}/arc.key', 'w', encoding='utf-8') as file:
        file.write(ARC_KEY)
    os.chmod(file.name, 0o644)
    s = session(daemon)
    equal(s.message(), 'continue')
    equal(s.delivered.headers, HEADERS)
    headers = HEADERS
    for sets, status in ((1, 'none'), (2, 'pass'), (3, 'fail')):
        if status == 'fail':
            headers = [(name, 'other') if name == 'Subject' else (name, value)
                       for name, value in headers]
        s = session(daemon)
        equal(s.message(rcpts=(BOB, '<ann@alumni.example.net>'),
                        headers=headers), 'continue')
        headers = s.delivered.headers
        match(s.delivered.get('ARC-Seal')[0], f'^i={sets}; .* cv={status};')
        match(s.delivered.get('ARC-Authentication-Results')[0],
              rf'(?s)^i={sets}; mx.example.net;.*spf=none.*arc={status}')
        equal(len(headers), len(HEADERS) + 3 * sets)


RECIPES = {
    'An MX': mx,
    'Block lists with weights': weights,
    'A block list by hand': by_hand,
    'A list of networks': networks,
    'Greylisting': greylisting,
    'Greylisting for the suspicious': suspicious,
    'Strangers with many recipients': by_network,
    'How much a user may send': quota,
    'Users write as themselves': own_names,
    'Users in a database': database_users,
    'What programs of users leave out': left_out,
    'Submitted mail signed by tenant': by_tenant,
    'Recipients that exist': recipients,
    'Mail that has to come with TLS': with_tls,
    'Bounces have one recipient': bounces,
    'Closed for a while': closed,
    'Rspamd': rspamd,
    'Greylisting for what Rspamd finds': rspamd_greylist,
    'ClamAV': clamav,
    'One line for each message': log_line,
    'A copy for the archive': archive,
    "Checks of one's own among those of the library": no_exe,
    'Verified and stamped': verified,
    'DMARC with exemptions': dmarc,
    'Forwards, sealed': sealed,
}
__all__ = ['RECIPES', 'STRANGER']
