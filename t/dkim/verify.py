#!/usr/bin/python3
"""Verifies DKIM signatures with dkimpy.

    t/dkim/verify.py ZONE FILE...

ZONE: JSON, name of a key in the DNS -> its TXT record.  A line for each file:
its name and, for each of its signatures from the top, "pass" or why not.
Debian's python3, whose dkim this is.
"""
import json
import sys

try:
    import dkim
except ImportError:
    sys.exit('verify.py: no module dkim (Debian: python3-dkim)')


def lookup(zone):
    """The function that dkimpy asks for a key."""
    def ask(name, timeout=5):       # pylint: disable=unused-argument
        name = name.decode() if isinstance(name, bytes) else name
        return zone.get(name.rstrip('.'), '').encode() or None
    return ask


def results(message, ask):
    """One word or sentence for each signature."""
    count = sum(name.lower() == b'dkim-signature'
                for name, _ in dkim.rfc822_parse(message)[0])
    for index in range(count):
        try:
            fine = dkim.DKIM(message).verify(idx=index, dnsfunc=ask)
        except dkim.DKIMException as error:
            yield f'{type(error).__name__}: {error}'.replace(';', ',')
        else:
            yield 'pass' if fine else 'fail'


def main(zone, *paths):
    """The files in turn."""
    with open(zone, encoding='utf-8') as file:
        ask = lookup(json.load(file))
    for path in paths:
        with open(path, 'rb') as file:
            said = '; '.join(results(file.read(), ask))
        print(f'{path}: {said or "unsigned"}')


if __name__ == '__main__':
    main(*sys.argv[1:])
