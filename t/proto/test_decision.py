"""decision_log: a line for each transaction, with all that decided."""

import json

from case import equal, match, policy, rows, true
from mta_session import MESSAGE
from test_records import FOLDER, STAMP, wait_records

HEADERS, BODY = MESSAGE
POLICY = FOLDER + '''
kumo.on('init', function()
  kumo.milter.configure { compress_records = false,
    decision_log = { log_dir = folder .. '/logs' } }
end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  if sender.user == 'bad' then
    kumo.reject(550, '5.7.1 not you')
  end
  kumo.sleep(0.002)
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.disconnect(450, '4.2.1 busy', 'If421')
  elseif rcpt.user == 'end' then
    kumo.disconnect(421, 'enough')
  elseif rcpt.user == 'bug' then
    error 'oops'
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  local what = msg:recipient().user
  if what == 'spam' then
    msg:quarantine 'spam'
  elseif what == 'null' then
    msg:set_meta('queue', 'null')
  elseif what == 'edit' then
    msg:prepend_header('X-A', '1')
    msg:set_sender 'new@example.com'
  elseif what == 'late' then
    kumo.reject(554, '5.7.1 late')
  end
end)
'''


def play(d, rcpts):
    s = d.session()
    s.helo('client.example.com')
    s.mail('<ann@example.com>')
    for rcpt in rcpts:
        if str(s.rcpt(f'<{rcpt}@example.net>')).startswith('421'):
            break
    else:
        s.data()
        s.content(HEADERS, BODY)
    s.drop()


# recipients: outcome, who decided, replies, edits
ROWS = {
    'accepted': (['bob', 'joe'], 'accepted', [], [], None),
    'one of two': (['no', 'bob'], 'accepted', [('smtp_server_rcpt_to', 450)],
                   [('rcpt', 450)], None),
    'quarantined': (['spam'], 'quarantined', [], [], ['quarantine spam']),
    'discarded': (['null'], 'discarded', [], [], None),
    'changed': (['edit'], 'accepted', [], [],
                ['insert header X-A', 'change sender <new@example.com>']),
    'refused at its end': (['late'], 'refused',
                           [('smtp_server_message_received', 554)],
                           [('eom', 554)], None),
    'closed': (['end'], 'deferred', [('smtp_server_rcpt_to', 421)],
               [('rcpt', 421)], None),
    'a bug': (['bug', 'bob'], 'deferred', [('smtp_server_rcpt_to', 421)],
              [('rcpt', 421)], None),
}


@policy(POLICY)
def test_transactions(d):
    for n, (name, row) in enumerate(ROWS.items(), 1):
        rcpts, outcome, handlers, replies, edits = row
        play(d, rcpts)
        line = wait_records(d, n)[-1]
        equal(line['outcome'], outcome, name)
        equal([(h['event'], h.get('code')) for h in line.get('handlers', [])],
              handlers, name)
        for h in line.get('handlers', []):
            match(h['where'], r'policy.lua:\d+$')
        equal([(r['stage'], r['code']) for r in line.get('replies', [])],
              replies, name)
        equal(line.get('edits'), edits, name)


@policy(POLICY)
def test_what_a_line_has(d):
    s = d.session(addr='192.0.2.7', port=4711)
    s.helo('client.example.com')
    equal(s.mail('<bad@example.com>'), '550 5.7.1 not you')
    s.mail('<ann@example.com>')
    s.rcpt('<no@example.net>')
    s.rcpt('<bob@example.net>')
    s.data()
    s.content(HEADERS, BODY)
    s.mail('<joe@example.com>')
    s.drop()
    refused, passed, aborted = wait_records(d, 3)
    for line in refused, passed, aborted:
        match(line['time'], STAMP + '$')
        equal(line['session'], refused['session'])
        equal((line['epoch'], line['mta']), (1, 'postfix'))
        match(line['policy'], '[0-9a-f]{16}$')
        equal(line['client'], '192.0.2.7:4711')
        equal(line['helo'], 'client.example.com')
        true(line['ms'] >= 0, line)
    equal((refused['outcome'], refused['sender']),
          ('refused', '<bad@example.com>'))
    equal(refused['replies'], [{
        'stage': 'mail', 'argument': '<bad@example.com>', 'code': 550,
        'text': '5.7.1 not you'}])
    equal(refused['handlers'][0]['text'], '5.7.1 not you')
    equal((passed['sender'], passed['recipients'], passed['outcome']),
          ('<ann@example.com>', ['<bob@example.net>'], 'accepted'))
    events = passed['events']
    equal(events['smtp_server_rcpt_to']['n'], 2)
    true(events['smtp_server_mail_from']['waited_ms'] >= 2, events)
    equal((aborted['outcome'], aborted['sender']),
          ('aborted', '<joe@example.com>'))


