"""Where the daemon listens: TCP, and a socket that was opened for it."""
import concurrent.futures
import contextlib
import os
import socket

from harness import Activated, accepts, check, free_port, wait_for
from test_daemon import CONTENT, begin, finish, policy, version


@contextlib.contextmanager
def tcp(mta):
    """In `with`: the MTA looks for its filter at this port."""
    port = free_port()
    if mta.name == 'postfix':
        before = mta.settings['smtpd_milters']
        mta.set(smtpd_milters=f'inet:127.0.0.1:{port}')
    else:
        mta.set(milter=f'inet:{port}@127.0.0.1')
    try:
        yield port
    finally:
        if mta.name == 'postfix':
            mta.set(smtpd_milters=before)
        else:
            mta.set(milter=f'unix:{mta.milter}')


def test_tcp(t):
    """Whole sessions over TCP, a reload, and a TERM that serves the open
    one to its end."""
    with tcp(t.mta) as port, \
            t.own_kumilter(policy(1), listen=('127.0.0.1', port)) as daemon:
        with begin(t.mta) as client:
            check('message', ['1'], finish(t.mta, client))
            replies = client.message('which@example.org', [], CONTENT)
            check('refused', 550, replies[-1].code)
        check('reload', 0, daemon.reload(policy(2)).returncode)
        check('version', '2', version(t.mta))
        with begin(t.mta) as client:
            daemon.term()
            wait_for(lambda: not accepts(daemon.listen),
                     'it to stop listening')
            check('message', ['2'], finish(t.mta, client))
            client.expect('QUIT', 221)
        check('exit code', 0, daemon.stop())


@contextlib.contextmanager
def listening(mta):
    """In `with`: a listening socket where the MTA looks for its filter."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(mta.milter)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(mta.milter)
        os.chmod(mta.milter, 0o666)
        sock.listen(100)
        try:
            yield sock
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(mta.milter)


def test_activation(t):
    """With an open socket as descriptor 3: it serves, and it says when it
    is ready, reloads and stops."""
    with listening(t.mta) as sock, t.own_kumilter(
            policy(1), kind=Activated, sock=sock) as daemon:
        check('ready', True, daemon.noted('READY=1'))
        check('version', '1', version(t.mta))
        seen = len(daemon.notes)
        check('reload', 0, daemon.reload(policy(2)).returncode)
        daemon.wait_noted('RELOADING=1', seen)
        daemon.wait_noted('READY=1', seen)
        check('a time', True, any('MONOTONIC_USEC=' in note
                                  for note in daemon.notes[seen:]))
        check('version', '2', version(t.mta))
        seen = len(daemon.notes)
        check('broken', False, daemon.reload('\nx = = 1\n').returncode == 0)
        daemon.wait_noted('RELOADING=1', seen)
        daemon.wait_noted('READY=1', seen)
        check('stopping', False, daemon.noted('STOPPING=1'))
        check('exit code', 0, daemon.stop())
        check('stopping', True, any('STOPPING=1' in note.split('\n')
                                    for note in daemon.notes))
        check('the socket stays', True, os.path.exists(t.mta.milter))


def test_restart_with_the_same_socket(t):
    """Sessions that begin while no daemon is there wait for the next one:
    none is lost, none goes unfiltered."""
    with listening(t.mta) as sock, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        with t.own_kumilter(policy(1), kind=Activated, sock=sock) as old, \
                begin(t.mta) as client:
            old.term()
            old.wait_log('stopping when 1 open sessions have ended')
            waiting = [pool.submit(whole_session, t.mta) for _ in range(4)]
            check('message', ['1'], finish(t.mta, client))
            client.expect('QUIT', 221)
            check('exit code', 0, old.stop())
        with t.own_kumilter(policy(2), kind=Activated, sock=sock):
            check('sessions', [['2']] * 4,
                  [one.result() for one in waiting])


def whole_session(mta):
    """The X-Version of its message."""
    with begin(mta) as client:
        return finish(mta, client)
