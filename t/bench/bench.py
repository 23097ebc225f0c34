#!/usr/bin/env python3
"""kumilter beside a bare libmilter filter: make bench

Both negotiate the same, do the same work, and are loaded in turn, A B B A A B,
so that what the machine does meanwhile meets both.  Speed is reported, never
judged.  --quick is for a look; --only REGEX for some of the scenarios; --null
puts a second bare filter in kumilter's place and so shows how far the ratio
strays by chance.

envelope: sender and recipient are compared with a fixed text.  read: the whole
message comes in, one field of it is looked at; the bare filter throws it away.
add: the same, and one field is added by both.  The body of the large message
goes through a file in kumilter.  sleep: each sender waits for 50 ms, in 2000
sessions.
"""

import argparse
import collections
import re
import statistics
import time

import bench_lib
from bench_lib import (BARE_FILTER, KUMILTER, LOADGEN, BareFilter,
                       IdleSessions, kumilter, load, rss_kb)

POLICY = 'policy_envelope.lua'
NAP_MS = 50          # as policy_sleep.lua
COMMANDS = ['negotiate', 'connect', 'helo', 'mail', 'rcpt', 'data', 'eom']

# runs: pairs of them; sessions: in each; bare: what the bare filter does
Scenario = collections.namedtuple(
    'Scenario', 'name policy listen concurrent runs sessions load bare')


def scenarios():
    found = [Scenario('envelope-%s-%d' % (listen, n), POLICY, listen, n, 7,
                      10000, [], ['-w'])
             for listen in ('unix', 'inet') for n in (1, 100)]
    for name, bare in (('read', []), ('add', ['-h'])):
        for size, body, sessions in (('20kB', 20000, 3000),
                                     ('2MB', 2000000, 200)):
            found += [Scenario('%s-%s-%d' % (name, size, n), 'policy_%s.lua' %
                               name, 'unix', n, 5, sessions, ['--body', body],
                               bare) for n in (1, 50)]
    found.append(Scenario('sleep-2000', 'policy_sleep.lua', 'unix', 2000, 3,
                          2000, ['--messages', 10], ['-d', str(NAP_MS)]))
    return found


def median(values):
    return statistics.median(values) if values else float('nan')


def loaded(f, s, part=1):
    return load(f.address, '--concurrent', s.concurrent, '--sessions',
                max(s.sessions // part, 1), *s.load)


def pairs(s):
    """Measure both in turn; two lists of results."""
    ours = kumilter(s.policy, s.listen)
    try:
        first = loaded(ours, s, 20)
        bare = BareFilter(s.listen, first['steps'], first['actions'], s.bare)
        try:
            loaded(bare, s, 20)
            return interleave(bare, ours, s)
        finally:
            bare.clean()
    finally:
        ours.clean()


def null_pairs(s):
    """What pairs() would say of two filters that are the same."""
    probe = kumilter(s.policy, s.listen)
    try:
        first = load(probe.address, '--sessions', 1, *s.load)
    finally:
        probe.clean()
    filters = [BareFilter(s.listen, first['steps'], first['actions'], s.bare)
               for _ in range(2)]
    try:
        for f in filters:
            loaded(f, s, 20)
        return interleave(*filters, s)
    finally:
        for f in filters:
            f.clean()


def interleave(bare, ours, s):
    results = ([], [])
    for i in range(s.runs):
        turn = [(0, bare), (1, ours)]
        for which, f in reversed(turn) if i % 2 else turn:
            results[which].append(loaded(f, s))
    first = [r[0] for r in results]
    if first[0]['steps'] != first[1]['steps']:
        print('note: the two did not negotiate the same: 0x%x, 0x%x' % (
            first[0]['steps'], first[1]['steps']))
    if first[0]['edits'] != first[1]['edits']:
        print('note: the two did not edit the same: %d, %d' % (
            first[0]['edits'], first[1]['edits']))
    return results


def latency(results, command, which):
    return median([r['latency_us'][command][which] for r in results
                   if command in r['latency_us']])


def show(s, bare, ours):
    speeds = [[r['messages_per_s'] for r in side] for side in (bare, ours)]
    ratios = [b / a for a, b in zip(*speeds)]
    print('\n%s: %s socket, %d session%s at a time (steps 0x%06x)' % (
        s.name, {'unix': 'unix', 'inet': 'TCP'}[s.listen], s.concurrent,
        's' if s.concurrent > 1 else '', ours[0]['steps']))
    print('  messages/s, median of %d: bare %.0f, kumilter %.0f' % (
        len(bare), median(speeds[0]), median(speeds[1])))
    print('  kumilter / bare: %.3f (pairs: %.3f .. %.3f%s)' % (
        median(ratios), min(ratios), max(ratios),
        '; the goal is 0.9' if s.policy == POLICY else ''))
    print('  %-10s %10s %10s %10s %10s' % (
        'us', 'bare p50', 'kumilter', 'bare p99', 'kumilter'))
    for command in COMMANDS:
        if command in ours[0]['latency_us'] or \
                command in bare[0]['latency_us']:
            print('  %-10s %10.1f %10.1f %10.1f %10.1f' % (
                command, latency(bare, command, 'p50'),
                latency(ours, command, 'p50'), latency(bare, command, 'p99'),
                latency(ours, command, 'p99')))
    if '-d' in s.bare:
        print('  mail beyond the %d ms that it must take, p50: bare %.1f ms, '
              'kumilter %.1f ms' % (NAP_MS, *(
                  latency(side, 'mail', 'p50') / 1000 - NAP_MS
                  for side in (bare, ours))))


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
    parser.add_argument('--only', default='', metavar='REGEX')
    parser.add_argument('--null', action='store_true')
    options = parser.parse_args()
    bench_lib.need_programs(LOADGEN, BARE_FILTER, KUMILTER)
    begin = time.monotonic()
    for s in scenarios():
        if not re.search(options.only, s.name):
            continue
        if options.quick:
            s = s._replace(runs=3, sessions=max(s.sessions // 5,
                                                s.concurrent))
        show(s, *(null_pairs if options.null else pairs)(s))
    if re.search(options.only, 'memory') and not options.null:
        memory()
    print('\n%.0f s' % (time.monotonic() - begin))


if __name__ == '__main__':
    main()
