"""What becomes of accepted messages: content, envelope, quarantine."""
from harness import Failed, HOST, Smtp, check

CONTENT = '''\
From: a@example.org
X-Remove: first
Subject: a folded
 subject
X-Keep: kept
X-Remove: second
Content-Type: text/plain; charset=utf-8

first line
.a line with a dot
..two

gr\u00fc\u00dfe
last line
'''

EDITS = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:append_header('X-Last', 'at the end')
  msg:prepend_header('X-First', 'at the top')
  msg:remove_all_named_headers 'X-Remove'
end)
'''

SEEN = '''
local kumo = require 'kumo'
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  conn_meta:set_meta('messages', (conn_meta:get_meta 'messages' or 0) + 1)
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local function note(name, value)
    msg:append_header('X-Seen-' .. name, tostring(value))
  end
  note('Helo', conn_meta:get_meta 'ehlo_domain')
  note('From', conn_meta:get_meta('received_from'):match '^[%d.]+')
  note('Host', conn_meta:get_meta 'hostname')
  note('Sender', msg:sender().email)
  note('Recipient', msg:recipient().email)
  note('Messages', conn_meta:get_meta 'messages')
  note('Mark', msg:get_meta 'mark')
  note('Size', #msg:get_data() > 0)
  msg:set_meta('mark', 'set by an earlier message')
end)
'''

QUARANTINE = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:quarantine 'looks odd'
  if msg:sender().user == 'close' then
    kumo.disconnect(451, 'no thank you')
  end
end)
'''


def send(t, content=CONTENT, sender='a@example.org', rcpts=('b@example.net',),
         helo='client.example.org', source=None):
    """One message in a session of its own, as it then lies in the queue."""
    with Smtp(t.mta.port, source=source) as client:
        client.greet(helo)
        replies = client.message(sender, rcpts, content)
        queued = t.mta.queued(replies[-1])
        client.expect('QUIT', 221)
        return queued


def as_queued(content):
    """The body that an MTA stores for it."""
    return content.partition('\n\n')[2].encode()


def test_plain_accept(t):
    """Without a handler a message passes unchanged."""
    with t.kumilter("local kumo = require 'kumo'\n"):
        queued = send(t)
    check('body', as_queued(CONTENT), queued.body)
    check('X-Remove', ['first', 'second'], queued.values('X-Remove'))
    check('Subject', ['a folded\n subject'], queued.values('Subject'))
    check('held', False, queued.held)
    check('recipients', ['b@example.net'], queued.recipients)


def test_header_edits(t):
    """append_header, prepend_header and remove_all_named_headers in the
    queue file; everything else as it was."""
    with t.kumilter(EDITS):
        queued = send(t)
    check('first header', ('X-First', 'at the top'), queued.headers[0])
    check('last header', ('X-Last', 'at the end'), queued.headers[-1])
    check('X-Remove', [], queued.values('X-Remove'))
    check('X-Keep', ['kept'], queued.values('X-Keep'))
    check('Subject', ['a folded\n subject'], queued.values('Subject'))
    check('body', as_queued(CONTENT), queued.body)


def test_edits_with_several_recipients(t):
    """Equal edits of every recipient's batch are made once."""
    with t.kumilter(EDITS):
        queued = send(t, rcpts=['b@example.net', 'c@example.net',
                                'd@example.org'])
    check('X-First', ['at the top'], queued.values('X-First'))
    check('X-Last', ['at the end'], queued.values('X-Last'))
    check('recipients', ['b@example.net', 'c@example.net', 'd@example.org'],
          queued.recipients)


def test_what_a_policy_sees(t):
    """The session's facts, without any setting in the MTA."""
    with t.kumilter(SEEN):
        queued = send(t, helo='some.example.org', source='127.0.0.77')
    for name, value in (('Helo', 'some.example.org'), ('From', '127.0.0.77'),
                        ('Host', HOST), ('Sender', 'a@example.org'),
                        ('Recipient', 'b@example.net'), ('Messages', '1'),
                        ('Mark', 'nil'), ('Size', 'true')):
        check(name, [value], queued.values(f'X-Seen-{name}'))


def test_null_sender(t):
    """MAIL FROM:<> is an empty address, not none."""
    with t.kumilter(SEEN):
        queued = send(t, sender='')
    check('sender', '', queued.sender)
    check('seen', [''], queued.values('X-Seen-Sender'))


def test_two_messages(t):
    """On one connection: what is kept in conn_meta lives on, what is kept
    in a message does not."""
    with t.kumilter(SEEN), Smtp(t.mta.port) as client:
        client.greet()
        for number in ('1', '2', '3'):
            replies = client.message(f'{number}@example.org',
                                     ['b@example.net'], CONTENT)
            queued = t.mta.queued(replies[-1])
            check('sender', [f'{number}@example.org'],
                  queued.values('X-Seen-Sender'))
            check('messages', [number], queued.values('X-Seen-Messages'))
            check('mark', ['nil'], queued.values('X-Seen-Mark'))


def test_big_message(t):
    """A body of many milter packets arrives whole."""
    body = ''.join(f'line {n} of a long body\n' for n in range(40000))
    with t.kumilter(EDITS):
        queued = send(t, content=f'Subject: big\n\n{body}')
    check('length', len(body), len(queued.body))
    check('same', True, queued.body == body.encode())
    check('last header', 'X-Last', queued.names()[-1])


def test_message_without_headers(t):
    """An empty message and one without a body are messages too."""
    with t.kumilter(EDITS):
        for content in ('', 'Subject: nothing else\n', '\nonly a body\n'):
            queued = send(t, content=content)
            check('X-First', ['at the top'], queued.values('X-First'))


def test_quarantine(t):
    """msg:quarantine(): the client reads 250, the message is held."""
    with t.kumilter(QUARANTINE):
        queued = send(t)
    check('held', True, queued.held)
    if t.mta.name == 'sendmail':
        check('reason', 'looks odd', queued.reason)


def test_quarantine_then_disconnect(t):
    """The quarantine stands, the session ends with the next command."""
    with t.kumilter(QUARANTINE), Smtp(t.mta.port) as client:
        client.greet()
        replies = client.message('close@example.org', ['b@example.net'],
                                 CONTENT)
        check('held', True, t.mta.queued(replies[-1]).held)
        check('next MAIL', 421, client.cmd('MAIL FROM:<a@b.test>').code)
        if not client.closed():
            raise Failed('the server did not close')
