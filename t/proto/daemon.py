"""A kumilter of our own: started with a policy, watched, stopped, judged."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from milter_client import Milter, open_socket
from mta_session import Session

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
KUMILTER = os.path.abspath(
    os.environ.get('KUMILTER', os.path.join(ROOT, 'build/kumilter')))
WRAP = shlex.split(os.environ.get('KUMILTER_WRAP', ''))
# valgrind and sanitizers are slow; what waits for the daemon waits longer
PATIENCE = 120 if WRAP else 30

FAULTS = re.compile(
    r'ERROR: AddressSanitizer|WARNING: ThreadSanitizer|LeakSanitizer|'
    r'runtime error:|ERROR SUMMARY: [1-9]|Assertion .* failed|'
    r'must\(|Sanitizer:DEADLYSIGNAL')

PRELUDE = "local kumo = require 'kumo'\n"


class DaemonError(Exception):
    pass


def wait_until(what, question, patience=None):
    """Ask until the answer is true; a daemon has no other way to tell."""
    deadline = time.monotonic() + (patience or PATIENCE)
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise DaemonError('waited in vain: ' + what)
        time.sleep(0.01)


def free_port(family=socket.AF_INET):
    with socket.socket(family) as s:
        s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', 0))
        return s.getsockname()[1]


def connects(address):
    try:
        open_socket(address, 5).close()
        return True
    except OSError:
        return False


class Daemon:
    """kumilter serve, with one policy.

    policy: Lua text, put behind "local kumo = require 'kumo'" on line 1, so
    that its first line is line 2; a newline before that is dropped.  listen:
    'unix', 'inet' or 'inet6'.  scriptlet: the policy is Momentum's, runs with
    --scriptlet instead of --policy, and its first line is line 1.
    """

    running = set()   # for a runner that is interrupted

    def __init__(self, policy, listen='unix', args=(), env=None, files=None,
                 scriptlet=False):
        self.dir = tempfile.mkdtemp(prefix='kumilter-')
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.dir, 'nobody')
        self.scriptlet = scriptlet
        self.policy_file = os.path.join(self.dir, 'policy.lua')
        self.control = os.path.join(self.dir, 'control')
        self.log_file = os.path.join(self.dir, 'stderr')
        self.sessions = []
        self.milters = []
        self.process = None
        self.write_policy(policy)
        for name, text in (files or {}).items():
            self.write_file(name, text)
        self.address = self._address(listen)
        self._start(list(args), env)

    def _address(self, listen):
        if listen == 'inet':
            return 'inet:%d@127.0.0.1' % free_port()
        if listen == 'inet6':
            return 'inet6:%d@[::1]' % free_port(socket.AF_INET6)
        return 'unix:' + os.path.join(self.dir, 'sock')

    def _start(self, args, env):
        flag = '--scriptlet' if self.scriptlet else '--policy'
        command = WRAP + [KUMILTER, 'serve', flag, self.policy_file,
                          '--load-timeout', '3s',
                          '--listen', self.address, '--log', 'stderr',
                          '--control', self.control, '--socket-mode', '0666']
        if os.geteuid() == 0:
            command += ['--user', 'nobody']
        args = [a.replace('@DIR@', self.dir) for a in args]
        with open(self.log_file, 'wb') as log:
            self.process = subprocess.Popen(
                command + args, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=dict(os.environ, **(env or {})),
                start_new_session=True)
        Daemon.running.add(self)
        try:
            wait_until('the daemon accepts', self.ready)
        except DaemonError as e:
            log = self.log()
            self.clean()
            raise DaemonError('%s\n%s' % (e, log))

    def accepts(self):
        if self.process.poll() is not None:
            raise DaemonError('the daemon ended with %d' %
                              self.process.returncode)
        return connects(self.address)

    def ready(self):
        """On its control socket, too."""
        return self.accepts() and connects('unix:' + self.control)

    # -- what a test does with it

    def write_file(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + '.new', 'w') as f:
            f.write(text)
        os.chmod(path + '.new', 0o644)
        os.rename(path + '.new', path)
        return path

    def write_policy(self, policy):
        prelude = '' if self.scriptlet else PRELUDE
        self.write_file('policy.lua', prelude + policy.removeprefix('\n'))

    def session(self, **how):
        s = Session(self.address, **how)
        self.sessions.append(s)
        return s

    def milter(self, timeout=20):
        m = Milter(self.address, timeout)
        self.milters.append(m)
        return m

    def log(self):
        with open(self.log_file, 'rb') as f:
            return f.read().decode('utf-8', 'backslashreplace')

    def wait_log(self, pattern, times=1):
        """Wait until the log holds the pattern; returns the last match."""
        def found():
            matches = list(re.finditer(pattern, self.log(), re.M))
            return matches[-1] if len(matches) >= times else None
        return wait_until('log line /%s/' % pattern, found)

    def verb(self, *words):
        """Run 'kumilter WORDS --control PATH'; a CompletedProcess."""
        return subprocess.run(
            [KUMILTER] + list(words) + ['--control', self.control],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE)

    def signal(self, number):
        self.process.send_signal(number)

    def alive(self):
        return self.process.poll() is None

    # -- the end

    def stop(self):
        """TERM, and complain about anything but a clean end."""
        for s in self.sessions:
            if s.state == 'open':
                s.drop()
        for m in self.milters:
            m.close()
        faults = []
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
            if code != 0:
                faults.append('the daemon ended with %d' % code)
        except subprocess.TimeoutExpired:
            faults.append('the daemon did not stop on TERM')
            self.kill()
        fault = FAULTS.search(self.log())
        if fault:
            faults.append('in its output: ' + fault.group(0))
        return faults

    def kill(self):
        if self.process is not None and self.alive():
            self.process.kill()
            self.process.wait()

    def clean(self):
        self.kill()
        Daemon.running.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)
