"""Every way to refuse x every code x every stage x hard texts, as a client
of a real MTA sees it.

One daemon with one policy serves all cases; which case a session is, is in
the client's loopback address (policy_matrix.lua).
"""
import concurrent.futures
import itertools
import os
from dataclasses import dataclass

import expect
from harness import Failed, Smtp, cases, check, explain_reply

STAGES = ('connect', 'helo', 'mail', 'rcpt', 'data', 'eom')
MODES = ('reject', 'If421', 'FollowWith421', 'ForceDisconnect')
CODES = (421, 450, 451, 521, 550, 554)
THREADS = 6

# %c: the class of the code, %o: the other class
TEXTS = {
    'plain': 'no thank you',
    'enhanced': '%c.7.1 no thank you',
    'wrong class': '%o.7.1 no thank you',
    'lines': 'first line\nsecond line\nthird line\n',
    'enhanced lines': '%c.7.1 first line\nsecond line',
    'percent': '100%% of %%s %%n %%%% done %%',
    'CR LF': 'no\r\n250 2.0.0 Ok\r\nQUIT',
    'UTF-8': 'héllo wörld \u2713 bye',
    'long': 'many words make a long reply ' * 69,
    'long word': 'x' * 2001,
    '40 lines': '\n'.join(f'this is line {n}' for n in range(1, 41)),
    'empty': '',
    'blanks': ' \n ',
    'digits': '5 things went wrong',
    'looks like a reply': '421 not a code',
    'controls': 'bell \a tab \t escape \x1b[31m bare \r return',
}

BAD, GOOD = 'case@example.org', 'good@example.org'
CONTENT = 'From: case@example.org\nSubject: matrix\n\none line\n'


@dataclass
class Case:
    """One cell; number selects it in the policy."""

    number: int
    stage: str
    mode: str
    code: int
    kind: str

    @property
    def text(self):
        """What the policy says."""
        own = self.code // 100
        text = TEXTS[self.kind].replace('%%', '\0')
        text = text.replace('%c', str(own)).replace('%o', str(9 - own))
        return text.replace('\0', '%')

    @property
    def name(self):
        """For reports and --only."""
        return f'{self.stage}/{self.code}/{self.mode}/{self.kind}'

    @property
    def source(self):
        """The client's address."""
        return f'127.1.{self.number // 256}.{self.number % 256}'

    @property
    def lua(self):
        """Its line in matrix_cases.lua."""
        text = ''.join(f'\\{byte:03}' for byte in self.text.encode())
        return (f'  [{self.number}] = {{ stage = "{self.stage}", '
                f'mode = "{self.mode}", code = {self.code}, '
                f'text = "{text}" }},\n')


def all_cases():
    """The whole matrix."""
    cells = itertools.product(STAGES, MODES, CODES, TEXTS)
    return [Case(number, stage, mode, code, kind) for number,
            (stage, mode, code, kind) in enumerate(cells, 1)]


def walk(client):
    """Goes through a session; yields the stage and the reply of each."""
    yield 'connect', client.reply()
    yield 'helo', client.cmd('EHLO client.example.org')
    yield 'mail', client.cmd(f'MAIL FROM:<{BAD}>')
    yield 'rcpt', client.cmd(f'RCPT TO:<{BAD}>')
    yield 'data', client.cmd('DATA')
    yield 'eom', client.content(CONTENT)


def refusal(client):
    """The stage and reply at which the session was refused."""
    for stage, reply in walk(client):
        if reply.code >= 400 or reply.end:
            return stage, reply
    raise Failed('the session was not refused')


def good_message(client):
    """A message that no case refuses is accepted, and QUIT answered."""
    replies = client.message(GOOD, [GOOD], CONTENT)
    check('codes of a good message after it', [250, 250, 354, 250],
          [reply.code for reply in replies])
    check('QUIT', 221, client.cmd('QUIT').code)
    if not client.closed():
        raise Failed('the server did not close after QUIT')


def goes_on(client, case, lines):
    """After a refusal that neither closes nor condemns."""
    check('RSET', 250, client.cmd('RSET').code)
    if case.stage in ('helo', 'mail'):
        again = client.cmd(f'MAIL FROM:<{BAD}>')
        check('the same MAIL again', lines, list(again))
    if case.stage == 'helo':
        check('good EHLO', 250, client.cmd('EHLO good.example.org').code)
    good_message(client)


def is_condemned(client, given_at, line):
    """After a refusal that condemns: the next command that the filter is
    asked about."""
    check('NOOP', 250, client.cmd('NOOP').code)
    if given_at == 'rcpt':
        reply = client.cmd(f'RCPT TO:<{GOOD}>')
    else:
        check('RSET', 250, client.cmd('RSET').code)
        reply = client.cmd(f'MAIL FROM:<{GOOD}>')
    check('next command', [line], list(reply))
    if not client.closed():
        raise Failed('the server did not close after it')


def check_lines(mta, case, want, seen):
    """The reply itself."""
    if want.lines is not None:
        return check('reply', want.lines, list(seen))
    wrong = expect.sane(case.code, seen)
    if wrong:
        raise Failed(f'reply: {wrong}')
    if not expect.says(case.text, seen):
        raise Failed(f'reply: the text is not in {list(seen)!r}')
    if mta == 'sendmail' and not str(seen).isascii():
        raise Failed(f'reply: not ASCII: {list(seen)!r}')
    return None


def check_explained(mta, case, want, stage, reply):
    """kumilter's own forecast against what was seen."""
    said = explain_reply(mta, case.stage, case.mode, case.code, case.text,
                         f'<{BAD}>')
    for key, value in (
            ('mta', mta), ('stage', case.stage), ('mode', case.mode),
            ('code', case.code), ('given_at', stage),
            ('lines', list(reply)), ('closes', want.closes),
            ('condemned', want.condemned), ('next', want.next_line)):
        check(f'explain-reply: {key}', value, said[key])


def play(mta, case):
    """Plays one case; returns what is wrong or None, and the transcript."""
    want = expect.expected(mta.name, case.stage, case.mode, case.code,
                           case.text, f'<{BAD}>')
    with Smtp(mta.port, source=case.source) as client:
        try:
            stage, reply = refusal(client)
            if stage not in want.given_at:
                raise Failed(f'refused at {stage} with {reply}, expected '
                             f'at {" or ".join(want.given_at)}')
            check_lines(mta.name, case, want, reply)
            if want.closes:
                if not client.closed():
                    raise Failed('the server did not close')
            elif want.condemned:
                is_condemned(client, stage, want.next_line)
            else:
                goes_on(client, case, list(reply))
            check_explained(mta.name, case, want, stage, reply)
        except Failed as problem:
            return str(problem), client.transcript()
    return None, ''


@cases
def test_matrix(t):
    """See above."""
    wanted = [case for case in all_cases() if t.wants(case.name)]
    if not wanted:
        return
    table = 'return {\n' + ''.join(c.lua for c in wanted) + '}\n'
    here = os.path.dirname(os.path.abspath(__file__))
    with open(f'{here}/policy_matrix.lua') as file:
        policy = file.read()
    with t.kumilter(policy, files={'matrix_cases.lua': table}), \
            concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        played = pool.map(lambda case: play(t.mta, case), wanted)
        for case, (problem, transcript) in zip(wanted, played):
            t.case(case.name, problem, transcript)
    t.mta.forget_messages()
