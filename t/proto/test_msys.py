"""Momentum's policies in the daemon: they load, reload, wait and fail."""

import select
import signal
import time

from case import (HOST, TEMPORARY, equal, match, policy, rows, scriptlet,
                  true)
from daemon import wait_until

CORE = 'require("msys.core")\nlocal core = msys.core\nlocal mod = {}\n'


def module(body, name='example'):
    """A scriptlet whose callouts are the body; that begins in line 4."""
    return '%s%s\nmsys.registerModule("%s", mod)\n' % (CORE, body, name)


def says(word, name='example'):
    return module('''function mod:validate_mailfrom(str, accept, vctx)
  vctx:set_code(550, '%s')
  return core.VALIDATE_DONE
end''' % word, name)


def greeted(d, **how):
    s = d.session(**how)
    s.helo()
    return s


def asked(d, sender='<ann@example.com>'):
    s = greeted(d)
    answer = str(s.mail(sender))
    s.quit()
    return answer


# -- loading

@scriptlet('''
require("msys.core")
local mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  if str == "MAIL FROM:<disconnect@example.com>" then
    vctx:disconnect(421, "Go away dude")
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("example", mod)
''')
def test_a_scriptlet_alone(d):
    s = greeted(d)
    equal(s.message(), 'continue')
    equal(s.mail('<disconnect@example.com>'), '421 Go away dude')
    equal(s.state, 'closed')


def also(text):
    """A module that adds its word to what those before it said."""
    return module('''function mod:validate_mailfrom(str, accept, vctx)
  vctx:set_code(550, (vctx.note or '') .. '%s ')
  return core.VALIDATE_CONT
end''' % text, text)


@scriptlet(also('first'), args=['--scriptlet', '@DIR@/second.lua',
                                '--scriptlet', '@DIR@/third.lua'],
           files={'second.lua': also('second'), 'third.lua': also('third')})
def test_several_run_in_their_order(d):
    equal(asked(d), '550 first second third ')


BESIDE = '''
require 'msys.core'
kumo.on('init', function()
  kumo.milter.configure { scriptlets = {
    { name = 'one', source = 'scripts.one' },
    { name = 'two', source = 'scripts/two' },
  } }
end)
'''


@policy(BESIDE + also('policy'), args=['--scriptlet', '@DIR@/given.lua'],
        files={'scripts/one.lua': also('one'), 'scripts/two.lua': also('two'),
               'given.lua': also('given')})
def test_beside_a_policy(d):
    """The policy's own modules, those that it lists, those of serve."""
    equal(asked(d), '550 policy one two given ')


@policy(BESIDE, files={'scripts/one.lua': says('never', 'another'),
                       'scripts/two.lua': 'local mod = {}\n'})
def test_modules_that_never_run(d):
    equal(asked(d), 'unsent')
    equal(d.log().count('one registers a module "another", which never runs: '
                        'give the scriptlet that name'), 1)
    equal(d.log().count('two calls no msys.registerModule: nothing of it '
                        'will run'), 1)


@scriptlet(module('mod.validate_mailform = function() end'))
def test_no_usable_methods(d):
    equal(asked(d), 'unsent')
    equal(d.log().count('scriptlet: no usable methods found for module '
                        'example in registerModule call'), 1)


@scriptlet(module('''function mod:init() return 0 end
function mod:validate_set_binding() end'''))
def test_said_once(d):
    """Not once for each Lua state."""
    d.wait_log(' serves ')
    equal(d.log().count('example:init returns 0, not true: taken for true'),
          1)
    equal(d.log().count('notice: example:validate_set_binding has no effect '
                        'in a milter: there are no bindings'), 1)


CONSULT = (r"Module 'scriptlet' instance 'scriptlet' initialization failed "
           r"while preparing to commit\. Consult your vendor\.")
BROKEN = {
    'syntax': (CORE + 'function mod:validate_mailfrom(\n',
               r'policy\.lua:5: '),
    'at its top': (CORE + "error('at load')\n", r'policy\.lua:4: at load'),
    'init returns false': (module('function mod:init() return false end'),
                           r'module example: init\(\) returned false, not '
                           r'true'),
    'init fails': (module("function mod:init() error('no table') end"),
                   r'policy\.lua:4: no table'),
    'rsrc_setup fails': (module("function mod:rsrc_setup() end"),
                         r'rsrc_setup\(\) returned nil, not true'),
    'no such package': (CORE + "require('msys.nosuch')\n",
                        r"'msys\.nosuch' not found"),
    'registers rubbish': (CORE + "msys.registerModule('x', 5)\n",
                          r'policy\.lua:4: msys\.registerModule: a name and '
                          r'a table expected, got string and number'),
    'endless': (CORE + 'while true do end\n', r'policy\.lua:\d+'),
    'endless init': (module('function mod:init() while true do end end'),
                     r'policy\.lua:\d+'),
    'bytecode': ('\x1bLJ\x02', r'is bytecode, not Lua source'),
}


