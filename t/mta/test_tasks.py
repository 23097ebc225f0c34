"""What runs beside the sessions: a task answers them through queues."""
import concurrent.futures

from harness import DEADLINE, Smtp, check

CONTENT = 'Subject: tasks\n\none line\n'

# Each session has a queue of its own for its answer.
POLICY = '''
local kumo = require 'kumo'
local jobs = kumo.mpsc.define('jobs', 2)
kumo.on('init', function()
  kumo.milter.configure { states = 2 }
  kumo.spawn_task { event_name = 'judge', args = { 'spam' } }
end)
kumo.on('judge', function(args)
  local seen = 0
  while true do
    local job = jobs:recv()
    seen = seen + 1
    kumo.mpsc.define(job.answer):send {
      bad = job.user == args[1], seen = seen,
    }
  end
end)
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local name = 'to ' .. sender.user .. conn_meta:get_meta('received_from')
  jobs:send { user = sender.user, answer = name }
  local verdict = kumo.mpsc.define(name):recv()
  if verdict.bad then
    kumo.reject(550, '5.7.1 the task says no')
  end
end)
'''


def test_a_task_judges_for_all_sessions(t):
    """One task, two states, a queue of two: all sessions are answered."""
    many = 20

    def session(number):
        with Smtp(t.mta.port, source=f'127.4.0.{number + 1}',
                  timeout=DEADLINE / 2) as client:
            client.greet()
            reply = client.expect('MAIL FROM:<spam@example.org>', 550)
            check('text', True, 'the task says no' in str(reply))
            client.expect('MAIL FROM:<a@example.org>', 250)
            client.expect('RCPT TO:<b@example.net>', 250)
            client.expect('DATA', 354)
            check('message', 250, client.content(CONTENT).code)
            client.expect('QUIT', 221)

    with t.own_kumilter(POLICY) as daemon, \
            concurrent.futures.ThreadPoolExecutor(many) as pool:
        list(pool.map(session, range(many)))
        counters = daemon.counters()
        check('tasks', 1, counters['tasks'])
        check('errors', 0, counters['errors_timeout'] + counters['errors_lua']
              + counters['errors_state_busy'])
    t.mta.forget_messages()
