"""Sender and recipients that a policy changes, against those in the queue;
what it is told about the envelope."""
from content import A, B, BODY, C, CONTENT, D, deliver, each, policy
from harness import Smtp, cases, check, only


# script, MAIL FROM, RCPT TO, the sender and the recipients in the queue
ENVELOPE = {
    'another sender': (f"msg:set_sender '{C}'", A, [B], C, [B]),
    'the same sender': (f"msg:set_sender '{A}'", A, [B], A, [B]),
    'null sender': ("msg:set_sender ''", A, [B], '', [B]),
    'null sender stays': ('msg:set_sender(msg:sender())', '', [B], '', [B]),
    'null sender gets one': (f"msg:set_sender '{A}'", '', [B], A, [B]),
    'a sender of another case': ("msg:set_sender 'A@Example.ORG'", A, [B],
                                 'A@example.org', [B]),
    'quoted sender': ("msg:set_sender '\"o d\"@example.org'", A, [B],
                      {'postfix': 'o d@example.org',
                       'sendmail': '"o d"@example.org'}, [B]),
    'one more': (f"msg:add_recipient '{C}'", A, [B], A, [B, C]),
    'one more, twice': (f"msg:add_recipient '{C}' msg:add_recipient '{C}'",
                        A, [B], A, [B, C]),
    'one that is there': (f"msg:add_recipient '{B}'", A, [B], A, [B]),
    'one less': (f"msg:remove_recipient '{B}'", A, [B, C], A, [C]),
    'one that is not there less': (f"msg:remove_recipient '{D}'", A, [B, C],
                                   A, [B, C]),
    'more and less': (
        f"msg:add_recipient '{D}' msg:remove_recipient '{B}'", A, [B, C], A,
        [C, D]),
    'removed and put back': (
        f"msg:remove_recipient '{B}' msg:add_recipient '{B}'", A, [B, C], A,
        [B, C]),
    'another one': (f"msg:set_recipient '{D}'", A, [B, C], A, [D]),
    'others': (f"msg:set_recipient {{ '{D}', '{C}' }}", A, [B, C], A, [C, D]),
    'others, twice each': (
        f"msg:set_recipient {{ '{D}', '{C}', '{D}', '{C}' }}", A, [B], A,
        [C, D]),
    'the sender': ('msg:set_recipient(msg:sender())', A, [B], A, [A]),
    'given twice by the client': ('', A, [B, B, C], A, [B, C]),
    'given twice, removed': (f"msg:remove_recipient '{B}'", A, [B, B, C], A,
                             [C]),
    'in upper case, removed': (f"msg:remove_recipient '{B}'", A,
                               ['b@EXAMPLE.net', C], A, [C]),
    'a wrong one': (f"pcall(msg.set_recipient, msg, {{ '{C}', 'x@@y' }})", A,
                    [B], A, [B]),
    'a wrong sender': ("pcall(msg.set_sender, msg, 'x y@z@')", A, [B], A,
                       [B]),
    'everything': (
        f"msg:set_sender '{D}' msg:set_recipient {{ '{A}', '{C}' }}"
        "msg:append_header('X-End', 'e')", A, [B], D, [A, C]),
    'many': ("for n = 1, 500 do msg:add_recipient('r' .. n .. '@x.test') end",
             A, [B], A, [B] + [f'r{n}@x.test' for n in range(1, 501)]),
}


def envelope(t, script, sender, rcpts, want_sender, want_rcpts):
    """One row."""
    reply, queued = deliver(t, policy(script), CONTENT, sender, rcpts)
    check('reply', 250, reply.code)
    if isinstance(want_sender, dict):
        want_sender = want_sender[t.mta.name]
    check('sender', want_sender, queued.sender)
    check('recipients', sorted(want_rcpts), sorted(queued.recipients))
    check('body', BODY.encode(), queued.body)


@cases
def test_envelope(t):
    """Sender and recipients as the policy leaves them."""
    each(t, ENVELOPE, envelope)


def test_no_recipient_left(t):
    """set_recipient {}: accepted, and nobody gets it."""
    with t.kumilter(policy('msg:set_recipient {}')), \
            Smtp(t.mta.port) as client:
        t.mta.forget_messages()
        client.greet()
        check('reply', 250, client.message(A, [B, C], CONTENT)[-1].code)
        client.expect('QUIT', 221)
        check('queued', [], t.mta.messages())


GR = 'gr\u00fc\u00dfe'
UTF8 = {
    'untouched': ('', f'{GR}@example.org', f'{GR}@example.net',
                  f'{GR}@example.org', [f'{GR}@example.net']),
    'a sender': (f"msg:set_sender '{GR}2@example.org'", f'{GR}@example.org',
                 B, f'{GR}2@example.org', [B]),
    'one more': (f"msg:add_recipient '{GR}2@example.net'", A,
                 f'{GR}@example.net', A,
                 [f'{GR}2@example.net', f'{GR}@example.net']),
    'one less': (f"msg:add_recipient '{B}' "
                 f"msg:remove_recipient '{GR}@example.net'", A,
                 f'{GR}@example.net', A, [B]),
    'a domain removed': (f"msg:add_recipient '{B}' "
                         f"msg:remove_recipient(msg:recipient_list()[1])", A,
                         'b@gr\u00fcn.test', A, [B]),
    'a domain untouched': ('', A, 'b@gr\u00fcn.test', A,
                           ['b@gr\u00fcn.test']),
}