@rows(BROKEN)
@scriptlet(lambda _: says('old'))
def test_reload_refuses(d, row):
    text, reason = row
    before = greeted(d)
    d.write_policy(text)
    done = d.verb('reload')
    true(done.returncode != 0, 'a reload that fails')
    match(done.stdout + done.stderr, reason)
    match(done.stdout + done.stderr, CONSULT)
    match(d.log(), reason)
    match(d.log(), CONSULT)
    equal(asked(d), '550 old')
    equal(before.mail(), '550 old')
    d.write_policy(says('new'))
    equal(d.verb('reload').returncode, 0)
    equal(asked(d), '550 new')
    equal(before.mail(), '550 old', 'a session ends as it began')


@scriptlet(says('old'))
def test_reload_says_no_more_than_helps(d):
    """A traceback where it tells something of the policy only."""
    equal(asked(d), '550 old')
    for name, traced in (('syntax', False), ('init returns false', False),
                         ('at its top', True), ('init fails', True)):
        d.write_policy(BROKEN[name][0])
        said = d.verb('reload').stderr
        equal('stack traceback' in said, traced, said)


@scriptlet(says('old'), args=['--scriptlet', '@DIR@/second.lua'],
           files={'second.lua': also('second')})
def test_one_broken_of_two(d):
    equal(asked(d), '550 old')
    d.write_policy(says('new'))
    d.write_file('second.lua', 'local = 5\n')
    for _ in range(3):
        d.signal(signal.SIGHUP)
    d.wait_log(r'second\.lua:1: ')
    match(d.verb('reload').stderr, r'second\.lua:1: ')
    equal(asked(d), '550 old')


@policy(BESIDE, files={'scripts/one.lua': says('one', 'one'),
                       'scripts/two.lua': also('two')})
def test_scriptlet_that_is_missing(d):
    equal(asked(d), '550 one')
    d.write_policy(BESIDE.replace('scripts.one', 'scripts.one.lua'))
    done = d.verb('reload')
    true(done.returncode != 0, 'a reload that fails')
    match(done.stderr, r"Unable to open 'scripts\.one\.lua', errno=2 No such "
          'file or directory')
    match(done.stderr, CONSULT)
    equal(asked(d), '550 one')


# -- the end of a session and of a policy

ENDS = module('''function mod:validate_connect(accept, vctx)
  self.words = 'connect'
  return core.VALIDATE_CONT
end
function mod:validate_mailfrom(str, accept, vctx)
  self.words = self.words .. ' mail'
  return core.VALIDATE_CONT
end
function mod:validate_dealloc()
  print('over:', self.words)
end
function mod:deinit()
  print('deinit of', VERSION)
  return true
end''')


@scriptlet('VERSION = 1 ' + ENDS, args=['--states', '1'])
def test_dealloc_and_deinit(d):
    """The one at the end of a session, the other behind the last one."""
    first, last = greeted(d), greeted(d)
    equal(first.mail(), 'continue')
    first.quit()
    d.wait_log('scriptlet: over: connect mail$')
    d.write_policy('VERSION = 2 ' + ENDS)
    equal(d.verb('reload').returncode, 0)
    true('deinit' not in d.log(), 'no deinit while a session is open')
    last.mail()
    last.rset()
    last.mail()
    last.drop()
    d.wait_log('scriptlet: deinit of 1$')
    log = d.log()
    true(log.index('over: connect mail mail') < log.index('deinit of 1'),
         'the session\'s end before that of its policy')
    equal(log.count('deinit'), 1)
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    equal(d.log().count('deinit of 2'), 1)


@scriptlet(module('''local kumo = require 'kumo'
function mod:validate_mailfrom() return core.VALIDATE_CONT end
function mod:validate_dealloc() kumo.sleep(1) end'''))
def test_dealloc_cannot_wait(d):
    s = greeted(d)
    s.mail()
    s.quit()
    d.wait_log('scriptlet-00147: validate_dealloc error: .*kumo.sleep: '
               'cannot wait')
    equal(asked(d), 'continue')


