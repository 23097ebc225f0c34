"""What a refusal or a disconnect leaves of edits and quarantines."""
from harness import Failed, Smtp, cases, check
from test_messages import CONTENT, EDITS

# Edits and quarantines, and then what the local part of the sender says.
POLICY = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local first, code, how = msg:sender().user:match '^(%a+)-(%d+)-(%w+)$'
  if not first then
    return
  end
  if first == 'edit' then
    msg:prepend_header('X-First', 'at the top')
    msg:remove_all_named_headers 'X-Remove'
  else
    msg:quarantine 'looks odd'
  end
  if how == 'reject' then
    kumo.reject(tonumber(code), 'no thank you')
  end
  kumo.disconnect(tonumber(code), 'no thank you', how)
end)
'''
MODES = ('reject', 'If421', 'FollowWith421', 'ForceDisconnect')


def greeted(t):
    """A client after its EHLO; the queue is empty."""
    client = Smtp(t.mta.port)
    client.greet()
    t.mta.forget_messages()
    return client


def send(client, sender):
    """The reply to a message."""
    return client.message(f'{sender}@example.org', ['b@example.net'],
                          CONTENT)[-1]


@cases
def test_refusal_after_edits(t):
    """Nothing of the edits is left, neither in the queue nor in the next
    message; the log says that they are dropped."""
    with t.kumilter(POLICY) as daemon:
        for mode in MODES:
            for code in (421, 451, 550):
                name = f'{code}/{mode}'
                if not t.wants(name):
                    continue
                since = len(daemon.lines)
                try:
                    edits_refused(t, mode, code)
                    daemon.wait_log('changes to it are dropped', since)
                except Failed as problem:
                    t.case(name, problem)
                else:
                    t.case(name)


def edits_refused(t, mode, code):
    """One case."""
    with greeted(t) as client:
        reply = send(client, f'edit-{code}-{mode}')
        check('reply', code, reply.code)
        check('queued', [], t.mta.messages())
        if mode in ('reject', 'If421') and code != 421:
            queued = t.mta.queued(send(client, 'good'))
            check('X-First', [], queued.values('X-First'))
            check('X-Remove', 2, len(queued.values('X-Remove')))


@cases
def test_quarantine_then(t):
    """kumo.disconnect after a quarantine: the client reads 250, the message
    is held, and the next MAIL ends the session.  kumo.reject, and what
    means the same, after a quarantine: nothing is kept."""
    with t.kumilter(POLICY):
        for mode in MODES:
            for code in (421, 451, 550):
                name = f'{code}/{mode}'
                if not t.wants(name):
                    continue
                try:
                    quarantined(t, mode, code)
                except Failed as problem:
                    t.case(name, problem)
                else:
                    t.case(name)


def quarantined(t, mode, code):
    """One case."""
    with greeted(t) as client:
        reply = send(client, f'hold-{code}-{mode}')
        if mode in ('reject', 'If421'):
            check('reply', code, reply.code)
            check('queued', [], t.mta.messages())
            return
        check('held', True, t.mta.queued(reply).held)
        check('messages', 1, len(t.mta.messages()))
        check('RSET', 250, client.cmd('RSET').code)
        check('next MAIL', 421, client.cmd('MAIL FROM:<a@b.test>').code)
        if not client.closed():
            raise Failed('the server did not close')


def test_edits_are_of_one_message(t):
    """Three messages in a session: each is edited, none twice."""
    with t.kumilter(EDITS), greeted(t) as client:
        for _ in range(3):
            queued = t.mta.queued(send(client, 'good'))
            check('X-First', ['at the top'], queued.values('X-First'))
            check('X-Last', ['at the end'], queued.values('X-Last'))
            check('X-Remove', [], queued.values('X-Remove'))


def test_held_edits(t):
    """A quarantined message is edited as well, whatever came first."""
    text = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:quarantine 'looks odd'
  msg:append_header('X-Last', 'at the end')
  msg:remove_all_named_headers 'X-Remove'
end)
'''
    with t.kumilter(text), greeted(t) as client:
        queued = t.mta.queued(send(client, 'good'))
        check('held', True, queued.held)
        check('X-Last', ['at the end'], queued.values('X-Last'))
        check('X-Remove', [], queued.values('X-Remove'))
