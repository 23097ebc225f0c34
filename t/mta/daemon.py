"""The daemon under test, as a process of its own."""
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading

import common
from common import Failed, ROOT, wait_for

BINARY = os.environ.get('KUMILTER') or f'{ROOT}/build/kumilter'


def kumilter(*argv, check=True, **options):
    """Runs one of the program's verbs and returns the CompletedProcess;
    with check, Failed unless it exits with 0."""
    done = subprocess.run([BINARY, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False,
                          timeout=common.DEADLINE, errors='surrogateescape',
                          **options)
    if check and done.returncode:
        raise Failed(f'kumilter {argv[0]} exited with {done.returncode}: '
                     f'{done.stderr.strip()}')
    return done


def explain_reply(mta, stage, mode, code, text, address):
    """What `kumilter explain-reply --json` foretells, as a dict."""
    done = kumilter('explain-reply', '--json', '--mta', mta,
                    '--stage', stage, '--mode', mode, '--host', common.HOST,
                    '--address', address, '--', str(code), text)
    return json.loads(done.stdout)


class Kumilter:
    """`kumilter serve` with one policy, from `with` or start() to stop().

    policy   path of the file that it runs
    lines    its log so far
    on_line  called, in a thread, with every further line of it
    exit_code  after stop(); None before
    """

    def __init__(self, policy, listen, files=None, args=(), control=None,
                 scriptlet=False):
        """policy: the text of one, or a path.  listen: path of the socket,
        in a folder that the daemon's user may write to; or (address, port).
        files: name -> text of what lies beside a policy text.  args:
        further arguments of serve, @DIR@ in them being the policy's folder.
        control: path of its control socket, beside the other one by
        default.  scriptlet: the policy is one of Momentum's."""
        self.dir = common.temp_dir()
        self.listen = listen
        beside = os.path.dirname(listen) if isinstance(listen, str) \
            else self.dir
        self.control = control or f'{beside}/control'
        self.policy = self._place(policy, files or {})
        self.lines = []
        self.on_line = None
        self.exit_code = None
        self._args = args
        self._flag = '--scriptlet' if scriptlet else '--policy'
        self._process = None
        self._reader = None

    def _place(self, policy, files):
        """Where the daemon's user can read the policy, now and at a
        reload: where it is, if that can be, else in our own folder."""
        if '\n' in policy:
            self._write(files | {'policy.lua': policy})
            return f'{self.dir}/policy.lua'
        if common.reachable(policy):
            return os.path.abspath(policy)
        copy = f'{self.dir}/policy'
        shutil.copytree(os.path.dirname(os.path.abspath(policy)), copy)
        common.run('chmod', '-R', 'a+rX', copy)
        return f'{copy}/{os.path.basename(policy)}'

    def _write(self, files):
        """Puts name -> text into our folder."""
        for name, text in files.items():
            os.makedirs(os.path.dirname(f'{self.dir}/{name}'), exist_ok=True)
            with open(f'{self.dir}/{name}', 'w') as file:
                file.write(text)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_exc):
        code = self.stop() if self.exit_code is None else self.exit_code
        if code and kind is None:
            raise Failed(f'kumilter exited with {code}: {self.tail()}')

    def command(self):
        """The arguments that start it."""
        argv = [BINARY, 'serve', self._flag, self.policy, *self._door(),
                '--log', 'stderr', '--control', self.control]
        user = common.unprivileged()
        if user:
            argv += ['--user', user.pw_name]
        folder = os.path.dirname(self.policy)
        return argv + [arg.replace('@DIR@', folder) for arg in self._args]

    def _door(self):
        """The arguments that say where it listens."""
        if isinstance(self.listen, str):
            return ['--listen', f'unix:{self.listen}',
                    '--socket-mode', '0666']
        host, port = self.listen
        return ['--listen', f'inet:{port}@{host}']

    def _process_options(self):
        """Further arguments of Popen."""
        return {}

    def start(self):
        """Starts it; returns when it accepts connections, on its control
        socket, too."""
        self._process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, **self._process_options())
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait_for(self._up_or_dead, 'kumilter to listen') == 'dead':
            code = self._process.wait()
            self._reader.join()
            raise Failed(f'kumilter exited with {code} at its start: '
                         f'{self.tail()}')

    def _up_or_dead(self):
        if self._process.poll() is not None:
            return 'dead'
        return common.accepts(self.listen) \
            and common.accepts(self.control) and 'up'

    def _read(self):
        """Collects the log, in a thread."""
        for line in self._process.stderr:
            self.lines.append(line.decode(errors='replace').rstrip('\n'))
            if self.on_line:
                self.on_line(self.lines[-1])
        self._process.stderr.close()

    def term(self):
        """Asks it to finish; stop() waits for that."""
        self._process.terminate()

    def hup(self):
        """Sends it a HUP."""
        self._process.send_signal(1)

    def wait(self, timeout=None):
        """Returns when it has ended by itself; Failed if that is not
        within timeout seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'kumilter did not end within {timeout} s') \
                from None

    def stop(self, grace=common.DEADLINE):
        """TERM; returns its exit code, -9 where it had to be killed."""
        if self._process:
            self.exit_code = common.end_process(self._process, grace)
            self._reader.join()
        common.remove_dir(self.dir)
        return self.exit_code

    def kill(self):
        """Ends it without questions."""
        if self._process:
            self._process.kill()
        self.stop()

    # -- looking inside ----------------------------------------------------

    @property
    def pid(self):
        """Its process id."""
        return self._process.pid

    @property
    def running(self):
        """False once it has exited."""
        return self._process.poll() is None

    @property
    def rss(self):
        """Resident memory in bytes."""
        with open(f'/proc/{self.pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    @property
    def fds(self):
        """The number of its open file descriptors."""
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def tail(self):
        """The end of its log as one string."""
        return ' | '.join(self.lines[-8:]) or '(it logged nothing)'

    def wait_log(self, regex, since=0):
        """Waits for a log line (index since or later) that matches;
        returns the match."""
        pattern = re.compile(regex)

        def look():
            for line in self.lines[since:]:
                found = pattern.search(line)
                if found:
                    return found
            return None
        return wait_for(look, f'"{regex}" in the log of kumilter')

    def reload(self, policy=None, files=None):
        """`kumilter reload`, after writing another policy text (and what
        lies beside it) if one is given; returns the CompletedProcess,
        whatever it exits with."""
        if policy is not None:
            self._write((files or {}) | {'policy.lua': policy})
        return kumilter('reload', '--control', self.control, check=False)

    def status(self):
        """What `kumilter status` prints."""
        return kumilter('status', '--control', self.control).stdout

    def counters(self):
        """The counters of `kumilter status`, name -> number."""
        lines = re.findall(r'^(\w+) (\d+)$', self.status(), re.M)
        return {name: int(value) for name, value in lines}


ACTIVATE = '''
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.closerange(4, 1024)
os.environ['LISTEN_FDS'] = '1'
os.environ['LISTEN_PID'] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
'''


class Activated(Kumilter):
    """A daemon that is given its open socket and tells how it does, as
    systemd has it.

    notes  what it said on NOTIFY_SOCKET so far, one string each
    """

    def __init__(self, policy, listen, sock, **options):
        """sock: the listening socket at the path listen."""
        super().__init__(policy, listen, **options)
        self.notes = []
        self._sock = sock
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(f'{self.dir}/notify')
        os.chmod(f'{self.dir}/notify', 0o666)

    def command(self):
        """With the socket as descriptor 3 and LISTEN_PID its own."""
        return [sys.executable, '-c', ACTIVATE, str(self._sock.fileno()),
                *super().command()]

    def _door(self):
        return []

    def _process_options(self):
        path = f'{self.dir}/notify'
        return {'pass_fds': [self._sock.fileno()],
                'env': os.environ | {'NOTIFY_SOCKET': path}}

    def _up_or_dead(self):
        if self._process.poll() is not None:
            return 'dead'
        return self.noted('READY=1') and 'up'

    def noted(self, what, since=0):
        """Has it said this, in a note of index since or later?"""
        while select.select([self._notify], [], [], 0)[0]:
            self.notes.append(self._notify.recv(4096).decode())
        return any(what in note.split('\n') for note in self.notes[since:])

    def wait_noted(self, what, since=0):
        """Waits until it has."""
        wait_for(lambda: self.noted(what, since), f'{what} from kumilter')

    def stop(self, grace=common.DEADLINE):
        code = super().stop(grace)
        self.noted('')      # the last words
        self._notify.close()
        return code