@scriptlet(module('''function mod:validate_rcptto()
  return core.VALIDATE_CONT
end
function mod:validate_dealloc() print('over') end
function mod:deinit() return true end'''))
def test_no_dealloc_of_what_never_ran(d):
    s = greeted(d)
    s.mail()
    s.quit()
    d.write_policy(says('new'))
    equal(d.verb('reload').returncode, 0)
    wait_until('no session of the old policy',
               lambda: 'sessions_open 0' in d.verb('status').stdout)
    true('over' not in d.log(), 'no validate_dealloc')


# -- waiting

APART = '''
kumo.on('init', function() kumo.milter.configure { states = 1 } end)
local go = false
''' + module('''function mod:validate_mailfrom(str, accept, vctx)
  local who = vctx:get(core.VCTX_MESS, 'mailfrom_localpart')
  self.who, _TLS.who = who, who
  vctx:set(core.VCTX_CONN, 'who', who)
  vctx:set(core.VCTX_MESS, 'who', who)
  vctx:set_code(550, who)
  if who == 'go' then
    go = true
  elseif who == 'slow' then
    while not go do
      kumo.sleep(0.01)
    end
  end
  vctx.note = table.concat({ vctx.note, self.who, _TLS.who,
    vctx:get(core.VCTX_CONN, 'who'), vctx:get(core.VCTX_MESS, 'who'),
    vctx:get(core.VCTX_MESS, 'mailfrom_string'),
    tostring(accept.remote_addr) }, ' ')
  return core.VALIDATE_DONE
end''')


def own(name, addr):
    return '550 5.0.0 %s MAIL FROM:<%s@x.test> %s:40001' % (
        ' '.join([name] * 5), name, addr)


@policy(APART)
def test_sessions_are_apart_over_a_wait(d):
    """One Lua state, and others run in it while the first waits."""
    slow, quick = (greeted(d, addr=a) for a in ('192.0.2.1', '192.0.2.2'))
    slow.send_macros('mail')
    slow.milter.say('mail', b'<slow@x.test>\0')
    # the first of these may come before the slow one
    for name in ('one', 'two', 'three', 'go'):
        equal(str(quick.mail('<%s@x.test>' % name)).replace('550 ' + name,
              '550 5.0.0 ' + name), own(name, '192.0.2.2'))
    equal(str(slow.milter.answer()).replace('550 slow', '550 5.0.0 slow'),
          own('slow', '192.0.2.1'))


TARPIT = '''
kumo.on('init', function()
  kumo.milter.configure { states = 1, event_timeout = '%s' }
end)
''' + module('''function mod:validate_mailfrom(str, accept, vctx)
  local s = tonumber(str:match('<slow(.-)@'))
  vctx:set_code(550, s and 'slow' or 'quick')
  if s then
    vctx:tarpit(s)
  end
  return core.VALIDATE_CONT
end''') + module('''function mod:validate_mailfrom(str, accept, vctx)
  vctx.note = vctx.note .. ' ' .. (str:match('<%%a*'))
  return core.VALIDATE_CONT
end''', 'second')


@policy(TARPIT % '60s')
def test_tarpit(d):
    """The reply waits, other sessions do not."""
    slow, quick = greeted(d), greeted(d)
    begin = time.monotonic()
    slow.milter.say('mail', b'<slow1@x.test>\0')
    for _ in range(5):
        equal(quick.mail('<quick@x.test>'), '550 quick <quick')
    answer = str(slow.milter.answer())
    took = time.monotonic() - begin
    equal(answer, '550 slow <slow')
    true(took > 0.9, 'held for a second, not %.2f' % took)


@policy(TARPIT % '0.5s')
def test_tarpit_ends_in_time(d):
    """Never beyond event_timeout, and the reply is what it was to be."""
    s = greeted(d)
    begin = time.monotonic()
    equal(s.mail('<slow1000@x.test>'), '550 slow <slow')
    took = time.monotonic() - begin
    true(0.3 < took < 15, 'held for less than event_timeout: %.2f' % took)
    match(d.log(), r"vctx:tarpit: 1000 s are more than the event's time limit "
          'leaves')


@policy(TARPIT % '60s')
def test_tarpitted_client_leaves(d):
    for _ in range(5):
        s = greeted(d)
        s.milter.say('mail', b'<slow0.2@x.test>\0')
        s.drop()
    equal(asked(d, '<quick@x.test>'), '550 quick <quick')


# -- failures

