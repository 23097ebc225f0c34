#!/usr/bin/env python3
"""A million messages through one kumilter, then a thousand reloads: make soak

Fails when memory or file descriptors grow after the first 10^4 messages, or
when a session or a reload fails.  --messages and --reloads bound it.
"""

import argparse
import json
import subprocess
import sys
import time

import bench_lib
from bench_lib import (KUMILTER, LOADGEN, fd_count, kumilter, load, rss_kb)
from daemon import wait_until

POLICY = 'policy_soak.lua'
LOAD = ['--messages', '10', '--concurrent', '20', '--rcpts', '2', '--body',
        '2000']
WARM_UP = 10000
STEPS = 20
GROWTH = 1.10        # of the memory after the warm-up ...
SLACK_KB = 4096      # ... and a little more for allocators
FD_SLACK = 8

faults = []


def fault(text):
    print('FAIL: ' + text)
    faults.append(text)


class Curve:
    """Memory and descriptors over time, against where they stood."""

    def __init__(self, daemon, what):
        self.pid = daemon.process.pid
        self.rss, self.fds = rss_kb(self.pid), fd_count(self.pid)
        self.most = self.rss
        print('%12s %10s %6s' % (what, 'Rss KB', 'fds'))
        self.line(0)

    def line(self, n):
        rss, fds = rss_kb(self.pid), fd_count(self.pid)
        self.most = max(self.most, rss)
        print('%12d %10d %6d' % (n, rss, fds))
        sys.stdout.flush()

    def judge(self, what):
        if self.most > self.rss * GROWTH + SLACK_KB:
            fault('%s: memory grew from %d to %d KB' % (what, self.rss,
                                                        self.most))
        try:
            wait_until('descriptors are closed', lambda:
                       fd_count(self.pid) <= self.fds + FD_SLACK, 10)
        except Exception:
            fault('%s: descriptors grew from %d to %d' % (
                what, self.fds, fd_count(self.pid)))


def judge_load(result, what):
    odd = set(result['replies']) - set('cys')
    if result['errors'] or odd:
        fault('%s: %d errors (%s), replies %s' % (
            what, result['errors'], result['first_error'],
            result['replies']))


def messages(daemon, n):
    judge_load(load(daemon.address, '--sessions', WARM_UP // 10, *LOAD),
               'warm-up')
    curve = Curve(daemon, 'messages')
    each = max(n // STEPS // 10, 1)
    begin = time.monotonic()
    edits = 0
    for step in range(1, STEPS + 1):
        result = load(daemon.address, '--sessions', each, *LOAD)
        judge_load(result, 'messages')
        edits += result['edits']
        curve.line(step * each * 10)
    print('%d messages, %d edits, %.0f messages/s' % (
        each * 10 * STEPS, edits,
        each * 10 * STEPS / (time.monotonic() - begin)))
    if edits == 0:
        fault('no message was edited: the policy did not run')
    curve.judge('messages')


def reloads(daemon, n):
    text = bench_lib.policy(POLICY)
    traffic = subprocess.Popen(
        [LOADGEN, '--socket', daemon.address, '--json', '--seconds',
         '86400'] + LOAD, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        wait_until('traffic', lambda: fd_count(daemon.process.pid) > 20)
        for i in range(max(n // 10, 1)):
            reload_once(daemon, text, i)
        curve = Curve(daemon, 'reloads')
        for i in range(1, n + 1):
            reload_once(daemon, text, i)
            if i % max(n // STEPS, 1) == 0:
                curve.line(i)
    finally:
        traffic.terminate()
        out = traffic.communicate()[0]
    result = json.loads(out)
    print('%d sessions, %d messages meanwhile' % (result['sessions'],
                                                  result['messages']))
    judge_load(result, 'reloads')
    curve.judge('reloads')


def reload_once(daemon, text, i):
    daemon.write_policy('-- version %d\n' % i + text)
    done = daemon.verb('reload')
    if done.returncode != 0:
        fault('reload %d: exit %d: %s' % (i, done.returncode, done.stderr))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--messages', type=int, default=1000000)
    parser.add_argument('--reloads', type=int, default=1000)
    options = parser.parse_args()
    bench_lib.need_programs(LOADGEN, KUMILTER)
    daemon = kumilter(POLICY)
    try:
        messages(daemon, options.messages)
        reloads(daemon, options.reloads)
        for text in daemon.stop():
            fault(text)
        if faults:
            print(daemon.log()[-4000:])
    finally:
        daemon.clean()
    print('soak: %s' % ('failed' if faults else 'passed'))
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
