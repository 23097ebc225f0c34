"""What a policy makes of a whole message, headers and body, against what then
lies in the queue, byte for byte."""
import random
import re
import time

from content import (A, B, BODY, CONTENT, GIVEN, HEADERS, crlf, delivered,
                     each, own, policy)
from harness import HOST, Smtp, cases, check, only
from test_headers import lua


# -- set_data --------------------------------------------------------------

def instead(old, new):
    """CONTENT with this once instead of that."""
    check(f'{old!r} in the message', 1, CONTENT.count(old))
    return CONTENT.replace(old, new)


# what is given to set_data, with LF line ends: what is delivered
SET_DATA = {
    'unchanged': CONTENT,
    'a value': instead('X-Keep:  two spaces', 'X-Keep: other'),
    'a fold': instead('a folded\n subject', 'once\n\ttwice\n  three times'),
    'spaces alone': instead('X-Keep:  two', 'X-Keep:   two'),
    'first of duplicates': instead('first\n', '1\n'),
    'second of duplicates': instead('second\nS', '2\nS'),
    'third of duplicates': instead('third', '3'),
    'one in the middle': instead('Subject:', 'X-Mid: m\nSubject:'),
    'several in the middle': instead(
        'Subject:', 'X-Mid: m\nX-Mid2: n\nX-mid: o\n p\nSubject:'),
    'in several places': CONTENT.replace('\nx-dup:', '\nX-1: 1\nx-dup:')
    .replace('\nX-Keep:', '\nX-2: 2\nX-Keep:'),
    'a duplicate more in front': instead('X-Dup: first',
                                         'X-Dup: 0\nX-Dup: first'),
    'a duplicate more between': instead('x-dup: second',
                                        'X-Dup: 1.5\nx-dup: second'),
    'a duplicate more behind': instead('X-DUP: third',
                                       'X-DUP: third\nX-Dup: 4'),
    'at the top': 'X-Top: t\n' + CONTENT,
    'at the end': instead(GIVEN, GIVEN + 'X-End: e\n'),
    'a name in other letters': instead('X-Keep', 'x-KEEP'),
    'a name in other letters, changed': instead('X-Keep:  two spaces',
                                                'x-KEEP: y'),
    'without the first duplicate': instead('X-Dup: first\n', ''),
    'without the second duplicate': instead('x-dup: second\n', ''),
    'without the last duplicate': instead('X-DUP: third\n', ''),
    'only the last duplicate': CONTENT.replace('X-Dup: first\n', '')
    .replace('x-dup: second\n', ''),
    'duplicates in another order': CONTENT.replace('first\n', '*\n')
    .replace('third', 'first').replace('*', 'third'),
    'without a folded one': instead('Subject: a folded\n subject\n', ''),
    'all headers other': f'X-A: 1\n{GIVEN}From: x@example.org\nX-B: 2\n\n'
                         f'{BODY}',
    'all headers in reverse': '\n'.join(
        HEADERS.replace('\n ', '\0').splitlines()[::-1]).replace('\0', '\n ')
    + f'\n\n{BODY}',
    'headers and body other': f'X-A: 1\nFrom: x@example.org\n{GIVEN}\n'
                              'other\n',
    'another body': f'{HEADERS}\nother\n',
    'no body': f'{HEADERS}\n',
    'a body of empty lines': f'{HEADERS}\n\n\n\n',
    'a longer body': CONTENT + 'one line more\n' * 5000,
    'dots': f'{HEADERS}\n.\n..\n.one\n...\nx.\n.\n',
    'lines like headers': f'{HEADERS}\nFrom: x\nX-Dup: y\n\nTo: z\n',
    'From at a line\'s begin': f'{HEADERS}\nFrom me to you\n>From x\n',
    'a long line': f'{HEADERS}\n' + 'x' * 990 + '\n',
    '8-bit UTF-8': f'{HEADERS}\ngr\u00fc\u00dfe \u2713 \U0001f600\n',
    'all bytes': crlf(HEADERS).replace(b'\r', b'') + b'\n' + bytes(
        n for n in range(1, 256) if n not in b'\r\n') + b'\nend\n',
}


# a body: how the MTA keeps it, whose line ends are LF
BODIES = {
    'no last line end': (b'one\r\ntwo', {'postfix': b'one\ntwo\n',
                                         'sendmail': b'one\ntwo'}),
    'no line end': (b'x', {'postfix': b'x\n', 'sendmail': b'x'}),
    'bare LF': (b'one\ntwo\r\n', b'one\ntwo\n'),
    'bare CR': (b'one\rtwo\r\n', b'one\rtwo\n'),
    'CR before CRLF': (b'one\r\r\n', b'one\r\n'),
    'NUL': (b'o\0ne\r\n', b'o\0ne\n'),
    'a very long line': (b'x' * 5000 + b'\r\n', b'x' * 5000 + b'\n'),
}


