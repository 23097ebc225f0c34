"""dry_run: a client notices nothing of the policy, the log has all of it."""
from content import CONTENT, A, B, own
from harness import Smtp, check

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { dry_run = %s }
end)
for _, event in ipairs { 'connection_accepted', 'ehlo', 'mail_from',
  'rcpt_to' } do
  kumo.on('smtp_server_' .. event, function()
    kumo.disconnect(550, '5.7.1 no ' .. event)
  end)
end
kumo.on('smtp_server_message_received', function(msg)
  msg:prepend_header('X-Spam', 'yes')
  msg:set_recipient 'other@example.net'
  msg:set_data 'Subject: other\\r\\n\\r\\nother\\r\\n'
end)
'''


def deliver(t, dry):
    """The replies, what is queued, and what was counted meanwhile."""
    with t.kumilter(POLICY % dry) as k:
        before = k.counters()
        with Smtp(t.mta.port) as client:
            client.greet()
            replies = client.message(A, (B,), CONTENT)
            queued = t.mta.queued(replies[-1]) \
                if replies[-1].code == 250 else None
        after = k.counters()
        return replies, queued, {n: after[n] - before[n] for n in after}


def test_all_of_it(t):
    replies, queued, counted = deliver(t, 'true')
    check('reply', 250, replies[-1].code)
    check('headers', CONTENT.split('\n\n')[0] + '\n', own(queued))
    check('recipients', [B], queued.recipients)
    for name, n in {'dry_run_refused': 4, 'dry_run_edited': 1,
                    'refused': 0}.items():
        check(name, n, counted[name])


def test_some_handlers(t):
    """What is not listed is obeyed."""
    replies, _, counted = deliver(
        t, "{ 'smtp_server_connection_accepted', 'smtp_server_ehlo', "
           "'smtp_server_mail_from' }")
    check('MAIL', 250, replies[0].code)
    check('RCPT', 550, replies[1].code)
    check('counted', (3, 1), (counted['dry_run_refused'], counted['refused']))
