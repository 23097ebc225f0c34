"""The events that are kumilter's own: milter_unknown_command, milter_abort,
milter_close."""
import expect
from harness import Failed, Smtp, cases, check

CONTENT = 'Subject: events\n\none line\n'

POLICY = '''
local kumo = require 'kumo'

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  conn_meta:set_meta('name', domain)
end)

kumo.on('milter_unknown_command', function(command, conn_meta)
  kumo.log_info('unknown', conn_meta:get_meta 'name', '<' .. command .. '>')
  local code, how = command:match '^X(%d%d%d)(%u*)'
  if how == 'CLOSE' then
    kumo.disconnect(tonumber(code), 'no such thing', 'FollowWith421')
  elseif code then
    kumo.reject(tonumber(code), 'no such thing')
  end
end)

kumo.on('milter_abort', function(conn_meta)
  kumo.log_info('abort', conn_meta:get_meta 'name')
end)

kumo.on('milter_close', function(conn_meta)
  kumo.log_info('close', conn_meta:get_meta 'name')
end)
'''


def line(mta, code, text='no such thing'):
    """The reply to an unknown command."""
    return expect.lines(mta.name, 'unknown', code, text, '')[0]


def connect(t, name):
    """A client whose name is in the log."""
    client = Smtp(t.mta.port)
    client.greet(name)
    return client


def test_unknown_command(t):
    """A command that the MTA does not know: its own answer, that of the
    policy, and a 421 that closes."""
    with t.kumilter(POLICY) as daemon:
        with connect(t, 'unknown.test') as client:
            check('not refused', 500, client.cmd('XYZZY one two').code)
            daemon.wait_log('unknown unknown.test <XYZZY( one two)?>')
            check('tempfail', [line(t.mta, 451)],
                  list(client.cmd('X451 please')))
            check('reject', 550, client.cmd('X550').code)
            check('session goes on', True, client.is_open())
            check('421', [line(t.mta, 421)], list(client.cmd('X421')))
            if not client.closed():
                raise Failed('the server did not close after the 421')
        with connect(t, 'closing.test') as client:
            check('first', [line(t.mta, 451)], list(client.cmd('X451CLOSE')))
            reply = client.cmd('MAIL FROM:<a@example.org>')
            check('next MAIL', [expect.condemned_line(t.mta.name)],
                  list(reply))


def wait_logged(daemon, since, *words):
    """Waits for these lines, in this order."""
    for word in words:
        found = daemon.wait_log(f'(?<!\\w){word}$', since)
        index = next(n for n, text in enumerate(daemon.lines)
                     if n >= since and text.endswith(found.group()))
        since = index + 1


@cases
def test_abort_and_close(t):
    """milter_abort at the end of an unfinished message, milter_close at the
    end of the session, in this order."""
    mail, rcpt = 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.net>'
    table = {
        'quit': (['QUIT'], ['close']),
        'reset': ([mail, 'RSET', 'QUIT'], ['abort', 'close']),
        'reset-twice': ([mail, 'RSET', mail, rcpt, 'RSET', 'QUIT'],
                        ['abort', 'abort', 'close']),
        'vanish': ([], ['close']),
        'vanish-mail': ([mail], ['close']),
        'vanish-data': ([mail, rcpt, 'DATA'], ['close']),
    }
    with t.kumilter(POLICY) as daemon:
        for name, (commands, events) in table.items():
            if not t.wants(name):
                continue
            try:
                since = len(daemon.lines)
                with connect(t, f'{name}.test') as client:
                    for command in commands:
                        client.cmd(command)
                wait_logged(daemon, since,
                            *(f'{event} {name}.test' for event in events))
            except Failed as problem:
                t.case(name, problem)
            else:
                t.case(name)


def test_no_abort_after_a_whole_message(t):
    """A message that ended is not aborted by what comes next."""
    with t.kumilter(POLICY) as daemon:
        since = len(daemon.lines)
        with connect(t, 'whole.test') as client:
            for _ in range(2):
                client.message('a@example.org', ['b@example.net'], CONTENT)
            client.expect('QUIT', 221)
        daemon.wait_log('close whole.test', since)
        aborted = [text for text in daemon.lines[since:]
                   if 'abort whole.test' in text]
        # MTAs differ: what may not be is an abort for each message
        if len(aborted) > 1:
            raise Failed(f'aborted: {aborted}')
