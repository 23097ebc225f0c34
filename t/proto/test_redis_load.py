"""Redis that dies, freezes or answers late, with queries on their way."""

import os
import shutil
import signal
import socket
import tempfile
import threading
import time

from case import alone, equal, match, policy, rows, true
from daemon import open_socket, wait_until
from test_limits import answers_of, crowd, say_all
from test_redis import Redis, use

CROWD = 60
SENDERS = ['<u%d@example.com>' % i for i in range(CROWD)]


def number_of(redis, words):
    """What the server answers to these words, an integer."""
    s = open_socket('unix:' + redis.socket, 20)
    with s, s.makefile('rb') as f:
        s.sendall(words.encode() + b'\r\n')
        return int(f.readline()[1:])


def start(d, redis):
    """A crowd of which everybody is in the middle of it."""
    sessions = crowd(d, CROWD)
    say_all(sessions, SENDERS)
    wait_until('all of them ask',
               lambda: number_of(redis, 'SCARD seen') == CROWD)
    return sessions


# Until a query fails; then the throttle counts in this process.
KILLED = '''
local db = require 'redis'.open { node = 'unix://%s' }
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '120s', states = 2 }
  kumo.configure_redis_throttles { node = 'unix://%s?db=1' }
end)
local many = kumo.make_throttle('many', '1000000000/d')
local few = kumo.make_throttle('few', '20/d')
local BUSY = "for i = 1, 20000 do end return ARGV[1]"

local function work(key)
  local i = 0
  while true do
    i = i + 1
    local mine = key .. ':' .. i
    local what = i == 3 and { 'SADD', 'seen', key }
      or { 'EVAL', BUSY, 0, mine }
    local ok, got = pcall(db.query, db, what)
    if not ok then
      return got
    elseif got ~= (i == 3 and 1 or mine) then
      kumo.reject(550, 'not mine: ' .. tostring(got))
    elseif many:throttle().throttled then
      kumo.reject(550, 'throttled')
    end
  end
end

kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'again' then
    kumo.reject(550, db:query('ECHO', 'fine'))
  elseif sender.user == 'throttle' then
    many:throttle()
    kumo.reject(550, 'counted')
  end
  local why = work(sender.user)
  kumo.reject(550, (few:throttle().throttled and 'no ' or 'yes ') .. why)
end)
'''


def throttles_are_back(d, session):
    equal(session.mail('<throttle@example.com>'), '550 counted')
    log = d.log()
    times = log.count('until it is back, throttles do without')
    return 0 < times == log.count('throttles: Redis is back')


@alone
@policy('')
def test_killed_while_asked(d):
    """Each query fails once, throttles fall back, both find it again."""
    redis = Redis()
    try:
        use(d, KILLED % (redis.socket, redis.socket))
        sessions = start(d, redis)
        redis.kill()
        answers = [str(a) for a in answers_of(sessions)]
        for a in answers:
            match(a, '^550 (yes|no) Redis at %s: ' % redis.socket)
        true(any('closed the connection' in a or 'reset' in a
                 for a in answers), 'one that was waiting for its reply')
        equal(sum(a.startswith('550 yes') for a in answers), 20)
        redis.start()
        say_all(sessions, ['<again@example.com>'] * CROWD)
        equal({str(a) for a in answers_of(sessions)}, {'550 fine'})
        wait_until('throttles use it again, and say so as often as they '
                   'were without', lambda: throttles_are_back(d, sessions[0]))
    finally:
        redis.close()


# Until everything was well 20 times in a row, after something was not.  What
# a SET without an answer has set may come later: it is this session's, too.
FROZEN = '''
local db = require 'redis'.open { node = 'unix://%s', pool_size = 20,
  response_timeout = '500ms', recycle_timeout = '200ms',
  wait_timeout = '500ms', connect_timeout = '500ms' }
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '120s', states = 2 }
  kumo.configure_redis_throttles { node = 'unix://%s?db=1',
    milter_on_error = 'throttled' }
end)
local many = kumo.make_throttle('many', '1000000000/d')

local function fits(what, got, key, mine)
  if what == 'ECHO' then
    return got == mine
  elseif what == 'SET' then
    return got == true
  end
  return got == nil or type(got) == 'string' and got:match '^[^:]*' == key
end

local function ask(what, key, mine)
  local ok, got
  if what == 'ECHO' then
    ok, got = pcall(db.query, db, what, mine)
  elseif what == 'SET' then
    ok, got = pcall(db.query, db, what, key, mine)
  else
    ok, got = pcall(db.query, db, what, key)
  end
  if ok and not fits(what, got, key, mine) then
    kumo.reject(550, key .. ' got ' .. tostring(got) .. ' from ' .. what)
  elseif not ok and not got:find 'no answer in time'
    and not got:find 'connections are in use' then
    kumo.reject(550, got)
  end
  return ok
end

kumo.on('smtp_server_mail_from', function(sender)
  local key, i, well, seen, failed = sender.user, 0, 0, false, false
  while well < 20 do
    i = i + 1
    local all = true
    for _, what in ipairs { 'ECHO', 'SET', 'GET' } do
      all = ask(what, key, key .. ':' .. i) and all
    end
    local throttled = many:throttle().throttled
    seen = seen or pcall(db.query, db, 'SADD', 'seen', key)
    if not (all or failed) then
      kumo.log_warn('without an answer: ' .. key)
      failed = true
    elseif failed then
      well = all and not throttled and well + 1 or 0
    end
  end
  kumo.reject(550, 'well')
end)
'''


