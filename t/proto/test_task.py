"""kumo.spawn_task in the daemon: beside sessions, gone with its policy."""

import re
import signal
import time

from case import equal, policy, true

LOOP = '''
kumo.on('init', function()
  kumo.milter.configure { cpu_limit = '200ms', event_timeout = '1s' }
  kumo.spawn_task { event_name = 'clock', args = { %(n)d, 'x' } }
  kumo.spawn_task { event_name = 'sleeper' }
end)
kumo.on('clock', function(args)
  while true do
    kumo.log_info('tick of ' .. args[1] .. args[2])
    kumo.sleep(0.01)
  end
end)
kumo.on('sleeper', function()
  kumo.log_info('sleeps in %(n)d')
  kumo.sleep(86400)
end)
'''


@policy(LOOP % {'n': 1}, args=['--log-level', 'debug'])
def test_tasks_go_with_their_policy(d):
    """At a reload those of the old policy end, also who sleeps for a day and
    also where a session still keeps the policy."""
    s = d.session()
    s.helo()
    d.wait_log('sleeps in 1')
    d.wait_log('tick of 1x', 3)
    true('tasks 2\n' in d.verb('status').stdout, 'two tasks in the status')
    d.write_policy(LOOP % {'n': 2})
    equal(d.verb('reload').returncode, 0)
    d.wait_log('task sleeper: stopped')
    d.wait_log('task clock: stopped')
    d.wait_log('sleeps in 2')
    ended = d.log().count('tick of 1x')
    d.wait_log('tick of 2x', 5)
    equal(d.log().count('tick of 1x'), ended)
    s.quit()
    d.wait_log('epoch 1: freed')
    true('error' not in d.log(), 'a log without errors')


@policy(LOOP % {'n': 1}, args=['--log-level', 'debug'])
def test_term_ends_tasks(d):
    """At once: neither a sleep nor a loop is waited for."""
    d.wait_log('sleeps in 1')
    d.wait_log('tick of 1x')
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    log = d.log()
    equal(len(re.findall('task [a-z]+: stopped', log)), 2)
    true(log.index('task sleeper: stopped') < log.index('info: stopped'),
         'tasks that end before the daemon does')


@policy('''
kumo.on('init', function()
  kumo.milter.configure { cpu_limit = '100ms' }
  kumo.spawn_task { event_name = 'stuck' }
  kumo.spawn_task { event_name = 'broken' }
  kumo.spawn_task { event_name = 'nobody' }
end)
kumo.on('stuck', function() while true do end end)
kumo.on('broken', function() error('oh no') end)
kumo.on('smtp_server_mail_from', function() kumo.reject(550, 'served') end)
''')
def test_failures_are_logged(d):
    """One line each; the daemon serves on."""
    d.wait_log('error: task stuck: .*policy.lua:8: cpu_limit passed')
    d.wait_log('error: task broken: .*policy.lua:9: oh no .*traceback')
    d.wait_log('error: task nobody: there is no handler for this event')
    s = d.session()
    s.helo()
    equal(s.mail(), '550 served')


@policy('''
kumo.on('smtp_server_mail_from', function(sender)
  kumo.spawn_task { event_name = 'later', args = { sender.email } }
end)
kumo.on('later', function(args)
  kumo.sleep(0.05)
  kumo.log_info('later: ' .. args[1])
end)
''')
def test_a_session_leaves_a_task_behind(d):
    for n in range(5):
        s = d.session()
        s.helo()
        equal(s.mail('<u%d@example.com>' % n), 'continue')
        s.quit()
    for n in range(5):
        d.wait_log('later: u%d@example.com' % n)


BUSY = '''
kumo.on('init', function()
  kumo.spawn_task { event_name = 'spin' }
end)
kumo.on('spin', function()
  while true do
    local t = os.clock()
    while os.clock() - t < 0.05 do end
    kumo.sleep(0)
  end
end)
'''


@policy(BUSY)
def test_reloads_and_busy_tasks(d):
    """A task that computes without end stops in time, too."""
    begin = time.monotonic()
    for _ in range(5):
        equal(d.verb('reload').returncode, 0)
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    true(time.monotonic() - begin < 30, 'an end')


@policy('''
local jobs = kumo.mpsc.define('jobs', 100)
local answers = kumo.mpsc.define('answers')
kumo.on('init', function()
  kumo.milter.configure { states = 1 }
  kumo.spawn_task { event_name = 'worker', args = { 2 } }
end)
kumo.on('worker', function(args)
  while true do
    local job = jobs:recv()
    answers:send(job.user .. job.n * args[1])
  end
end)
kumo.on('smtp_server_mail_from', function(sender)
  jobs:send { user = sender.user, n = 21 }
  kumo.reject(550, answers:recv())
end)
''')
def test_queues_between_sessions_and_a_task(d):
    """Sessions wait for what the task finds; it waits for them, also when it
    is to stop."""
    for _ in range(3):
        s = d.session()
        s.helo()
        equal(s.mail('<u@example.com>'), '550 u42')
        s.quit()
    equal(d.verb('reload').returncode, 0)
    s = d.session()
    s.helo()
    equal(s.mail('<v@example.com>'), '550 v42')
    s.quit()
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
