"""A policy that says when it is to be loaded again."""

import re
import signal

from case import equal, policy, true
from daemon import wait_until

def asked(d, user='a'):
    s = d.session()
    s.helo()
    answer = str(s.mail('<%s@example.com>' % user))
    s.quit()
    return answer


WATCH = '''
local folder = debug.getinfo(1, 'S').source:match('^@(.*)/')
local data = kumo.serde.json_load(folder .. '/data.json')
kumo.on('init', function()
  kumo.milter.configure { monitor_interval = '20ms' }
  if data.watch then
    kumo.set_config_monitor_globs { folder .. '/*.json', folder .. '/*.lua' }
  end
  kumo.spawn_task { event_name = 'task' }
end)
kumo.on('task', function()
  kumo.bump_config_epoch()
  kumo.log_info('task of ' .. data.word)
  kumo.sleep(1000)
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bump' then
    for _ = 1, 100 do kumo.bump_config_epoch() end
  end
  kumo.reject(550, data.word)
end)
'''
PLAIN = WATCH.replace("  kumo.spawn_task { event_name = 'task' }\n", '')


@policy(PLAIN, files={'data.json': '{ "word": "one", "watch": true }'})
def test_watched_files(d):
    """What the top level reads is new without a reload by hand; a file that
    does not load leaves the old policy in place."""
    equal(asked(d), '550 one')
    old = d.session()
    old.helo()
    d.write_file('data.json', '{ "word": "two!", "watch": true }')
    wait_until('the new word', lambda: asked(d) == '550 two!')
    equal(old.mail(), '550 one', 'a session ends on the policy it began with')
    d.wait_log('info: watched files have changed')
    d.wait_log('info: the configuration has changed: reloading')


@policy(PLAIN, files={'data.json': '{ "word": "one" }'})
def test_bump(d):
    """A hundred bumps are one reload, of what nobody watches."""
    equal(asked(d), '550 one')
    d.write_file('data.json', '{ "word": "two" }')
    equal(asked(d, 'bump'), '550 one')
    wait_until('the new word', lambda: asked(d) == '550 two')
    equal(d.log().count('the configuration has changed'), 1)
    equal(asked(d, 'bump'), '550 two')
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    equal(d.log().count('the configuration has changed'), 1)


@policy(PLAIN, files={'data.json': '{ "word": "one", "watch": true }'})
def test_what_does_not_load(d):
    equal(asked(d), '550 one')
    d.write_file('data.json', '{ "word": ')
    d.wait_log('error: reload refused, the old policy serves on')
    equal(asked(d), '550 one')


@policy(WATCH, files={'data.json': '{ "word": "one" }'})
def test_a_task_that_bumps_begins_anew(d):
    """It is stopped by its own reload; the next one bumps again, but what
    comes of that is bounded."""
    d.wait_log('task of one', 2)
    true(len(re.findall('info: reloaded', d.log())) <= 2, 'few reloads')
    equal(asked(d), '550 one')
