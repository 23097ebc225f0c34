"""decision_log: a line for each of an MTA's transactions."""
import os
import shutil

import common
from content import CONTENT
from harness import Smtp, check, wait_for
from test_records import read

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure {{ compress_records = false,
    decision_log = {{ log_dir = '{folder}' }} }}
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'no' then
    kumo.reject(550, '5.1.1 nobody of that name')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-Seen', 'yes')
end)
'''


def test_a_line_for_each(t):
    folder = common.temp_dir()
    os.chmod(folder, 0o777)
    try:
        with t.kumilter(POLICY.format(folder=folder)):
            with Smtp(t.mta.port) as client:
                client.greet()
                reply = client.message('a@example.org',
                                       ['no@example.net', 'b@example.net'],
                                       CONTENT)[-1]
                check('reply', 250, reply.code)
                client.cmd('MAIL FROM:<c@example.org>')
            wait_for(lambda: len(read(folder)[0]) == 2, 'two lines')
        passed, aborted = read(folder)[0]
        for line in passed, aborted:
            check('mta', t.mta.name, line['mta'])
            check('helo', 'client.example.org', line['helo'])
        check('outcome', 'accepted', passed['outcome'])
        check('recipients', ['<b@example.net>'], passed['recipients'])
        check('edits', ['insert header X-Seen'], passed['edits'])
        check('queue id', True, passed['queue_id'] in str(reply))
        check('who decided', 'smtp_server_rcpt_to',
              passed['handlers'][0]['event'])
        check('reply', ('rcpt', 550, '5.1.1 nobody of that name'),
              tuple(passed['replies'][0][key]
                    for key in ('stage', 'code', 'text')))
        check('then', ('aborted', '<c@example.org>'),
              (aborted['outcome'], aborted['sender']))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
