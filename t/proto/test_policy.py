"""kumo.on and its rules, what is accepted and ignored, logging."""

import os
import shutil
import subprocess

from case import Failure, equal, match, policy, rows, true
from daemon import KUMILTER, PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))


@policy('''
kumo.on('smtp_server_mail_from', function()
  local ok, err = pcall(kumo.on, 'smtp_server_ehlo', function() end)
  kumo.reject(550, tostring(ok) .. ' ' .. tostring(err))
end)
''')
def test_on_inside_a_handler(d):
    s = d.session()
    s.helo()
    match(s.mail(), '^550[- ](5.0.0 )?false .*Attempting to register an event '
          'handler via kumo.on.*smtp_server_ehlo.*from within the event '
          'handler.*smtp_server_mail_from')


@policy('''
for i = 1, 2 do
  kumo.on('get_queue_config', function() end)
  kumo.on('should_enqueue_log_record', function() end)
end
kumo.on('get_egress_pool', function() end)
kumo.on('a.name.of.my.own', function() end)
local ok, err = pcall(kumo.on, 'get_egress_pool', function() end)
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, tostring(ok) .. ' ' .. tostring(err))
end)
''')
def test_single_and_multiple(d):
    s = d.session()
    s.helo()
    match(s.mail(), r'^550[- ](5.0.0 )?false .*get_egress_pool event already '
          r'has a handler defined at \S*policy\.lua:6')


@policy('''
kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
  kumo.start_esmtp_listener { listen = '0.0.0.0:25', banner = 'hi' }
  kumo.configure_bounce_classifier { files = { '/no/such/file' } }
  kumo.configure_log_hook { name = 'x' }
  kumo.set_smtpsrv_threads(4)
  kumo.set_memory_soft_limit(1000000)
  kumo.set_max_lua_context_use_count(10)
  kumo.set_lruttl_cache_capacity('x', 10)
end)
kumo.on('get_queue_config', function() error('never called') end)
kumo.on('get_egress_path_config', function() error('never called') end)
kumo.on('smtp_server_auth_plain', function() error('never called') end)
kumo.on('http_message_generated', function() error('never called') end)
kumo.on('smtp_server_message_deferred_inject', function() error('never') end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_due(nil)
  msg:increment_num_attempts()
  msg:save()
  msg:append_header('X-Done', 'yes')
end)
''')
def test_what_only_a_queue_needs(d):
    """Accepted, noticed in the log, and harmless."""
    s = d.session()
    s.helo()
    equal(s.message(), 'continue')
    equal(s.delivered.get('X-Done'), ['yes'])
    match(d.log(), 'define_spool')


@policy('''
kumo.on('smtp_server_mail_from', function(sender)
  kumo.log_error('an error', 1, nil, true)
  kumo.log_warn('a warning')
  kumo.log_info('with\\nnewline', 'and \\0 \\27[31m')
  print('printed')
end)
''')
def test_logging(d):
    s = d.session()
    s.helo()
    equal(s.mail(), 'continue')
    d.wait_log(r'policy\.lua:3: an error 1 nil true')
    d.wait_log(r'policy\.lua:4: a warning')
    line = d.wait_log(r'^.*policy\.lua:5: with.*$').group(0)
    match(line, 'newline.*and')
    true('\0' not in d.log() and '\033' not in d.log(),
         'no control characters in the log')


@policy('''
local loads = (rawget(_G, 'loads') or 0) + 1
rawset(_G, 'loads', loads)
local inits = 0
kumo.on('pre_init', function() inits = inits + 1 end)
kumo.on('init', function() inits = inits + 1 end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  kumo.reject(550, 'loads ' .. loads .. ' kumo ' .. type(kumo.version))
end)
''')
def test_top_level_runs_once_in_a_state(d):
    for _ in range(5):
        s = d.session()
        s.helo()
        equal(s.mail(), '550 loads 1 kumo string')


