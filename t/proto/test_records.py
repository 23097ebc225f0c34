"""kumo.configure_local_logs: a record for each refusal and each message."""

import glob
import json
import os
import re
import subprocess
import time

from case import equal, match, policy, rows, true
from daemon import wait_until
from mta_session import MESSAGE

HEADERS, BODY = MESSAGE
UUID = r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
STAMP = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z'

FOLDER = "local folder = debug.getinfo(1, 'S').source:match('@(.*)/')\n"
LOGS = FOLDER + '''
kumo.on('init', function()
  kumo.milter.configure { compress_records = false }
  kumo.configure_local_logs { log_dir = folder .. '/logs', %s }
end)
'''


def segments(d, folder='logs'):
    """Paths of all files below it, in the order in which they began."""
    return sorted(glob.glob(f'{d.dir}/{folder}/**/2*', recursive=True))


def text(path):
    """What a segment holds, compressed or not; all of it that is there."""
    with open(path, 'rb') as f:
        data = f.read()
    if data.startswith(b'\x28\xb5\x2f\xfd'):
        data = subprocess.run(['zstd', '-dcq'], input=data,
                              capture_output=True, check=False).stdout
    return data.decode()


def records(d, folder='logs'):
    lines = ''.join(text(path) for path in segments(d, folder))
    return [json.loads(line) for line in
            lines[:lines.rfind('\n') + 1].splitlines()]


def wait_records(d, n, folder='logs'):
    wait_until(f'{n} records', lambda: len(records(d, folder)) >= n)
    found = records(d, folder)
    equal(len(found), n)
    return found


def check_shape(record, kind):
    """All of KumoMTA's keys, in types that its tools read."""
    always = {
        'type': str, 'id': str, 'sender': str, 'recipient': (str, list),
        'queue': str, 'site': str, 'size': int, 'response': dict,
        'peer_address': dict, 'timestamp': int, 'event_time': str,
        'created': int, 'created_time': str, 'num_attempts': int,
        'bounce_classification': str, 'meta': dict, 'headers': dict,
        'nodeid': str, 'session_id': str}
    for key, types in always.items():
        true(isinstance(record[key], types), key)
    for key in ('egress_pool', 'egress_source', 'source_address',
                'feedback_report', 'delivery_protocol'):
        equal(record[key], None, key)
    optional = {'reception_protocol', 'tls_cipher', 'tls_protocol_version',
                'tls_peer_subject_name'}
    extra = set(record) - set(always) - optional - {
        'egress_pool', 'egress_source', 'source_address', 'feedback_report',
        'delivery_protocol'}
    equal(sorted(extra), [])
    equal(record['type'], kind)
    equal(record['bounce_classification'], 'Uncategorized')
    equal(record['num_attempts'], 0)
    equal(record['site'], '')
    equal(sorted(record['response']),
          ['code', 'command', 'content', 'enhanced_code'])
    equal(sorted(record['peer_address']), ['addr', 'name'])
    for key in 'nodeid', 'session_id':
        match(record[key], UUID + '$')
    for key in 'event_time', 'created_time':
        match(record[key], STAMP + '$')
    true(abs(record['timestamp'] - time.time()) < 60, record['timestamp'])
    true(abs(record['created'] - time.time()) < 60, record['created'])


REFUSALS = LOGS % "meta = { 'x_*', 'hostname' }" + '''
kumo.on('smtp_server_ehlo', function(name, cm)
  cm:set_meta('x_greeted', name)
  cm:set_meta('y', 1)
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then
    kumo.reject(550, '5.7.1 not you')
  end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'full' then
    kumo.reject(452, '4.2.2 mailbox\\nfull')
  elseif rcpt.user == 'gone' then
    kumo.reject(550, '100% gone')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  if msg:get_first_named_header_value 'X-Spam' then
    kumo.disconnect(421, '4.7.0 go away')
  end
end)
'''


