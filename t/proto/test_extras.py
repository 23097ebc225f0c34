"""conf/policy-extras/ on a daemon: many sessions at once, slow nameservers."""

import concurrent.futures
import glob
import os
import socket

from case import equal, match, policy, true
from daemon import ROOT

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
