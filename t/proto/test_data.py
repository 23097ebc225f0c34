"""The DATA command, unknown commands, abort and close: our own events."""

from case import CONDEMNED, DIFFICULTIES, equal, policy, rows, true

REFUSE_BAD = '''
kumo.on('milter_data', function(cm)
  if cm:get_meta('sender') == 'bad' then kumo.reject(550, 'no data') end
end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  cm:set_meta('sender', sender.user)
end)
'''


@policy(REFUSE_BAD)
def test_refusal_at_data_is_held(d):
    """libmilter stops answering for a transaction refused at DATA."""
    s = d.session()
    s.helo()
    s.mail('<bad@example.com>')
    s.rcpt()
    true(not s.data().refuses, 'no refusal at DATA')
    equal(s.content(), '550 no data')
    equal(s.state, 'open')
    equal(s.message(), 'continue', 'the next message')


@policy(REFUSE_BAD)
def test_held_refusal_ends_with_its_message(d):
    s = d.session()
    s.helo()
    s.mail('<bad@example.com>')
    s.rcpt()
    s.data()
    s.rset()
    equal(s.message(), 'continue')


@policy('''
kumo.on('init', function()
  kumo.milter.configure { data_reject = 'now' }
end)
''' + REFUSE_BAD)
def test_refusal_at_data_now(d):
    s = d.session()
    s.helo()
    s.mail('<bad@example.com>')
    s.rcpt()
    equal(s.data(), '550 no data')
    s.rset()
    equal(s.message(), 'continue')


@rows({
    '421': ("kumo.reject(421, 'gone')", '421 gone'),
    'error': ("error('boom')", DIFFICULTIES),
})
@policy(lambda row: '''
kumo.on('milter_data', function() %s end)
''' % row[0])
def test_closing_at_data(d, row):
    s = d.session()
    s.helo()
    s.mail()
    s.rcpt()
    answer = s.data()
    if not answer.refuses:
        answer = s.content()
    equal(answer, row[1])
    equal(s.state, 'closed')


@policy('''
kumo.on('milter_data', function() kumo.disconnect(550, 'no data') end)
''')
def test_disconnect_at_data_condemns(d):
    s = d.session()
    s.helo()
    equal(s.message(), '550 no data')
    s.rset()
    equal(s.mail(), CONDEMNED)


@policy('''
kumo.on('milter_unknown_command', function(line, cm)
  if line:find('^FOO') then kumo.reject(500, 'no ' .. line) end
  if line:find('^BAR') then kumo.disconnect(502, 'bye') end
end)
''')
def test_unknown_commands(d):
    s = d.session()
    s.helo()
    equal(s.unknown('FOO'), '500 no FOO')
    equal(s.unknown('FOO bar'), '500 no FOO bar')
    equal(s.unknown('BAZ'), 'continue')
    equal(s.message(), 'continue')
    equal(s.unknown('BAR'), '502 bye')
    equal(s.unknown('BAZ'), CONDEMNED)


@policy('''
kumo.on('smtp_server_mail_from', function() end)
kumo.on('milter_abort', function(cm)
  kumo.log_info('aborted ' .. cm:get_meta('ehlo_domain'))
end)
kumo.on('milter_close', function(cm)
  kumo.log_info('closed ' .. cm:get_meta('ehlo_domain'))
  error('in close')
end)
''')
def test_abort_and_close(d):
    """They see the session, and cannot harm it."""
    s = d.session()
    s.helo('one.example')
    s.mail()
    s.rset()
    d.wait_log('aborted one.example')
    equal(s.message(), 'continue')
    s.quit()
    d.wait_log('closed one.example')
    equal(d.log().count('aborted'), 1)
    s = d.session()
    s.helo('two.example')
    s.drop()
    d.wait_log('closed two.example')
    d.wait_log('in close')


CONDEMN_AT_RCPT = '''
kumo.on('smtp_server_rcpt_to', function(rcpt)
  if rcpt.user == 'bad' then kumo.disconnect(550, 'bye') end
end)
'''


@policy(CONDEMN_AT_RCPT)
def test_condemned_with_a_recipient_left(d):
    """Whatever the client does next that reaches us, the message is lost."""
    for mta in ('postfix', 'sendmail'):
        s = d.session(mta=mta)
        s.helo()
        s.mail()
        equal(s.rcpt('<good@example.org>'), 'continue')
        equal(s.rcpt('<bad@example.org>'), '550 bye')
        answer = s.data()
        if not answer.refuses:
            answer = s.content()
        equal(answer, CONDEMNED, mta)
        equal(s.state, 'closed', mta)


@policy(CONDEMN_AT_RCPT)
def test_condemned_sessions_stay_alone(d):
    """Another session, even with the same client, is not touched."""
    bad, good = d.session(), d.session()
    for s in (bad, good):
        s.helo()
        s.mail()
    bad.rcpt('<bad@example.org>')
    equal(good.rcpt(), 'continue')
    bad.rset()
    equal(bad.mail(), CONDEMNED)
    good.data()
    equal(good.content(), 'continue')
