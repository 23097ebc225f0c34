"""Handlers that wait, and handlers that never end."""

import select
import time

from case import DIFFICULTIES, alone, equal, policy, rows, true
from daemon import PATIENCE


def crowd(d, n):
    """n sessions that have said HELO, and no more, as raw connections."""
    sessions = []
    for _ in range(n):
        s = d.session(timeout=PATIENCE)
        s.helo()
        sessions.append(s)
    return sessions


def all_at_once(sessions, sender='<ann@example.com>'):
    """MAIL in every session at the same instant; replies and seconds."""
    begin = time.monotonic()
    say_all(sessions, [sender] * len(sessions))
    return answers_of(sessions), time.monotonic() - begin


def say_all(sessions, senders):
    """MAIL in every session, each with its sender; nobody waits."""
    for s in sessions:
        s.send_macros('mail')
    for s, sender in zip(sessions, senders):
        s.milter.say('mail', sender.encode() + b'\0')


def answers_of(sessions):
    """What sessions that wait are told, in the order in which they are."""
    poller = select.poll()
    waiting = {}
    for s in sessions:
        fd = s.milter.wire.sock.fileno()
        waiting[fd] = s
        poller.register(fd, select.POLLIN)
    answers = []
    while waiting:
        ready = poller.poll(PATIENCE * 1000)
        true(ready, 'an answer to the %d that still wait' % len(waiting))
        for fd, _ in ready:
            answers.append(waiting.pop(fd).milter.answer())
            poller.unregister(fd)
    return answers


SLEEP = '''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '120s' %s }
end)
kumo.on('smtp_server_mail_from', function(sender)
  kumo.sleep(1)
  kumo.reject(550, 'slept')
end)
'''


@alone
@policy(SLEEP % '')
def test_200_sleep_side_by_side(d):
    """libmilter alone would take 100 s; the bound is far above the second."""
    answers, took = all_at_once(crowd(d, 200))
    equal({str(a) for a in answers}, {'550 slept'})
    true(took < 20, '200 sleeps of 1 s in much less than 100 s, not %.1f'
         % took)


@alone
@policy(SLEEP % ', states = 2')
def test_1000_sleep_in_2_states(d):
    """A waiting session holds no state: one after the other takes 500 s."""
    answers, took = all_at_once(crowd(d, 1000))
    equal({str(a) for a in answers}, {'550 slept'})
    true(took < 60, '1000 sleeps of 1 s in much less than 500 s, not %.1f'
         % took)


@policy('''
kumo.on('init', function() kumo.milter.configure { states = 1 } end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'slow' then kumo.sleep(5) end
  kumo.reject(550, sender.user)
end)
''')
def test_others_go_on_while_one_sleeps(d):
    slow, quick = crowd(d, 2)
    slow.milter.say('mail', b'<slow@example.com>\0')
    for _ in range(10):
        equal(quick.mail('<quick@example.com>'), '550 quick')
    ready = select.select([slow.milter.wire.sock], [], [], 0)[0]
    true(not ready, 'the slow one still asleep')
    equal(slow.milter.answer(), '550 slow')


@policy('''
local order = {}
kumo.on('smtp_server_mail_from', function(sender, cm)
  local before = cm:get_meta('n') or 0
  kumo.sleep(0.01)
  cm:set_meta('n', before + 1)
  for i = 1, 3 do kumo.sleep(0.001) end
  kumo.reject(550, 'n ' .. cm:get_meta('n') .. ' ' .. sender.user)
end)
''')
def test_values_survive_a_wait(d):
    sessions = crowd(d, 50)
    for turn in range(1, 4):
        answers, _ = all_at_once(sessions, '<u%d@example.com>' % turn)
        equal({str(a) for a in answers}, {'550 n %d u%d' % (turn, turn)})


SLEEPS_IN = {
    'pcall': 'pcall(kumo.sleep, 0.01)',
    'coroutine': 'coroutine.wrap(function() kumo.sleep(0.01) end)()',
    'sort': 'table.sort({ 2, 1 }, function(a, b) kumo.sleep(0.01)'
            ' return a < b end)',
    'gsub': "('ab'):gsub('.', function() kumo.sleep(0.01) end)",
    'iterator': 'for _ in function() kumo.sleep(0.01) end do end',
    'metamethod': 'local t = setmetatable({}, { __index = function()'
                  ' kumo.sleep(0.01) end }) local x = t.x',
}


@rows(SLEEPS_IN)
@policy(lambda statement: '''
kumo.on('smtp_server_mail_from', function()
  %s
  kumo.reject(550, 'slept')
end)
''' % statement)
def test_sleep_in(d, statement):
    for s in crowd(d, 2):
        equal(s.mail(), '550 slept')


@policy('''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '0.3s' }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'slow' then pcall(kumo.sleep, 100) end
end)
''')
def test_event_timeout(d):
    slow, other = crowd(d, 2)
    equal(slow.mail('<slow@example.com>'), DIFFICULTIES)
    d.wait_log(r'policy\.lua:6')
    equal(other.mail(), 'continue')


@policy('''
kumo.on('smtp_server_mail_from', function() kumo.sleep(2) end)
''')
def test_client_leaves_a_sleeper(d):
    for s in crowd(d, 20):
        s.milter.say('mail', b'<a@example.com>\0')
        s.drop()
    s = d.session()
    s.helo()
    equal(s.mail(), 'continue')