@policy(REFUSALS)
def test_rejections(d):
    s = d.session(addr='192.0.2.7')
    s.helo('client.example')
    equal(s.mail('<bad@example.com>'), '550 5.7.1 not you')
    s.mail('<ann@example.com>')
    s.rcpt('<full@example.org>')
    s.rcpt('<bob@example.org>')
    s.rcpt('<gone@example.org>')
    s.data()
    s.content([*HEADERS, ('X-Spam', 'yes')], BODY)
    at_mail, full, gone, at_end = wait_records(d, 4)
    for record in at_mail, full, gone, at_end:
        check_shape(record, 'Rejection')
        equal(record['peer_address'],
              {'name': 'client.example', 'addr': '192.0.2.7'})
        equal([record[key] for key in ('id', 'queue', 'size', 'headers')],
              ['', '', 0, {}])
        equal(record['reception_protocol'], None)
        equal(record['meta'], {'x_greeted': 'client.example',
                               'hostname': 'mx.example.test'})
    equal(at_mail['response'], {
        'code': 550,
        'enhanced_code': {'class': 5, 'subject': 7, 'detail': 1},
        'content': 'not you', 'command': 'MAIL FROM:<bad@example.com>'})
    equal((at_mail['sender'], at_mail['recipient']), ('', ''))
    equal((full['sender'], full['recipient']), ('ann@example.com', ''))
    equal((gone['sender'], gone['recipient']),
          ('ann@example.com', 'bob@example.org'))
    equal(full['response']['content'], 'mailbox full')
    equal(gone['response']['command'], 'RCPT TO:<gone@example.org>')
    match(gone['response']['content'], '100% gone$')
    equal(at_end['response'], {
        'code': 421,
        'enhanced_code': {'class': 4, 'subject': 7, 'detail': 0},
        'content': 'go away', 'command': 'DATA'})
    equal((at_end['sender'], at_end['recipient']), ('', ''))
    equal(len({r['session_id'] for r in records(d)}), 1)


RECEPTIONS = LOGS % ('''
  meta = { 'x_*', 'authn_id' }, headers = { 'Subject', 'x-*' },
  per_record = { Rejection = { enable = false } }''') + '''
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('x_id', msg:id())
  msg:set_meta('tenant', 'acme')
  msg:append_header('X-Seen', 'yes')
  if msg:recipient().user == 'void' then
    msg:set_meta('queue', 'null')
  end
  if msg:get_first_named_header_value 'X-Spam' then
    kumo.reject(550, 'spam')
  end
end)
'''


@policy(RECEPTIONS)
def test_receptions(d):
    s = d.session(addr='2001:db8::7', family='6',
                  macros={'{auth_authen}': 'joe'})
    s.helo('client.example')
    s.message('<ann@example.com>', ['<bob@example.org>', '<void@example.org>'],
              [*HEADERS, ('X-A', 'one'), ('x-a', '=?utf-8?q?zw=C3=B6lf?='),
               ('Subject', 'again')])
    s.message('<>', headers=[*HEADERS, ('X-Spam', '1')])
    s.message('<>', ['<carl@example.org>'])
    bob, void, carl = wait_records(d, 3)
    for record in bob, void, carl:
        check_shape(record, 'Reception')
        equal(record['peer_address'],
              {'name': 'client.example', 'addr': '2001:db8::7'})
        equal(record['response'], {'code': 250, 'enhanced_code': None,
                                   'content': '', 'command': None})
        equal(record['reception_protocol'], 'ESMTP')
        equal(record['meta'], {'x_id': record['id'], 'authn_id': 'joe'})
        match(record['id'], r'[0-9a-f]{32}$')
    equal([(r['sender'], r['recipient'], r['queue'])
           for r in (bob, void, carl)],
          [('ann@example.com', 'bob@example.org', 'acme@example.org'),
           ('ann@example.com', 'void@example.org', 'null'),
           ('', 'carl@example.org', 'acme@example.org')])
    equal(bob['headers'], {'Subject': ['hello', 'again'],
                           'X-A': ['one', 'zwölf'], 'X-Seen': 'yes'})
    equal(carl['headers'], {'Subject': 'hello', 'X-Seen': 'yes'})
    sent = sum(len(f'{n}: {v}\r\n') for n, v in HEADERS) + 2 + len(BODY)
    equal(carl['size'], sent + len('X-Seen: yes\r\n'))
    true(bob['id'] != void['id'], 'an id for each batch')