@policy('''
kumo.on('init', function()
  kumo.milter.configure { states = 1 }
end)
local n = 0
kumo.on('smtp_server_mail_from', function(sender)
  n = n + 1
  if sender.user == 'bad' then error('boom') end
  kumo.reject(550, 'n ' .. n)
end)
''')
def test_state_outlives_a_failed_handler(d):
    for i in range(1, 6):
        s = d.session()
        s.helo()
        if i % 2:
            s.mail('<bad@example.com>')
        else:
            equal(s.mail(), '550 n %d' % i)


@policy('', files={'helper.lua': "return { word = 'from the helper' }"})
def test_require_finds_the_policys_folder(d):
    d.write_policy('''
local helper = require 'helper'
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, helper.word)
end)
''')
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)
    s = d.session()
    s.helo()
    equal(s.mail(), '550 from the helper')


@rows({'init': 'init', 'pre_init': 'pre_init'})
@policy(lambda event: '''
kumo.on('%s', function()
  kumo.milter.configure { on_error = 'tempfail' }
end)
kumo.on('smtp_server_mail_from', function() error('boom') end)
''' % event)
def test_configure_in(d, event):
    for _ in range(4):
        s = d.session()
        s.helo()
        match(s.mail(), '^451 ', 'the setting holds in every state')


@policy('''
kumo.on('smtp_server_connection_accepted', function(cm)
  if cm:get_meta('received_from'):find('^192%.0%.2%.66:') then
    kumo.reject(421, 'go away')
  end
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.domain == 'blocked.example' then
    kumo.reject(550, '5.7.1 not you')
  end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'later' then kumo.reject(451, 'wait') end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Seen', 'yes')
end)
''')
def test_miltertest(d):
    """The same, seen by a client that others wrote (OpenDKIM's)."""
    if shutil.which('miltertest') is None:
        raise Failure('miltertest is not installed (apt install miltertest)')
    done = subprocess.run(
        ['miltertest', '-v', '-s', os.path.join(HERE, 'smoke.miltertest'),
         '-D', 'socket=' + d.address],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, done.stdout + done.stderr)


CHECKED = {
    'a slip': ("kumo.disconect(421, 'x')", 'policy.lua:3: warning: there is '
               'no kumo.disconect; did you mean kumo.disconnect?'),
    'of a module': ("return kumo.dns.lookup_pt 'x'", 'policy.lua:3: warning: '
                    'there is no kumo.dns.lookup_pt; did you mean '
                    'kumo.dns.lookup_ptr?'),
    'nothing like it': ('kumo.wash_the_dishes()', 'policy.lua:3: warning: '
                        'there is no kumo.wash_the_dishes\n'),
    'one without effect': ("kumo.start_http_listener { listen = '0.0.0.0:80' }",
                           'policy.lua: ok\n'),
    'its own': ('kumo.mine = print kumo.mine()', 'policy.lua: ok\n'),
    'right': ("kumo.disconnect(421, 'x')", 'policy.lua: ok\n'),
}


@rows(CHECKED)
@policy('')
def test_check_of_names(d, row):
    """What is called and is not there is told before a client comes."""
    call, said = row
    d.write_policy("kumo.on('smtp_server_mail_from', function()\n%s\nend)"
                   % call)
    done = subprocess.run([KUMILTER, 'check', d.policy_file],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE)
    equal(done.returncode, 0, done.stderr)
    true(said in done.stdout, said + ' in ' + done.stdout)


@rows({'journal': (0, '<6>kumilter '), 'another': (1, '20')})
@policy('')
def test_journal(d, row):
    """Where stderr is systemd's journal it is told the level."""
    off, begin = row
    read, write = os.pipe()
    about = os.fstat(write)
    with os.fdopen(read) as lines:
        daemon = subprocess.Popen(
            [KUMILTER, 'serve', '--policy', d.policy_file, '--control', 'none',
             '--listen', 'unix:%s/second' % d.dir,
             *(['--user', 'root'] if os.geteuid() == 0 else [])],
            stderr=write,
            env=os.environ | {'JOURNAL_STREAM': '%d:%d' % (
                about.st_dev, about.st_ino + off)})
        os.close(write)
        try:
            line = lines.readline()
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE)
    true(line.startswith(begin), line)
