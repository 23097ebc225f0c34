"""Stopping and restarting under live sessions: TERM, a second TERM, the
deadline, and a successor on the same socket."""
from harness import Failed, Smtp, accepts, check, kumilter, wait_for
from test_daemon import begin, finish, policy, version

SOON = 10       # seconds; what is to end at once may take so long


def refuses(mta):
    """A new session gets the MTA's default action: MAIL is refused for
    now."""
    with Smtp(mta.port) as client:
        client.greet()
        check('MAIL', 451, client.cmd('MAIL FROM:<a@example.org>').code)


def term(daemon):
    """TERM; returns when the door is shut."""
    daemon.term()
    wait_for(lambda: not accepts(daemon.listen), 'it to stop listening')


def test_term_refuses_new_sessions(t):
    """While an open session goes on with its message, and with another,
    nobody new is let in."""
    with t.own_kumilter(policy(1)) as daemon, begin(t.mta) as client:
        term(daemon)
        daemon.wait_log('stopping when 1 open sessions have ended')
        refuses(t.mta)
        check('message', ['1'], finish(t.mta, client))
        refuses(t.mta)
        replies = client.message('a@example.org', ['b@example.net'],
                                 'Subject: again\n')
        check('next message', ['1'],
              t.mta.queued(replies[-1]).values('X-Version'))
        check('running', True, daemon.running)
        client.expect('QUIT', 221)
        daemon.wait(SOON)
        check('exit code', 0, daemon.stop())
        refuses(t.mta)


def test_second_term(t):
    """It ends at once; the open session gets the MTA's default action."""
    with t.own_kumilter(policy(1), args=['--drain-timeout', '600s']) \
            as daemon, begin(t.mta) as client:
        term(daemon)
        check('running', True, daemon.running)
        daemon.term()
        daemon.wait(SOON)
        check('exit code', 0, daemon.stop())
        daemon.wait_log('stopping with 1 sessions open')
        after_the_end(client)


def after_the_end(client):
    """The session of a client whose filter is gone: an answer all the same,
    and no message accepted that nobody looked at."""
    codes = [client.cmd('DATA').code]
    if codes[0] == 354:
        codes.append(client.content('Subject: late\n').code)
    check('codes', True, codes in ([451], [354, 451]))


def test_drain_timeout(t):
    """The deadline does the same."""
    with t.own_kumilter(policy(1), args=['--drain-timeout', '1s']) \
            as daemon, begin(t.mta) as client:
        daemon.term()
        daemon.wait(SOON)
        check('exit code', 0, daemon.stop())
        daemon.wait_log('stopping with 1 sessions open')
        after_the_end(client)


def test_term_without_sessions(t):
    """Nothing to wait for."""
    with t.own_kumilter(policy(1)) as daemon:
        check('version', '1', version(t.mta))
        wait_for(lambda: daemon.counters()['sessions_open'] == 0,
                 'the session to end')
        daemon.term()
        daemon.wait(SOON)
        check('exit code', 0, daemon.stop())
        check('warnings', [], [line for line in daemon.lines
                               if ' warning: ' in line or ' error: ' in line])


def test_successor(t):
    """A new daemon takes the socket while the old one serves its last
    session: new sessions are the new one's, and the old one does not take
    the socket away when it ends."""
    with t.own_kumilter(policy(1)) as old, begin(t.mta) as client:
        term(old)
        with t.own_kumilter(policy(2),
                            control=f'{old.control}.2') as new:
            check('new session', '2', version(t.mta))
            check('old session', ['1'], finish(t.mta, client))
            client.expect('QUIT', 221)
            old.wait(SOON)
            check('exit code', 0, old.stop())
            check('new session', '2', version(t.mta))
            if not accepts(new.listen):
                raise Failed('the old daemon took the socket away')


def test_same_socket_twice(t):
    """A second daemon does not take the socket of one that serves."""
    with t.own_kumilter(policy(1)) as daemon:
        done = kumilter(*daemon.command()[1:], '--control', 'none',
                        check=False)
        check('exit code', 69, done.returncode)
        if 'another process serves on it' not in done.stderr:
            raise Failed(f'it says {done.stderr}')
        check('version', '1', version(t.mta))


def test_killed(t):
    """KILL: the MTA's default action at once, and the next daemon starts on
    the socket that was left behind."""
    daemon = t.own_kumilter(policy(1))
    try:
        daemon.start()
        with begin(t.mta) as client:
            daemon.kill()
            after_the_end(client)
    finally:
        daemon.kill()
    with t.own_kumilter(policy(2)):
        check('version', '2', version(t.mta))
