"""Reloading, stopping and vanishing clients, under live sessions."""
from harness import Failed, Smtp, accepts, cases, check, wait_for

CONTENT = 'Subject: live\n\none line\n'


def policy(version):
    """A policy that says in every message which one it is."""
    return f'''
local kumo = require 'kumo'
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  if sender.user == 'which' then
    kumo.reject(550, '5.7.1 version {version}')
  end
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:append_header('X-Version', '{version}')
end)
'''


def connect(mta):
    """A greeted client."""
    client = Smtp(mta.port)
    client.greet()
    return client


def version(mta):
    """Which policy answers new sessions."""
    with connect(mta) as client:
        reply = client.cmd('MAIL FROM:<which@example.org>')
        check('MAIL', 550, reply.code)
        return reply[-1].split()[-1]


def finish(mta, client):
    """Finishes the message of a session after its RCPT; its X-Version."""
    client.expect('DATA', 354)
    reply = client.content(CONTENT)
    return mta.queued(reply).values('X-Version')


def begin(mta):
    """A session after an accepted RCPT."""
    client = connect(mta)
    client.expect('MAIL FROM:<a@example.org>', 250)
    client.expect('RCPT TO:<b@example.net>', 250)
    return client


def test_reload(t):
    """A session ends on the policy that it began with; new ones get the
    new one; a policy that does not load changes nothing."""
    with t.own_kumilter(policy(1)) as daemon, begin(t.mta) as old:
        check('before', '1', version(t.mta))
        check('reload', 0, daemon.reload(policy(2)).returncode)
        check('new session', '2', version(t.mta))
        check('old session', ['1'], finish(t.mta, old))
        replies = old.message('a@example.org', ['b@example.net'], CONTENT)
        check('its next message', ['1'],
              t.mta.queued(replies[-1]).values('X-Version'))
        done = daemon.reload('\nlocal x = = 1\n')
        if not done.returncode or 'policy.lua:2' not in done.stderr:
            raise Failed(f'reload of a broken policy: {done}')
        check('after a broken policy', '2', version(t.mta))


def test_hup(t):
    """SIGHUP reloads too, as often as it comes."""
    with t.own_kumilter(policy(1)) as daemon:
        for number in ('2', '3', '4'):
            with begin(t.mta) as old:
                with open(daemon.policy, 'w') as file:
                    file.write(policy(number))
                daemon.hup()
                wait_for(lambda: version(t.mta) == number,
                         f'policy {number}')
                check('old session', [str(int(number) - 1)],
                      finish(t.mta, old))


def test_hup_burst(t):
    """Many HUPs at once are reloads, never the end of the daemon: libmilter
    too waits for this signal, to stop."""
    with t.own_kumilter(policy(1)) as daemon, begin(t.mta) as client:
        for _ in range(1000):
            daemon.hup()
        check('message', ['1'], finish(t.mta, client))
        client.expect('QUIT', 221)
        check('running', True, daemon.running)
        check('new session', '1', version(t.mta))


def test_term(t):
    """TERM: no new sessions, the open one finishes its message, then the
    daemon exits with 0."""
    with t.own_kumilter(policy(1)) as daemon, begin(t.mta) as client:
        daemon.term()
        wait_for(lambda: not accepts(daemon.listen), 'it to stop listening')
        check('still running', True, daemon.running)
        check('message', ['1'], finish(t.mta, client))
        client.expect('QUIT', 221)
        check('exit code', 0, daemon.stop())


@cases
def test_vanishing_clients(t):
    """A client that goes away at any stage, politely or not, leaves nothing
    behind."""
    stages = {
        'connect': [],
        'helo': ['EHLO client.example.org'],
        'mail': ['EHLO client.example.org', 'MAIL FROM:<a@example.org>'],
        'rcpt': ['EHLO client.example.org', 'MAIL FROM:<a@example.org>',
                 'RCPT TO:<b@example.net>'],
        'data': ['EHLO client.example.org', 'MAIL FROM:<a@example.org>',
                 'RCPT TO:<b@example.net>', 'DATA'],
    }
    with t.own_kumilter(policy(1)) as daemon:
        check('version', '1', version(t.mta))
        for stage, commands in stages.items():
            for how in ('FIN', 'RST'):
                name = f'{stage}, {how}'
                if not t.wants(name):
                    continue
                try:
                    vanish(t.mta, daemon, commands, how == 'RST')
                except Failed as problem:
                    t.case(name, problem)
                else:
                    t.case(name)
        check('afterwards', '1', version(t.mta))


def vanish(mta, daemon, commands, reset):
    """Ten sessions that end after these commands; waits until the daemon
    has closed as many descriptors as it opened for them."""
    before = daemon.fds
    for _ in range(10):
        client = Smtp(mta.port)
        check('banner', 220, client.reply().code)
        for command in commands:
            client.cmd(command)
        if reset:
            client.reset()
        client.close()
    wait_for(lambda: daemon.fds <= before, 'the descriptors to be closed')