SPIN = 'while true do end'
RUNAWAYS = {
    'loop': SPIN,
    'for': 'for i = 1, 1e15 do end',
    'goto': '::again:: goto again',
    'tail calls': 'local function f() return f() end f()',
    'in pcall': 'pcall(function() %s end)' % SPIN,
    'pcall again and again': 'while true do pcall(function() %s end) end'
                             % SPIN,
    'pcall of error': 'while true do pcall(error, {}) end',
    'in a coroutine': 'coroutine.wrap(function() %s end)()' % SPIN,
    'coroutines in pcall': 'while true do pcall(coroutine.wrap(function()'
                           ' %s end)) end' % SPIN,
    'in a comparator': 'table.sort({ 3, 2, 1 }, function() %s end)' % SPIN,
    'in a gsub callback': "('a'):gsub('a', function() %s end)" % SPIN,
    'in an xpcall handler': 'xpcall(error, function() %s end)' % SPIN,
    'in a metamethod': 'local t = setmetatable({}, { __index = function()'
                       ' %s end }) local x = t.x' % SPIN,
    'in tostring': 'tostring(setmetatable({}, { __tostring = function()'
                   ' %s end }))' % SPIN,
    'in a loaded chunk': "load('%s')()" % SPIN,
    'table for ever': 'local t = {} while true do t[#t + 1] = {} end',
    'table in pcall': 'while true do pcall(function() local t = {}'
                      ' while true do t[#t + 1] = {} end end) end',
    'string for ever': "local s = 'x' while true do s = s .. s end",
    'strings with numbers': 'local t = {} while true do'
                            ' t[#t + 1] = tostring(#t) end',
    'rep 1e9': "local s = ('x'):rep(1e9)",
    'rep in pcall': "while true do pcall(string.rep, 'x', 1e9) end",
    'format': "while true do local s = ('%99s'):format('x') end",
    'concat': 'local t = {} for i = 1, 1e6 do t[i] = \'x\' end'
              ' while true do table.concat(t) end',
    'recursion': 'local function f() return 1 + f() end f()',
    'recursive gsub': "local function f() return (('a'):gsub('a', f)) end"
                      ' f()',
    'recursive coroutines': 'local function f()'
                            ' return coroutine.wrap(f)() end f()',
    'recursive sort': 'local function f() table.sort({ 2, 1 }, f) end f()',
    'recursive load': 'local function f() load(f)() end f()',
    'recursive tostring': 'local t t = setmetatable({}, { __tostring ='
                          ' function() return tostring(t) end })'
                          ' tostring(t)',
    'recursive pcall': 'local function f() pcall(f) return f() end f()',
    'pattern': "(('a'):rep(40)):match(('a?'):rep(40) .. ('a'):rep(40))",
    'pattern, lazy': "(('a'):rep(3000)):find('.-.-.-.-.-.-b')",
    'pattern in pcall': "while true do pcall(string.find,"
                        " ('a'):rep(3000), '.-.-.-.-.-.-b') end",
    'pattern, gsub': "(('a'):rep(3000)):gsub('.-.-.-.-.-.-b', '')",
    'pattern, gmatch': "for w in (('a'):rep(3000)):gmatch('.-.-.-.-.-.-b')"
                       ' do end',
    'deep nesting in source': "assert(load('return ' .. ('{'):rep(1e5)))",
}


@rows(RUNAWAYS)
@policy(lambda statement: '''
kumo.on('init', function()
  kumo.milter.configure { cpu_limit = '0.2s', memory_limit = '24MB',
    event_timeout = '20s', states = 2 }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'run' then
    %s
    error('it came to an end')
  end
  kumo.reject(550, 'served')
end)
''' % statement)
def test_runaway(d, statement):
    runaway, neighbour = crowd(d, 2)
    equal(runaway.mail('<run@example.com>'), DIFFICULTIES)
    # a loop's jump back bears the line before it
    d.wait_log(r'policy\.lua:[78]')
    equal(neighbour.mail(), '550 served', 'the session beside it')
    # both states still work
    for s in crowd(d, 4):
        equal(s.mail(), '550 served')
    again = d.session()
    again.helo()
    equal(again.mail('<run@example.com>'), DIFFICULTIES)


@policy('''
kumo.on('init', function()
  kumo.milter.configure { cpu_limit = '0.2s' }
end)
kumo.on('smtp_server_connection_accepted', function(cm)
  if cm:get_meta('received_from'):find('^192%.0%.2%.66:') then
    while true do end
  end
end)
kumo.on('smtp_server_message_received', function() while true do end end)
''')
def test_runaway_at_other_stages(d):
    equal(d.session(addr='192.0.2.66').banner, DIFFICULTIES)
    s = d.session()
    s.helo()
    equal(s.message(), DIFFICULTIES)


FORBIDDEN = {
    'os.exit': 'os.exit(3)', 'ffi': "require 'ffi'", 'jit': "require 'jit'",
    'newproxy': 'newproxy(true)',
    'bytecode': "assert(load(string.dump(function() end)))()",
    'collectgarbage stop': "collectgarbage('stop')",
}


@rows(FORBIDDEN)
@policy(lambda statement: '''
kumo.on('smtp_server_mail_from', function(sender)
  local ok = pcall(function() %s end)
  kumo.reject(550, ok and 'done' or 'refused')
end)
''' % statement)
def test_forbidden(d, statement):
    s = d.session()
    s.helo()
    equal(s.mail(), '550 refused')
