"""require 'redis' and throttles in Redis: servers that die, freeze, return."""

import os
import signal
import shutil
import subprocess
import tempfile

from case import alone, equal, policy, true
from daemon import Daemon, connects, wait_until
from test_limits import all_at_once, crowd

SENDER = '<ann@example.com>'


class Redis:
    """A redis-server of the test's own, on a unix socket, without a disk."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='kumilter-redis-')
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, 'redis')
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.socket,
             '--unixsocketperm', '777', '--save', '', '--appendonly', 'no',
             '--dir', self.dir, '--daemonize', 'no'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until('redis-server accepts',
                   lambda: connects('unix:' + self.socket))

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


THROTTLE = '''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '20s', states = 2 }
  kumo.configure_redis_throttles { node = 'unix://%s' }
end)
local t = kumo.make_throttle('shared', '%d/d')
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, t:throttle().throttled and 'no' or 'yes')
end)
'''


def use(d, text):
    d.write_policy(text)
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)


def count(answers):
    texts = [str(a) for a in answers]
    return tuple(sum(t.endswith(w) for t in texts) for w in ('yes', 'no'))


@alone
@policy('')
def test_a_limit_of_two_processes(d):
    redis = Redis()
    other = None
    try:
        text = THROTTLE % (redis.socket, 30)
        use(d, text)
        other = Daemon(text)
        first, _ = all_at_once(crowd(d, 20), SENDER)
        second, _ = all_at_once(crowd(other, 20), SENDER)
        equal(count(first), (20, 0))
        equal(count(second), (10, 10))
        equal(other.stop(), [])
    finally:
        if other:
            other.clean()
        redis.close()


@alone
@policy('')
def test_throttles_without_redis(d):
    """Killed, and later frozen, with sessions at it."""
    redis = Redis()
    try:
        use(d, THROTTLE % (redis.socket, 1000))
        for away in (redis.kill, lambda: redis.signal(signal.SIGSTOP)):
            equal(count(all_at_once(crowd(d, 40), SENDER)[0]), (40, 0))
            away()
            equal(count(all_at_once(crowd(d, 40), SENDER)[0]), (40, 0))
            d.wait_log('until it is back, throttles do without')
            if redis.process.poll() is not None:
                redis.start()
            else:
                redis.signal(signal.SIGCONT)
            backs = d.log().count('throttles: Redis is back')
            wait_until('Redis is used again', lambda: crowd(d, 1)[0].mail(
                SENDER) and d.log().count('Redis is back') > backs)
        true(d.log().count('do without') == 2, 'logged once each time')
    finally:
        redis.close()


QUERY = '''
local db = require 'redis'.open { node = 'unix://%s',
  response_timeout = '300ms', recycle_timeout = '100ms',
  wait_timeout = '300ms', connect_timeout = '300ms' }
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '20s', states = 2 }
end)
kumo.on('smtp_server_mail_from', function()
  local ok, n = pcall(db.query, db, 'INCR', 'n')
  kumo.reject(550, ok and 'yes' or 'no')
end)
'''


@alone
@policy('')
def test_queries_without_redis(d):
    redis = Redis()
    try:
        use(d, QUERY % redis.socket)
        for away in (redis.kill, lambda: redis.signal(signal.SIGSTOP)):
            equal(count(all_at_once(crowd(d, 8), SENDER)[0]), (8, 0))
            away()
            equal(count(all_at_once(crowd(d, 40), SENDER)[0]), (0, 40))
            if redis.process.poll() is not None:
                redis.start()
            else:
                redis.signal(signal.SIGCONT)
            equal(count(all_at_once(crowd(d, 8), SENDER)[0]), (8, 0))
    finally:
        redis.close()
