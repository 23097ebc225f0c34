#!/usr/bin/env python3
"""What it costs to be recorded: make bench-recording

One daemon, loaded again and again: not recorded; without bodies; with bodies;
without bodies and redacted; not recorded again, which shows how far ratios
stray by chance.  Rounds and ratios are those of trace.py.  A policy that reads
no content has it sent for a recording, which is part of the cost.
"""

import argparse
import os
import statistics
import tempfile

import bench_lib
from bench_lib import LOADGEN, load, policy
from daemon import KUMILTER, Daemon
from trace import counters, cpu_seconds, ratios

WAYS = {'off': None, 'no bodies': [], 'bodies': ['--bodies', 'all'],
        'redacted': ['--redact', 'addresses,subject'], 'off again': None}


def one_load(d, options, args):
    """Messages a second, seconds of processor time for each, sessions that
    were recorded, dropped, and bytes of the file."""
    before = counters(d)
    size = 0
    with tempfile.TemporaryDirectory(dir=d.dir) as folder:
        os.chmod(folder, 0o777)
        file = os.path.join(folder, 'sessions')
        if options is not None:
            d.verb('record', 'start', '--max', '4g', *options, file)
        cpu = cpu_seconds(d)
        result = load(d.address, '--concurrent', args.concurrent,
                      '--sessions', args.sessions, '--own-address')
        if options is not None:
            d.verb('record', 'stop')
            size = os.stat(file).st_size
        cpu = cpu_seconds(d) - cpu
    now = counters(d)
    return (result['messages_per_s'], cpu / args.sessions,
            now['recorded'] - before['recorded'],
            now['recorded_dropped'] - before['recorded_dropped'], size)


def measure(name, args):
    d = Daemon(policy(name))
    found = {what: [] for what in WAYS}
    try:
        one_load(d, None, args)
        for i in range(args.rounds):
            turn = list(WAYS.items())
            for what, options in reversed(turn) if i % 2 else turn:
                found[what].append(one_load(d, options, args))
    finally:
        d.clean()
    return found


def show(name, found, args):
    print('\n%s: %d sessions, %d at a time; median of %d rounds' % (
        name, args.sessions, args.concurrent, args.rounds))
    for what, loads in found.items():
        speed, cpu, done, dropped, size = (
            statistics.median(one[k] for one in loads) for k in range(5))
        print('  %-11s %6.0f messages/s, of off: %s' % (
            what, speed, ratios(found, what, 0)))
        print('  %11s %6.1f us of a processor for each, of off: %s' % (
            '', cpu * 1e6, ratios(found, what, 1)))
        if WAYS[what] is not None:
            print('  %11s %6.0f sessions recorded, %.0f dropped, %.0f bytes '
                  'each' % ('', done, dropped, size / max(done, 1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=7)
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
