"""kumilter test: tests of policies; serve and reload that demand them."""

import os
import re
import subprocess
import xml.etree.ElementTree

import daemon
from case import equal, match, policy, rows, scriptlet, true

POLICY = '''
local redis = require 'redis'
kumo.on('init', function()
  kumo.dns.configure_resolver { Hickory = {} }
end)
kumo.on('smtp_server_connection_accepted', function(conn_meta)
  local ok, mx = pcall(kumo.dns.lookup_txt, 'a.example')
  conn_meta:set_meta('txt', ok and mx[1] or 'none')
end)
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local reply = kumo.http.build_client {}
    :get('http://score.example/' .. sender.user):header('X-A', 'b'):send()
  if not reply:status_is_success() then
    kumo.reject(451, '4.7.1 score ' .. reply:status_code())
  end
  if tonumber(reply:text()) > 5 then
    kumo.disconnect(550, '5.7.1 score')
  end
  local db = redis.open { node = 'redis://127.0.0.1:1' }
  if db:query('INCR', 'n:' .. sender.user) > 2 then
    kumo.reject(451, '4.7.1 too many')
  end
  conn_meta:set_meta('chance', math.random(1000000))
end)
kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  local before = os.time()
  kumo.sleep(5)
  conn_meta:set_meta('slept', os.time() - before)
  if rcpt.user == 'day' then
    kumo.reject(550, '5.1.1 ' .. os.date '!%Y-%m-%d')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('tenant', 'x')
  if msg:get_first_named_header_value 'Subject' == 'drop' then
    msg:set_meta('queue', 'null')
  end
  if msg:get_first_named_header_value 'Subject' == 'never' then
    kumo.reject(550, 'not covered')
  end
end)
'''

# Passes as it is; NAME = body, one test each.
WORLD = '''
local t = require 'kumilter.test'
t.dns { ['a.example'] = { TXT = 'hello' } }
t.http {
  ['GET http://score.example/bad'] = { body = '9' },
  ['GET http://score.example/down'] = { status = 503 },
  ['*'] = function(request) return '1' end,
}
t.redis(function() return 1 end)
'''
PASSES = {
    'dns': '''
  t.session():expect_meta('txt', 'hello')
''',
    'another dns': '''
  t.dns {}
  t.session():expect_meta('txt', 'none')
''',
    'http': '''
  local s = t.session()
  s:mail('down@x.example'):expect(451, '4.7.1 score 503')
  s:mail('bad@x.example'):expect(550, '5.7.1 score'):expect_open()
  s:mail('ok@x.example'):match(421, 'previous error$'):expect_closed()
  s:expect_closed()
  t.equal(#t.requests(), 2)
  t.equal(t.requests()[1].headers, { ['X-A'] = 'b' })
''',
    'redis': '''
  local store = {}
  t.redis(store)
  local s = t.session()
  for _ = 1, 2 do
    s:mail('ok@x.example'):expect(250)
    s:rset()
  end
  s:mail('ok@x.example'):expect(451, '4.7.1 too many')
  t.equal(store, { ['n:ok'] = 3 })
  t.equal(t.commands()[1], { 'INCR', 'n:ok' })
''',
    'time': '''
  t.time '2026-01-02T23:59:59Z'
  local s = t.session()
  s:mail 'ok@x.example'
  s:rcpt('day@x.example'):expect(550, '5.1.1 2026-01-03')
  s:expect_meta('slept', 5)
  t.skip(86400)
  s:rcpt('day@x.example'):expect(550, '5.1.1 2026-01-04')
  t.equal(t.now(), 1767398399 + 10 + 86400)
''',
    'chance': '''
  t.seed(7)
  local s = t.session()
  s:mail 'ok@x.example'
  t.equal(s:meta 'chance', tonumber(os.getenv 'CHANCE') or s:meta 'chance')
''',
    'message': '''
  local s = t.session { mta = 'sendmail', client = '[2001:db8::1]:99' }
  s:expect_meta('received_from', '[2001:db8::1]:99')
  s:send { from = 'a@x.example', to = { 'b@x.example', 'day@x.example' },
    headers = { Subject = 'hi', { 'X-One', '1' } }, body = 'b\\r\\n' }
    :match(250, 'accepted for delivery$')
  local m = s:message()
  m:expect_sender('a@x.example'):expect_recipients 'b@x.example'
  m:expect_header('Subject', 'hi'):expect_header('X-One', '1')
  m:expect_header 'X-None':expect_meta('tenant', 'x'):match_body '^b'
  m:match_header('subject', '^h')
''',
    'discarded': '''
  local s = t.session()
  s:send { headers = { Subject = 'drop' } }:expect(250)
  s:message():expect_discarded()
''',
    'log': '''
  t.session():mail 'bad@x.example'
  t.expect_log('disconnects 550 5.7.1 score', 'info')
  t.expect_no_log 'traceback'
''',
    'raises': '''
  t.match(tostring(t.raises(function() t.session { clinet = 1 } end,
    'clinet')), 'no option')
''',
}

