"""What a client must see for a refusal, from what was measured at the MTAs.

Written from measurements of Postfix and Sendmail and from KumoMTA's manual,
not from kumilter's code: kumilter's own table (explain-reply) and this one
have to agree with each other and with what the client saw.
"""
import re
from dataclasses import dataclass
from typing import Optional

from common import HOST

# Sendmail alone shows the address in these, at MAIL and RCPT
PREFIXED = (450, 550, 553)

BANNER_421 = {
    'postfix': f'421 {HOST} Service unavailable - try again later',
    'sendmail': f'421 4.7.0 {HOST} closing connection',
}


@dataclass
class Expected:
    """given_at: the stages at which the client may get the reply.  lines:
    None where sane() and says() must do.  closes: the server closes with
    it.  condemned: the next command gets `next_line` and the server
    closes."""

    given_at: tuple
    lines: Optional[list]
    closes: bool
    condemned: bool
    next_line: Optional[str]


def expected(mta, stage, mode, code, text, address):
    """The whole table.  address: of the MAIL or RCPT, as "<a@b.cc>"."""
    at = given_at(mta, stage, code)
    closes = code == 421 or (mta, code) == ('postfix', 521)
    follows = mode in ('FollowWith421', 'ForceDisconnect')
    condemned = not closes and (follows or stage == 'connect')
    return Expected(at, lines(mta, at[0], code, text, address), closes,
                    condemned, condemned_line(mta) if condemned else None)


def given_at(mta, stage, code):
    """At connect and HELO an MTA shows no text but that of a 421, and then
    asks its filter no more: held until MAIL.  After DATA was refused it
    hangs on a client that goes on, unless the refusal closes: held until
    the message is there."""
    if stage in ('connect', 'helo') and code != 421:
        return ('mail',)
    if stage == 'data':
        if code == 421:
            return ('data',)
        return ('data', 'eom') if (mta, code) == ('postfix', 521) \
            else ('eom',)
    return (stage,)


def condemned_line(mta):
    """KumoMTA's words; Sendmail adds an enhanced code to every reply."""
    xcode = '4.0.0 ' if mta == 'sendmail' else ''
    return f'421 {xcode}{HOST} disconnecting due to previous error'


def lines(mta, at, code, text, address):
    """The exact lines, or None for texts that have to be changed."""
    if at == 'connect':
        return [BANNER_421[mta]]
    parts = text.splitlines() if '\r' in text or '\n' in text else [text]
    if not exact(mta, text, parts):
        return None
    xcode, parts[0] = split_xcode(code, parts[0])
    if not xcode and (mta == 'sendmail' or len(parts) > 1
                      or parts[0][:1].isdigit()):
        xcode = f'{code // 100}.0.0 '
    prefix = f'{address}... ' if mta == 'sendmail' and code in PREFIXED \
        and at in ('mail', 'rcpt') else ''
    first = [f'{xcode}{prefix}{parts[0]}']
    rest = [f'{xcode}{part}' for part in parts[1:]]
    every = first + rest
    return [f'{code}-{part}' for part in every[:-1]] + [f'{code} {every[-1]}']


def exact(mta, text, parts):
    """True for a text that an MTA can pass on unchanged."""
    if not text or len(parts) > 32 or max(map(len, parts)) > 900:
        return False
    if mta == 'sendmail' and not text.isascii():
        return False
    return all(part.strip() and part.isprintable() for part in parts)


def split_xcode(code, line):
    """A leading enhanced code, with its class made that of the code."""
    found = re.match(r'[245](\.\d{1,3}\.\d{1,3} )', line)
    if not found:
        return '', line
    return f'{code // 100}{found.group(1)}', line[found.end():]


def sane(code, seen):
    """What is wrong with lines as a reply in SMTP, or None."""
    if not 1 <= len(seen) <= 32:
        return f'{len(seen)} lines'
    for number, line in enumerate(seen, 1):
        separator = ' ' if number == len(seen) else '-'
        if not line.startswith(f'{code}{separator}'):
            return f'line {number} is {line[:60]!r}'
        if not line.isprintable():
            return f'control characters in {line[:60]!r}'
        if len(line.encode('utf-8', 'surrogateescape')) > 998:
            return f'line {number} is too long'
        if not line[4:].strip():
            return f'line {number} is empty'
    return None


def says(text, seen):
    """True when the words of text are seen in their order: those that are
    plain ASCII, of the first 31 lines, as far as a line has room for."""
    shown = ' '.join(line[4:] for line in seen)
    position = 0
    for line in text.splitlines()[:31]:
        for word in line[:850].split()[:-1]:
            if word.isascii() and word.isprintable():
                position = shown.find(word, position)
                if position < 0:
                    return False
                position += len(word)
    return True
