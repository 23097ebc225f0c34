"""What every part of the harness needs: waiting, ports, places, processes."""
import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HOST = 'mx.example.test'    # the name that both MTAs give themselves
DEADLINE = 60               # seconds after which waiting is a failure


class Skip(Exception):
    """This cannot be tested here; the text says why."""


class Failed(Exception):
    """The tested thing did something else than expected."""


def check(what, expected, got):
    """Raises Failed, with both values, unless they are equal."""
    if expected != got:
        raise Failed(f'{what}: expected {expected!r}, got {got!r}')


def is_root():
    """True where private MTAs can be run: they change users."""
    return os.geteuid() == 0


def wait_for(condition, what, deadline=DEADLINE):
    """Returns the first true value of condition(); Failed at the deadline.

    What is waited for comes from other processes, which cannot tell us; so
    this looks again and again, first at once, then every 1 to 20 ms.
    """
    end = time.monotonic() + deadline
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f'waited {deadline} s in vain for {what}')
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def has_ipv6():
    """True when there is a ::1."""
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(('::1', 0))
        except OSError:
            return False
    return True


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def accepts(address):
    """True when somebody accepts connections at a path or (host, port)."""
    family = socket.AF_UNIX if isinstance(address, str) else \
        socket.AF_INET6 if ':' in address[0] else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.connect(address)
        except OSError:
            return False
    return True


def reachable(path):
    """True when a user without rights may read path (and list it)."""
    path = os.path.realpath(path)
    mode = os.stat(path).st_mode
    if not mode & stat.S_IROTH:
        return False
    while path != '/':
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
    return True


def temp_dir():
    """A new directory that every user may pass through; remove_dir() it."""
    base = None if reachable(tempfile.gettempdir()) else '/tmp'
    path = tempfile.mkdtemp(prefix='kumilter-', dir=base)
    os.chmod(path, 0o755)
    return path


def remove_dir(path):
    """Removes a tree, also one that somebody else still writes to."""
    shutil.rmtree(path, ignore_errors=True)


def unprivileged():
    """An account without rights to run the daemon as; None unless root."""
    if not is_root():
        return None
    for name in ('nobody', 'daemon'):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Skip('no user "nobody" on this machine')


def alive(pid):
    """True while process pid runs (a zombie does not)."""
    try:
        with open(f'/proc/{pid}/stat', 'rb') as file:
            return file.read().rpartition(b')')[2].split()[0] != b'Z'
    except OSError:
        return False


def end_process(process, grace=10):
    """TERM, and after grace seconds KILL; returns the exit code.

    Negative when a signal ended it, so -9 says that TERM did not help.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def run(*argv, **options):
    """Runs a tool and returns its output; Failed, with what it said, where
    it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, **options)
    if done.returncode:
        text = (done.stderr + done.stdout).decode(errors='replace').strip()
        raise Failed(f'{" ".join(argv)} exited with {done.returncode}: '
                     f'{text}')
    return done.stdout


def log_matches(path, regex, start=0):
    """The first match of a compiled bytes regex in a file from start on."""
    try:
        with open(path, 'rb') as file:
            file.seek(start)
            return regex.search(file.read())
    except FileNotFoundError:
        return None


def exit_on_term():
    """Makes TERM and HUP end the program through its finally clauses."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