@policy(POLICY)
def test_more_than_a_line_holds(d):
    """Of 4000 recipients it has the first; it is one whole line."""
    rcpts = [f'bob-{n:05}' for n in range(4000)]
    s = d.session()
    s.helo('client.example.com')
    s.mail('<ann@example.com>')
    for rcpt in rcpts:
        s.rcpt(f'<{rcpt}@example.net>')
    s.rset()
    s.mail('<bad@example.com>')
    s.drop()
    long, refused = wait_records(d, 2)
    equal(long['outcome'], 'aborted')
    there = long['recipients']
    equal(there, [f'<{r}@example.net>' for r in rcpts[:len(there)]])
    true(2000 < len(there) < 4000, len(there))
    equal(refused['outcome'], 'refused')


@policy(POLICY)
def test_nothing_is_said_of_probes(d):
    """A session that only greets has no line."""
    s = d.session()
    s.helo()
    s.drop()
    play(d, ['bob'])
    equal(wait_records(d, 1)[0]['outcome'], 'accepted')


@policy('')
def test_misuse(d):
    d.session().drop()      # it serves
    for options, why in {
            "{ log_dir = '/tmp', meta = {} }": 'unknown key "meta"',
            '{}': 'log_dir', '7': 'log_dir'}.items():
        d.write_policy(f"kumo.on('init', function() kumo.milter.configure {{ "
                       f'decision_log = {options} }} end)')
        done = d.verb('reload')
        equal(done.returncode, 65, options)
        true(why in done.stderr and 'decision_log' in done.stderr,
             done.stderr)


# what is in a dry run: what status says of it
DRY = {
    'true': 'all',
    "{ 'smtp_server_rcpt_to', 'smtp_server_message_received' }":
        'smtp_server_rcpt_to smtp_server_message_received',
    'false, dry_run_share = 100': 'all',
}


def dry(of):
    return POLICY.replace('compress_records', f'dry_run = {of}, '
                          'compress_records')


@rows({of: (of, words) for of, words in DRY.items()})
@policy(lambda row: dry(row[0]))
def test_dry_run(d, row):
    """The mail goes on; the line, the status and its numbers tell the rest."""
    _, words = row
    all_of_it = words == 'all'
    for what in ('no', 'late', 'null', 'spam', 'edit'):
        play(d, [what])
    no, late, null, spam, edit = wait_records(d, 5)
    equal([line['outcome'] for line in (no, late, null, spam, edit)],
          ['accepted'] * 5)
    for line in (no, late, null, spam, edit):
        equal(line.get('dry_run'), True if all_of_it else None)
        true('replies' not in line and 'edits' not in line, line)
    equal([(h['event'], h['code'], h['dry_run']) for h in no['handlers']],
          [('smtp_server_rcpt_to', 450, True)])
    equal(no['would'], [{'event': 'smtp_server_rcpt_to',
                         'what': 'refused: 450 4.2.1 busy'}])
    received = 'smtp_server_message_received'
    equal(late['would'], [{'event': received,
                           'what': 'refused: 554 5.7.1 late'}])
    equal(null['would'], [{'event': received, 'what': 'discarded'}])
    at_end = 'end of message' if all_of_it else received
    equal(spam['would'], [{'event': at_end,
                           'what': 'changed: quarantine spam'}])
    match(edit['would'][0]['what'], 'changed: insert header X-A, '
          'change sender')
    equal(edit['would'][0]['event'], at_end)
    status = json.loads(d.verb('status', '--json').stdout)
    equal(status['dry_run'], words)
    match(d.verb('status').stdout, f'\ndry_run {words}\nepoch ')
    equal({name: n for name, n in status['counters'].items()
           if name.startswith('dry_run_')},
          {'dry_run_refused': 2, 'dry_run_discarded': 1,
           'dry_run_quarantined': 1, 'dry_run_edited': 2})


@policy(dry('false, dry_run_share = 7'))
def test_dry_share(d):
    play(d, ['bob'])
    match(d.verb('status').stdout, '\ndry_run 7 % of the clients\n')


@policy(POLICY)
def test_not_dry(d):
    play(d, ['no'])
    true('would' not in wait_records(d, 1)[0], 'nothing would be')
    true('dry_run ' not in d.verb('status').stdout, 'it is obeyed')


@policy(dry('true') + '''
kumo.on('smtp_server_ehlo', function() kumo.reject(550, 'helo') end)
''')
def test_dry_before_mail(d):
    """It is told with the transaction, or in a line of its own."""
    play(d, ['bob'])
    line, = wait_records(d, 1)
    equal(line['would'], [{'event': 'smtp_server_ehlo',
                           'what': 'refused: 550 helo'}])
    s = d.session()
    s.helo('client.example.com')
    s.drop()
    line = wait_records(d, 2)[1]
    true('outcome' not in line and 'sender' not in line, line)
    equal(line['would'][0]['event'], 'smtp_server_ehlo')


@policy(dry('true') + '''
kumo.on('smtp_server_data', function(msg)
  msg:set_recipient 'other@example.net'
  msg:set_meta('note', 'seen')
end)
kumo.configure_local_logs { log_dir = folder .. '/records',
  meta = { 'note' } }
''')
def test_dry_reception(d):
    """A record of a dry run tells of the message as it would have been."""
    play(d, ['bob'])
    record, = wait_records(d, 1, 'records')
    equal((record['type'], record['recipient'], record['meta']),
          ('Reception', 'other@example.net', {'note': 'seen'}))
