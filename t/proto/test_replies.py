"""What a verdict becomes, stage by stage."""

from case import CONDEMNED, DIFFICULTIES, equal, match, policy, rows, true


def at(event, statement):
    """A policy in which this event's handler runs one statement."""
    return "kumo.on('%s', function(a, b, c)\n%s\nend)\n" % (event, statement)


EVENTS = {
    'connect': 'smtp_server_connection_accepted', 'helo': 'smtp_server_ehlo',
    'mail': 'smtp_server_mail_from', 'rcpt': 'smtp_server_rcpt_to',
    'data': 'smtp_server_data', 'received': 'smtp_server_message_received',
}


def walk(s):
    """A client that goes on until something is refused: (stage, reply)."""
    if s.banner.refuses:
        return 'connect', s.banner
    for stage, step in (('helo', s.helo), ('mail', s.mail), ('rcpt', s.rcpt),
                        ('data', s.data), ('eom', s.content)):
        answer = step()
        if answer.refuses:
            return stage, answer
    return 'end', answer


# where the client gets a refusal (code not 421) that was given there
SHOWN = {'connect': 'mail', 'helo': 'mail', 'mail': 'mail', 'rcpt': 'rcpt',
         'data': 'eom', 'received': 'eom'}
REFUSALS = {
    'reject 550': ("kumo.reject(550, 'no thank you')", '550 no thank you'),
    'reject 451': ("kumo.reject(451, 'no thank you')", '451 no thank you'),
    'reject with status': ("kumo.reject(550, '5.7.1 no')", '550 5.7.1 no'),
}


def stages_and(table):
    return {'%s, %s' % (stage, name): (stage,) + row
            for stage in EVENTS for name, row in table.items()}


@rows(stages_and(REFUSALS))
@policy(lambda row: at(EVENTS[row[0]], row[1]))
def test_reject(d, row):
    stage, _, want = row
    for mta in ('postfix', 'sendmail'):
        s = d.session(mta=mta)
        where, answer = walk(s)
        equal('%s: %s' % (where, answer), '%s: %s' % (SHOWN[stage], want), mta)
        # KumoMTA closes after a refused connect, and only then
        s.rset()
        if stage == 'connect':
            equal(s.helo(), CONDEMNED, mta)
        else:
            equal(s.state, 'open', mta)
            where, answer = walk_again(s, stage)
            equal('%s: %s' % (where, answer),
                  '%s: %s' % (SHOWN[stage], want), mta)


def walk_again(s, stage):
    """The same refusal meets the next attempt of the same session."""
    if stage == 'helo':
        return 'mail', s.mail()
    return walk(s)


@rows(stages_and({
    'reject': ("kumo.reject(421, 'mta.example.com go away!')",),
    'disconnect': ("kumo.disconnect(421, 'mta.example.com go away!')",),
    'If421': ("kumo.disconnect(421, 'mta.example.com go away!', 'If421')",),
    'Follow': ("kumo.disconnect(421, 'mta.example.com go away!',"
               " 'FollowWith421')",),
}))
@policy(lambda row: at(EVENTS[row[0]], row[1]))
def test_421(d, row):
    """Said at once, word for word, wherever it is given; the MTA closes."""
    s = d.session()
    where, answer = walk(s)
    shown = {'data': 'eom', 'received': 'eom'}.get(row[0], row[0])
    equal('%s: %s' % (where, answer),
          shown + ': 421 mta.example.com go away!')
    equal(s.state, 'closed')


@rows(stages_and({
    'default': ("kumo.disconnect(550, 'bye')",),
    'ForceDisconnect': ("kumo.disconnect(550, 'bye', 'ForceDisconnect')",),
    'FollowWith421': ("kumo.disconnect(550, 'bye', 'FollowWith421')",),
}))
@policy(lambda row: at(EVENTS[row[0]], row[1]))
def test_disconnect_condemns(d, row):
    s = d.session()
    where, answer = walk(s)
    equal('%s: %s' % (where, answer), SHOWN[row[0]] + ': 550 bye')
    if row[0] == 'rcpt':
        equal(s.rcpt(), CONDEMNED)
        return
    s.rset()
    equal(s.mail(), CONDEMNED)


@policy(at('smtp_server_rcpt_to', "kumo.disconnect(450, 'later')"))
def test_condemned_is_answered_at_helo(d):
    s = d.session()
    equal(walk(s)[1], '450 later')
    s.rset()
    equal(s.helo(), CONDEMNED)


@policy(at('smtp_server_mail_from', "kumo.disconnect(550, 'no', 'If421')"))
def test_if421_goes_on(d):
    s = d.session()
    s.helo()
    for _ in range(3):
        equal(s.mail(), '550 no')


@policy('''
kumo.on('smtp_server_ehlo', function(domain)
  if domain == 'bad.example' then kumo.reject(550, 'bad helo') end
end)
''')
def test_refused_helo_until_a_better_one(d):
    s = d.session()
    for _ in range(2):
        s.helo('bad.example')
        equal(s.mail(), '550 bad helo')
        equal(s.mail(), '550 bad helo')
        s.helo('good.example')
        equal(s.message(), 'continue')