def odd_body(t, body, want):
    """One row."""
    queued = delivered(
        t, f'msg:set_data({lua(crlf(HEADERS) + crlf(chr(10)) + body)})')
    check('headers', HEADERS, own(queued))
    check('body', want[t.mta.name] if isinstance(want, dict) else want,
          queued.body)


@cases
def test_odd_bodies(t):
    """What is no mail on the wire."""
    each(t, BODIES, odd_body)


def set_data(t, content):
    """One row."""
    text = content if isinstance(content, bytes) else content.encode()
    queued = delivered(t, f'msg:set_data({lua(crlf(text))})')
    head, _, body = text.partition(b'\n\n')
    check('headers', head.decode() + '\n', own(queued))
    check('body', body, queued.body)


@cases
def test_set_data(t):
    """What the policy wrote is what is delivered."""
    each(t, {name: (text,) for name, text in SET_DATA.items()}, set_data)


def rewritten(rng, number):
    """A message and what to make of it, LF line ends."""
    def field():
        value = rng.choice(['v', 'w', 'v', 'a\n b', 'c\n\td\n e', '', ' s'])
        return f'{rng.choice(["N1", "N1", "N2", "N3"])}: {value}\n'

    was, new = [], []
    for _ in range(rng.randint(0, 12)):
        was.append(field())
        dice = rng.randrange(8)
        if dice == 1:
            new.append(f'{was[-1].partition(":")[0]}: changed\n')
        elif dice == 2:
            new += [field(), was[-1]]
        elif dice == 3:
            new += [was[-1], field(), field()]
        elif dice > 3:
            new.append(was[-1])
    if not rng.randrange(4):
        rng.shuffle(new)
    seed = f'From: a@example.org\nSeed: {number}\n{GIVEN}'
    at = rng.randint(0, len(new))
    body = BODY if rng.randrange(3) else 'other\n' * rng.randrange(3)
    return (f'{seed}{"".join(was)}\n{BODY}',
            f'{"".join(new[:at])}{seed}{"".join(new[at:])}\n{body}')


def test_set_data_at_random(t):
    """Any rewriting of the headers arrives, in its order; 30 messages in one
    session, the same each time."""
    rng = random.Random(20)
    pairs = [rewritten(rng, number) for number in range(1, 31)]
    wanted = ', '.join(lua(crlf(new)) for _, new in pairs)
    with t.kumilter(policy(f'''
  local wanted = {{ {wanted} }}
  msg:set_data(wanted[tonumber(
      msg:get_first_named_header_value 'Seed')])''')), \
            Smtp(t.mta.port) as client:
        client.greet()
        for number, (was, new) in enumerate(pairs, 1):
            queued = t.mta.queued(client.message(A, [B], was)[-1])
            head, _, body = new.partition('\n\n')
            check(f'headers {number}, of {was!r}', f'{head}\n', own(queued))
            check(f'body {number}', body.encode(), queued.body)


def test_edits_after_set_data(t):
    """What stood above a field that set_data put between is removed; it
    stays above what stood below."""
    rest = f'X-B: 2\nFrom: {A}\n{GIVEN}'
    queued = delivered(t, """
  msg:set_data((msg:get_data():gsub('X%-B', 'X-Mid: m\\r\\n%0')))
  msg:remove_all_named_headers 'X-A'
  msg:prepend_header('X-Top', 't')
  msg:append_header('X-End', 'e')""", f'X-A: 1\n{rest}\n{BODY}')
    check('headers', f'X-Top: t\nX-Mid: m\n{rest}X-End: e\n', own(queued))


def test_many_headers(t):
    """One more near the top of 1000: all below it are written anew."""
    fields = [f'X-{n % 9}: {n}\n' for n in range(1000)]
    started = time.monotonic()
    queued = delivered(t, """
  msg:set_data((msg:get_data():gsub('X%-1: 10\\r', 'X-New: n\\r\\n%0', 1)))""",
                       f'{GIVEN}From: {A}\n{"".join(fields)}\n{BODY}')
    took = time.monotonic() - started
    fields.insert(10, 'X-New: n\n')
    check('headers', f'{GIVEN}From: {A}\n{"".join(fields)}', own(queued))
    check(f'{took:.1f} s are less than 10', True, took < 10)


