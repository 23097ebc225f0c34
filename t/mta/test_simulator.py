"""The simulator of `kumilter try` and `kumilter test`, held to the truth:
the same sessions through a real MTA and through it give the same replies.
"""
import concurrent.futures
import itertools
import json
import os
import re
import subprocess

import stages
import test_matrix
from harness import BINARY, DEADLINE, Failed, HOST, Smtp, cases, check

THREADS = 6
WHATS = ('451-reject', '550-reject', '421-reject', '521-reject', '451-follow',
         '550-force', '521-force', '421-force', 'bug')
SETTINGS = {
    'as it is': {},
    'now': {'stage_reject': 'now'},
    'rcpt': {'stage_reject': 'rcpt'},
    'drop': {'force_disconnect': 'drop'},
}
CONTENT = object()
MESSAGE = [f'MAIL FROM:<{stages.GOOD}>', f'RCPT TO:<{stages.GOOD}>', 'DATA',
           CONTENT]
# How a client goes on after its first attempt.
TAILS = {
    'another message': ['NOOP', 'RSET', *MESSAGE, 'QUIT'],
    'no RSET': [*MESSAGE, 'RSET', 'QUIT'],
    'recipients': [f'RCPT TO:<{stages.GOOD}>', 'DATA', CONTENT, 'RSET',
                   'DATA', f'RCPT TO:<{stages.GOOD}>', 'QUIT'],
    'EHLO': ['EHLO good.example.org', *MESSAGE, 'QUIT'],
    'HELO': ['HELO good.example.org', 'RSET', *MESSAGE, *MESSAGE, 'QUIT'],
    'unknown': ['FOO bar', 'RSET', 'FOO bar', *MESSAGE, 'FOO bar', 'QUIT'],
}
# Without a refusal: what the MTAs say to commands in any order.
ORDERS = {
    'a message': MESSAGE,
    'no HELO': [*MESSAGE, 'QUIT'],
    'nothing in order': ['DATA', 'RCPT TO:<a@example.org>', 'RSET', 'NOOP',
                         'MAIL FROM:<a@example.org>', 'DATA',
                         'MAIL FROM:<b@example.org>', 'QUIT'],
    'null sender': ['EHLO a.example.org', 'MAIL FROM:<>',
                    'RCPT TO:<a@example.org>', 'DATA', CONTENT, 'QUIT'],
    'others': ['EHLO a.example.org', 'VRFY <a@example.org>', 'ETRN',
               'STARTTLS', 'HELP', 'RSET x', 'QUIT'],
    'wrong': ['EHLO', 'HELO', 'MAIL', 'MAIL FROM:', 'RCPT',
              'MAIL FROM:<a@example.org>', 'RCPT', 'RCPT TO:', 'QUIT'],
    'small letters': ['ehlo a.example.org', 'mail from:<a@example.org>',
                      'rcpt to: <b@example.org>', 'data', CONTENT, 'quit'],
    'parameters': ['EHLO a.example.org',
                   'MAIL FROM:<a@example.org> SIZE=1000 BODY=8BITMIME',
                   'RCPT TO:<a@example.org>', 'RSET', 'QUIT'],
}


def dialogue(stage, what):
    """The commands of stages.walk()."""
    name = f'{what}.helo.test' if stage == 'helo' else 'client.example.org'
    return [f'EHLO {name}',
            f'MAIL FROM:<{stages.address(stage, what, "mail")}>',
            f'RCPT TO:<{stages.address(stage, what, "rcpt")}>',
            'DATA', CONTENT]


def plain(command, lines):
    """What is compared of a reply: not what changes from run to run, nor
    the extensions that a MTA happens to have."""
    if command is None or command[:4].upper() in ('EHLO', 'HELO'):
        if lines and lines[-1][:3] in ('220', '250'):
            return lines[-1][:3]
    text = '\n'.join(lines)
    text = re.sub(r'(queued as) \S+', r'\1 ID', text)
    return re.sub(r'^250 2.0.0 \S+ (Message accepted)', r'250 2.0.0 ID \1',
                  text)


def ends(mta, reply):
    """Is this a reply after which a server closes?"""
    return reply.code in (221, 421) or \
        (mta.name, reply.code) == ('postfix', 521)


def real(mta, source, commands):
    """[(command, reply)] of a real session; a reply ends in "closed" where
    the server closed after it."""
    seen = []
    with Smtp(mta.port, source=source) as client:
        reply = client.reply()
        seen.append((None, plain(None, reply), reply.end))
        for command in commands:
            if reply.end or ends(mta, reply) and client.closed():
                break
            if command is CONTENT:
                if reply.code != 354:
                    continue
                reply = client.content(stages.CONTENT)
            else:
                reply = client.cmd(command)
            name = '(content)' if command is CONTENT else command
            seen.append((name, plain(name, reply), reply.end))
        closed = bool(client.closed_by or
                      ends(mta, reply) and client.closed())
    return [(command, text) for command, text, end in seen
            if text or end], closed