FAILS = {
    'error': ("error('oh no')", r'policy\.lua:\d+: oh no'),
    'error without text': ('error()', r'error object is a nil'),
    'nil call': ('nosuch()', r"policy\.lua:\d+: .*'nosuch'"),
    'endless': ('while true do end', r'policy\.lua:\d+: .*limit'),
    'endless in pcall': ('pcall(function() while true do end end)',
                         r'policy\.lua:\d+: .*limit'),
    'hungry': ('local t = {} while true do t[#t + 1] = {} end',
               r'policy\.lua:\d+: .*memory'),
    'waits too long': ('kumo.sleep(100)',
                       r'policy\.lua:\d+: event_timeout passed'),
    'a wrong dictionary': ("vctx:get(7, 'x')",
                           r'the dictionary is msys.core.VCTX_CONN or '
                           r'VCTX_MESS, not 7'),
    'a wrong code': ("vctx:set_code(354, 'x')", r'354 is no code to answer'),
}


@rows(FAILS)
@policy(lambda row: '''
kumo.on('init', function()
  kumo.milter.configure { cpu_limit = '0.2s', memory_limit = '24MB',
    event_timeout = '2s', states = 2 }
end)
''' + module('''function mod:validate_mailfrom(str, accept, vctx)
  if str:find('bad') then
    %s
  end
  vctx:set_code(550, 'served')
  return core.VALIDATE_DONE
end''' % row[0]))
def test_failure(d, row):
    bad, neighbour = greeted(d), greeted(d)
    equal(bad.mail('<bad@x.test>'), TEMPORARY)
    equal(bad.state, 'closed')
    d.wait_log('scriptlet-00147: validate_mailfrom error: .*' + row[1])
    d.wait_log('scriptlet-00239: example error: .*' + row[1])
    equal(neighbour.mail(), '550 served')
    for _ in range(3):
        equal(asked(d), '550 served')
    equal(asked(d, '<bad@x.test>'), TEMPORARY)


AT = {
    'validate_connect': lambda s: s.banner,
    'validate_ehlo': lambda s: s.helo(),
    'validate_mailfrom': lambda s: (s.helo(), s.mail())[-1],
    'validate_rcptto': lambda s: (s.helo(), s.mail(), s.rcpt())[-1],
    'validate_data': lambda s: (s.helo(), s.message())[-1],
    'validate_rcptto_list': lambda s: (s.helo(), s.message())[-1],
    'validate_rcptto_list_final': lambda s: (s.helo(), s.message())[-1],
    'validate_data_spool': lambda s: (s.helo(), s.message())[-1],
    'validate_data_spool_each_rcpt': lambda s: (s.helo(), s.message())[-1],
    'core_final_validation2': lambda s: (s.helo(), s.message())[-1],
    'core_final_validation': lambda s: (s.helo(), s.message())[-1],
}


@rows({name: name for name in AT})
@scriptlet(lambda name: module("function mod:%s() error('here') end" % name))
def test_failure_at(d, name):
    equal(AT[name](d.session()), TEMPORARY)
    d.wait_log('scriptlet-00147: %s error: .*policy.lua:4: here' % name)
    d.wait_log('scriptlet-00239: example error: .*policy.lua:4: here')


# -- negotiation

CONTENT = ('nohdrs', 'nobody')
NEEDS = {name: name.startswith(('validate_data', 'core_', 'validate_rcptto_l'))
         for name in AT}


@rows({name: name for name in NEEDS})
@scriptlet(lambda name: module('function mod:%s() return core.VALIDATE_CONT '
                               'end' % name))
def test_asks_for_what_it_needs(d, name):
    m = d.milter()
    true(m.negotiate(), 'an answer to the negotiation')
    m.quit()
    for step in CONTENT:
        equal(m.asked(step), not NEEDS[name], step)
    s = greeted(d)
    equal(s.message(), 'continue')


@scriptlet(module('''function mod:validate_rcptto(msg, str, accept, vctx)
  vctx:add_recipient('copy@archive.test')
  return core.VALIDATE_CONT
end'''))
def test_recipient_added_without_content(d):
    s = greeted(d)
    equal(s.message(), 'continue')
    equal(s.delivered.rcpts, ['<bob@example.org>', '<copy@archive.test>'])


# -- both APIs, presets

@policy('''
kumo.on('init', function()
  kumo.milter.configure { contexts = {
    { peer = '192.0.2.0/24', set = { can_relay = 'true', pathway = 'in' } },
    { peer = '192.0.2.9', set = { can_relay = 'no' } },
    { peer = '2001:db8::/32', set = { six = 6 } },
  } }
end)
''' + module('''function mod:validate_mailfrom(str, accept, vctx)
  local say = {}
  for _, key in ipairs { 'can_relay', 'six', 'pathway' } do
    say[#say + 1] = key .. '=' .. vctx:get(core.VCTX_CONN, key)
  end
  vctx:set_code(550, table.concat(say, ' '))
  return core.VALIDATE_DONE
end'''))
def test_contexts(d):
    for addr, family, says_ in (
            ('192.0.2.1', '4', 'can_relay=true six= pathway=in'),
            ('192.0.2.9', '4', 'can_relay=no six= pathway=in'),
            ('198.51.100.1', '4', 'can_relay= six= pathway=' + HOST),
            ('2001:db8::1', '6', 'can_relay= six=6 pathway=' + HOST)):
        s = greeted(d, addr=addr, family=family)
        equal(s.mail(), '550 ' + says_, addr)


