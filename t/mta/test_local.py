"""Mail of sendmail(1) under Postfix' non_smtpd_milters: no client, no port."""
import os

import secure
from content import BODY, GIVEN, A, B
from harness import Failed, check, only, run, wait_for

POLICY = '''
local kumo = require 'kumo'
local seen = {}
local function note(event, more)
  seen[#seen + 1] = event .. (more and '=' .. tostring(more) or '')
end
kumo.on('smtp_server_connection_accepted', function(conn_meta)
  note('connect', conn_meta:get_meta 'received_from')
end)
kumo.on('smtp_server_ehlo', function(domain) note('ehlo', domain) end)
kumo.on('smtp_server_mail_from', function(sender)
  note('mail', sender)
  if sender.user == 'unwanted' then
    kumo.reject(550, '5.7.1 not you')
  end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt)
  note('rcpt', rcpt)
  if rcpt.user == 'nobody' then
    kumo.reject(550, '5.1.1 nobody there')
  elseif rcpt.user == 'closes' then
    kumo.disconnect(421, '4.7.1 go away')
  end
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  note('message', msg:sender())
  msg:prepend_header('X-Seen', table.concat(seen, ' '))
  if msg:sender().user == 'refuse' then
    kumo.reject(550, '5.7.1 not that')
  elseif msg:sender().user == 'later' then
    kumo.reject(451, '4.7.1 not yet')
  end
end)
'''


def submit(mta, sender, rcpt=B):
    """A message by sendmail(1)."""
    with open(f'{mta.dir}/local', 'w') as file:
        file.write(f'From: {A}\n{GIVEN}\n{BODY}')
    run('sh', '-c', 'exec /usr/sbin/sendmail -C "$1" -f "$2" "$3" <"$4"',
        'sh', mta.etc, sender, rcpt, file.name)


@only('postfix')
def test_local(t):
    """It comes from localhost without a port.  Who refuses it makes a
    bounce with the policy's words; whoever says later, or hangs up, leaves
    it where it is."""
    t.mta.services = 'pickup unix n - n 1 1 pickup\n'
    settings = {'smtpd_milters': '',
                'non_smtpd_milters': f'unix:{t.mta.milter}'}
    with t.kumilter(POLICY), secure.changed(t.mta, settings):
        try:
            for row in ROWS:
                one(t.mta, *row)
        finally:
            t.mta.services = ''


# sender, recipient: what Postfix logs, and the first line or the body of
# what is queued then
ROWS = (
    ('ann@example.org', B, 'status=deferred',
     'X-Seen: connect=127.0.0.1:0 ehlo=localhost mail=ann@example.org '
     f'rcpt={B} message=ann@example.org\n'),
    ('refuse@example.org', B, 'status=deferred', f'\n<{B}>: not that\n'),
    ('unwanted@example.org', B, 'status=deferred',
     f'\n<{B}>: not you\n'),
    ('ann@example.org', 'nobody@example.net',
     "can't reject recipient in non-smtpd", None),
    ('ann@example.org', 'closes@example.net',
     "can't reject recipient in non-smtpd", None),
    ('later@example.org', B,
     'milter-reject: END-OF-MESSAGE .*: 4.7.1 not yet', None),
)


def one(mta, sender, rcpt, logged, queued):
    """A row."""
    mta.forget_messages()
    mark = mta.log_size()
    submit(mta, sender, rcpt)
    mta.wait_log(logged, mark)
    found = [m.block.decode() + '\n' + m.body.decode()
             for m in mta.messages()]
    check('queued', int(queued is not None), len(found))
    if queued is None:
        check('still there', 1, len(os.listdir(
            f'{mta.settings["queue_directory"]}/maildrop')))
    elif queued not in found[0]:
        raise Failed(f'expected {queued!r} in {found[0]}')
    # what waits in maildrop comes again each second, for ever
    wait_for(lambda: empty(mta), 'an empty queue')


def empty(mta):
    """Removes all; true when there is nothing."""
    run('postsuper', '-c', mta.etc, '-d', 'ALL')
    folder = mta.settings['queue_directory']
    return not any(files for name in ('maildrop', 'incoming', 'deferred')
                   for _, _, files in os.walk(f'{folder}/{name}'))