def simulated(mta, policy, source, commands):
    """The same by kumilter try."""
    text = ''.join(f'{stages.CONTENT}.\n' if command == '(content)'
                   else f'{command}\n' for command in commands)
    done = subprocess.run(
        [BINARY, 'try', '--json', '--mta', mta.name, '--host', HOST,
         '--client', source or '127.0.0.1', '--dialogue', '-', policy],
        input=text, capture_output=True, text=True, timeout=DEADLINE,
        check=False)
    items = [json.loads(line) for line in done.stdout.splitlines()]
    if done.stderr:
        raise Failed(f'kumilter try: {done.stderr}')
    seen, name = [], None
    for item in items:
        if item['type'] == 'client':
            name = item.get('line', '(content)')
        elif item['type'] == 'server':
            seen.append((name, plain(name, item['lines'])))
    return seen, bool(items) and items[-1].get('closes', False)


def show(session):
    """For a failure's report."""
    seen, closed = session
    return '\n'.join(f'{command}: {text}' for command, text in seen) + \
        ('\n(closed)' if closed else '')


def compare(mta, policy, source, commands):
    """None, or what differs, and both transcripts."""
    truth = real(mta, source, commands)
    told = simulated(mta, policy, source,
                     [command for command, _ in truth[0][1:]])
    for (command, want), (_, got) in itertools.zip_longest(
            *(side[0] for side in (truth, told)), fillvalue=(None, None)):
        if want != got:
            return (f'{command}: the MTA says {want!r}, the simulator '
                    f'{got!r}'), f'{show(truth)}\n---\n{show(told)}'
    if truth[1] != told[1]:
        return (f'closed: {truth[1]}, the simulator: {told[1]}',
                f'{show(truth)}\n---\n{show(told)}')
    return None, ''


def run_all(t, policy, rows):
    """rows: (name, source, commands)."""
    rows = [row for row in rows if t.wants(row[0])]

    def one(row):
        try:
            return compare(t.mta, policy, *row[1:])
        except Failed as problem:
            return str(problem), ''
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for row, (problem, transcript) in zip(rows, pool.map(one, rows)):
            t.case(row[0], problem, transcript)


@cases
def test_refusals(t):
    """Every way to refuse at every stage, and every way to go on."""
    for name, options in SETTINGS.items():
        rows = []
        for stage, what, tail in itertools.product(stages.STAGES, WHATS,
                                                   TAILS):
            source = stages.source(what) if stage == 'connect' else None
            rows.append((f'{name}/{stage}/{what}/{tail}', source,
                         dialogue(stage, what) + TAILS[tail]))
        if not any(t.wants(row[0]) for row in rows):
            continue
        with t.kumilter(stages.POLICY,
                        files=stages.files(options, WHATS)) as daemon:
            run_all(t, daemon.policy, rows)
    t.mta.forget_messages()


@cases
def test_texts(t):
    """Hard texts, by the policy and the cases of test_matrix.py."""
    table = [case for case in test_matrix.all_cases()
             if case.mode == 'reject' and case.code in (421, 451, 550)]
    rows = [(case.name, case.source,
             ['EHLO client.example.org',
              f'MAIL FROM:<{test_matrix.BAD}>',
              f'RCPT TO:<{test_matrix.BAD}>', 'DATA', CONTENT, 'QUIT'])
            for case in table]
    if not any(t.wants(row[0]) for row in rows):
        return
    with open(f'{os.path.dirname(os.path.abspath(__file__))}/'
              'policy_matrix.lua') as file:
        policy = file.read()
    text = 'return {\n' + ''.join(case.lua for case in table) + '}\n'
    with t.kumilter(policy, files={'matrix_cases.lua': text}) as daemon:
        run_all(t, daemon.policy, rows)
    t.mta.forget_messages()


@cases
def test_orders(t):
    """Commands that are refused by the MTA itself, and those that pass."""
    rows = [(name, None, commands) for name, commands in ORDERS.items()]
    with t.kumilter(stages.POLICY, files=stages.files({})) as daemon:
        run_all(t, daemon.policy, rows)
    t.mta.forget_messages()


def test_edits(t):
    """What is delivered is what the simulator says."""
    policy = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-First', 'one')
  msg:append_header('X-Last', 'two')
  msg:remove_all_named_headers 'Subject'
  msg:set_recipient 'other@example.org'
  msg:set_sender 'new@example.org'
  msg:set_data(msg:get_data():gsub('one line', 'another line') .. '')
end)
'''
    with t.kumilter(policy) as daemon:
        with Smtp(t.mta.port) as client:
            client.greet()
            replies = client.message(stages.GOOD, [stages.GOOD],
                                     stages.CONTENT)
            queued = t.mta.queued(replies[-1])
        done = subprocess.run(
            [BINARY, 'try', '--json', '--mta', t.mta.name, '--from',
             stages.GOOD, '--rcpt', stages.GOOD, daemon.policy, '-'],
            input=stages.CONTENT, capture_output=True, text=True,
            timeout=DEADLINE, check=True)
    message = next(item for item in map(json.loads,
                                        done.stdout.splitlines())
                   if item['type'] == 'message')
    check('recipients', [f'<{to}>' for to in queued.recipients],
          message['recipients'])
    check('sender', f'<{queued.sender}>', message['sender'])
    for line in message['diff'].splitlines():
        name = line[1:].partition(':')[0]
        if line[0] == '+' and ':' in line:
            check(name, True, any(field[0] == name
                                  for field in queued.headers))
        if line[0] == '-' and ':' in line:
            check(name, False, any(field[0] == name
                                   for field in queued.headers))