def smtputf8(t, script, sender, rcpt, want_sender, want_rcpts):
    """One row."""
    with t.kumilter(policy(script)), Smtp(t.mta.port) as client:
        client.greet()
        client.expect(f'MAIL FROM:<{sender}> SMTPUTF8 BODY=8BITMIME', 250)
        client.expect(f'RCPT TO:<{rcpt}>', 250)
        client.expect('DATA', 354)
        queued = t.mta.queued(client.content(
            CONTENT.replace('a folded', GR)))
        check('sender', want_sender, queued.sender)
        check('recipients', sorted(want_rcpts), sorted(queued.recipients))
        check('Subject', [f'{GR}\n subject'], queued.values('Subject'))


@cases
@only('postfix')
def test_smtputf8(t):
    """Addresses that are not ASCII; Sendmail does not take them."""
    each(t, UTF8, smtputf8)


# -- what a policy is told -------------------------------------------------

PARAMS = '''
local kumo = require 'kumo'
kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local params = {}
  for name, value in pairs(sender.params) do
    params[#params + 1] = name .. '=' .. tostring(value)
  end
  table.sort(params)
  kumo.reject(554, '5.7.1 ' .. table.concat(params, ' ') .. ' end')
end)
'''
GIVEN_PARAMS = {
    'none': ('', ' '),
    'SIZE': (' SIZE=1000', 'SIZE=1000 '),
    'BODY': (' BODY=8BITMIME', 'BODY=8BITMIME '),
    'both': (' SIZE=12 BODY=7BIT', 'BODY=7BIT SIZE=12 '),
    'names in lower case': (' body=8BITMIME size=12',
                            'BODY=8BITMIME SIZE=12 '),
    'values of DSN': (' RET=HDRS ENVID=x+2By', 'ENVID=x+2By RET=HDRS '),
}


def params(t, given, want):
    """One row."""
    with t.kumilter(PARAMS), Smtp(t.mta.port) as client:
        client.greet()
        check('reply', [f'554 5.7.1 {want}end'],
              list(client.cmd(f'MAIL FROM:<{A}>{given}')))


@cases
def test_params(t):
    """The ESMTP parameters of MAIL."""
    each(t, GIVEN_PARAMS, params)


def test_queue_id(t):
    """msg:queue_id() and the macro i are the id in the reply and the one of
    the queue file, in every message of a session."""
    with t.kumilter(policy('''
  msg:append_header('X-Id', msg:queue_id())
  msg:append_header('X-Macro', tostring(conn_meta:get_macro 'i'))''')), \
            Smtp(t.mta.port) as client:
        client.greet()
        ids = set()
        for _ in range(3):
            reply = client.message(A, [B, C], CONTENT)[-1]
            queued = t.mta.queued(reply)
            check('queue_id()', [t.mta.queue_id(reply)],
                  queued.values('X-Id'))
            check('macro', queued.values('X-Id'), queued.values('X-Macro'))
            ids.add(queued.id)
        check('ids', 3, len(ids))


# -- limits ----------------------------------------------------------------

BIG = CONTENT + 'x' * 70 + '\n' + 'y\n' * 3000
MANY = 'X-H: 1\n' * 30 + CONTENT
LONG = 'X-H: ' + '\n '.join(['x' * 70] * 50) + '\n' + CONTENT
LIMITS = {
    'message': ('message_limit = 4000', BIG, 552,
                '552 5.3.4 message too big'),
    'header count': ('header_count_limit = 20', MANY, 552,
                     '552 5.3.4 message header too big'),
    'header size': ('header_size_limit = 3000', LONG, 552,
                    '552 5.3.4 message header too big'),
    'no folder': ("message_memory = 100, spool_directory = '/nowhere'", BIG,
                  452, '452 4.3.1 insufficient system storage'),
    'within': ('message_limit = 20000, header_count_limit = 60, '
               "header_size_limit = 9000, message_memory = '1kB'", BIG, 250,
               None),
}


def limit(t, conf, content, code, line):
    """One row: the first message, and then one that is small."""
    with t.kumilter(policy("msg:append_header('X-Seen', 'yes')", conf)), \
            Smtp(t.mta.port) as client:
        client.greet()
        t.mta.forget_messages()
        reply = client.message(A, [B], content)[-1]
        check('code', code, reply.code)
        if line:
            check('reply', [line], list(reply))
            check('queued', [], t.mta.messages())
        else:
            check('seen', ['yes'], t.mta.queued(reply).values('X-Seen'))
        small = t.mta.queued(client.message(A, [B], 'X: y\n')[-1])
        check('the next one', ['yes'], small.values('X-Seen'))


@cases
def test_limits(t):
    """Too much of it is refused, and the session goes on."""
    each(t, LIMITS, limit)


def test_recipient_limit(t):
    """One too many is refused; the others get their mail, and the next
    message may have as many again."""
    text = policy('', 'recipient_limit = 2') + \
        "kumo.on('smtp_server_rcpt_to', function() end)\n"
    with t.kumilter(text), Smtp(t.mta.port) as client:
        client.greet()
        for _ in range(2):
            replies = client.message(A, [B, C, D, 'e@other.test'], CONTENT)
            check('codes', [250, 250, 250, 452, 452, 354, 250],
                  [reply.code for reply in replies])
            check('reply', ['452 4.5.3 too many recipients'],
                  list(replies[3]))
            check('recipients', [B, C],
                  sorted(t.mta.queued(replies[-1]).recipients))
