"""kumilter try: a session without an MTA and without a daemon."""

import json
import os
import subprocess

import daemon
from case import Failure, equal, match, policy, rows

POLICY = '''
kumo.on('smtp_server_connection_accepted', function(conn_meta)
  conn_meta:set_meta('seen', conn_meta:get_meta 'received_from')
end)
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  if sender.user == 'never' then kumo.reject(550, '5.7.1 never') end
  if sender.user == 'later' then kumo.disconnect(451, 'later') end
  if sender.user == 'slow' then
    local before = os.time()
    kumo.sleep(3)
    kumo.log_info('slept', os.time() - before)
  end
  if sender.user == 'chance' then
    kumo.reject(550, tostring(math.random(1000000)))
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Checked', 'yes')
end)
'''
MESSAGE = 'Subject: hi\n\nbody\n'


def run(d, *args, text='', env=None):
    """kumilter try with the policy of the daemon."""
    return subprocess.run(
        [daemon.KUMILTER, 'try', *args], input=text, capture_output=True,
        text=True, timeout=60, check=False,
        env=os.environ | (env or {}), cwd=d.dir)


def items(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@rows({'taken': ('good', 0, '250 2.0.0 Ok: queued as SIM00001'),
       'for good': ('never', 1, '550 5.7.1 never'),
       'for now': ('later', 75, '451 later')})
@policy(lambda row: POLICY)
def test_exit_code(d, row):
    user, code, reply = row
    done = run(d, '-p', d.policy_file, '-f', f'{user}@a.example', '-t',
               'b@b.example', '--json', '-', text=MESSAGE)
    equal(done.returncode, code, done.stderr)
    lines = [line for item in items(done) if item['type'] == 'server'
             for line in item['lines']]
    equal(reply in lines, True, lines)


@policy(POLICY)
def test_transcript(d):
    """What a person reads: handlers with their place, decisions, edits."""
    done = run(d, '-f', 'a@a.example', '-t', 'b@b.example', d.policy_file, '-',
               text=MESSAGE)
    equal(done.returncode, 0, done.stderr)
    for piece in ('C: MAIL FROM:<a@a.example>\n',
                  'smtp_server_mail_from(a@a.example)  ',
                  'conn_meta seen = "192.0.2.1:40000"',
                  'edit add header X-Checked: yes\n', '+X-Checked: yes\n',
                  'S: 250 2.0.0 Ok: queued as SIM00001\n'):
        equal(piece in done.stdout, True, f'{piece}\n{done.stdout}')
    equal('\033' in done.stdout, False)
    done = run(d, '-f', 'never@a.example', '--color', 'always', d.policy_file)
    equal('\033[33mrefuses with 550 5.7.1 never, at ' in done.stdout, True,
          done.stdout)


@policy(POLICY + '''
kumo.on('init', function() kumo.milter.configure { dry_run = true } end)
''')
def test_dry_run(d):
    done = run(d, '-p', d.policy_file, '-f', 'never@a.example', '-t',
               'b@b.example', '-', text=MESSAGE)
    equal(done.returncode, 0, done.stdout)
    match(done.stdout, '\n     dry run, not obeyed: refuses with 550 5.7.1 '
          'never, at ')


@policy(POLICY)
def test_dialogue(d):
    """Lines of a client; a message with a doubled dot."""
    said = ('# two messages\nEHLO x\nMAIL FROM:<never@a.example>\n\n'
            'MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\nDATA\n'
            'A: b\n\n..dot\n.\nQUIT\nNOOP\n')
    done = run(d, '--json', '--dialogue', '-', '--mta', 'sendmail', d.policy_file,
               text=said)
    codes = [item['code'] for item in items(done)
             if item['type'] == 'server']
    equal(codes, [220, 250, 550, 250, 250, 354, 250, 221])
    equal(items(done)[-1]['closes'], True)
    content = [item['content'] for item in items(done)
               if 'content' in item]
    equal(content, [len('A: b\n\n.dot\n')])
    equal(done.returncode, 0)


@policy(POLICY)
def test_mailbox(d):
    """The line that a mailbox has in front is no part of the message."""
    done = run(d, '-f', 'a@a.example', '-t', 'b@b.example', '--json',
               d.policy_file, '-', text='From a Sat Nov 21\n' + MESSAGE)
    diff = [item['diff'] for item in items(done)
            if item['type'] == 'message']
    equal(diff, ['@@ -1,3 +1,4 @@\n Subject: hi\n+X-Checked: yes\n \n'
                 ' body\n'])


@policy(POLICY)
def test_time_and_chance(d):
    """Sleeps move a clock that stands, and chance repeats itself."""
    done = run(d, '-f', 'slow@a.example', '--time', '2026-11-21T12:00:00Z',
               '--json', d.policy_file)
    said = [item['text'] for item in items(done) if item['type'] == 'log']
    equal([text.split()[-2:] for text in said], [['slept', '3']])
    replies = {run(d, '-f', 'chance@a.example', '--seed', seed,
                   '--json', d.policy_file).stdout.split('"550 ')[1][:8]
               for seed in ('7', '7', '8')}
    equal(len(replies), 2)


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  cm:set_meta('bytes', '\\255\\0')
end)
''')
def test_bytes_that_are_no_text(d):
    words = ['-f', 'a@a.example', d.policy_file]
    match(run(d, *words).stdout, r'conn_meta bytes = "\\ufffd\\u0000"\n')
    handler, = [item for item in items(run(d, '--json', *words))
                if item['type'] == 'handler']
    equal(handler['meta'], {'bytes': '\ufffd\0'})


@rows({'no policy': (['-p', 'nowhere.lua'], 65, 'cannot open nowhere.lua'),
       'no message': (['init.lua', 'nowhere.eml'], 66, 'nowhere.eml: No such'),
       'client': (['--client', 'x'], 64, '"x"'),
       'mta': (['--mta', 'exim'], 64, '"exim" is no MTA'),
       'macro': (['--macro', 'x'], 64, 'NAME=VALUE'),
       'time': (['--time', 'noon'], 64, '"noon" is no time'),
       'too much': (['a', 'b', 'c'], 64, 'too many')})
@policy(lambda row: POLICY)
def test_complaints(d, row):
    args, code, text = row
    done = run(d, *args)
    equal(done.returncode, code, done.stdout + done.stderr)
    if text not in done.stderr:
        raise Failure(done.stderr)