FAILS = {
    'code': ("t.session():mail 'bad@x.example':expect(250)",
             'reply: expected 250, got 550 5.7.1 score'),
    'text': ("t.session():mail 'bad@x.example':expect(550, 'score')",
             'reply: expected 550 score, got 550 5.7.1 score'),
    'pattern': ("t.session():mail 'bad@x.example':match(550, '^score')",
                'reply: expected 550 ^score, got'),
    'closed': ("t.session():noop():expect_closed()",
               'expected that the connection closes'),
    'meta': ("t.session():expect_meta('txt', 'x')",
             'conn_meta txt: expected "x", got "hello"'),
    'header': ("local s = t.session() s:send {}\n"
               "s:message():expect_header('Subject', 'x')",
               'Subject: expected "x", got "test"'),
    'recipients': ("local s = t.session() s:send {}\n"
                   "s:message():expect_recipients 'x@y.example'",
                   'recipients: expected { "x@y.example" }, got { "rcpt'),
    'equal': ("t.equal({ 1, a = { 'x' } }, { 1, a = { 'y' } }, 'both')",
              'both: expected { 1, a = { "y" } }, got { 1, a = { "x" } }'),
    'log': ("t.session() t.expect_log 'xyzzy'",
            'log: expected a line that fits "xyzzy", got'),
    'no answer': ("t.http {} t.session():mail 'x@y.example':expect(250)",
                  'expected 250, got 421 4.3.0'),
    'error': ("error 'oops'", 'mx_test.lua:11: oops'),
    'typo': ("t.sesion()", "attempt to call field 'sesion'"),
    'out of order': ("t.session():content 'x'", 'content comes after DATA'),
    'late': ("t.session() t.dns {}", 'comes before the first session'),
    'no policy': ("t.policy 'nowhere.lua' t.session()",
                  'the policy does not load: cannot open'),
    'endless': ("while true do end", 'not done in 1 s: --timeout'),
    'its process dies': ("io.popen('kill -KILL $PPID'):read 'a'",
                         'died of signal 9'),
}


def file_of(tests, body=None):
    """An mx_test.lua; tests: names of PASSES, or name and body."""
    if body is not None:
        return f"{WORLD}t.test('{tests}', function()\n{body}\nend)\n"
    return WORLD + ''.join(f"t.test('{name}', function(){PASSES[name]}end)\n"
                           for name in tests)


def place(d, text):
    """The policy to be tested: not that of the daemon."""
    d.write_file('mx.lua', "local kumo = require 'kumo'" + text)


def run(d, *args, **env):
    return subprocess.run(
        [daemon.KUMILTER, 'test', *args], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False, cwd=d.dir,
        env=os.environ | env)


@rows({name: name for name in PASSES})
@policy(lambda name: '')
def test_passes(d, name):
    place(d, POLICY)
    d.write_file('mx_test.lua', file_of([name]))
    done = run(d)
    equal(done.returncode, 0, done.stdout + done.stderr)
    match(done.stdout, r'TAP version 13\n1\.\.1\nok 1 - mx_test\.lua: ')


