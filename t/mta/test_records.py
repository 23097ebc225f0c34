"""kumo.configure_local_logs: what an MTA's sessions leave in the records."""
import glob
import json
import os
import shutil

import common
from harness import Smtp, check, wait_for

# what no MTA adds a header to
CONTENT = '''From: a@example.org
To: b@example.net
Date: Sat, 1 Aug 2026 12:00:00 +0000
Message-ID: <1@example.org>
Subject: one
X-Tag: a
X-Tag: b

one line
'''

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure {{ compress_records = false }}
  kumo.configure_local_logs {{
    log_dir = '{folder}',
    meta = {{ 'x_*' }},
    headers = {{ 'subject', 'x-*' }},
    per_record = {{ Rejection = {{ suffix = '_no' }} }},
  }}
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.reject(550, '5.1.1 nobody of that name')
  end
end)
{handler}
'''

HANDLER = '''
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('x_kind', 'test')
  msg:append_header('X-Tag', 'c')
end)
'''


def read(folder):
    """(receptions, rejections), each as dicts."""
    found = ([], [])
    for path in sorted(glob.glob(f'{folder}/2*')):
        with open(path, encoding='utf-8') as file:
            lines = file.read().split('\n')[:-1]
        found[path.endswith('_no')].extend(map(json.loads, lines))
    return found


def talk(t, handler):
    """One refused recipient, one message to two; their records."""
    folder = common.temp_dir()
    os.chmod(folder, 0o777)
    try:
        with t.kumilter(POLICY.format(folder=folder, handler=handler)):
            with Smtp(t.mta.port) as client:
                client.greet()
                client.expect('MAIL FROM:<a@example.org>', 250)
                client.expect('RCPT TO:<no@example.net>', 550)
                client.expect('RSET', 250)
                replies = client.message(
                    'a@example.org', ['b@example.net', 'c@example.net'],
                    CONTENT)
                check('replies', [250, 250, 250, 354, 250],
                      [reply.code for reply in replies])
                client.expect('QUIT', 221)
            wait_for(lambda: all(read(folder)), 'records of both types')
        return read(folder)     # the daemon has ended: nothing more comes
    finally:
        shutil.rmtree(folder)


def check_rejection(rejection):
    """The refused RCPT."""
    check('type', 'Rejection', rejection['type'])
    check('reply', {'code': 550, 'content': 'nobody of that name',
                    'enhanced_code': {'class': 5, 'subject': 1, 'detail': 1},
                    'command': 'RCPT TO:<no@example.net>'},
          rejection['response'])
    check('sender', 'a@example.org', rejection['sender'])
    check('recipient', '', rejection['recipient'])
    check('peer', {'name': 'client.example.org', 'addr': '127.0.0.1'},
          rejection['peer_address'])


def test_batches(t):
    """A record for each recipient's message, as the policy left it."""
    receptions, rejections = talk(t, HANDLER)
    check('rejections', 1, len(rejections))
    check_rejection(rejections[0])
    check('recipients', ['b@example.net', 'c@example.net'],
          [record['recipient'] for record in receptions])
    for record in receptions:
        check('type', 'Reception', record['type'])
        check('sender', 'a@example.org', record['sender'])
        check('queue', 'example.net', record['queue'])
        check('meta', {'x_kind': 'test'}, record['meta'])
        check('headers', {'Subject': 'one', 'X-Tag': ['a', 'b', 'c']},
              record['headers'])
        check('protocol', 'ESMTP', record['reception_protocol'])
        check('reply', 250, record['response']['code'])
        check('session', rejections[0]['session_id'], record['session_id'])


def test_no_handler_for_messages(t):
    """One record, with the size as it came."""
    receptions, rejections = talk(t, '')
    check('rejections', 1, len(rejections))
    check_rejection(rejections[0])
    check('receptions', 1, len(receptions))
    record = receptions[0]
    check('recipients', ['b@example.net', 'c@example.net'],
          record['recipient'])
    check('headers', {'Subject': 'one', 'X-Tag': ['a', 'b']},
          record['headers'])
    check('size', len(CONTENT) + CONTENT.count('\n'), record['size'])
