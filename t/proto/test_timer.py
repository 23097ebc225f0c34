"""Timers and jobs of Momentum's policies, in the daemon."""

import signal

from case import equal, policy, true

TIMERS = '''
require 'msys.core'
kumo.milter.configure { states = 4 }
once = msys.timer.after(0, function() kumo.log_info('once of %(n)d') end)
often = msys.timer.every(0.01, function() kumo.log_info('tick of %(n)d') end)
late = msys.timer.after(0.2, function()
  msys.sleep(0.01)
  kumo.log_info('late of %(n)d')
end)
'''


@policy(TIMERS % {'n': 1})
def test_timers_go_with_their_policy(d):
    """Each once in the process; those of the old policy end at a reload,
    though a session of it is open."""
    s = d.session()
    s.helo()
    d.wait_log('tick of 1$', 3)
    d.wait_log('late of 1$')
    equal(d.log().count('once of 1'), 1)
    d.write_policy(TIMERS % {'n': 2})
    equal(d.verb('reload').returncode, 0)
    d.wait_log('tick of 2$', 3)
    ended = d.log().count('tick of 1')
    d.wait_log('tick of 2$', 10)
    d.wait_log('late of 2$')
    equal(d.log().count('tick of 1'), ended)
    equal(d.log().count('once of 2'), 1)
    s.quit()


@policy('''
require 'msys.core'
keep = msys.timer.every(0.01, function() error('broken') end, 'bad one')
''')
def test_failure_is_one_line(d):
    d.wait_log('error: timer bad one: .*policy.lua:3: broken .*traceback', 2)
    true('errors_lua' in d.verb('status').stdout, 'a counter')


@policy('''
require 'msys.core'
kumo.on('smtp_server_mail_from', function(sender)
  msys.runInPool('io', function()
    msys.sleep(0.3)
    kumo.log_info('job of ' .. sender.user)
  end, true)
end)
''')
def test_term_waits_for_jobs(d):
    for user in 'one', 'two':
        s = d.session()
        s.helo()
        equal(s.mail('<%s@example.com>' % user), 'continue')
        s.quit()
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    equal(d.log().count('job of '), 2)
