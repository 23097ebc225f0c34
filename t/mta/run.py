#!/usr/bin/env python3
"""Runs the tests of t/mta through a real Postfix and a real Sendmail.

A test is a function test_*(t) in a file test_*.py; t is a Context.  It runs
once with each MTA (or those that @only names), all tests of one MTA in one
thread, both MTAs at the same time.
"""
import argparse
import contextlib
import glob
import importlib
import os
import re
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import common                                               # noqa: E402
from harness import (BINARY, Failed, Kumilter, Postfix,     # noqa: E402
                     Sendmail, Skip, check, has_cases)

MTAS = {'postfix': Postfix, 'sendmail': Sendmail}


class Report:
    """Counts results and prints those that matter; for several threads."""

    def __init__(self, verbose):
        self.passed = self.failed = self.skipped = 0
        self._verbose = verbose
        self._lock = threading.Lock()

    def result(self, name, problem=None, transcript=''):
        """One test or case; problem is None when it is fine."""
        with self._lock:
            if problem is None:
                self.passed += 1
                if self._verbose:
                    print(f'ok   {name}', flush=True)
                return
            self.failed += 1
            print(f'FAIL {name}: {problem}', flush=True)
            if self._verbose and transcript:
                print('     ' + transcript.replace('\n', '\n     '),
                      flush=True)

    def took(self, name, seconds):
        """Says where the time goes."""
        if self._verbose and seconds > 1:
            print(f'     {name} took {seconds:.1f} s', flush=True)

    def skip(self, name, why):
        """A test, or all of one MTA, that cannot run here."""
        with self._lock:
            self.skipped += 1
            print(f'SKIP {name}: {why}', flush=True)


class Context:
    """What a test gets.

    mta     the running MTA
    name    "mta/file.function"
    """

    def __init__(self, mta, name, report, only, shared):
        self.mta = mta
        self.name = name
        self.daemons = []       # those that the test had
        self._shared = shared
        self._report = report
        self._only = only

    @contextlib.contextmanager
    def kumilter(self, policy, files=None):
        """In `with`: the daemon that all tests share, with this policy."""
        with self._shared.running(policy, files) as daemon:
            self.daemons.append(daemon)
            yield daemon

    def own_kumilter(self, policy, **options):
        """In `with`: a daemon of this test's own, to stop or to look at.
        options: of Kumilter, or of its subclass `kind`."""
        self._shared.close()
        options = {'kind': Kumilter, 'listen': self.mta.milter} | options
        kind = options.pop('kind')
        self.daemons.append(kind(policy, **options))
        return self.daemons[-1]

    def wants(self, case):
        """False where --only leaves this case of the test out."""
        name = f'{self.name}[{case}]'
        return not self._only or bool(self._only.search(name))

    def case(self, case, problem=None, transcript=''):
        """The result of one of the cases of a @cases test."""
        self._report.result(f'{self.name}[{case}]', problem, transcript)


class Shared:
    """One daemon for many tests: each loads its policy into it."""

    def __init__(self, mta):
        self._mta = mta
        self._daemon = None

    @contextlib.contextmanager
    def running(self, policy, files):
        """The daemon with this policy, started where there is none."""
        if self._daemon is None:
            self._daemon = Kumilter(policy, self._mta.milter, files)
            self._daemon.start()
        else:
            done = self._daemon.reload(policy, files)
            check(f'reload: {done.stderr.strip()}', 0, done.returncode)
        yield self._daemon
        if not self._daemon.running:
            tail = self._daemon.tail()
            self._daemon.stop()
            self._daemon = None
            raise Failed(f'kumilter died: {tail}')

    def close(self):
        """Stops it, if it runs; Failed unless it ends well."""
        if self._daemon:
            daemon, self._daemon = self._daemon, None
            check('exit code of kumilter', 0, daemon.stop())


def find_tests():
    """(name, function) of every test."""
    found = []
    for path in sorted(glob.glob(f'{HERE}/test_*.py')):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, value in vars(module).items():
            if name.startswith('test_') and callable(value) \
                    and value.__module__ == module.__name__:
                found.append((f'{module.__name__}.{name}', value))
    return found


def run_one(context, test, report):
    """Runs a test and reports it."""
    started = time.monotonic()

    def failed(problem):
        details = [traceback.format_exc()]
        details += [f'kumilter: {line}' for daemon in context.daemons
                    for line in daemon.lines[-20:]]
        report.result(context.name, problem, '\n'.join(details))

    try:
        test(context)
    except Skip as why:
        report.skip(context.name, why)
    except Failed as problem:
        failed(problem)
    except Exception as error:      # one broken test must not hide the rest
        failed(f'{type(error).__name__}: {error}')
    else:
        if not has_cases(test):
            report.result(context.name)
    report.took(context.name, time.monotonic() - started)


def run_mta(name, tests, report, only):
    """All tests with one MTA."""
    try:
        with MTAS[name]() as mta, \
                contextlib.closing(Shared(mta)) as shared:
            for test_name, test in tests:
                full = f'{name}/{test_name}'
                context = Context(mta, full, report, only, shared)
                if name not in getattr(test, 'mtas', MTAS):
                    continue
                if not only or only.search(full) or has_cases(test):
                    run_one(context, test, report)
    except Skip as why:
        report.skip(f'{name}: every test', why)
    except Failed as problem:
        report.result(f'{name}: the MTA itself', problem)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--only', metavar='REGEX', type=re.compile,
                        help='tests and cases whose name it matches, e.g. '
                        '"postfix/.*mail/550"; -v shows the names')
    parser.add_argument('--mta', choices=MTAS, help='only with this one')
    parser.add_argument('--strict', action='store_true',
                        help='a skipped test is a failure')
    parser.add_argument('-v', '--verbose', action='store_true',
                        help='every test, and transcripts of failures')
    return parser.parse_args()


def main():
    """Returns the exit code."""
    args = arguments()
    common.exit_on_term()
    if not os.path.exists(BINARY):
        print(f'{BINARY} is not there: make')
        return 1
    tests = find_tests()
    report = Report(args.verbose)
    threads = [threading.Thread(target=run_mta,
                                args=(name, tests, report, args.only))
               for name in ([args.mta] if args.mta else MTAS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    skipped = f', {report.skipped} skipped' if report.skipped else ''
    name = os.environ.get('TEST_NAME') or 'mta'
    print(f'{name}: {report.passed} passed, {report.failed} failed{skipped}')
    return 1 if report.failed or args.strict and report.skipped else 0


if __name__ == '__main__':
    sys.exit(main())