@only('postfix')
def test_body_too_big(t):
    """A body above message_size_limit is refused by Postfix, and nothing of
    the message is left; the next one is fine."""
    with t.kumilter(policy("""
  if msg:get_first_named_header_value 'X-Dup' then
    msg:set_data(msg:get_data() .. ('line\\r\\n'):rep(2500000))
  end""")), Smtp(t.mta.port) as client:
        t.mta.forget_messages()
        client.greet()
        check('reply', ['552 5.3.4 Error: message file too big'],
              list(client.message(A, [B], CONTENT)[-1]))
        check('queued', [], t.mta.messages())
        queued = t.mta.queued(client.message(A, [B], f'X: y\n\n{BODY}')[-1])
        check('body', BODY.encode(), queued.body)


def test_body_of_50_mb(t):
    """Another body that is large, in bounded time."""
    if t.mta.name == 'postfix':
        t.mta.set(message_size_limit='0')
    line = 'x' * 98
    started = time.monotonic()
    try:
        queued = delivered(t, f'''
  local data = msg:get_data()
  msg:set_data(data .. ('{line}\\r\\n'):rep(500000))''',
                           conf="memory_limit = '500MB'")
    finally:
        if t.mta.name == 'postfix':
            t.mta.set(message_size_limit='10240000')
    took = time.monotonic() - started
    check('headers', HEADERS, own(queued))
    check('length', len(BODY) + 99 * 500000, len(queued.body))
    check('same', True,
          queued.body == (BODY + f'{line}\n' * 500000).encode())
    check(f'{took:.1f} s are less than 20', True, took < 20)


# -- Received --------------------------------------------------------------

HOP1 = 'Received: from one.test by two.test; Thu, 1 Jan 2026 00:00:02 +0000'
HOP2 = 'Received: from zero.test by one.test\n\t; Thu, 1 Jan 2026 00:00:01 ' \
       '+0000'
HOPS = f'{HOP1}\n{HOP2}\n{CONTENT}'


def received(t, script, want):
    """One row; the MTA's own is there, above all that the client sent."""
    queued = delivered(t, script, HOPS)
    lines = queued.lines('Received')
    mine = [line for line in lines if f'by {HOST}' in line]
    check(f"the MTA's own in {lines}", 1, len(mine))
    lines.remove(mine[0])
    check('the others', want, lines)
    check('Received is first', True, queued.names()[0] == 'Received'
          or queued.names()[0] == 'X-Top')
    check('headers', HEADERS, ''.join(re.sub(
        r'(?m)^(Received|X-Top):.*\n([ \t].*\n)*', '',
        queued.block.decode() + '\n')))
    check('body', BODY.encode(), queued.body)


RECEIVED = {
    'not touched': ('', [HOP1, HOP2]),
    'all removed': ("msg:remove_all_named_headers 'Received'", []),
    'imported and removed': (
        "msg:import_headers { { name = 'Received', remove = true } }", []),
    'removed by set_data': (f'msg:set_data({lua(crlf(CONTENT))})', []),
    'first removed': (
        f'msg:set_data({lua(crlf(HOP2 + chr(10) + CONTENT))})', [HOP2]),
    'second removed': (
        f'msg:set_data({lua(crlf(HOP1 + chr(10) + CONTENT))})', [HOP1]),
    'first changed': (
        'msg:set_data((msg:get_data():gsub("by two%.test", "by x.test")))',
        [HOP1.replace('two.test', 'x.test'), HOP2]),
    'second changed': (
        'msg:set_data((msg:get_data():gsub("by one%.test", "by x.test")))',
        [HOP1, HOP2.replace('by one.test', 'by x.test')]),
    'one more between': (
        'msg:set_data((msg:get_data():gsub("Received: from zero", '
        '"Received: new\\r\\n%0")))', [HOP1, 'Received: new', HOP2]),
    'removed, one appended': (
        "msg:remove_all_named_headers 'Received'"
        "msg:append_header('Received', 'mine')", ['Received: mine']),
    'removed, one prepended': (
        "msg:remove_all_named_headers 'Received'"
        "msg:prepend_header('Received', 'mine')", ['Received: mine']),
    'removed below a new header': (
        "msg:remove_all_named_headers 'Received'"
        "msg:prepend_header('X-Top', 'top')", []),
}


@cases
def test_received(t):
    """The Received: of the client can be changed and removed; that of this
    MTA is not seen and stays."""
    each(t, RECEIVED, received)
