#!/usr/bin/env python3
"""What it costs to say why: make bench-decision

Four daemons with one policy, loaded in turn: two that say nothing; one with a
decision log; one with a decision log and metrics that are fetched each second.
Each round has all of these, every other one backwards, and ratios are those
of trace.py.
"""

import argparse
import contextlib
import statistics
import threading
import urllib.request

import bench_lib
from bench_lib import LOADGEN, load, policy
from daemon import KUMILTER, Daemon, free_port
from trace import counters, cpu_seconds, ratios

LOG = '''
local folder = debug.getinfo(1, 'S').source:match '@(.*)/'
kumo.on('init', function()
  kumo.milter.configure { decision_log = { log_dir = folder .. '/logs' } }
end)
'''
WAYS = ('off', 'log', 'log, metrics', 'off again')


class Filter:
    """A daemon that does one of these."""

    def __init__(self, name, way):
        self.port = free_port() if 'metrics' in way else None
        args = ['--metrics', 'inet:%d@127.0.0.1' % self.port] \
            if self.port else []
        text = policy(name) + (LOG if 'log' in way else '')
        self.daemon = Daemon(text, args=args)

    @contextlib.contextmanager
    def fetched(self):
        """In `with`: its metrics are asked for each second."""
        over = threading.Event()

        def fetch():
            while not over.wait(1):
                urllib.request.urlopen(
                    'http://127.0.0.1:%d/metrics' % self.port).read()
        thread = threading.Thread(target=fetch)
        if self.port:
            thread.start()
        yield
        over.set()
        if self.port:
            thread.join()

    def load(self, args):
        """Messages a second, processor time for each, lines of the log
        that were written and that were dropped."""
        before = counters(self.daemon)
        cpu = cpu_seconds(self.daemon)
        with self.fetched():
            result = load(self.daemon.address, '--concurrent',
                          args.concurrent, '--sessions', args.sessions)
        cpu = cpu_seconds(self.daemon) - cpu
        now = counters(self.daemon)
        return (result['messages_per_s'], cpu / args.sessions,
                now['records'] - before['records'],
                now['records_dropped'] - before['records_dropped'])


def measure(name, args):
    filters = {way: Filter(name, way) for way in WAYS}
    found = {way: [] for way in WAYS}
    try:
        for one in filters.values():
            one.load(args)
        for i in range(args.rounds):
            for way in reversed(WAYS) if i % 2 else WAYS:
                found[way].append(filters[way].load(args))
    finally:
        for one in filters.values():
            one.daemon.clean()
    return found


def show(name, found, args):
    print('\n%s: %d sessions, %d at a time; median of %d rounds' % (
        name, args.sessions, args.concurrent, args.rounds))
    for way, loads in found.items():
        speed, cpu, lines, dropped = (
            statistics.median(one[k] for one in loads) for k in range(4))
        print('  %-12s %6.0f messages/s, of off: %s' % (
            way, speed, ratios(found, way, 0)))
        print('  %12s %6.1f us of a processor for each, of off: %s' % (
            '', cpu * 1e6, ratios(found, way, 1)))
        if 'log' in way:
            print('  %12s %6.0f lines, %.0f dropped' % ('', lines, dropped))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--sessions', type=int, default=10000)
    parser.add_argument('--concurrent', type=int, default=50)
    parser.add_argument('policies', nargs='*', default=[
        'policy_envelope.lua', 'policy_read.lua'])
    args = parser.parse_args()
    bench_lib.need_programs(KUMILTER, LOADGEN)
    for name in args.policies:
        show(name, measure(name, args), args)


if __name__ == '__main__':
    main()