@rows(FAILS)
@policy(lambda row: '')
def test_fails(d, row):
    """Which line of the test, what was expected and what came."""
    body, message = row
    place(d, POLICY)
    d.write_file('mx_test.lua', file_of('x', body))
    done = run(d, '--timeout', '1s' if 'while true' in body else '60s')
    equal(done.returncode, 1, done.stdout + done.stderr)
    match(done.stdout, r'\nnot ok 1 - mx_test\.lua: x # ')
    true(message in done.stdout, done.stdout)
    if 'process' not in message and 'signal' not in message \
            and '--timeout' not in message:
        lines = body.count('\n') + 11
        match(done.stdout, rf'\n  at: mx_test\.lua:{lines}\n')


@policy('')
def test_many(d):
    """In parallel, in order, filtered, listed, as JUnit and lcov."""
    place(d, POLICY)
    d.write_file('mx_test.lua', file_of(PASSES))
    d.write_file('sub/b_test.lua', "local t = require 'kumilter.test'\n"
                 "t.policy '../mx.lua'\n"
                 "t.cases('c', { 'x', { 'y' }, k = 1 }, function(row)\n"
                 "  t.ok(row ~= 'x', 'row')\n"
                 "  t.session() end)\n")
    done = run(d, '-j', '4', '--junit', 'out.xml', '--lcov', 'out.info',
               '--coverage')
    equal(done.returncode, 1)
    names = re.findall(r'^(?:not )?ok (\d+) - (\S+): (.*) #', done.stdout,
                       re.M)
    want = [('mx_test.lua', name) for name in PASSES] + \
        [('sub/b_test.lua', f'c [{row}]') for row in 'xyk']
    equal(names, [(str(n), *one) for n, one in enumerate(want, 1)])
    match(done.stdout, r'\n# mx\.lua: 9\d\.\d % of lines \(\d+ of \d+\); '
          r'not run: \d+\n')
    suites = list(xml.etree.ElementTree.parse(f'{d.dir}/out.xml').getroot())
    equal([(s.get('name'), s.get('tests'), s.get('failures'))
           for s in suites],
          [('mx_test.lua', str(len(PASSES)), '0'),
           ('sub/b_test.lua', '3', '1')])
    with open(f'{d.dir}/out.info') as file:
        text = file.read()
    match(text, r'^TN:\nSF:mx\.lua\nDA:1,\d+\n')
    equal(text.count(',0\n'), 1)
    equal(run(d, '--list', '-f', 'b_test').stdout,
          ''.join(f'sub/b_test.lua: c [{row}]\n' for row in 'xyk'))
    equal(run(d, '-f', r': dns$').stdout.split('\n')[1:2], ['1..1'])


@policy('')
def test_each_is_fresh(d):
    """What policies share in a process is new in each test, and chance
    repeats itself."""
    place(d, '''
local shared = {}
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  shared[#shared + 1] = 1
  local throttle = kumo.make_throttle('x', '1/hour')
  conn_meta:set_meta('r', { #shared, throttle:throttle(), math.random(9999) })
end)
''')
    body = '''  local s = t.session()
  s:mail 'a@b.example'
  local r = s:meta 'r'
  t.equal({ r[1], r[2].throttled }, { 1, false })
  t.fail(tostring(r[3]))
'''
    d.write_file('mx_test.lua', "local t = require 'kumilter.test'\n"
                 f"for i = 1, 3 do t.test('x', function() {body} end) end\n")
    said = run(d).stdout
    numbers = re.findall(r'message: \|\n\s+(\d+)\n', said)
    equal(len(numbers), 3, said)
    equal(len(set(numbers)), 1, said)


@rows({'no folder': (['nowhere'], 66, 'nowhere: No such'),
       'no tests': (['--filter', 'nothing', '.'], 66, 'no such tests'),
       'filter': (['--filter', '('], 64, 'no regular expression'),
       'jobs': (['-j', '0'], 64, '1 to 256')})
@policy(lambda row: '')
def test_complaints(d, row):
    args, code, text = row
    done = run(d, *args)
    equal(done.returncode, code)
    true(text in done.stderr, done.stderr)


