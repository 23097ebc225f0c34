"""Recorded from a real MTA and replayed: the same policy changes nothing, and
another one just what it says.
"""
import base64
import concurrent.futures
import contextlib
import itertools
import json
import os
import subprocess

import common
import secure
import stages
import test_simulator
from harness import BINARY, DEADLINE, Failed, Smtp, cases, check, wait_for
from test_simulator import TAILS

WHATS = ('451-reject', '550-reject', '421-reject', '521-reject', '550-follow',
         '550-force', 'bug')
SETTINGS = {
    'as it is': ({}, ('another message', 'HELO', 'unknown')),
    'now': ({'stage_reject': 'now', 'data_reject': 'now'}, ('EHLO',)),
    'drop': ({'force_disconnect': 'drop'}, ('recipients',)),
}
# What it does at RCPT, taken out.
OTHER = stages.POLICY.replace("  at('rcpt', rcpt.user, rcpt.domain)\n", '')
EDITS = '''
local kumo = require 'kumo'
kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  if rcpt.user == 'closed' and not conn_meta:get_meta 'authn_id' then
    kumo.reject(550, '5.7.1 members only, not ' .. rcpt.email)
  end
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local user = msg:recipient().user
  if user == 'null' then
    msg:set_meta('queue', 'null')
  elseif user == 'held' then
    msg:quarantine 'looks odd'
  elseif user == 'edited' then
    msg:prepend_header('X-First', conn_meta:get_meta 'received_from')
    msg:append_header('X-Last', os.date('!%%Y-%%m-%%dT%%H:%%M'))
    msg:remove_all_named_headers 'Subject'
    msg:set_recipient 'other@example.org'
    msg:set_sender 'new@example.org'
    msg:set_data(msg:get_data():gsub('one line', '%s') .. '')
  end
end)
'''


@contextlib.contextmanager
def recording(t, policy, files=None, words=('--bodies', 'all')):
    """In `with`: a daemon that records; gives it and a function that ends
    the recording, of that many sessions, and gives the file."""
    folder = common.temp_dir()
    os.chmod(folder, 0o777)
    file = f'{folder}/sessions'

    def record(*argv):
        done = subprocess.run(
            [BINARY, 'record', *argv, '--control', daemon.control],
            capture_output=True, text=True, timeout=DEADLINE, check=False)
        if done.returncode:
            raise Failed(f'kumilter record: {done.stderr}')
        return done.stdout

    def stop(sessions):
        wait_for(lambda: f' {sessions} sessions, 0 dropped'
                 in record('status'), f'{sessions} recorded sessions')
        record('stop')
        return file
    try:
        with t.kumilter(policy, files=files) as daemon:
            record('start', file, *words)
            yield daemon, stop
    finally:
        common.remove_dir(folder)


def replay(file, policy, *words):
    """The sessions listed and the summary."""
    done = subprocess.run(
        [BINARY, 'replay', '--json', '--policy', policy, *words, file],
        capture_output=True, text=True, timeout=DEADLINE, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise Failed(f'kumilter replay: {done.returncode} {done.stderr}')
    *listed, summary = map(json.loads, done.stdout.splitlines())
    check('exit code', int(summary['changed'] > 0), done.returncode)
    return listed, summary


def beside(policy, name, text):
    """A file in the policy's folder."""
    path = f'{os.path.dirname(policy)}/{name}'
    with open(path, 'w') as file:
        file.write(text)
    return path


def refusals(tails):
    """The sessions of stages.py: (stage, what, source, commands)."""
    for stage, what, tail in itertools.product(stages.STAGES, WHATS, tails):
        source = stages.source(what) if stage == 'connect' else None
        yield stage, what, source, test_simulator.dialogue(stage, what) + \
            TAILS[tail]


def fidelity(t, options, tails):
    rows = list(refusals(tails))
    with recording(t, stages.POLICY,
                   stages.files(options, WHATS)) as (daemon, stop):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda row: test_simulator.real(t.mta, *row[2:]),
                          rows))
        file = stop(len(rows))
        listed, summary = replay(file, daemon.policy)
        if listed:
            raise Failed(f'{len(listed)} sessions changed, such as '
                         f'{json.dumps(listed[0], indent=1)}')
        check('same', len(rows), summary['same'])
        other = beside(daemon.policy, 'other.lua', OTHER)
        listed, summary = replay(file, other, '--jobs', '2')
        check('changed', sum(row[0] == 'rcpt' for row in rows),
              summary['changed'])
        for session in listed:
            reply = next(one for one in session['changes']
                         if one['kind'] == 'reply')
            check('first change', ('rcpt', 'accept'),
                  (reply['do'], reply['now']))
        check('the other way', summary['changed'],
              replay(file, daemon.policy, '--against', other)[1]['changed'])
    t.mta.forget_messages()


@cases
def test_refusals(t):
    """Every way to refuse at every stage, and ways to go on."""
    for name, (options, tails) in SETTINGS.items():
        if not t.wants(name):
            continue
        try:
            fidelity(t, options, tails)
            t.case(name)
        except Failed as problem:
            t.case(name, str(problem))


def mail(t, rcpt, login=False):
    with Smtp(t.mta.port) as client:
        client.greet()
        if login:
            word = base64.b64encode(b'\0ann\0secret').decode()
            client.expect(f'AUTH PLAIN {word}', 235)
        client.message(stages.GOOD, [f'{rcpt}@example.org'], stages.CONTENT)
        client.cmd('QUIT')


def test_edits(t):
    """What a policy makes of messages, and of who has logged in."""
    with secure.users(t.mta), \
            recording(t, EDITS % 'another line') as (daemon, stop):
        for rcpt in ('edited', 'plain', 'null', 'held', 'closed'):
            mail(t, rcpt)
        mail(t, 'closed', True)
        file = stop(6)
        listed, summary = replay(file, daemon.policy)
        check('changed sessions', [], listed)
        other = beside(daemon.policy, 'other.lua', EDITS % 'a third line')
        listed, summary = replay(file, other)
        check('changed', 1, summary['changed'])
        check('changes', [('eom', 'edits')],
              [(one['do'], one['kind']) for one in listed[0]['changes']])
        check('diff', ['-another line', '+a third line'],
              [line for line in
               listed[0]['changes'][0]['diff'].splitlines()
               if line[0] in '+-'])
        none = beside(daemon.policy, 'none.lua', '-- nothing\n')
        listed, summary = replay(file, none)
        check('of no policy',
              [('reply', 'discard', 'accept'),
               ('reply', 'quarantine: looks odd', 'accept'),
               ('reply', '550 5.7.1 members only, not closed@example.org',
                'accept')],
              [(one['kind'], one['was'], one['now'])
               for session in listed for one in session['changes']
               if one['kind'] == 'reply'])
    t.mta.forget_messages()


def test_redacted(t):
    """Without addresses and bodies the same is still the same."""
    with recording(t, EDITS % 'another line', words=(
            '--redact', 'addresses,subject')) as (daemon, stop):
        for rcpt in ('edited', 'plain', 'closed'):
            mail(t, rcpt)
        file = stop(3)
        with open(file) as lines:
            text = lines.read()
        for word in ('edited@', 'closed@', 'good@', 'Subject: stages'):
            if word in text:
                raise Failed(f'{word} is in the recording')
        listed, _ = replay(file, daemon.policy, '--only', 'all')
        check('what it lacks', [['body', 'redacted']] * 2 + [['redacted']],
              [session['lacks'] for session in listed])
    t.mta.forget_messages()
