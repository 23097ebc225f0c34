"""conf/policy-extras/ on a daemon: many sessions at once, servers that are
slow or gone."""

import concurrent.futures
import glob
import os
import shutil
import socket
import subprocess
import tempfile

from case import equal, match, policy, true
from daemon import Daemon, ROOT, connects, free_port, wait_until

CROWD = 60

EXTRAS = {}
for _path in glob.glob(os.path.join(ROOT, 'conf/policy-extras/*.lua')):
    with open(_path) as _file:
        EXTRAS['policy-extras/' + os.path.basename(_path)] = _file.read()

WAIT = r'^451 4\.7\.1 greylisted, please come again in (300|299|298) seconds'

GREYLIST = '''
local path = debug.getinfo(1, 'S').source:match('@(.*)/') .. '/greylist.db'
kumo.on('init', function()
  kumo.milter.configure { states = 8, event_timeout = '100s' }
end)
require('policy-extras.chain').register {
  require('policy-extras.greylist').new {
    store = 'sqlite:' .. path, delay = %s, whitelist_after = 0,
    on_failure = 'tempfail',
  },
}
'''


def try_all(d, rcpts=('<bob@example.org>',)):
    """What a crowd is told of its recipients, all at once."""
    sessions = [d.session() for _ in range(CROWD)]
    for s in sessions:
        s.helo('client.example.com')

    def one(s):
        s.mail()
        return [str(s.rcpt(rcpt)) for rcpt in rcpts]

    with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
        return [answer for answers in pool.map(one, sessions)
                for answer in answers]


@policy(GREYLIST % "'5m'", files=EXTRAS)
def test_greylist_made_by_many(d):
    """Eight states open and make one database at the same time."""
    for answer in try_all(d, ['<bob@example.org>', '<carol@example.org>']):
        match(answer, WAIT)
    true('policy-extras' not in d.log(), 'no complaint:\n' + d.log())


@policy(GREYLIST % '0', files=EXTRAS)
def test_greylist_passed_by_many(d):
    """All of them write."""
    for _ in range(3):
        equal(set(try_all(d)), {'continue'})
    true('policy-extras' not in d.log(), 'no complaint:\n' + d.log())


SLOW = '''
require('policy-extras.site').configure { dns_budget = '100ms' }
require('policy-extras.chain').register {
  require('policy-extras.helo').new { resolve = true },
  require('policy-extras.ptr').new {},
  require('policy-extras.dnsbl').new {
    lists = { 'zen.spamhaus.org', 'bl.spamcop.net', 'b.barracudacentral.org',
      'psbl.surriel.com', 'list.dnswl.org' },
  },
}
'''


@policy('', files=EXTRAS)
def test_silent_nameserver(d):
    """One wait, not one for each lookup: else the handler's time would be up
    and the client get a 421."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(('127.0.0.1', 0))
        d.write_policy('''
kumo.on('init', function()
  kumo.milter.configure { dns_timeout = '1s', event_timeout = '4s',
    dns_servers = '127.0.0.1:%d' }
end)''' % server.getsockname()[1] + SLOW)
        equal(d.verb('reload').returncode, 0)
        s = d.session()
        s.helo('client.example.com')
        equal(s.mail(), 'continue')
        for _ in range(3):
            equal(s.rcpt(), 'continue')
        d.wait_log('policy-extras: DNS: .*no answer in time')
        true('too slow' not in d.log(), 'one line about it:\n' + d.log())


# ---- Redis -----------------------------------------------------------------

SHARED = '''
require('policy-extras.chain').register {
  require('policy-extras.greylist').new {
    store = 'redis://127.0.0.1:%d/0', delay = %s, whitelist_after = 2,
    on_failure = '%s',
  },
}
'''


class Redis:
    """In `with`: redis-server, on a port of its own; start() again what was
    killed."""

    def __init__(self):
        self.program = shutil.which('redis-server')
        true(self.program, 'redis-server is installed (t/deps.sh)')
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix='kumilter-')
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, '--port', str(self.port), '--bind', '127.0.0.1',
             '--save', '', '--appendonly', 'no', '--dir', self.dir],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until('redis-server accepts', lambda: connects(
            'inet:%d@127.0.0.1' % self.port))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exc):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def use(d, *values):
    """Load the greylist on Redis."""
    d.write_policy(SHARED % values)
    equal(d.verb('reload').returncode, 0)


def told(d, rcpt='<bob@example.org>', addr='192.0.2.1'):
    """What a stranger is told of a recipient."""
    s = d.session(addr=addr)
    s.mail()
    answer = s.rcpt(rcpt)
    s.quit()
    return answer


@policy('', files=EXTRAS)
def test_greylist_of_two_daemons(d):
    """Who comes back to the other one is known there."""
    with Redis() as redis:
        other = Daemon('', files=EXTRAS)
        try:
            use(d, redis.port, "'1s'", 'tempfail')
            use(other, redis.port, "'1s'", 'tempfail')
            match(told(d), '^451 4.7.1 greylisted')
            wait_until('a second passes', lambda: str(told(other)) ==
                       'continue')
            equal(told(d), 'continue')
            # twice is known, with all its recipients
            equal(told(other, '<new@example.org>'), 'continue')
            match(told(other, '<new@example.org>', '192.0.3.1'),
                  '^451 4.7.1 greylisted')
        finally:
            faults = other.stop()
            other.clean()
        equal(faults, [])


@policy('', files=EXTRAS)
def test_greylist_without_redis(d):
    """It is killed and comes back: mail passes, or comes again."""
    with Redis() as redis:
        use(d, redis.port, "'5m'", 'pass')
        match(told(d), '^451 4.7.1 greylisted')
        redis.kill()
        equal(told(d), 'continue')
        d.wait_log('policy-extras.greylist: ')
        redis.start()
        wait_until('greylisting again', lambda: str(told(d)).startswith(
            '451 4.7.1 greylisted'))
        use(d, redis.port, "'5m'", 'tempfail')
        redis.kill()
        equal(told(d), '451 4.3.0 try again later, please')
        redis.start()


@policy('', files=EXTRAS)
def test_greylist_on_a_silent_redis(d):
    """One that hangs costs a wait, not the handler's time."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen(100)
        use(d, server.getsockname()[1], "'5m'", 'pass')
        equal(told(d), 'continue')
        equal(told(d), 'continue')
        d.wait_log('policy-extras.greylist: ')
