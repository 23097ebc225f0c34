"""kumilter trace beside what an MTA's clients read."""
import json
import subprocess

from content import CONTENT
from harness import BINARY, DEADLINE, Smtp, check, wait_for

POLICY = '''
local kumo = require 'kumo'
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then
    kumo.reject(451, '4.7.1 100% not now')
  end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.reject(550, '5.1.1 nobody of that name')
  elseif rcpt.user == 'end' then
    kumo.disconnect(554, '5.7.1 enough', 'FollowWith421')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-Seen', 'yes')
end)
'''


AT_ONCE = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure {{ stage_reject = 'now' }}
end)
kumo.on('smtp_server_{event}', function()
  kumo.reject({code}, '{code_class}.7.1 not you')
end)
'''


class Trace:
    """kumilter trace --json, of a daemon; its items."""

    def __init__(self, daemon, *options):
        self.lines = []
        self.process = subprocess.Popen(
            [BINARY, 'trace', '--json', '--control', daemon.control,
             *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True)
        check('it watches', 'trace',
              json.loads(self.process.stdout.readline())['type'])

    def items(self):
        """To the end of one session; there must be one of --count."""
        with self.process:
            try:
                out, _ = self.process.communicate(timeout=DEADLINE)
            finally:
                self.process.kill()
        return [json.loads(line) for line in out.splitlines()]


def ask(client, said, line):
    """A command, and what is read for it."""
    reply = client.cmd(line)
    said.append((line.partition(' ')[0], reply.code, list(reply)))
    return reply


def test_one_client_is_shown_what_it_reads(t):
    said = []
    with t.kumilter(POLICY) as daemon:
        trace = Trace(daemon, '--client', '127.0.0.7', '--count', '1')
        other = Trace(daemon, '--client', '192.0.2.1')
        with Smtp(t.mta.port) as client:
            client.greet()
            ask(client, [], 'MAIL FROM:<bad@example.org>')
        with Smtp(t.mta.port, source='127.0.0.7') as client:
            client.greet()
            ask(client, said, 'MAIL FROM:<bad@example.org>')
            ask(client, said, 'MAIL FROM:<a@example.org>')
            ask(client, said, 'RCPT TO:<no@example.net>')
            ask(client, said, 'RCPT TO:<b@example.net>')
            ask(client, said, 'DATA')
            queued = client.content(CONTENT)
            check('reply', 250, queued.code)
            ask(client, said, 'MAIL FROM:<c@example.org>')
            ask(client, said, 'RCPT TO:<end@example.net>')
            ask(client, said, 'RCPT TO:<d@example.net>')
        items = trace.items()
        wait_for(lambda: daemon.counters()['trace_watchers'] == 1,
                 'one left')
        other.process.terminate()
        check('of nobody else', [], other.items())
    check('all of one session', 1, len({i['session'] for i in items}))
    first = items[0]
    check('begin', ('connect', t.mta.name), (first['type'], first['mta']))
    check('client', '127.0.0.7', first['client'].rpartition(':')[0])
    check('commands', [line for line in (
        'MAIL FROM:<bad@example.org>', 'MAIL FROM:<a@example.org>',
        'RCPT TO:<no@example.net>', 'RCPT TO:<b@example.net>',
        'MAIL FROM:<c@example.org>', 'RCPT TO:<end@example.net>',
        'RCPT TO:<d@example.net>')],
        [i['line'].split(' SIZE=')[0] for i in items
         if i.get('line', '').startswith(('MAIL', 'RCPT'))])
    check('replies', [(code, lines) for _, code, lines in said
                      if code >= 400],
          [(i['code'], i['lines']) for i in items
           if i.get('by') == 'policy'])
    check('who decided', ['smtp_server_mail_from', 'smtp_server_rcpt_to',
                          'smtp_server_rcpt_to'],
          [i['event'] for i in items if 'decided' in i])
    message, = [i for i in items if i['type'] == 'message']
    check('edits', ['insert header X-Seen: yes'], message['edits'])
    content, = [i for i in items if 'content' in i]
    check('queue id', True, content['queue_id'] in str(queued))
    check('end', 'close', items[-1]['type'])


def refused_early(t, event, code):
    """Refused at connect or HELO: what is read then, and for MAIL."""
    policy = AT_ONCE.format(event=event, code=code, code_class=code // 100)
    with t.kumilter(policy) as daemon:
        trace = Trace(daemon, '--count', '1')
        with Smtp(t.mta.port) as client:
            read = [client.reply()]
            for line in 'EHLO client.example.org', 'MAIL FROM:<a@b.example>':
                if not client.closed_by:
                    read.append(client.cmd(line))
        items = trace.items()
    refusal, = [i for i in items if i.get('by') == 'policy']
    what = f'{event} {code}: {refusal}, {[str(r) for r in read]}'
    at = 0 if event == 'connection_accepted' else 1
    check(what + ': code', code, refusal['code'])
    if 'lines' in refusal:
        check(what + ': at once', list(read[at]), refusal['lines'])
    else:
        check(what + ': at once', 2, read[at].code // 100)
    if 'held' in refusal:
        check(what + ': at MAIL', list(read[2]), refusal['held'])
    else:
        check(what + ': the end', True, 'closes' in refusal)


def test_refused_early(t):
    for event in 'connection_accepted', 'ehlo':
        for code in 421, 450, 550:
            refused_early(t, event, code)
