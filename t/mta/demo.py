#!/usr/bin/env python3
"""make demo: what a client of a Postfix with kumilter sees.

Starts a private Postfix on a free loopback port and a kumilter with
conf/policy.lua, plays real SMTP sessions, prints them, and removes
everything.  With --keep (make run) both stay up to play with.
"""
import argparse
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from typing import Callable

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common                                               # noqa: E402
from harness import (Failed, Kumilter, Postfix, ROOT,       # noqa: E402
                     Skip, Smtp, check)

POLICY = f'{ROOT}/conf/policy.lua'
GOOD = 'alice@example.org'
CONTENT = '''\
From: Alice <alice@example.org>
To: Bob <bob@example.net>
Subject: lunch

Today at noon?
'''
COLOURS = {'C': '36', 'S': '32', '***': '1;31', 'title': '1', 'dim': '2'}


@dataclass
class Scene:
    """One session.  rule: finds the line of the policy that decides, or
    None.  play: the session, from a greeted client; raises Failed where it
    goes another way than told."""

    title: str
    why: str
    rule: str
    play: Callable


def paint(kind, text):
    """text in its colour, on a terminal."""
    if not sys.stdout.isatty():
        return text
    return f'\033[{COLOURS[kind]}m{text}\033[0m'


def refused(client, user, code):
    """MAIL FROM:<user@example.com> gets this code."""
    reply = client.cmd(f'MAIL FROM:<{user}@example.com>')
    check(f'code of MAIL FROM:<{user}@example.com>', code, reply.code)


def server_closes(client):
    """The server closes without another word."""
    if not client.closed():
        raise Failed('the server did not close the connection')


def accepted(client, content=CONTENT):
    """A whole good message, then QUIT."""
    replies = client.message(GOOD, ['bob@example.net'], content)
    check('replies to a good message', [250, 250, 354, 250],
          [reply.code for reply in replies])
    client.expect('QUIT', 221)
    server_closes(client)


def session_goes_on(user, code):
    """Refused, and then a good message in the same session."""
    def play(client):
        refused(client, user, code)
        accepted(client, 'Subject: again')
    return play


def closed_at_once(user):
    """Refused with a 421, and closed with it."""
    def play(client):
        refused(client, user, 421)
        server_closes(client)
    return play


def closed_with_next(user):
    """Refused with a 451, and closed with a 421 at the next command that
    Postfix asks kumilter about."""
    def play(client):
        refused(client, user, 451)
        client.expect('RSET', 250)
        check('code of the next MAIL', 421,
              client.cmd(f'MAIL FROM:<{GOOD}>').code)
        server_closes(client)
    return play


SCENES = [
    Scene('A message that nobody objects to',
          'The policy looked at every stage and let it pass.',
          None, accepted),
    Scene('kumo.reject: one refusal, and the session goes on',
          'The client may try another message on the same connection, and '
          'does.',
          r'kumo\.reject\(\s*550', session_goes_on('reject', 550)),
    Scene("kumo.disconnect with code 421: closed at once",
          'Postfix sends the text of the policy, to the letter, and closes: '
          '421 is the one code on which every MTA does.',
          r'go away!', closed_at_once('goaway')),
    Scene("kumo.disconnect, mode 'If421': only a 421 would close",
          'The code is 451, so this is a refusal like any other.',
          r"['\"]If421['\"]", session_goes_on('if421', 451)),
    Scene("kumo.disconnect, mode 'FollowWith421': the code, then a 421",
          'A milter is asked, it cannot speak up: the 421 waits for the '
          'next command that Postfix asks about. RSET is not one, MAIL is.',
          r"['\"]FollowWith421['\"]", closed_with_next('follow')),
    Scene("kumo.disconnect, mode 'ForceDisconnect' (the default)",
          'No MTA closes on a 451 at the wish of its milter. kumilter says '
          'the 451 and ends the session at the next command. (The setting '
          "force_disconnect = 'drop' has it closed at once, with a 421.)",
          r"kumo\.disconnect\(\s*451[^,]*,[^,]*$", closed_with_next('force')),
    Scene('A bug in the policy',
          'An error that nobody caught: KumoMTA answers so, and so does '
          'kumilter. The log has the traceback; the next session is fine.',
          None, closed_at_once('bug')),
]