@policy('')
def test_broken_file(d):
    """A test file that does not load is a test that does not pass."""
    d.write_file('x_test.lua', 'nonsense(')
    done = run(d)
    equal(done.returncode, 1)
    true('x_test.lua:1: ' in done.stdout, done.stdout)


@policy('')
def test_files(d):
    """Databases are each test's own, wherever the policy's are; modules are
    found where the test says."""
    place(d, f'''
local sqlite = require 'sqlite'
local word = require 'word'
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local db = sqlite.open '{d.dir}/nowhere/real.db'
  db:execute 'CREATE TABLE t (n)'
  local again = sqlite.open '{d.dir}/nowhere/real.db'
  again:execute('INSERT INTO t VALUES (?)', word)
  conn_meta:set_meta('n', db:execute 'SELECT n FROM t')
end)
''')
    d.write_file('lib/word.lua', "return 'hi'")
    d.write_file('mx_test.lua', "local t = require 'kumilter.test'\n"
                 "t.path 'lib'\n"
                 "for i = 1, 2 do t.test('x', function()\n"
                 "local s = t.session() s:mail 'a@b.example'\n"
                 "s:expect_meta('n', { 'hi' }) end) end\n")
    os.mkdir(f'{d.dir}/tmp')
    done = run(d, TMPDIR=f'{d.dir}/tmp')
    equal(done.returncode, 0, done.stdout)
    equal(os.listdir(f'{d.dir}/tmp'), [])


@scriptlet("local x = 1")
def test_scriptlets(d):
    """Policies of Momentum's."""
    d.write_file('m.lua', '''
require('msys.core')
local mod = {}
function mod:validate_mailfrom(str, ac, vctx)
  if str:find('bad') then
    vctx:set_code(550, 'no bad mail')
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end
msys.registerModule('m', mod)
''')
    d.write_file('m_test.lua', "local t = require 'kumilter.test'\n"
                 "t.scriptlet 'm.lua'\n"
                 "t.test('x', function() local s = t.session()\n"
                 "s:mail('bad@b.example'):expect(550, 'no bad mail')\n"
                 "s:mail('a@b.example'):expect(250) end)\n")
    done = run(d)
    equal(done.returncode, 0, done.stdout)


DEMAND = '''
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, 'old')
end)
'''
DEMANDS = '''
local t = require 'kumilter.test'
t.test('says what it says', function()
  t.session():mail('a@b.example'):match(550, 'old')
end)
'''


@policy(DEMAND, args=['--require-tests', '@DIR@/policy_test.lua'],
        files={'policy_test.lua': DEMANDS})
def test_reload_demands(d):
    """A policy whose tests fail is refused, and the old one serves on."""
    s = d.session()
    s.helo()
    equal(s.mail(), '550 old')
    d.write_policy(DEMAND.replace('old', 'new'))
    done = d.verb('reload')
    equal(done.returncode, 65)
    true('a test does not pass: ' in done.stderr, done.stderr)
    true('policy_test.lua: says what it says: reply: expected 550 old, got '
         '550 new' in done.stderr, done.stderr)
    s = d.session()
    s.helo()
    equal(s.mail(), '550 old')
    d.write_file('policy_test.lua', DEMANDS.replace('old', 'new'))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)
    s = d.session()
    s.helo()
    equal(s.mail(), '550 new')


@policy('')
def test_serve_demands(d):
    """It does not even begin."""
    d.session().helo()     # its own policy is loaded
    d.write_policy(DEMAND)
    for name, text, said in (
            ('policy_test.lua', DEMANDS.replace('old', 'x'),
             'a test does not pass: '),
            ('other.lua', '', 'there are no tests')):
        path = d.write_file(name, text)
        user = ['--user', 'nobody'] if os.geteuid() == 0 else []
        done = subprocess.run(
            [daemon.KUMILTER, 'serve', '-p', d.policy_file, '--listen',
             f'unix:{d.dir}/other', '--control', 'none', '--require-tests',
             path, *user], capture_output=True, text=True, timeout=60,
            check=False)
        equal(done.returncode, 65, done.stderr)
        true(said in done.stderr, done.stderr)