@policy(LOGS % "headers = { '*' }, meta = { '*' }")
def test_a_policy_without_handlers(d):
    """It is told of messages all the same, and changes nothing."""
    s = d.session(macros={'{cert_subject}': '/CN=client'})
    s.helo()
    equal(s.message(rcpts=['<a@example.org>', '<b@example.net>']), 'continue')
    record, = wait_records(d, 1)
    check_shape(record, 'Reception')
    equal(record['recipient'], ['a@example.org', 'b@example.net'])
    equal(record['sender'], 'ann@example.com')
    equal(record['headers']['Subject'], 'hello')
    equal(record['meta']['hostname'], 'mx.example.test')
    equal(record['size'],
          sum(len(f'{n}: {v}\r\n') for n, v in HEADERS) + 2 + len(BODY))
    equal(s.delivered.headers, [(n, v) for n, v in HEADERS])


FILTER = LOGS % "filter_event = 'wanted'" + '''
kumo.on('wanted', function(msg)
  if msg:sender().user == 'fail' then
    error 'filter fails'
  end
  kumo.sleep(0.01)
  return msg:sender().user == 'log'
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.reject(550, 'no')
  end
end)
'''


@policy(FILTER)
def test_a_filter(d):
    """It is asked of messages, not of refusals; its errors harm nobody."""
    s = d.session()
    s.helo()
    for user in 'log', 'other', 'fail', 'log':
        equal(s.message(f'<{user}@example.com>'), 'continue', user)
    s.mail('<other@example.com>')
    equal(s.rcpt('<no@example.org>'), '550 no')
    found = wait_records(d, 3)
    equal([(r['type'], r['sender']) for r in found],
          [('Reception', 'log@example.com')] * 2 +
          [('Rejection', 'other@example.com')])
    match(d.log(), r'wanted: .*filter fails')


KINDS = FOLDER + '''
kumo.on('init', function()
  kumo.milter.configure { compress_records = false }
  kumo.configure_local_logs {
    log_dir = folder .. '/logs',
    per_record = {
      Reception = { suffix = '_recv', segment_header = 'who,reply\\n',
                    template = '{{ sender }},{{response.code}}' },
      Rejection = { log_dir = folder .. '/deep/er', suffix = '.x' },
    },
  }
  kumo.configure_local_logs {
    log_dir = folder .. '/none', per_record = { Any = { enable = false } } }
  kumo.configure_local_logs {
    log_dir = folder .. '/only',
    per_record = { Any = { enable = false }, Rejection = {} } }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then
    kumo.reject(550, 'no')
  end
end)
'''


@policy(KINDS)
def test_types_have_their_own_files(d):
    s = d.session()
    s.helo()
    s.message()
    s.mail('<bad@example.com>')
    wait_records(d, 1, 'deep/er')
    match(segments(d, 'deep')[0], r'/deep/er/\d{8}-\d{6}\.\d{9}\.x$')
    wait_until('a reception', lambda: segments(d) and text(segments(d)[0]))
    path, = segments(d)
    match(os.path.basename(path), r'\d{8}-\d{6}\.\d{9}_recv$')
    header, line = text(path).splitlines()
    equal((header, line), ('who,reply', 'ann@example.com,250'))
    equal(len(wait_records(d, 1, 'only')), 1)
    equal(segments(d, 'none'), [])


ROTATION = {
    'by size': ('max_file_size = 1', 1),
    'by age': ("max_segment_duration = '1 ms'", None),
    'by neither': ('max_file_size = 1000000', 5),
}


