#!/usr/bin/env python3
"""Sessions that wait for a block list: make bench-rbl

2000 sessions at a time, one message each, from a client address of its own;
the policy asks a block list that answers after 50 ms.  Beside it the same
policy without the lookup: what a session costs where it waits for nothing.
A perfect wait adds the latency to that and nothing else:
sessions / (latency + bare cost), where the bare cost is the time that 2000
sessions take without the lookup.  Both run in turn, A B B A.
"""

import argparse
import statistics
import subprocess

import bench_lib
from bench_lib import LOADGEN, SLOW_DNS, load, policy
from daemon import Daemon

LATENCY_MS = 50
CONCURRENT = 2000
BARE = 'policy_envelope.lua'

class SlowDns:
    def __init__(self, ms):
        self.process = subprocess.Popen([SLOW_DNS, str(ms)],
                                        stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def clean(self):
        self.process.kill()
        self.process.wait()


class Side:
    """A daemon, and sessions that never come from one address twice."""

    def __init__(self, text):
        self.daemon = Daemon(text)
        self.first = 0

    def run(self, sessions):
        result = load(self.daemon.address, '--concurrent', CONCURRENT,
                      '--sessions', sessions, '--first', self.first,
                      '--own-address')
        self.first += sessions
        return result


def spread(values, form='%.0f'):
    return (form + ' (' + form + ' .. ' + form + ')') % (
        statistics.median(values), min(values), max(values))


def rounds(bare, rbl, n, sessions):
    """Of each round: speed without and with the lookup, the perfect one."""
    found = []
    for i in range(n):
        results = {}
        for side in (bare, rbl) if i % 2 == 0 else (rbl, bare):
            results[side] = side.run(sessions)
        speed = results[bare]['sessions_per_s']
        found.append((speed, results[rbl]['sessions_per_s'], CONCURRENT / (
            LATENCY_MS / 1000 + CONCURRENT / speed),
            results[rbl]['latency_us']['mail']))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--sessions', type=int, default=20000)
    options = parser.parse_args()
    bench_lib.need_programs(LOADGEN, SLOW_DNS)
    dns = SlowDns(LATENCY_MS)
    sides = []
    try:
        sides.append(Side(policy(BARE)))
        sides.append(Side(policy('policy_rbl.lua').replace(
            '@PORT@', str(dns.port))))
        for side in sides:
            side.run(2 * CONCURRENT)
        found = rounds(*sides, options.rounds, options.sessions)
    finally:
        for side in sides:
            side.daemon.clean()
        dns.clean()
    print('%d sessions at a time, a block list %d ms away; median of %d '
          '(smallest .. largest)' % (CONCURRENT, LATENCY_MS, options.rounds))
    print('  sessions/s: without lookup %s, with %s, perfect %s' % (
        spread([f[0] for f in found]), spread([f[1] for f in found]),
        spread([f[2] for f in found])))
    print('  of the perfect wait: ' + spread([f[1] / f[2] for f in found],
                                             '%.2f'))
    print('  mail, beyond %d ms: p50 %s ms, p99 %s ms' % (
        LATENCY_MS, *(spread([f[3][p] / 1000 - LATENCY_MS for f in found],
                             '%.0f') for p in ('p50', 'p99'))))


if __name__ == '__main__':
    main()
