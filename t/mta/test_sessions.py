"""Refusals within a session: what the client sees, when the server closes,
and how the session goes on.  test_matrix.py has every combination; here are
the examples of KumoMTA's manual and the orders of commands.
"""
import expect
from harness import EOF, Failed, HOST, Smtp, cases, check

CLIENT = 'a@example.org'
CONTENT = 'From: a@example.org\nSubject: hello\n\none line\n'
FOLLOW = 'disconnecting due to previous error'

# What happens is in the local part of the address, where it happens in the
# domain: <force@mail.test>, <bug@rcpt.test>; a HELO name force.helo.test.
POLICY = '''
local kumo = require 'kumo'

local acts = {
  goaway = function() kumo.disconnect(421, 'mta.example.com go away!') end,
  force = function() kumo.disconnect(451, 'no thank you') end,
  follow = function()
    kumo.disconnect(451, 'no thank you', 'FollowWith421')
  end,
  if421 = function() kumo.disconnect(451, 'no thank you', 'If421') end,
  closing = function() kumo.disconnect(521, 'no thank you', 'If421') end,
  tempfail = function() kumo.reject(451, '4.7.1 later') end,
  reject = function() kumo.reject(550, '5.7.1 never') end,
  reject421 = function() kumo.reject(421, '4.7.1 bye') end,
  bug = function() local nothing; return nothing.field end,
  caught = function() pcall(kumo.reject, 550, '5.7.1 never') end,
  rethrown = function()
    local _, err = pcall(kumo.reject, 550, '5.7.1 never')
    error(err)
  end,
}

local function at(stage, user, domain)
  if domain == stage .. '.test' and acts[user] then
    acts[user]()
  end
end

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  at('helo', domain:match '^(%w+)%.(.+)$')
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  conn_meta:set_meta('user', sender.user)
  conn_meta:set_meta('domain', sender.domain)
  at('mail', sender.user, sender.domain)
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  at('rcpt', rcpt.user, rcpt.domain)
end)

kumo.on('milter_data', function(conn_meta)
  at('data', conn_meta:get_meta 'user', conn_meta:get_meta 'domain')
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  at('eom', msg:sender().user, msg:sender().domain)
end)
'''

CONNECT_BUG = '''
local kumo = require 'kumo'
kumo.on('smtp_server_connection_accepted', function(conn_meta)
  error 'a bug at connect'
end)
'''


def line(mta, at, code, text, address=''):
    """The line that a client of this MTA reads."""
    return expect.lines(mta.name, at, code, text, address)[0]


def close_check(what, client, expected, reply):
    """The reply is this line, and then the server closes."""
    check(what, [expected], list(reply))
    if not client.closed():
        raise Failed(f'{what}: the server did not close after {expected!r}')


def connect(mta):
    """A greeted client."""
    client = Smtp(mta.port)
    client.greet()
    return client


def run_case(t, name, steps):
    """One case of a @cases test: steps(client) with a greeted client."""
    if not t.wants(name):
        return
    with Smtp(t.mta.port) as client:
        try:
            client.greet()
            steps(client)
        except Failed as problem:
            t.case(name, problem, client.transcript())
        else:
            t.case(name)


def rcpt_after_mail(client, user):
    """Up to an accepted RCPT and the reply of the one that is refused."""
    client.expect(f'MAIL FROM:<{CLIENT}>', 250)
    client.expect('RCPT TO:<b@example.org>', 250)
    return client.cmd(f'RCPT TO:<{user}@rcpt.test>')


# -- the examples of KumoMTA's manual ------------------------------------

def test_421_closes(t):
    """kumo.disconnect(421, 'mta.example.com go away!')"""
    with t.kumilter(POLICY), connect(t.mta) as client:
        reply = client.cmd('MAIL FROM:<goaway@mail.test>')
        want = line(t.mta, 'mail', 421, 'mta.example.com go away!')
        close_check('MAIL', client, want, reply)
        if t.mta.name == 'postfix':
            check('verbatim', '421 mta.example.com go away!', want)


def test_force_disconnect(t):
    """kumo.disconnect(451, 'no thank you'): a milter cannot make an MTA
    close after a 451, so the next command is the end."""
    follow_up(t, 'force')


def test_follow_with_421(t):
    """kumo.disconnect(451, 'no thank you', 'FollowWith421')"""
    follow_up(t, 'follow')