@rows(ROTATION)
@policy(lambda row: LOGS % row[0])
def test_rotation(d, row):
    s = d.session()
    s.helo()
    for i in range(5):
        s.message(f'<{i}@example.com>')
    found = wait_records(d, 5)
    equal([r['sender'][0] for r in found], list('01234'))
    if row[1] is not None:
        equal(len(segments(d)), 5 // row[1])
    if row[1] == 5:
        true(os.stat(segments(d)[0]).st_mode & 0o200, 'still written')
        return
    for path in segments(d):     # who is over cannot be written any more
        wait_until('its end',
                   lambda path=path: not os.stat(path).st_mode & 0o222)


@policy(LOGS % 'compression_level = 3', args=())
def test_the_end_writes_all(d):
    s = d.session()
    s.helo()
    for _ in range(3):
        s.message()
    s.drop()
    d.signal(15)
    equal(d.process.wait(20), 0)
    equal(len(records(d)), 3)
    path, = segments(d)
    equal(os.stat(path).st_mode & 0o777, 0o440)


ZSTD = FOLDER + '''
kumo.on('init', function()
  kumo.configure_local_logs { log_dir = folder .. '/logs',
    compression_level = 19 }
end)
'''


@policy(ZSTD)
def test_zstd(d):
    """It can be read while it is written, and is whole at its end."""
    s = d.session()
    s.helo()
    s.message('<one@example.com>')
    equal(wait_records(d, 1)[0]['sender'], 'one@example.com')
    s.message('<two@example.com>')
    wait_records(d, 2)
    s.drop()
    d.signal(15)
    equal(d.process.wait(20), 0)
    path, = segments(d)
    done = subprocess.run(['zstd', '-dcq', path], capture_output=True,
                          check=False)
    equal((done.returncode, done.stderr), (0, b''))
    equal(len(done.stdout.splitlines()), 2)


@policy(LOGS % "meta = { 'x' }")
def test_a_reload_goes_on(d):
    """In the same segment, if the log is the same; else that one ends."""
    def send(user):
        s = d.session()
        s.helo()
        s.message(f'<{user}@example.com>')
        s.drop()
    send('one')
    wait_records(d, 1)
    equal(d.verb('reload').returncode, 0)
    send('two')
    equal([r['sender'][:3] for r in wait_records(d, 2)], ['one', 'two'])
    old, = segments(d)
    d.write_policy(LOGS % "meta = { 'y' }")
    equal(d.verb('reload').returncode, 0)
    send('three')
    wait_records(d, 3)
    wait_until('the end of the old one',
               lambda: not os.stat(old).st_mode & 0o222)
    equal(len(segments(d)), 2)
    d.write_policy('')
    equal(d.verb('reload').returncode, 0)
    wait_until('the end of the other one',
               lambda: not os.stat(segments(d)[1]).st_mode & 0o222)
    send('four')
    equal(len(records(d)), 3)


@policy(LOGS % "meta = {}", files={
    'logs/20260801-120000.000000001': '{}\n', 'logs/20260801.txt': 'x'})
def test_what_a_dead_process_left_ends(d):
    left = f'{d.dir}/logs/20260801-120000.000000001'
    if os.geteuid() == 0:
        for path in (f'{d.dir}/logs', left):
            os.chmod(path, 0o777)
            os.chown(path, os.stat(d.dir).st_uid, -1)
    d.write_policy(LOGS % "meta = { 'again' }")
    equal(d.verb('reload').returncode, 0)
    wait_until('its end', lambda: not os.stat(left).st_mode & 0o222)
    true(os.stat(f'{d.dir}/logs/20260801.txt').st_mode & 0o200,
         'no segment, not ours')


def status(d, name):
    found = re.search(rf'^{name} (\d+)$', d.verb('status').stdout, re.M)
    return int(found.group(1))


@policy(LOGS % "meta = {}", files={'logs': 'a file, no folder'})
def test_a_log_that_cannot_be_written_stops_no_mail(d):
    s = d.session()
    s.helo()
    for _ in range(20):
        equal(s.message(), 'continue')
    wait_until('all are counted', lambda: status(d, 'records_dropped') == 20)
    equal(status(d, 'records'), 0)
    equal(len(re.findall('records are dropped', d.log())), 1)
    os.unlink(f'{d.dir}/logs')
    def one_more():
        s.message('<late@example.com>')
        return len(records(d)) > 0
    wait_until('it is written again', one_more)
    d.wait_log(r'records are written again; \d+ were dropped')


@policy(LOGS % "min_free_space = '100%'")
def test_a_full_disk_stops_no_mail(d):
    s = d.session()
    s.helo()
    for _ in range(5):
        equal(s.message(), 'continue')
    wait_until('all are counted', lambda: status(d, 'records_dropped') == 5)
    match(d.log(), 'records are dropped: .*min_free_space')
    equal(segments(d), [])