TEXTS = {
    'percent': ("550, 'sure to 100% %s'", r'^550 sure to 100% %s$'),
    'wrong class': ("450, '5.7.1 wait'", r'^450 4\.7\.1 wait$'),
    'digit first': ("451, '5 things'", r'^451 4\.0\.0 5 things$'),
    'an address first': ("550, '192.0.2.1 is listed'",
                         r'^550 5\.0\.0 192\.0\.2\.1 is listed$'),
    'status only': ("550, '5.7.1'", r'^550 5\.7\.1 \S'),
    'empty': ("550, ''", r'^550 .*[A-Za-z]'),
    'two lines': (r"550, 'one\ntwo'",
                  r'^550-(5\.0\.0 )?one\n550 (5\.0\.0 )?two$'),
    'two lines, crlf, status': (
        r"550, '5.7.1 one\r\ntwo\r\n'",
        r'^550-5\.7\.1 one\n550 5\.7\.1 two$'),
    'control characters': (r"550, 'a\0b\7c'", r'^550 a[^\0\7]*b[^\0\7]*c$'),
    'lone cr': (r"550, 'a\rb'", r'^550[ -][^\r]*$'),
    'very long': ("550, ('word '):rep(1000)", r'^550[ -].*word'),
    '100 lines': (r"550, ('line\n'):rep(100)", r'^550-.*\n550 [^\n]*$'),
    'only newlines': (r"550, '\n\n\n'", r'^550 [^\n]*[A-Za-z]'),
    'coerced code': ("'550', 'x'", r'^550 x$'),
    'coerced text': ("550, 5", r'^550 5\.0\.0 5$'),
    'extra argument': ("550, 'x', 'y', {}", r'^550 x$'),
}


@rows(TEXTS)
@policy(lambda row: at('smtp_server_mail_from',
                       'kumo.reject(%s)' % row[0]))
def test_texts(d, row):
    for mta in ('postfix', 'sendmail'):
        s = d.session(mta=mta)
        s.helo()
        answer = s.mail()
        match(answer, row[1], mta)
        lines = answer.text.split(b'\r\n')
        true(len(lines) <= 32, 'at most 32 lines')
        true(max(map(len, lines)) <= 980, 'no line longer than 980 bytes')
        true(len(answer.text) < 16384, 'less than 16384 bytes in all')


@policy(at('smtp_server_mail_from', "kumo.reject(550, 'sure 100%')"))
def test_percent_on_the_wire(d):
    s = d.session()
    s.helo()
    equal(s.mail().text, b'550 sure 100%%')


@policy(at('smtp_server_mail_from', "kumo.reject(550, 'h\\195\\169llo')"))
def test_sendmail_gets_ascii(d):
    s = d.session()
    s.helo()
    equal(s.mail(), '550 h\u00e9llo')
    s = d.session(mta='sendmail')
    s.helo()
    match(s.mail(), '^550 h[ -~]*llo$')


WRONG = {
    'no code': "kumo.reject('x')",
    'no text': "kumo.reject(550)",
    'nothing': "kumo.reject()",
    'nil code': "kumo.reject(nil, 'x')",
    'table code': "kumo.reject({}, 'x')",
    'fraction': "kumo.reject(550.5, 'x')",
    'negative': "kumo.reject(-550, 'x')",
    'huge': "kumo.reject(70000, 'x')",
    'table text': "kumo.reject(550, {})",
    'boolean text': "kumo.reject(550, true)",
    'no such mode': "kumo.disconnect(550, 'x', 'Never')",
    'mode in lower case': "kumo.disconnect(550, 'x', 'forcedisconnect')",
    'success code': "kumo.reject(250, 'fine')",
    'code 354': "kumo.reject(354, 'go')",
    'code 99': "kumo.reject(99, 'x')",
    'code 999': "kumo.reject(999, 'x')",
    'nil call': 'nosuch()',
    'error text': "error('boom')",
    'error table': "error({})",
    'error nil': "error()",
    'unknown field': 'return kumo.nosuch.field',
    'unknown function': 'kumo.nosuch()',
}


@rows(WRONG)
@policy(lambda statement: at('smtp_server_mail_from', statement))
def test_wrong_calls(d, statement):
    """A policy's mistake is KumoMTA's 421, and a line in the log."""
    s = d.session()
    s.helo()
    equal(s.mail(), DIFFICULTIES)
    equal(s.state, 'closed')
    d.wait_log(r'policy\.lua:3')


@rows({stage: stage for stage in EVENTS})
@policy(lambda stage: at(EVENTS[stage], "error('boom')"))
def test_errors_at_each_stage(d, stage):
    s = d.session()
    where, answer = walk(s)
    equal('%s: %s' % (where, answer), '%s: %s' % (
        {'data': 'eom', 'received': 'eom'}.get(stage, stage), DIFFICULTIES))
    d.wait_log(r'policy\.lua:3: boom')