def follow_up(t, user):
    """The code and text first, the 421 for the next command."""
    with t.kumilter(POLICY), connect(t.mta) as client:
        reply = client.cmd(f'MAIL FROM:<{user}@mail.test>')
        check('MAIL', [line(t.mta, 'mail', 451, 'no thank you')],
              list(reply))
        check('NOOP', 250, client.cmd('NOOP').code)
        check('RSET', 250, client.cmd('RSET').code)
        reply = client.cmd(f'MAIL FROM:<{CLIENT}>')
        close_check('next MAIL', client,
                    line(t.mta, 'mail', 421, f'{HOST} {FOLLOW}'), reply)


def test_if421(t):
    """kumo.disconnect(451, 'no thank you', 'If421') is kumo.reject()."""
    with t.kumilter(POLICY), connect(t.mta) as client:
        reply = client.cmd('MAIL FROM:<if421@mail.test>')
        check('MAIL', [line(t.mta, 'mail', 451, 'no thank you')],
              list(reply))
        replies = client.message(CLIENT, ['b@example.org'], CONTENT)
        check('next message', [250, 250, 354, 250],
              [reply.code for reply in replies])


# -- how errors are treated ----------------------------------------------

@cases
def test_uncaught_error(t):
    """421 4.3.0 HOSTNAME technical difficulties and the end, at every
    stage; the traceback is in the log."""
    want = f'421 4.3.0 {HOST} technical difficulties'
    walks = {
        'helo': lambda c: c.cmd('EHLO bug.helo.test'),
        'mail': lambda c: c.cmd('MAIL FROM:<bug@mail.test>'),
        'rcpt': lambda c: rcpt_after_mail(c, 'bug'),
        'data': lambda c: c.message('bug@data.test', [CLIENT], CONTENT)[-1],
        'eom': lambda c: c.message('bug@eom.test', [CLIENT], CONTENT)[-1],
    }
    with t.kumilter(POLICY) as daemon:
        for stage, walk in walks.items():
            def steps(client, stage=stage, walk=walk):
                before = len(daemon.lines)
                if stage == 'helo' and t.mta.name == 'sendmail':
                    reply = client.cmd('EHLO bug.helo.test')
                    # Sendmail says nothing when a second EHLO ends it
                    check('EHLO', EOF, reply.end)
                else:
                    close_check(stage, client, want, walk(client))
                daemon.wait_log(r'policy\.lua:\d+', before)
            run_case(t, stage, steps)


def test_uncaught_error_at_first_helo(t):
    """The same where Sendmail can say it."""
    with t.kumilter(POLICY), Smtp(t.mta.port) as client:
        check('banner', 220, client.reply().code)
        close_check('EHLO', client,
                    f'421 4.3.0 {HOST} technical difficulties',
                    client.cmd('EHLO bug.helo.test'))


def test_uncaught_error_at_connect(t):
    """An MTA shows its own text in place of the banner."""
    with t.kumilter(CONNECT_BUG) as daemon, Smtp(t.mta.port) as client:
        close_check('banner', client, expect.BANNER_421[t.mta.name],
                    client.reply())
        daemon.wait_log('a bug at connect')


def test_pcall(t):
    """A refusal that the policy catches is none, unless it is raised
    again."""
    with t.kumilter(POLICY), connect(t.mta) as client:
        client.expect('MAIL FROM:<caught@mail.test>', 250)
        client.expect('RSET', 250)
        reply = client.cmd('MAIL FROM:<rethrown@mail.test>')
        check('raised again', [line(t.mta, 'mail', 550, '5.7.1 never',
                                    '<rethrown@mail.test>')], list(reply))
        check('NOOP', 250, client.cmd('NOOP').code)


# -- a condemned session: which command is the last -----------------------

