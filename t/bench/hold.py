#!/usr/bin/env python3
"""What kumilter needs for sessions in the middle of large messages

    make bench, then t/bench/hold.py [--sessions 1000] [--megabytes 20]

All sessions send their body side by side; none sends the end of the message.
Bodies live in unlinked files below /var/tmp: as many sessions as the disk has
room for, and 5 GB stay free.  Three figures: the most memory on the way (up
to message_memory, bodies are in memory), with all bodies in place, and after
the sessions have gone.
"""

import argparse
import os
import shutil
import time

import bench_lib
from bench_lib import KUMILTER, LOADGEN, kumilter, load, rss_kb
from daemon import wait_until

POLICY = 'policy_read.lua'
SPOOL = os.path.realpath('/var/tmp')
MB = 1000000
KEEP_FREE = 5000 * MB


def most_kb(pid):
    """The most memory (Rss) since the process began."""
    with open('/proc/%d/status' % pid) as f:
        for line in f:
            if line.startswith('VmHWM:'):
                return int(line.split()[1])
    raise ValueError('no VmHWM of %d' % pid)


def hold(d, sessions, megabytes):
    pid = d.process.pid
    load(d.address, '--sessions', 200, '--concurrent', 20)
    rest, begin = rss_kb(pid), time.monotonic()
    with bench_lib.IdleSessions(d.address, sessions, '--in-body', '--body',
                                megabytes * MB):
        held, took = rss_kb(pid), time.monotonic() - begin
        used = sum(spooled(pid))
    wait_until('the sessions are gone', lambda: not spooled(pid))
    print('  %d KB at rest, %d KB at the most, %d KB with all bodies there, '
          '%d KB afterwards' % (rest, most_kb(pid), held, rss_kb(pid)))
    print('  %.1f KB for each session; %d MB in files, written at %.0f MB/s'
          % ((held - rest) / sessions, used / MB, used / MB / took))


def spooled(pid):
    """Sizes of the unlinked files that the process has open."""
    sizes = []
    for fd in os.scandir('/proc/%d/fd' % pid):
        try:
            where = os.readlink(fd.path)
            if where.startswith(SPOOL + '/') and where.endswith('(deleted)'):
                sizes.append(os.stat(fd.path).st_size)
        except FileNotFoundError:
            continue        # closed meanwhile
    return sizes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--sessions', type=int, default=1000)
    parser.add_argument('--megabytes', type=int, default=20)
    options = parser.parse_args()
    bench_lib.need_programs(LOADGEN, KUMILTER)
    room = shutil.disk_usage(SPOOL).free - KEEP_FREE
    sessions = min(options.sessions, room // (options.megabytes * MB))
    if sessions < 1:
        raise SystemExit('hold.py: no room in ' + SPOOL)
    d = kumilter(POLICY)
    try:
        print('%d sessions in the middle of a message of %d MB' % (
            sessions, options.megabytes))
        hold(d, sessions, options.megabytes)
        for text in d.stop():
            print('FAIL: ' + text)
    finally:
        d.clean()


if __name__ == '__main__':
    main()
