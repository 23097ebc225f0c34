"""What bench.py and soak.py share: filters, load, memory."""

import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'proto'))

from daemon import KUMILTER, Daemon, free_port, wait_until  # noqa: E402
from milter_client import ACTIONS, COMMANDS, STEPS, open_socket  # noqa: E402

BIN = os.environ.get('BENCH_BIN', os.path.join(ROOT, 'build/bench'))
LOADGEN = os.path.join(BIN, 'loadgen')
BARE_FILTER = os.path.join(BIN, 'bare_filter')
SLOW_DNS = os.path.join(BIN, 'slow_dns')


def need_programs(*programs):
    missing = [p for p in programs if not os.access(p, os.X_OK)]
    if missing:
        sys.exit('%s: not there: %s' % (os.path.basename(sys.argv[0]),
                                        ', '.join(missing)))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def policy(name):
    with open(os.path.join(HERE, name)) as f:
        return f.read()


def kumilter(policy_name, listen='unix', args=()):
    return Daemon(policy(policy_name), listen=listen, args=args)


class BareFilter:
    """bare_filter, negotiating what another filter negotiated.

    options: what it does beside, in its own words.
    """

    def __init__(self, listen, steps, actions, options=('-w',)):
        self.dir = tempfile.mkdtemp(prefix='bare-')
        self.address = 'inet:%d@127.0.0.1' % free_port() \
            if listen == 'inet' else 'unix:%s/sock' % self.dir
        wanted, silent = ['eom'], []
        for name, (_, declined, quiet) in COMMANDS.items():
            if declined and not steps & STEPS[declined]:
                wanted.append(name)
                if steps & STEPS[quiet]:
                    silent.append(name)
        command = [BARE_FILTER, '-p', self.address, '-c', ','.join(wanted),
                   *options]
        if silent:
            command += ['-n', ','.join(silent)]
        if actions & ACTIONS['setsymlist']:
            command.append('-s')
        if steps & STEPS['hdr_leadspc']:
            command.append('-l')
        # a session of its own, as kumilter has: the kernel schedules by it
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        start_new_session=True)
        wait_until('bare_filter accepts', self._accepts)

    def _accepts(self):
        try:
            open_socket(self.address, 5).close()
            return True
        except OSError:
            return False

    def clean(self):
        # libmilter takes up to 5 s to stop in order; nothing is lost here
        self.process.kill()
        self.process.wait()
        subprocess.call(['rm', '-rf', self.dir])


def load(address, *options):
    """One run of loadgen; its measurements."""
    done = subprocess.run([LOADGEN, '--socket', address, '--json'] +
                          [str(o) for o in options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    result = json.loads(done.stdout)
    if result['errors']:
        print('loadgen: %d errors; the first: %s' % (
            result['errors'], result['first_error']))
    return result


def rss_kb(pid):
    with open('/proc/%d/smaps_rollup' % pid) as f:
        for line in f:
            if line.startswith('Rss:'):
                return int(line.split()[1])
    raise ValueError('no Rss of %d' % pid)


def fd_count(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


class IdleSessions:
    """N sessions that said HELO and stay, while the block runs."""

    def __init__(self, address, n, *options):
        self.holder = subprocess.Popen(
            [LOADGEN, '--socket', address, '--idle', str(n), '--hold'] +
            [str(o) for o in options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        if self.holder.stdout.readline() != b'ready\n':
            raise OSError('the idle sessions do not stand')

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait()
