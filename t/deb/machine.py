"""A machine to install packages on: this one's files, a systemd of its own.

Namespaces and an overlay in memory, see boot.sh: nothing of it stays.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8',
               'DEBIAN_FRONTEND': 'noninteractive'}


class Cannot(Exception):
    """Why there can be no such machine here."""


def cgroups():
    """Where cgroups of version 2 are."""
    with open('/proc/mounts', encoding='utf-8') as file:
        for line in file:
            _, folder, kind, options, *_ = line.split()
            if kind == 'cgroup2' and options.startswith('rw'):
                return folder
    raise Cannot('no cgroups of version 2')


class Machine:
    """with Machine() as m: m.run('systemctl', 'start', 'x')"""

    def __init__(self):
        if os.geteuid() != 0:
            raise Cannot('not root')
        for program in ('/lib/systemd/systemd', '/usr/sbin/postfix',
                        shutil.which('unshare') or 'unshare',
                        shutil.which('nsenter') or 'nsenter'):
            if not os.path.exists(program):
                raise Cannot(f'no {program}')
        self.cgroup = f'{cgroups()}/kumilter-{os.getpid()}'
        self.folder = tempfile.mkdtemp(prefix='kumilter-machine-')
        self.process, self.pid = None, None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Boots it; raises Cannot."""
        try:
            os.mkdir(self.cgroup)
        except OSError as error:
            raise Cannot(f'cgroups: {error}') from None
        self.process = subprocess.Popen(
            ['sh', '-c', 'echo $$ >"$1/cgroup.procs" || exit; exec unshare '
             '--mount --pid --fork --kill-child --uts --ipc --net --cgroup '
             '"$2" "$3"', 'sh', self.cgroup, f'{HERE}/boot.sh', self.folder],
            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            stdout=open(f'{self.folder}.log', 'wb'), start_new_session=True)
        end = time.monotonic() + 30
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(f'{self.folder}.log', errors='replace') as file:
                    raise Cannot('systemd does not start: '
                                 + ' '.join(file.read().split()[-20:]))
            time.sleep(0.05)

    def is_up(self):
        """Does systemd say that it runs?"""
        path = f'/proc/{self.process.pid}/task/{self.process.pid}/children'
        with open(path, encoding='ascii') as file:
            self.pid = (file.read().split() or [None])[0]
        return self.pid is not None and self.run(
            'systemctl', 'is-active', 'basic.target',
            check=False).stdout == 'active\n'

    def stop(self):
        """Kills all of it."""
        if self.process is not None and self.process.poll() is None:
            if self.pid is not None:
                os.kill(int(self.pid), signal.SIGKILL)
            else:
                self.process.kill()
            self.process.wait()
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            for _ in range(100):  # until the last of it is gone
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.exists(f'{self.folder}.log'):
            os.remove(f'{self.folder}.log')

    def command(self, *words):
        """What runs words in it."""
        return ['nsenter', '--all', '-t', self.pid, *words]

    def run(self, *words, check=True, stdin=''):
        """The CompletedProcess; what it said is in stdout."""
        done = subprocess.run(
            self.command(*words), input=stdin, env=ENVIRONMENT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
            check=False, errors='replace')
        if check and done.returncode != 0:
            raise AssertionError(f'{" ".join(words)}: {done.stdout}')
        return done

    def popen(self, *words):
        """The same, going on."""
        return subprocess.Popen(
            self.command(*words), stdin=subprocess.PIPE, env=ENVIRONMENT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def put(self, path, name):
        """A file of ours as /tmp/NAME there."""
        with open(path, 'rb') as file:
            data = file.read()
        self.write(f'/tmp/{name}', data)

    def write(self, path, data):
        """A file there."""
        with open(f'/proc/{self.pid}/root{path}', 'wb') as file:
            file.write(data)
