#!/usr/bin/env python3
"""kumilter beside a bare libmilter filter: make bench

Both negotiate the same, do the same work (sender and recipient compared with
a fixed text), and are loaded in turn, A B B A A B, so that what the machine
does meanwhile meets both.  Speed is reported, never judged.  --quick is for a
look; --null puts a second bare filter in kumilter's place and so shows how far
the ratio strays by chance.
"""

import argparse
import statistics
import time

import bench_lib
from bench_lib import (BARE_FILTER, KUMILTER, LOADGEN, BareFilter,
                       IdleSessions, kumilter, load, rss_kb)

POLICY = 'policy_envelope.lua'
NULL_STEPS = 0x001370   # headers, body, DATA and unknown commands declined
COMMANDS = ['negotiate', 'connect', 'helo', 'mail', 'rcpt', 'data', 'eom']


def median(values):
    return statistics.median(values) if values else float('nan')


def pairs(listen, concurrent, options):
    """Measure both in turn; two lists of results."""
    ours = kumilter(POLICY, listen)
    try:
        first = load(ours.address, '--sessions', 200)
        bare = BareFilter(listen, first['steps'], first['actions'])
        try:
            load(bare.address, '--sessions', 200)
            return interleave(bare, ours, concurrent, options)
        finally:
            bare.clean()
    finally:
        ours.clean()


def null_pairs(listen, concurrent, options):
    """What pairs() would say of two filters that are the same."""
    filters = [BareFilter(listen, NULL_STEPS, 0x100) for _ in range(2)]
    try:
        for f in filters:
            load(f.address, '--sessions', 200)
        return interleave(*filters, concurrent, options)
    finally:
        for f in filters:
            f.clean()


def interleave(bare, ours, concurrent, options):
    results = ([], [])
    for i in range(options.pairs):
        turn = [(0, bare), (1, ours)]
        for which, f in reversed(turn) if i % 2 else turn:
            results[which].append(load(
                f.address, '--concurrent', concurrent, '--sessions',
                options.sessions))
    if results[0][0]['steps'] != results[1][0]['steps']:
        print('note: the two did not negotiate the same: 0x%x, 0x%x' % (
            results[0][0]['steps'], results[1][0]['steps']))
    return results


def latency(results, command, which):
    return median([r['latency_us'][command][which] for r in results
                   if command in r['latency_us']])


def show(title, bare, ours):
    speeds = [[r['sessions_per_s'] for r in side] for side in (bare, ours)]
    ratios = [b / a for a, b in zip(*speeds)]
    print('\n%s (steps 0x%06x)' % (title, ours[0]['steps']))
    print('  sessions/s, median of %d: bare %.0f, kumilter %.0f' % (
        len(bare), median(speeds[0]), median(speeds[1])))
    print('  kumilter / bare: %.3f (pairs: %.3f .. %.3f; the goal is 0.9)' % (
        median(ratios), min(ratios), max(ratios)))
    print('  %-10s %10s %10s %10s %10s' % (
        'us', 'bare p50', 'kumilter', 'bare p99', 'kumilter'))
    for command in COMMANDS:
        if command in ours[0]['latency_us'] or \
                command in bare[0]['latency_us']:
            print('  %-10s %10.1f %10.1f %10.1f %10.1f' % (
                command, latency(bare, command, 'p50'),
                latency(ours, command, 'p50'), latency(bare, command, 'p99'),
                latency(ours, command, 'p99')))


def idle_memory(f, pid, n):
    """KB of one idle session: n of them against none."""
    load(f.address, '--sessions', 500, '--concurrent', 20)
    before = rss_kb(pid)
    with IdleSessions(f.address, n):
        return (rss_kb(pid) - before) / n


def states_rss(states):
    d = kumilter(POLICY, args=['--states', str(states)])
    try:
        load(d.address, '--sessions', 500, '--concurrent', 20)
        return rss_kb(d.process.pid)
    finally:
        d.clean()


def memory():
    ours = kumilter(POLICY)
    bare = None
    try:
        first = load(ours.address, '--sessions', 1)
        bare = BareFilter('unix', first['steps'], first['actions'])
        print('\nmemory (Rss)')
        for name, f in (('bare', bare), ('kumilter', ours)):
            print('  %s: %d KB at rest, %.2f KB for each of 1000 idle '
                  'sessions' % (name, rss_kb(f.process.pid),
                                idle_memory(f, f.process.pid, 1000)))
    finally:
        ours.clean()
        if bare is not None:
            bare.clean()
    few, many = states_rss(2), states_rss(64)
    print('  kumilter with 2 states %d KB, with 64 %d KB: %.0f KB for each '
          'Lua state' % (few, many, (many - few) / 62))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--pairs', type=int, default=7)
    parser.add_argument('--sessions', type=int, default=10000)
    parser.add_argument('--null', action='store_true')
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.sessions = 5, 2000
    bench_lib.need_programs(LOADGEN, BARE_FILTER,
                            *[] if options.null else [KUMILTER])
    measure = null_pairs if options.null else pairs
    begin = time.monotonic()
    for listen in ('unix', 'inet'):
        for concurrent in (1, 100):
            show('%s socket, %d session%s at a time' % (
                {'unix': 'unix', 'inet': 'TCP'}[listen], concurrent,
                's' if concurrent > 1 else ''),
                *measure(listen, concurrent, options))
    if not options.null:
        memory()
    print('\n%.0f s' % (time.monotonic() - begin))


if __name__ == '__main__':
    main()
