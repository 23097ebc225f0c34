#!/usr/bin/env python3
"""What it costs to be watched: make bench-trace

One daemon, loaded again and again: nobody watches; one client of all is
watched; nobody again; everything is watched.  Each round has all of these,
every other one backwards, and ratios are to the mean of the two of the round
where nobody watches; those two among themselves show how far ratios stray by
chance.  They are of messages a second, and of the daemon's processor time,
which what else the machine does disturbs less.  Of everything a watcher on the same machine
cannot keep up with, and is told how much it is not shown.
"""

import argparse
import json
import statistics
import subprocess
import tempfile

import bench_lib
from bench_lib import LOADGEN, load, policy
from daemon import KUMILTER, Daemon, wait_until

WATCHES = {'off': None, 'one client': ['--client', '10.0.0.7'],
           'off again': None, 'everything': []}


def counters(d):
    return json.loads(d.verb('status', '--json').stdout)['counters']


class Watch:
    """kumilter trace, into a file that nobody reads."""

    def __init__(self, d, options):
        self.daemon = d
        self.file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [KUMILTER, 'trace', '--json', '--control', d.control] + options,
            stdin=subprocess.DEVNULL, stdout=self.file)
        wait_until('it watches', lambda: counters(d)['trace_watchers'])

    def sessions(self):
        self.file.seek(0)
        return self.file.read().count(b'"type":"close"')

    def end(self):
        self.process.terminate()
        self.process.wait()
        wait_until('nobody watches',
                   lambda: not counters(self.daemon)['trace_watchers'])


def cpu_seconds(d):
    status = json.loads(d.verb('status', '--json').stdout)
    return status['process']['cpu_seconds']


def one_load(d, options, args):
    """Messages a second, seconds of processor time for each, sessions that
    were shown, and that were not."""
    before = counters(d)['trace_sessions_lost']
    watch = None if options is None else Watch(d, options)
    cpu = cpu_seconds(d)
    result = load(d.address, '--concurrent', args.concurrent, '--sessions',
                  args.sessions, '--own-address')
    cpu = cpu_seconds(d) - cpu
    shown = 0
    if watch is not None:
        watch.end()
        shown = watch.sessions()
    return (result['messages_per_s'], cpu / args.sessions, shown,
            counters(d)['trace_sessions_lost'] - before)


def measure(name, args):
    d = Daemon(policy(name))
    found = {what: [] for what in WATCHES}
    try:
        one_load(d, None, args)
        for i in range(args.rounds):
            turn = list(WATCHES.items())
            for what, options in reversed(turn) if i % 2 else turn:
                found[what].append(one_load(d, options, args))
    finally:
        d.clean()
    return found


def ratios(found, what, k):
    """Median and quartiles; k: which number of one_load()'s."""
    each = [one[k] / statistics.mean((a[k], b[k])) for one, a, b in zip(
        found[what], found['off'], found['off again'])]
    low, middle, high = statistics.quantiles(each)
    return '%.3f (quartiles %.3f, %.3f)' % (middle, low, high)


def show(name, found, args):
    print('\n%s: %d sessions, %d at a time; median of %d rounds' % (
        name, args.sessions, args.concurrent, args.rounds))
    for what, loads in found.items():
        speed, cpu, shown, lost = (statistics.median(one[k] for one in loads)
                                   for k in range(4))
        print('  %-11s %6.0f messages/s, of off: %s' % (
            what, speed, ratios(found, what, 0)))
        print('  %11s %6.1f us of a processor for each, of off: %s' % (
            '', cpu * 1e6, ratios(found, what, 1)))
        if WATCHES[what] is not None:
            print('  %11s %6.0f sessions shown, %.0f not or not whole' % (
                '', shown, lost))


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