BOTH = '''
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'kumo' then kumo.reject(550, 'kumo') end
  _TLS.seen = sender.user
end)
kumo.on('smtp_server_message_received', function(msg, cm)
  cm:set_meta('order', 'kumo')
  if msg:sender().user == 'late' then kumo.reject(551, 'kumo') end
end)
''' + module('''function mod:validate_mailfrom(str, accept, vctx)
  if str:find('^MAIL FROM:<msys@') then
    vctx:set_code(552, 'msys ' .. _TLS.seen)
  end
  return core.VALIDATE_CONT
end
function mod:validate_data_spool(msg, accept, vctx)
  vctx:set_code(553, 'msys')
  return core.VALIDATE_CONT
end''')


@policy(BOTH)
def test_both_apis(d):
    s = greeted(d)
    equal(s.mail('<kumo@x.test>'), '550 kumo')
    equal(s.mail('<msys@x.test>'), '552 msys msys')
    equal(s.message('<late@x.test>'), '551 kumo')
    equal(s.message('<x@x.test>'), '553 msys')


# -- what the MTA tells

TELL = module('''local keys = { %s }
function mod:validate_rcptto(msg, str, accept, vctx)
  local say = {}
  for _, key in ipairs(keys) do
    say[#say + 1] = key .. '=' .. vctx:get(core.VCTX_CONN, key)
  end
  vctx:set_code(550, table.concat(say, ' '))
  return core.VALIDATE_DONE
end''')


@scriptlet(TELL % "'tls', 'tls_cipher', 'tls_cipher_usebits', "
           "'tls_client_cert_subject', 'tls_client_cert_subject_cn', "
           "'tls_client_cert_issuer_cn', 'tls_client_verified'")
def test_tls(d):
    s = greeted(d)
    s.mail()
    equal(s.rcpt(), '550 tls= tls_cipher= tls_cipher_usebits= '
          'tls_client_cert_subject= tls_client_cert_subject_cn= '
          'tls_client_cert_issuer_cn= tls_client_verified=')
    s.rset()
    s.starttls(**{'{cert_subject}': '/C=de/CN=ann/O=x',
                  '{cert_issuer}': '/C=de', '{verify}': 'FAIL'})
    s.helo()
    s.mail()
    equal(s.rcpt(), '550 tls=on tls_cipher=TLS_AES_256_GCM_SHA384 '
          'tls_cipher_usebits=256 tls_client_cert_subject=/C=de/CN=ann/O=x '
          'tls_client_cert_subject_cn=ann tls_client_cert_issuer_cn= '
          'tls_client_verified=')


@scriptlet(TELL % "'auth_name', 'auth_user', 'auth_status'")
def test_auth(d):
    s = greeted(d, macros={'{auth_type}': 'PLAIN', '{auth_authen}': 'ann'})
    s.mail()
    equal(s.rcpt(), '550 auth_name=PLAIN auth_user=ann auth_status=pass')


@scriptlet(TELL % "'connection_message_count', 'connection_rcpt_count', "
           "'message_rcpt_count', 'ehlo_string'")
def test_counters(d):
    s = greeted(d)
    s.mail()
    s.rcpt('<one@x.test>')
    s.rcpt('<two@x.test>')
    s.rset()
    s.mail()
    equal(s.rcpt(), '550 connection_message_count=2 connection_rcpt_count=3 '
          'message_rcpt_count=0 ehlo_string=EHLO client.example.com')


@scriptlet(module('''function mod:validate_ehlo(str, accept, vctx)
  local say = {}
  for _, key in ipairs { 'mailfrom_string', 'rcptto_string',
    'rfc2822_date_missing' } do
    say[#say + 1] = key .. '=' .. vctx:get(core.VCTX_MESS, key)
  end
  print(str, table.concat(say, ' '))
  return core.VALIDATE_CONT
end
function mod:validate_data(msg, accept, vctx)
  return core.VALIDATE_CONT
end'''))
def test_message_keys_behind_its_end(d):
    s = greeted(d)
    equal(s.message(), 'continue')
    equal(s.helo('again'), 'continue')
    d.wait_log('scriptlet: EHLO again')
