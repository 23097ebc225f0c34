"""Two filters in a row, both kumilter: what the first changed is what the
second sees, and a refusal is the client's answer whoever gave it."""
import contextlib

import expect
import secure
from content import BODY, GIVEN, A, B, C, D, each
from harness import Smtp, cases, check

FIRST = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { batch_handling = 'AllInOne' }
end)
local function at(stage, address)
  if address.user == 'first-' .. stage then
    kumo.reject(550, '5.7.1 the first at ' .. stage)
  elseif address.user == 'first-closes-' .. stage then
    kumo.disconnect(421, '4.7.1 the first closes')
  end
end
kumo.on('smtp_server_mail_from', function(sender) at('mail', sender) end)
kumo.on('smtp_server_rcpt_to', function(rcpt) at('rcpt', rcpt) end)
kumo.on('smtp_server_message_received', function(msg)
  at('eom', msg:sender())
  if msg:sender().user ~= 'edit' then
    return
  end
  msg:prepend_header('X-Top', 'one')
  msg:append_header('X-End', 'one')
  msg:remove_all_named_headers 'X-Gone'
  msg:set_sender 'one@example.org'
  msg:set_recipient { 'c@example.net', 'd@other.test' }
  msg:append_text_plain 'from the first\\r\\n'
end)
'''
SECOND = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { batch_handling = 'AllInOne' }
end)
local function at(stage, address)
  if address.user == 'second-' .. stage then
    kumo.reject(550, '5.7.1 the second at ' .. stage)
  elseif address.user == 'second-closes-' .. stage then
    kumo.disconnect(421, '4.7.1 the second closes')
  end
end
kumo.on('smtp_server_mail_from', function(sender) at('mail', sender) end)
kumo.on('smtp_server_rcpt_to', function(rcpt) at('rcpt', rcpt) end)
kumo.on('smtp_server_message_received', function(msg)
  at('eom', msg:sender())
  local names, rcpts = {}, {}
  for _, header in ipairs(msg:get_all_headers()) do
    names[#names + 1] = header[1]
  end
  for _, rcpt in ipairs(msg:recipient_list()) do
    rcpts[#rcpts + 1] = tostring(rcpt)
  end
  local body = msg:get_data():match '\\r\\n\\r\\n(.*)'
  msg:append_header('X-Seen-Names', table.concat(names, ' '))
  msg:append_header('X-Seen-Envelope', tostring(msg:sender()) .. ' '
    .. table.concat(rcpts, ' '))
  msg:append_header('X-Seen-Body', tostring(#body))
  msg:prepend_header('X-Top', 'two')
  msg:append_header('X-End', 'two')
  msg:append_text_plain 'from the second\\r\\n'
end)
'''


@contextlib.contextmanager
def both(t):
    """In `with`: both daemons behind the MTA."""
    first, second = t.mta.milter, f'{t.mta.milter}2'
    settings = {'smtpd_milters': f'unix:{first}, unix:{second}'} \
        if t.mta.name == 'postfix' else {
            'extra': f"INPUT_MAIL_FILTER(`second', `S=unix:{second}, "
                     "F=T, T=C:30s;S:30s;R:30s;E:5m')dnl\n"}
    with t.own_kumilter(FIRST), \
            t.own_kumilter(SECOND, listen=second,
                           control=f'{second}.control'), \
            secure.changed(t.mta, settings):
        yield


def test_edits(t):
    """The second sees what the first left, and both arrive."""
    content = f'From: {A}\nX-Gone: yes\n{GIVEN}\n{BODY}'
    with both(t), Smtp(t.mta.port) as client:
        client.greet()
        queued = t.mta.queued(
            client.message('edit@example.org', [B, C], content)[-1])
    seen = {name: queued.values(f'X-Seen-{name}')
            for name in ('Names', 'Envelope', 'Body')}
    check('headers seen', ['X-Top From Message-Id Date X-End Content-Type'],
          seen['Names'])
    # neither MTA tells a filter of another one's envelope
    check('envelope seen', [f'edit@example.org {B} {C}'], seen['Envelope'])
    check('top', ['two', 'one'], queued.values('X-Top'))
    check('end', ['one', 'two'], queued.values('X-End'))
    check('gone', [], queued.values('X-Gone'))
    check('envelope', ('one@example.org', [C, D]),
          (queued.sender, sorted(queued.recipients)))
    check('body', f'{BODY}\nfrom the first\n\nfrom the second\n',
          queued.body.decode())
    check('bytes seen', [str(len(f'{BODY}\nfrom the first\n') + 4)],
          seen['Body'])


# who: at which stage, the code, what it says
ROWS = {f'{who}, {stage}': (who, stage, 550, f'5.7.1 the {who} at {stage}')
        for who in ('first', 'second') for stage in ('mail', 'rcpt', 'eom')} \
    | {f'{who} closes, {stage}': (f'{who}-closes', stage, 421,
                                  f'4.7.1 the {who} closes')
       for who in ('first', 'second') for stage in ('mail', 'rcpt', 'eom')}


@cases
def test_refusals(t):
    """Either filter's refusal arrives as if it were alone."""
    with both(t):
        each(t, ROWS, refused)


def refused(t, who, stage, code, text):
    """One session."""
    address = f'{who}-{stage}@example.org'
    with Smtp(t.mta.port) as client:
        client.greet()
        replies = client.message(
            A if stage == 'rcpt' else address,
            [address if stage == 'rcpt' else B], f'From: {A}\n\n{BODY}')
        at = {'mail': 0, 'rcpt': 1, 'eom': 3}[stage]
        check('reply', expect.lines(t.mta.name, stage, code, text,
                                    f'<{address}>'), list(replies[at]))
        if code == 421:
            check('closed', True, not client.is_open())
        elif stage != 'rcpt':
            check('goes on', True, client.is_open())