ON_ERROR = {
    'disconnect': '^421 4.3.0 mx.example.test technical difficulties$',
    'tempfail': '^451 ', 'accept': '^(accept|continue)$',
    'reject': '^5[0-9]{2} ',
}


@rows({name: (name, want) for name, want in ON_ERROR.items()})
@policy(lambda row: '''
kumo.on('init', function()
  kumo.milter.configure { on_error = '%s' }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'bad' then error('boom') end
end)
kumo.on('smtp_server_message_received', function() error('boom') end)
''' % row[0])
def test_on_error(d, row):
    s = d.session()
    s.helo()
    match(s.mail('<bad@example.com>'), row[1])
    d.wait_log('policy.lua.*boom')
    s.quit()
    s = d.session()
    s.helo()
    match(s.message(), row[1])


def with_settings(settings, policy_text):
    return "kumo.on('init', function() kumo.milter.configure { %s } end)\n" \
        % settings + policy_text


DROP = {
    'postfix 5xx': ('postfix', 550, '521 gone', True),
    'postfix 4xx': ('postfix', 450, '421 gone', True),
    'sendmail 5xx': ('sendmail', 550, '550 gone', False),
    'sendmail 4xx': ('sendmail', 450, '421 gone', True),
}


@rows(DROP)
@policy(lambda row: with_settings(
    "force_disconnect = 'drop'",
    at('smtp_server_mail_from', "kumo.disconnect(%d, 'gone')" % row[1])))
def test_force_drop(d, row):
    mta, _, want, closed = row
    s = d.session(mta=mta)
    s.helo()
    equal(s.mail(), want)
    equal(s.state == 'closed', closed)
    if not closed:
        equal(s.mail(), CONDEMNED)


STAGE_REJECT = {
    'connect now': ('now', 'connect', 'connect'),
    'helo now': ('now', 'helo', 'helo'),
    'connect rcpt': ('rcpt', 'connect', 'rcpt'),
    'helo rcpt': ('rcpt', 'helo', 'rcpt'),
    'connect mail': ('mail', 'connect', 'mail'),
    'helo mail': ('mail', 'helo', 'mail'),
}


@rows(STAGE_REJECT)
@policy(lambda row: with_settings(
    "stage_reject = '%s'" % row[0],
    at(EVENTS[row[1]], "kumo.reject(550, 'no')")))
def test_stage_reject(d, row):
    where, answer = walk(d.session())
    equal('%s: %s' % (where, answer), row[2] + ': 550 no')


PROTECTED = {
    'swallowed': ('pcall(kumo.reject, 550, "x")', 'continue'),
    'rethrown': ('''
      local ok, err = pcall(kumo.reject, 550, "x")
      error(err)''', '550 x'),
    'rethrown, level 0': ('''
      local ok, err = pcall(kumo.reject, 550, "x")
      error(err, 0)''', '550 x'),
    'assert': ('assert(pcall(kumo.reject, 550, "x"))', '550 x'),
    'xpcall': ('''
      local ok, err = xpcall(function() kumo.reject(550, "x") end,
        function(e) return e end)
      error(err)''', '550 x'),
    'nested': ('''
      pcall(function() pcall(kumo.reject, 550, "inner") end)
      kumo.reject(551, "outer")''', '551 outer'),
    'deep': ('''
      local function f(n) if n == 0 then kumo.reject(550, "x") end f(n - 1) end
      f(100)''', '550 x'),
    'coroutine': ('''
      coroutine.wrap(function() kumo.reject(550, "x") end)()''', '550 x'),
    'in a comparator': ('''
      table.sort({ 3, 2, 1 }, function() kumo.reject(550, "x") end)''',
                        '550 x'),
    'in gsub': ('''
      ("abc"):gsub("b", function() kumo.reject(550, "x") end)''', '550 x'),
    'disconnect': ('''
      local ok, err = pcall(kumo.disconnect, 450, "x")
      error(err)''', '450 x'),
    'as text': ('''
      local ok, err = pcall(kumo.reject, 550, "x")
      error(tostring(err))''', DIFFICULTIES),
    'tostring': ('''
      local ok, err = pcall(kumo.reject, 550, "x y")
      if tostring(err):find("^550 x y") then kumo.reject(551, "good") end''',
                 '551 good'),
    'false first': ('''
      local ok, err = pcall(kumo.reject, 550, "x y")
      kumo.reject(551, tostring(ok) .. type(err))''', '551 falseuserdata'),
}


@rows(PROTECTED)
@policy(lambda row: at('smtp_server_mail_from', row[0]))
def test_pcall(d, row):
    s = d.session()
    s.helo()
    equal(s.mail(), row[1])


@policy(at('smtp_server_mail_from', '''
  if a.user == 'first' then pcall(kumo.reject, 550, 'left over') end
  if a.user == 'second' then error('boom') end'''))
def test_no_reply_is_left_behind(d):
    s = d.session()
    s.helo()
    equal(s.mail('<first@example.com>'), 'continue')
    s.rset()
    equal(s.mail('<second@example.com>'), DIFFICULTIES)