@alone
@policy('')
def test_frozen_while_asked(d):
    """Answers that come late are nobody's."""
    redis = Redis()
    try:
        use(d, FROZEN % (redis.socket, redis.socket))
        sessions = start(d, redis)
        redis.signal(signal.SIGSTOP)
        d.wait_log('without an answer: u', CROWD)
        d.wait_log('until it is back, throttles do without')
        redis.signal(signal.SIGCONT)
        equal({str(a) for a in answers_of(sessions)}, {'550 well'})
        true('throttles: Redis is back' in d.log(), 'throttles use it again')
    finally:
        redis.close()


class Fake:
    """Answers 'late' with something, and the rest when the next one asks."""

    def __init__(self, begin, rest, drips):
        self.begin, self.rest, self.drips = begin, rest, drips
        self.dir = tempfile.mkdtemp(prefix='kumilter-fake-')
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, 'redis')
        self.late = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        os.chmod(self.socket, 0o777)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        n = 0
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            n += 1
            threading.Thread(target=self.serve, args=(s, n),
                             daemon=True).start()

    def serve(self, s, n):
        with s, s.makefile('rb') as f:
            try:
                while f.readline():
                    self.answer(s, n, self.words(f))
            except OSError:
                pass

    @staticmethod
    def words(f):
        """GET and what it shall get."""
        words = []
        for _ in range(2):
            f.readline()
            words.append(f.readline().strip())
        return words

    def answer(self, s, n, words):
        if words[1] == b'late':
            self.late = s
            s.sendall(self.begin)
            while self.drips:
                s.sendall(b'x')
                time.sleep(0.02)
            return
        try:
            self.late.sendall(self.rest)
        except OSError:
            pass
        text = b'%s on %d' % (words[1], n)
        s.sendall(b'$%d\r\n%s\r\n' % (len(text), text))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)


LATE = '''
local db = require 'redis'.open { node = 'unix://%s', pool_size = 1,
  response_timeout = '1s' }
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '60s' }
end)
kumo.on('smtp_server_mail_from', function()
  local _, first = pcall(db.query, db, 'GET', 'late')
  local one = db:query('GET', 'one')
  kumo.reject(550, first .. ', ' .. one .. ', ' .. db:query('GET', 'two'))
end)
'''
TOO_LATE = 'Redis at %s: no answer in time'


@rows({
    'nothing': (b'', b'$4\r\nlate\r\n', False, TOO_LATE),
    'half a text': (b'$8\r\nlate', b'late\r\n', False, TOO_LATE),
    'half an array': (b'*2\r\n$4\r\nlate\r\n', b'$4\r\nlate\r\n', False,
                      TOO_LATE),
    'never quiet': (b'$1000000\r\n', b'', True, TOO_LATE),
    'one too many': (b'$4\r\nlate\r\n$5\r\nextra\r\n', b'', False, 'late'),
})
@policy(lambda row: '')
def test_late(d, row):
    """Its connection is not for the next query."""
    begin, rest, drips, first = row
    fake = Fake(begin, rest, drips)
    try:
        use(d, LATE % fake.socket)
        equal(d.session().mail(), '550 %s, one on 2, two on 2' % (
            first.replace('%s', fake.socket)))
    finally:
        fake.close()


BUSY = '''
local db = require 'redis'.open { node = 'unix://%s', pool_size = 1,
  response_timeout = '200ms' }
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '60s' }
end)
local SCRIPT = [[
  local function now()
    local t = redis.call('TIME')
    return t[1] * 1000 + t[2] / 1000
  end
  local finish = now() + 1000
  while now() < finish do end
  return 'late'
]]
kumo.on('smtp_server_mail_from', function()
  local _, first = pcall(db.query, db, 'EVAL', SCRIPT, 0)
  local ok, next
  repeat
    ok, next = pcall(db.query, db, 'ECHO', 'next')
  until ok
  kumo.reject(550, first .. ', ' .. next)
end)
'''


@alone
@policy('')
def test_busy(d):
    """A script keeps the server from answering anybody."""
    redis = Redis()
    try:
        use(d, BUSY % redis.socket)
        equal(d.session().mail(),
              '550 Redis at %s: no answer in time, next' % redis.socket)
    finally:
        redis.close()
