#!/usr/bin/python3
"""Mail of all kinds, signed by others: dkimpy and Mail::DKIM.

    t/dkim/generate.py COUNT SEED FOLDER

Writes FOLDER/N.eml, and FOLDER/zone.json: name of a key in the DNS -> its TXT
record.  The same COUNT and SEED make the same mail, but for keys and times.
Debian's python3, whose dkim this is.
"""
import base64
import json
import os
import random
import subprocess
import sys

try:
    import dkim
    import nacl.signing
except ImportError:
    sys.exit('generate.py: no module dkim or nacl (Debian: python3-dkim)')

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAIN = 'example.com'
CANONS = [(h, b) for h in ('simple', 'relaxed') for b in ('simple', 'relaxed')]

VALUES = (
    b' plain', b'no space', b'', b' ', b'  two  spaces \t and tabs\t',
    b' folded\r\n once', b'\r\n\tfolded at once', b' a\r\n  b\r\n\tc\r\n d ',
    b' trailing   ', b' blank line\r\n \r\n in it', b' gr\xc3\xbc\xc3\x9fe',
    b' latin1 \xe4\xf6\xfc', b' =?utf-8?q?gr=C3=BC=C3=9Fe?=',
    b' a:b;c=d; b=no; bh=neither', b' \xc2\xa0nbsp\xc2\xa0',
    b' ' + b'long ' * 180, b' ' + b'x' * 900,
    b' ' + b'folded\r\n\t' * 300 + b'often',
)
# Whole ones: an MTA may put its own domain behind others.
ADDRESSES = (
    b' bob@example.org', b'bob@example.org', b'  Bob  <bob@example.org> ',
    b' "B. Ob" <bob@example.org>,\r\n cy@example.org (C\r\n  y)',
    b'\r\n\tbob@example.org', b' =?utf-8?q?B=C3=B6b?= <bob@example.org>',
    b' ' + b',\r\n\t'.join(b'user%d@example.org' % i for i in range(150)),
)
# Each ends as DATA ends it, or is empty.  Of others these make what RFC 6376
# does not say: "simple" of Mail::DKIM adds no CR LF at their end (3.4.3), and
# "relaxed" of dkimpy keeps white space there, also as a line (3.4.4).
BODIES = (
    b'', b'\r\n', b'\r\n\r\n\r\n', b' \r\n', b' \t \r\n\r\n', b'end\r\n',
    b'one line\r\n', b'one line\r\n\r\n\r\n', b'space at the end \r\n',
    b'a\r\n \r\n\t\r\n', b'\r\n\r\nfirst two are empty\r\n',
    b'tabs\tand  spaces\t\t \r\n  before\r\n', b'gr\xc3\xbc\xc3\x9fe\r\n',
    bytes(range(1, 10)) + bytes(range(14, 256)) + b'\r\n',
    b'.dot\r\n..dots\r\n.\r\n', b'x' * 990 + b'\r\n', b'end \t\r\n',
    b'last is blank\r\n \r\n', b'From here\r\n>From there\r\n',
)


def header(rng):
    """From the top: some of all kinds, and what must be there."""
    fields = [(b'From', b' Ann <ann@example.com>'),
              (b'To', rng.choice(ADDRESSES)),
              (b'Subject', rng.choice(VALUES)),
              (b'Date', b' Thu, 01 Jan 2026 00:00:00 +0000')]
    for _ in range(rng.randrange(6)):
        name = rng.choice((b'X-One', b'x-two', b'SUBJECT', b'Received',
                           b'Comments', b'rEPLY-tO'))
        values = ADDRESSES if name == b'rEPLY-tO' else VALUES
        fields.append((name, rng.choice(values)))
    if rng.randrange(8) == 0:
        fields.append((b'From', b' second@example.com'))
    rng.shuffle(fields)
    return fields


def body(rng):
    """One of the kinds, or several."""
    if rng.randrange(3) == 0:
        return rng.choice(BODIES)
    text = b''.join(rng.choice(BODIES) for _ in range(rng.randrange(1, 40)))
    return text + rng.choice((b'', b'\r\n', b'\r\n\r\n', b' \r\n'))


def message(rng):
    """The bytes of one."""
    head = b''.join(n + b':' + v + b'\r\n' for n, v in header(rng))
    return head + b'\r\n' + body(rng)


def rsa(bits, path):
    """A new key in a file, and its record."""
    run = lambda *words: subprocess.run(
        words, check=True, capture_output=True).stdout
    run('openssl', 'genrsa', '-traditional', '-out', path, str(bits))
    public = run('openssl', 'rsa', '-in', path, '-pubout', '-outform', 'DER')
    return 'v=DKIM1; k=rsa; p=' + base64.b64encode(public).decode()


def keys(folder):
    """(selector, algorithm, key as dkimpy wants it, its file), the zone."""
    made, zone = [], {}
    for bits in 1024, 2048:
        selector, path = f'rsa{bits}', f'{folder}/rsa{bits}.pem'
        zone[f'{selector}._domainkey.{DOMAIN}'] = rsa(bits, path)
        with open(path, 'rb') as file:
            made.append((selector, b'rsa-sha256', file.read(), path))
    ed = nacl.signing.SigningKey(bytes(range(32)))
    zone[f'ed._domainkey.{DOMAIN}'] = 'v=DKIM1; k=ed25519; p=' + \
        base64.b64encode(bytes(ed.verify_key)).decode()
    made.append(('ed', b'ed25519-sha256', base64.b64encode(bytes(ed)), None))
    return made, zone


def sign_here(rng, mail, key, canon):
    """By dkimpy."""
    selector, algorithm, secret, _ = key
    names = rng.choice((None, ['From'], ['from', 'subject', 'to'],
                        ['From', 'Subject', 'Subject', 'X-None', 'Reply-To'],
                        ['From', 'From', 'To', 'X-One', 'x-TWO', 'Date']))
    identity = rng.choice((None, b'@' + DOMAIN.encode(),
                           b'ann@sub.' + DOMAIN.encode()))
    return dkim.sign(mail, selector.encode(), DOMAIN.encode(), secret,
                     canonicalize=tuple(c.encode() for c in canon),
                     signature_algorithm=algorithm, identity=identity,
                     include_headers=names,
                     length=rng.randrange(3) == 0) + mail


def main(count, seed, folder):
    """What Mail::DKIM signs is told to one process of Perl."""
    rng = random.Random(seed)
    made, zone = keys(folder)
    orders = []
    for n in range(count):
        path, mail = f'{folder}/{n}.eml', message(rng)
        canon, perl = CANONS[n % 4], n % 8 >= 4
        key = rng.choice(made[:2] if perl else made)
        if perl:
            orders.append(f'{path}\t{"/".join(canon)}\t{key[0]}\t{key[3]}\n')
        else:
            mail = sign_here(rng, mail, key, canon)
        with open(path, 'wb') as file:
            file.write(mail)
    subprocess.run(['perl', f'{HERE}/sign.pl', DOMAIN], check=True,
                   input=''.join(orders).encode())
    with open(f'{folder}/zone.json', 'w', encoding='utf-8') as file:
        json.dump(zone, file)


if __name__ == '__main__':
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
