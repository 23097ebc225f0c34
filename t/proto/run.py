#!/usr/bin/env python3
"""Run the protocol tests: the daemon against a scripted MTA.

    run.py [--only REGEX] [-j N] [--list] [--keep]

Tests are the functions test_* of the files test_*.py beside this one.  Each
gets its own daemon; case.py says how they are written.  KUMILTER names
another binary, KUMILTER_WRAP a program to run it under.  Exits 1 when a test
failed.
"""

import argparse
import concurrent.futures
import glob
import importlib
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import case  # noqa: E402
import daemon  # noqa: E402

PRINT = threading.Lock()


def discover():
    tests = []
    for path in sorted(glob.glob(os.path.join(HERE, 'test_*.py'))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, function in vars(module).items():
            if name.startswith('test_') and callable(function):
                tests += case.expand(module.__name__, name, function)
    return tests


def judge(test, keep):
    """Run one test with its daemon; None, or what went wrong, or a Skip."""
    d = None
    try:
        d = daemon.Daemon(test.policy, **test.options)
        faults, skip = [], None
        try:
            test.run(d)
        except case.Skip as e:
            skip = e
        except Exception as e:
            faults.append(explain(e))
        faults += d.stop()
        if not faults:
            return skip
        return '\n'.join(faults) + '\n' + tail(d.log())
    except Exception as e:
        return explain(e)
    finally:
        if d is not None and not keep:
            d.clean()


def explain(e):
    """A failed expectation speaks for itself; all else needs its place."""
    frames = traceback.extract_tb(e.__traceback__)
    where = [f for f in frames if os.path.basename(f.filename)
             .startswith('test_')]
    place = '%s:%d: ' % (os.path.basename(where[-1].filename),
                         where[-1].lineno) if where else ''
    if isinstance(e, case.Failure):
        return place + str(e)
    return place + ''.join(traceback.format_exception_only(type(e), e)) \
        .rstrip()


def tail(log, lines=15):
    last = log.rstrip().split('\n')[-lines:]
    return '\n'.join('  | ' + line for line in last)


def report(test, fault, took):
    with PRINT:
        if isinstance(fault, case.Skip):
            print('SKIP %s: %s' % (test.name, fault))
            return
        print('%s %s (%.1f s)' % ('FAIL' if fault else 'ok  ', test.name,
                                  took))
        if fault:
            print('\n'.join('     ' + line for line in fault.split('\n')))
        sys.stdout.flush()


def run_one(test, keep):
    """'passed', 'failed' or 'skipped'."""
    begin = time.monotonic()
    fault = judge(test, keep)
    report(test, fault, time.monotonic() - begin)
    return 'passed' if fault is None else \
        'skipped' if isinstance(fault, case.Skip) else 'failed'


def run_all(tests, jobs, keep):
    """Those marked alone run by themselves, after all others."""
    crowd = [t for t in tests if not t.alone]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda t: run_one(t, keep), crowd))
    results += [run_one(t, keep) for t in tests if t.alone]
    return results


def interrupted(number, frame):
    """Take the daemons along; the tests' threads would wait for them."""
    for d in list(daemon.Daemon.running):
        d.clean()
    os._exit(128 + number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--only', default='', metavar='REGEX')
    parser.add_argument('-j', type=int, default=8, metavar='N')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--keep', action='store_true',
                        help="leave the daemons' folders in place")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tests = [t for t in discover() if re.search(options.only, t.name)]
    if options.list:
        print('\n'.join(t.name for t in tests))
        return 0
    if not os.access(daemon.KUMILTER, os.X_OK):
        print('run.py: no %s; make it first' % daemon.KUMILTER)
        return 1
    results = run_all(tests, options.j, options.keep)
    passed, failed, skipped = (
        results.count(what) for what in ('passed', 'failed', 'skipped'))
    print('%s: %d passed, %d failed%s' % (
        os.environ.get('TEST_NAME', 'proto'), passed, failed,
        ', %d skipped' % skipped if skipped else ''))
    return 0 if results and not failed else 1


if __name__ == '__main__':
    sys.exit(main())