def policy_line(rule):
    """The first line of the policy that matches, as "file:N: line"."""
    with open(POLICY) as file:
        for number, line in enumerate(file, 1):
            if re.search(rule, line) and not line.lstrip().startswith('--'):
                name = os.path.relpath(POLICY, ROOT)
                return f'{name}:{number}:  {line.strip()}'
    return None


def show_transcript(client):
    """C: and S: lines; of a long reply the first and the last line."""
    lines = client.transcript().split('\n')
    for number, line in enumerate(lines):
        who = line.partition(' ')[0].rstrip(':')
        inner = line[3:].startswith('250-') and number + 1 < len(lines) \
            and lines[number - 1].startswith('S: 250-')
        if inner:
            if not lines[number + 1].startswith('S: 250-'):
                print('    ' + paint('dim', '   ...'))
            continue
        print('    ' + paint(who, line))


def show(number, scene, postfix, daemon):
    """Plays and prints one scene."""
    print()
    print(paint('title', f'{number}. {scene.title}'))
    rule = scene.rule and policy_line(scene.rule)
    if rule:
        print(paint('dim', f'   {rule}'))
    print()
    logged = len(daemon.lines)
    with Smtp(postfix.port) as client:
        try:
            client.greet()
            scene.play(client)
        finally:
            show_transcript(client)
    if scene.title.startswith('A bug'):
        found = daemon.wait_log(r'.*policy\.lua:\d+.*', logged)
        print()
        line = found.group().partition(' | ')[0]
        print('    ' + paint('dim', f'kumilter logs: {line}'))
    print()
    print(textwrap.indent(textwrap.fill(scene.why, 72), '   '))


def stay(postfix, daemon):
    """Says how to play with it; returns when asked to end."""
    print(f'''
{paint('title', 'Left running:')}

   a Postfix with kumilter at 127.0.0.1, port {postfix.port}
   its policy               {daemon.policy}

   talk to it               telnet 127.0.0.1 {postfix.port}
   or                       swaks --server 127.0.0.1:{postfix.port} \\
                                --from force@example.com --to b@example.net
   after a change           build/kumilter reload --control {daemon.control}
   what it does             build/kumilter status --control {daemon.control}
   log of Postfix           {postfix.log}

   Mail that it accepts is kept, not sent; what kumilter logs follows.
   To stop and remove all of it: Ctrl-C here, or kill {os.getpid()}
''', flush=True)
    daemon.on_line = lambda line: print(f'   {line}', flush=True)
    daemon.wait()
    raise Failed(f'kumilter ended: {daemon.tail()}')


def play(keep):
    """Returns the exit code."""
    scene = None
    try:
        with Postfix() as postfix, \
                Kumilter(POLICY, postfix.milter) as daemon:
            print(f'Postfix speaks SMTP at 127.0.0.1, port {postfix.port}; '
                  'it asks kumilter,')
            print('which runs conf/policy.lua.  C: is the client, S: the '
                  'server.')
            for number, scene in enumerate(SCENES, 1):
                show(number, scene, postfix, daemon)
            if keep:
                stay(postfix, daemon)
    except Skip as why:
        print(f'demo: {why}', file=sys.stderr)
        return 1
    except Failed as problem:
        where = f' in "{scene.title}"' if scene else ''
        print(f'\ndemo: failed{where}: {problem}', file=sys.stderr)
        return 1
    print('\nAll sessions went as told; Postfix and kumilter are stopped and '
          'removed.')
    return 0


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--keep', action='store_true',
                        help='leave Postfix and kumilter running')
    args = parser.parse_args()
    common.exit_on_term()
    try:
        return play(args.keep)
    except (KeyboardInterrupt, SystemExit):
        print('\nStopped and removed.')
        return 0


if __name__ == '__main__':
    sys.exit(main())
