"""`kumilter status` while sessions are open, and what many of them leave
behind."""
import concurrent.futures

from harness import Failed, Smtp, check, only, wait_for

CONTENT = 'Subject: status\n\none line\n'
GROWTH = 4 << 20        # bytes: a leak of 2 kB each session would be seen

POLICY = '''
local kumo = require 'kumo'
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  conn_meta:set_meta('sender', { sender.user, { at = sender.domain } })
  if sender.user == 'no' then
    kumo.reject(550, '5.7.1 no')
  elseif sender.user == 'bug' then
    error 'a bug'
  end
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:append_header('X-Sender', conn_meta:get_meta('sender')[1])
  if msg:sender().user == 'hold' then
    msg:quarantine 'held'
  elseif msg:sender().user == 'null' then
    msg:set_meta('queue', 'null')
  elseif msg:sender().user == 'last' then
    kumo.disconnect(451, 'that was the last')
  end
end)
'''


def send(client, user):
    """A message of this user; the codes of the replies."""
    return [reply.code for reply in client.message(
        f'{user}@example.org', ['b@example.net'], CONTENT)]


def test_counters(t):
    """They tell what went on."""
    with t.own_kumilter(POLICY) as daemon:
        check('open', 0, daemon.counters()['sessions_open'])
        clients = [Smtp(t.mta.port) for _ in range(3)]
        for client in clients:
            client.greet()
        check('open', 3, daemon.counters()['sessions_open'])
        first, second, third = clients
        for user, code in (('ok', 250), ('hold', 250), ('null', 250)):
            check(user, code, send(first, user)[-1])
        check('no', [550], send(second, 'no'))
        check('last', 451, send(second, 'last')[-1])
        check('bug', [421], send(third, 'bug'))
        for client in clients:
            client.close()
        wait_for(lambda: daemon.counters()['sessions_open'] == 0,
                 'the sessions to end')
        counters = daemon.counters()
        for name, number in (
                ('sessions', 3), ('messages', 4), ('refused', 2),
                ('discarded', 1), ('quarantined', 1), ('condemned', 1),
                ('errors_lua', 1), ('errors_cpu_limit', 0),
                ('reloads', 0)):
            check(name, number, counters[name])
        daemon.reload('\nlocal kumo = require "kumo"\n')
        check('reloads', 1, daemon.counters()['reloads'])
        daemon.reload('\nx = = 1\n')
        check('refused', 1, daemon.counters()['reloads_refused'])


def short_session(mta, number):
    """A session as short as they come, or one with a message."""
    with Smtp(mta.port) as client:
        client.greet()
        user = ('no', 'null', 'bug', 'null')[number % 4]
        send(client, user)
        client.cmd('QUIT')


@only('postfix')
def test_flat(t):
    """Two thousand sessions leave neither memory nor descriptors behind."""
    with t.own_kumilter(POLICY) as daemon, \
            concurrent.futures.ThreadPoolExecutor(8) as pool:
        def run(many):
            """Plays them, waits for their end."""
            list(pool.map(lambda n: short_session(t.mta, n), range(many)))
            wait_for(lambda: daemon.counters()['sessions_open'] == 0,
                     'the sessions to end')

        run(200)
        rss, fds = daemon.rss, daemon.fds
        run(2000)
        check('sessions', 2200, daemon.counters()['sessions'])
        wait_for(lambda: daemon.fds <= fds, 'the descriptors to be closed')
        if daemon.rss > rss + GROWTH:
            raise Failed(f'from {rss >> 10} to {daemon.rss >> 10} kB')