@cases
def test_next_command(t):
    """After a refusal that condemns, whatever the filter is asked about
    next ends the session; what it is not asked about is answered by the
    MTA as always."""
    postfix = t.mta.name == 'postfix'
    last = line(t.mta, 'mail', 421, f'{HOST} {FOLLOW}')

    def ends(command):
        def steps(client):
            close_check(command, client, last, client.cmd(command))
        return steps

    def greeting_ends(command):
        """Sendmail closes without a word."""
        if postfix:
            return ends(command)

        def steps(client):
            reply = client.cmd(command)
            check(command, (EOF, 0), (reply.end, len(reply)))
        return steps

    def passes(command, code, then='MAIL'):
        def steps(client):
            check(command, code, client.cmd(command).code)
            if then == 'MAIL':
                check('RSET', 250, client.cmd('RSET').code)
                ends(f'MAIL FROM:<{CLIENT}>')(client)
            elif not client.closed():
                raise Failed(f'{command}: the server did not close')
        return steps

    after = {
        'mail': {
            'MAIL': ends(f'MAIL FROM:<{CLIENT}>'),
            'EHLO': greeting_ends('EHLO again.example.org'),
            'HELO': greeting_ends('HELO again.example.org'),
            'NOOP': passes('NOOP', 250),
            'RCPT': passes(f'RCPT TO:<{CLIENT}>', 503),
            'DATA': passes('DATA', 503),
            'QUIT': passes('QUIT', 221, then='close'),
        },
        'rcpt': {
            'RCPT': ends('RCPT TO:<c@example.org>'),
            'DATA': ends('DATA'),
            'MAIL': passes(f'MAIL FROM:<{CLIENT}>', 503),
            'EHLO': greeting_ends('EHLO again.example.org'),
            'QUIT': passes('QUIT', 221, then='close'),
        },
        'eom': {
            'MAIL': ends(f'MAIL FROM:<{CLIENT}>'),
            'RCPT': passes(f'RCPT TO:<{CLIENT}>', 503),
            'EHLO': greeting_ends('EHLO again.example.org'),
            'QUIT': passes('QUIT', 221, then='close'),
        },
    }
    first = {
        'mail': lambda c: c.cmd('MAIL FROM:<follow@mail.test>'),
        'rcpt': lambda c: rcpt_after_mail(c, 'follow'),
        'eom': lambda c: c.message('follow@eom.test', [CLIENT],
                                   CONTENT)[-1],
    }
    with t.kumilter(POLICY):
        for stage, commands in after.items():
            for command, then in commands.items():
                def steps(client, stage=stage, then=then):
                    want = line(t.mta, stage, 451, 'no thank you')
                    check('refusal', [want], list(first[stage](client)))
                    then(client)
                run_case(t, f'{stage}, then {command}', steps)


def test_helo_refused_until_accepted(t):
    """A refused HELO stays refused for every MAIL, until another HELO is
    accepted."""
    with t.kumilter(POLICY), Smtp(t.mta.port) as client:
        check('banner', 220, client.reply().code)
        client.expect('EHLO reject.helo.test', 250)
        for _ in range(2):
            reply = client.cmd(f'MAIL FROM:<{CLIENT}>')
            check('MAIL', [line(t.mta, 'mail', 550, '5.7.1 never',
                                f'<{CLIENT}>')], list(reply))
        client.expect('EHLO fine.example.org', 250)
        replies = client.message(CLIENT, ['b@example.org'], CONTENT)
        check('message', 250, replies[-1].code)


# -- recipients, RSET, EHLO ----------------------------------------------

@cases
def test_recipients(t):
    """Refusing the first, the middle, the last or every recipient."""
    users = ['one', 'two', 'three']
    none_left = 554 if t.mta.name == 'postfix' else 503
    with t.kumilter(POLICY):
        for refused in ([], [0], [1], [2], [0, 2], [0, 1, 2]):
            def steps(client, refused=refused):
                rcpts = ['reject@rcpt.test' if n in refused
                         else f'{user}@example.org'
                         for n, user in enumerate(users)]
                replies = client.message(CLIENT, rcpts, CONTENT)
                codes = [550 if n in refused else 250 for n in range(3)]
                end = [none_left] if len(refused) == 3 else [354, 250]
                check('codes', [250] + codes + end,
                      [reply.code for reply in replies])
                if len(refused) < 3:
                    check('recipients in the queue',
                          [r for r in rcpts if r != 'reject@rcpt.test'],
                          t.mta.queued(replies[-1]).recipients)
                client.expect('RSET', 250)
                replies = client.message(CLIENT, ['d@example.org'], CONTENT)
                check('recipients of the next message', ['d@example.org'],
                      t.mta.queued(replies[-1]).recipients)
            run_case(t, f'refused {refused}', steps)


@cases
def test_reset(t):
    """RSET, HELO and EHLO at every stage: the next message is judged by
    itself."""
    begin = {
        'greeting': [],
        'MAIL': ['MAIL FROM:<bug@eom.test>'],
        'RCPT': ['MAIL FROM:<bug@eom.test>', 'RCPT TO:<z@example.org>'],
    }
    with t.kumilter(POLICY):
        for stage, commands in begin.items():
            for reset in ('RSET', 'EHLO again.example.org',
                          'HELO again.example.org'):
                def steps(client, commands=commands, reset=reset):
                    for command in commands:
                        client.expect(command, 250)
                    client.expect(reset, 250)
                    replies = client.message(CLIENT, ['b@example.org'],
                                             CONTENT)
                    queued = t.mta.queued(replies[-1])
                    check('recipients', ['b@example.org'],
                          queued.recipients)
                    check('sender', CLIENT, queued.sender)
                run_case(t, f'{stage}, {reset.split()[0]}', steps)
