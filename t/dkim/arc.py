#!/usr/bin/python3
"""Seals with ARC, and verifies, with dkimpy.

    t/dkim/arc.py seal DOMAIN SELECTOR KEY FILE...
    t/dkim/arc.py verify ZONE FILE...

seal puts a set on top of each file, whose Authentication-Results must be of
the domain.  ZONE: JSON, name of a key in the DNS -> its TXT record; a line for
each file: its name and "pass", "fail", "none", or "ended" where a seal said
that the chain failed.  Debian's python3, whose dkim this is.
"""
import json
import sys

try:
    import dkim
    import authres                  # pylint: disable=unused-import
except ImportError:
    sys.exit('arc.py: no module dkim or authres '
             '(Debian: python3-dkim, python3-authres)')

HEADERS = [b'from', b'to', b'subject', b'date', b'message-id']


def seal(domain, selector, key, *paths):
    """The files in turn."""
    with open(key, 'rb') as file:
        pem = file.read()
    for path in paths:
        with open(path, 'rb') as file:
            message = file.read()
        fields = dkim.arc_sign(
            message, selector.encode(), domain.encode(), pem, domain.encode(),
            include_headers=HEADERS)
        if not fields:
            sys.exit(f'{path}: not sealed')
        with open(path, 'wb') as file:
            file.write(b''.join(fields) + message)


def verify(zone, *paths):
    """The same."""
    with open(zone, encoding='utf-8') as file:
        keys = json.load(file)

    def ask(name, timeout=5):       # pylint: disable=unused-argument
        return keys.get(name.decode().rstrip('.'), '').encode() or None

    for path in paths:
        with open(path, 'rb') as file:
            status, _, _ = dkim.ARC(file.read()).verify(dnsfunc=ask)
        print(f'{path}: {status.decode() if status else "ended"}')


if __name__ == '__main__':
    {'seal': seal, 'verify': verify}[sys.argv[1]](*sys.argv[2:])
