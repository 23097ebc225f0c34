"""The negotiation follows the policy."""

from case import equal, policy, rows, true

MAIL_ONLY = '''
kumo.on('smtp_server_mail_from', function() end)
'''
CONTENT = ['nohdrs', 'nobody', 'noeoh']


def asked_by(d, **offer):
    m = d.milter()
    true(m.negotiate(**offer), 'an answer to the negotiation')
    m.quit()
    return m


def declined(m, *names):
    for name in names:
        true(m.asked(name), '%s in steps 0x%06x' % (name, m.steps))


def wanted(m, *names):
    for name in names:
        true(not m.asked(name), 'no %s in steps 0x%06x' % (name, m.steps))


@policy('')
def test_no_handlers(d):
    m = asked_by(d)
    declined(m, 'nomail', 'norcpt', 'nodata', 'nounknown', *CONTENT)
    s = d.session()
    s.helo()
    equal(s.message(), 'continue')


@policy(MAIL_ONLY)
def test_mail_only(d):
    m = asked_by(d)
    declined(m, *CONTENT)
    wanted(m, 'nomail', 'nr_mail', 'nohelo')


@policy('''
kumo.on('smtp_server_rcpt_to', function() kumo.reject(550, 'no') end)
''')
def test_rcpt_only(d):
    m = asked_by(d)
    declined(m, *CONTENT)
    wanted(m, 'norcpt', 'nr_rcpt')


@policy('''
kumo.on('smtp_server_connection_accepted', function() end)
''')
def test_connect_only(d):
    wanted(asked_by(d), 'noconnect', 'nr_conn', 'nomail', 'nr_mail')


@rows({name: name for name in (
    'smtp_server_data', 'smtp_server_split_transaction',
    'smtp_server_message_received')})
@policy(lambda name: "kumo.on('%s', function(msg) end)" % name)
def test_content_for(d, name):
    m = asked_by(d)
    wanted(m, 'nohdrs', 'nobody')
    # who may read or change a message needs its envelope too
    wanted(m, 'nomail', 'norcpt')
    for action in ('addhdrs', 'chghdrs', 'chgbody', 'addrcpt', 'delrcpt',
                   'chgfrom', 'quarantine'):
        true(m.asked(action), action + ' among the actions asked for')


@policy('''
kumo.on('milter_data', function() kumo.reject(550, 'no data') end)
kumo.on('milter_unknown_command', function(line, cm)
  kumo.reject(500, 'what is ' .. line)
end)
''')
def test_our_own_events(d):
    # a refusal at DATA is held to the end: DATA itself may go unanswered
    wanted(asked_by(d), 'nodata', 'nounknown', 'nr_unknown')
    s = d.session()
    s.helo()
    equal(s.unknown('FOO'), '500 what is FOO')


@policy(MAIL_ONLY)
def test_symlists(d):
    """No configuration of the MTA is needed for the macros."""
    m = asked_by(d)
    true(m.asked('setsymlist'), 'setsymlist among the actions')
    want = {'connect': ['j', 'v', '{daemon_addr}', '{daemon_port}'],
            'helo': ['{tls_version}', '{cipher}'],
            'mail': ['{auth_authen}', '{auth_author}']}
    for stage, names in want.items():
        for name in names:
            true(name in m.symlists.get(stage, []), '%s at %s in %s' % (
                name, stage, m.symlists))


OFFERS = {
    'version 2': dict(version=2, actions=0x3f, steps=0x7f),
    'version 4': dict(version=4, actions=0x3f, steps=0x3ff),
    'no silence': dict(steps=0x77f),
    'no setsymlist': dict(actions=0xff),
    'no skip, no leading space': dict(steps=0x0ffbff),
}
EDITS = '''
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then kumo.reject(550, 'bad') end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Seen', msg:get_first_named_header_value('Subject'))
end)
'''


@rows(OFFERS)
@policy(lambda _: EDITS)
def test_older_mta(d, offer):
    """An MTA that offers less is served, never sent what it cannot."""
    m = asked_by(d, **offer)
    equal(m.actions & ~offer.get('actions', 0x1ff), 0, 'actions not offered')
    equal(m.steps & ~offer.get('steps', 0x1fffff), 0, 'steps not offered')
    s = d.session(offer=offer)
    s.helo()
    equal(s.mail('<bad@example.com>'), '550 bad')
    equal(s.message(), 'continue')
    equal(s.delivered.get('X-Seen'), ['hello'])


@policy(MAIL_ONLY)
def test_reload_changes_what_is_asked(d):
    declined(asked_by(d), 'nobody')
    d.write_policy(EDITS)
    equal(d.verb('reload').returncode, 0)
    wanted(asked_by(d), 'nobody', 'nohdrs')
