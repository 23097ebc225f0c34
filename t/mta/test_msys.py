"""Momentum's scriptlets, as clients of a real MTA feel them: every callout,
every way to refuse, recipients, and what the MTA tells."""
import os

import expect
import stages
import secure
from harness import HOST, Failed, Smtp, cases, check, only

BOB, CAROL, DAVE = 'bob@one.test', 'carol@two.test', 'dave@three.test'
CONTENT = 'From: a@example.org\nSubject: modules\n\none line\n'
TEMPORARY = f'{HOST} temporary issue, please retry your message later'
BEHIND = ('validate_data', 'validate_rcptto_list',
          'validate_rcptto_list_final', 'validate_data_spool',
          'validate_data_spool_each_rcpt', 'core_final_validation2',
          'core_final_validation')

with open(f'{os.path.dirname(os.path.abspath(__file__))}/'
          'policy_msys.lua') as _file:
    STAGES = _file.read().replace('~=', '!=')    # as Momentum has it

MODULE = '''
require("msys.core")
local core = msys.core
local mod = {}
%s
msys.registerModule("%s", mod)
'''


def run(t, body, name='example', **options):
    """In `with`: a daemon with a scriptlet of these callouts alone."""
    return t.own_kumilter(MODULE % (body, name), scriptlet=True, **options)


def client_of(t):
    """A greeted client."""
    client = Smtp(t.mta.port)
    client.greet()
    return client


def send(client, rcpts=(BOB,), sender='a@example.org'):
    """A message; its replies."""
    return client.message(sender, rcpts, CONTENT)


def codes(replies):
    """Of replies to a message."""
    return [reply.code for reply in replies]


def line(t, at, code, text, address=''):
    """The line that a client of this MTA reads."""
    return expect.lines(t.mta.name, at, code, text, address)[0]


# -- Momentum's own example, and all ways to refuse

EXAMPLE = '''
require("msys.core");
require("msys.extended.vctx");

local mod = {};

function mod:validate_mailfrom(str, accept, vctx)
  local who = vctx:get(msys.core.VCTX_MESS, "mailfrom_string");

  if who != "MAIL FROM:<disconnect@example.com>" then
    return msys.core.VALIDATE_CONT;
  end
  vctx:disconnect(421, "Go away dude");
  return msys.core.VALIDATE_DONE;
end

msys.registerModule("disconnect", mod);
'''


def test_disconnect_of_the_manual(t):
    """That sender is told off and cut off; all others pass."""
    with t.own_kumilter(EXAMPLE, scriptlet=True), client_of(t) as client:
        replies = send(client)
        check('another sender', [250, 250, 354, 250], codes(replies))
        check('queued', [BOB], t.mta.queued(replies[-1]).recipients)
        reply = client.cmd('MAIL FROM:<disconnect@example.com>')
        check('reply', [{'postfix': '421 Go away dude',
                         'sendmail': '421 4.0.0 Go away dude'}[t.mta.name]],
              list(reply))
        if not client.closed():
            raise Failed('the server did not close')


def whats():
    """name, what, code, mode and text of every way to refuse."""
    for code in (421, 450, 451, 452, 550, 552, 554):
        yield f'set_code/{code}', f'code-{code}', code, 'reject', stages.TEXT
    for code in (421, 451, 550, 554):
        yield (f'disconnect/{code}', f'bye-{code}', code, 'ForceDisconnect',
               stages.TEXT)
    yield 'error', 'error', 421, 'reject', TEMPORARY


@cases
def test_every_callout(t):
    """set_code, disconnect and a raised error in each: where the client
    hears of it, in which words, and when the server closes."""
    at_connect = [what for _, what, *_ in whats()]
    with t.own_kumilter(STAGES, scriptlet=True,
                        files=stages.files({}, at_connect)):
        for name, what, code, mode, text in whats():
            for stage in ('connect', 'helo', 'mail', 'rcpt'):
                stages.play(t, f'{stage}/{name}', stage, what, stages.want(
                    t.mta, stage, what, code, text, mode))
            for callout in BEHIND:
                which = f'{callout}.{what}'
                stages.play(t, f'{callout}/{name}', 'eom', which, stages.want(
                    t.mta, 'eom', which, code, text, mode))


def test_dealloc(t):
    """When the connection is gone, however it ended."""
    with t.own_kumilter(STAGES, scriptlet=True,
                        files=stages.files({})) as daemon:
        for sender in ('a@example.org', 'code-550@mail.test',
                       'bye-421@mail.test', 'error@mail.test'):
            since = len(daemon.lines)
            with client_of(t) as client:
                client.cmd(f'MAIL FROM:<{sender}>')
            daemon.wait_log('scriptlet: over$', since)


@cases
def test_errors_are_logged(t):
    """Two lines, of the callout and of the module."""
    callouts = {'helo': 'validate_ehlo', 'mail': 'validate_mailfrom',
                'rcpt': 'validate_rcptto'}
    with t.own_kumilter(STAGES, scriptlet=True,
                        files=stages.files({})) as daemon:
        for stage, callout in (callouts | {c: c for c in BEHIND}).items():
            behind = stage in BEHIND
            if not t.wants(callout):
                continue
            since = len(daemon.lines)
            with Smtp(t.mta.port) as client:
                stages.refused(client, 'eom' if behind else stage,
                               f'{stage}.error' if behind else 'error')
            where = r'policy\.lua:\d+: attempt to concatenate a nil value'
            daemon.wait_log(f'scriptlet-00147: {callout} error: .*{where}',
                            since)
            daemon.wait_log(f'scriptlet-00239: stages error: .*{where}',
                            since)
            t.case(callout)


# -- several modules

def sets(word, result):
    """A module that adds its word to the reply and returns that."""
    return MODULE % (f'''
function mod:validate_rcptto(msg, str, accept, vctx)
  vctx:set_code(554, (vctx.note or '5.7.1') .. ' {word}')
  return core.VALIDATE_{result}
end
function mod:validate_data_spool(msg, accept, vctx)
  vctx:set_code(554, (vctx.note or '5.7.1') .. ' {word}')
  return core.VALIDATE_{result}
end''', word)


@cases
def test_three_modules(t):
    """CONT goes on and keeps the code, DONE asks nobody further."""
    for first, second, said in (('CONT', 'CONT', 'one two three'),
                                ('CONT', 'DONE', 'one two'),
                                ('DONE', 'DONE', 'one'),
                                ('AGAIN', 'CONT', 'one two three')):
        if not t.wants(f'{first}, {second}'):
            continue
        with t.own_kumilter(
                sets('one', first), scriptlet=True,
                files={'two.lua': sets('two', second),
                       'three.lua': sets('three', 'DONE')},
                args=['--scriptlet', '@DIR@/two.lua',
                      '--scriptlet', '@DIR@/three.lua']), \
                client_of(t) as client:
            client.expect('MAIL FROM:<a@example.org>', 250)
            check('RCPT', [line(t, 'rcpt', 554, f'5.7.1 {said}')],
                  list(client.cmd(f'RCPT TO:<{BOB}>')))
        t.case(f'{first}, {second}')


def test_modules_at_the_end_of_a_message(t):
    """The last one to set a code that refuses gives the reply; one that
    sets 250 takes the refusal back."""
    with run(t, '''
function mod:validate_data(msg, accept, vctx)
  vctx:set_code(550, "5.7.1 first")
  return core.VALIDATE_CONT
end''', files={'two.lua': MODULE % ('''
function mod:validate_data(msg, accept, vctx)
  if vctx:get(core.VCTX_MESS, "mailfrom_localpart") == "pardon" then
    vctx:set_code(250, "")
  end
  return core.VALIDATE_CONT
end''', 'two')}, args=['--scriptlet', '@DIR@/two.lua']), \
            client_of(t) as client:
        check('refused', [line(t, 'eom', 550, '5.7.1 first')],
              list(send(client)[-1]))
        check('pardoned', 250, send(client, sender='pardon@x.test')[-1].code)


# -- recipients

EACH = '''
function mod:validate_data_spool_each_rcpt(msg, accept, vctx)
  if vctx:get(core.VCTX_MESS, "rcptto_domain") ~= "one.test" then
    vctx:set_code(550, "5.1.1 not " ..
      vctx:get(core.VCTX_MESS, "rcptto_localpart"))
  end
  return core.VALIDATE_CONT
end'''


def test_one_recipient_of_several(t):
    """Who is refused behind the message gets none; the others do, and the
    client hears 250.  Where all are, it is the first's reply."""
    with run(t, EACH) as daemon, client_of(t) as client:
        replies = send(client, [CAROL, BOB, DAVE])
        check('codes', [250, 250, 250, 250, 354, 250], codes(replies))
        check('recipients', [BOB], t.mta.queued(replies[-1]).recipients)
        daemon.wait_log(f'{CAROL}: refused with 550 5.1.1 not carol')
        daemon.wait_log(f'{DAVE}: refused with 550 5.1.1 not dave')
        check('all', [line(t, 'eom', 550, '5.1.1 not carol')],
              list(send(client, [CAROL, DAVE])[-1]))
        check('the only one', [line(t, 'eom', 550, '5.1.1 not dave')],
              list(send(client, [DAVE])[-1]))
        check('next', 250, send(client, [BOB])[-1].code)


def test_failure_for_one_of_several(t):
    """Nobody loses mail by it: it is to come again."""
    with run(t, EACH.replace('vctx:set_code(550', 'error(nil')), \
            client_of(t) as client:
        replies = send(client, [BOB, CAROL, DAVE])
        check('reply', [line(t, 'eom', 421, TEMPORARY)], list(replies[-1]))
        if not client.closed():
            raise Failed('the server did not close')


def test_refused_recipients(t):
    """At RCPT each is for itself."""
    with run(t, '''
function mod:validate_rcptto(msg, str, accept, vctx)
  if str:find("two.test") then
    vctx:set_code("550", "5.1.1 nobody")
  elseif str:find("three.test") then
    vctx:set_code("452", "4.2.2 full")
  end
  return core.VALIDATE_CONT
end'''), client_of(t) as client:
        replies = send(client, [CAROL, BOB, DAVE])
        check('codes', [250, 550, 250, 452, 354, 250], codes(replies))
        check('text', [line(t, 'rcpt', 550, '5.1.1 nobody', f'<{CAROL}>')],
              list(replies[1]))
        check('recipients', [BOB], t.mta.queued(replies[-1]).recipients)


RECIPIENTS = {
    'added at RCPT': ('rcptto', 'vctx:add_recipient("x@new.test")',
                      [BOB, CAROL, 'x@new.test']),
    'removed at RCPT': ('rcptto', f'vctx:remove_recipient("{BOB}")',
                        [CAROL]),
    'added': ('data', 'vctx:add_recipient({"x@new.test", "y@new.test"})',
              [BOB, CAROL, 'x@new.test', 'y@new.test']),
    'removed': ('data', f'vctx:remove_recipient("{BOB}")', [CAROL]),
    'there already': ('data', f'vctx:add_recipient("{BOB}")', [BOB, CAROL]),
    'not there': ('data', 'vctx:remove_recipient("x@new.test")',
                  [BOB, CAROL]),
    'another list': ('data', f'vctx:recipient_list({{"x@new.test", "{BOB}"}})',
                     [BOB, 'x@new.test']),
    'all but the last': ('data', '''
  local list = vctx:recipient_list()
  for i = 1, #list - 1 do
    vctx:remove_recipient(list[i])
  end''', [CAROL]),
    'each for itself': ('data', '''
  for i = 0, #vctx:recipient_list() do
    local one = vctx:recipient_list()[i]
    if one ~= "" then
      vctx:add_recipient("copy." .. one)
    end
  end''', [BOB, CAROL, f'copy.{BOB}', f'copy.{CAROL}']),
}


@cases
def test_changed_recipients(t):
    """Who gets the message in the end."""
    for name, (phase, body, want) in RECIPIENTS.items():
        if not t.wants(name):
            continue
        first = 'msg, str, ' if phase == 'rcptto' else 'msg, '
        with run(t, f'require("msys.extended.vctx")\n'
                 f'function mod:validate_{phase}({first}accept, vctx)\n'
                 f'{body}\nreturn core.VALIDATE_CONT\nend'), \
                client_of(t) as client:
            try:
                check('recipients', sorted(want), sorted(t.mta.queued(
                    send(client, [BOB, CAROL])[-1]).recipients))
            except Failed as problem:
                t.case(name, problem, client.transcript())
            else:
                t.case(name)


# -- what the MTA tells

TELL = '''
local conn = { %(conn)s }
local mess = { %(mess)s }
function mod:validate_rcptto(msg, str, accept, vctx)
  local say = {}
  for _, key in ipairs(conn) do
    say[#say + 1] = key .. "=" .. vctx:get(core.VCTX_CONN, key)
  end
  for _, key in ipairs(mess) do
    say[#say + 1] = key .. "=" .. vctx:get(core.VCTX_MESS, key)
  end
  say[#say + 1] = "str=" .. str
  say[#say + 1] = "addr=" .. tostring(accept.remote_addr):match("^(.*):%%d")
  vctx:set_code(554, table.concat(say, "\\n"))
  return core.VALIDATE_DONE
end'''


def told(t, client, commands, conn=(), mess=()):
    """What the keys are at the RCPT that comes last of the commands."""
    def words(keys):
        return ', '.join(f'"{key}"' for key in keys)

    with run(t, TELL % {'conn': words(conn), 'mess': words(mess)}), \
            client() as smtp:
        for command in commands[:-1]:
            smtp.cmd(command)
        reply = smtp.cmd(commands[-1])
        check('code', 554, reply.code)
        said = [text[4:].partition('5.0.0 ')[2] for text in reply]
        return dict(text.partition('=')[::2] for text in said)


def test_keys(t):
    """The dictionaries at RCPT, filled from what this MTA tells."""
    conn = ('ehlo_string', 'ehlo_domain', 'pathway', 'tls', 'tls_cipher',
            'auth_user', 'auth_name', 'connection_message_count',
            'connection_rcpt_count', 'message_rcpt_count')
    mess = ('mailfrom_string', 'mailfrom_localpart', 'mailfrom_domain',
            'rcptto_string', 'rcptto_localpart', 'rcptto_domain')
    got = told(t, lambda: client_of(t), [
        'MAIL FROM:<one@x.test>', 'RSET',
        'MAIL FROM:<Ann.Lee@Example.org> SIZE=100', f'RCPT TO:<{BOB}>',
        f'RCPT TO:<{CAROL}>'], conn, mess)
    check('keys', {
        'ehlo_string': 'EHLO client.example.org',
        'ehlo_domain': 'client.example.org',
        'pathway': HOST if t.mta.name == 'postfix' else 'MTA',
        'tls': '', 'tls_cipher': '', 'auth_user': '', 'auth_name': '',
        'connection_message_count': '2', 'connection_rcpt_count': '2',
        'message_rcpt_count': '0',
        'mailfrom_string': 'MAIL FROM:<Ann.Lee@Example.org> SIZE=100',
        'mailfrom_localpart': 'Ann.Lee', 'mailfrom_domain': 'Example.org',
        'rcptto_string': f'RCPT TO:<{CAROL}>',
        'rcptto_localpart': 'carol', 'rcptto_domain': 'two.test',
        'str': f'RCPT TO:<{CAROL}>', 'addr': '127.0.0.1'}, got)


TLS = ('tls', 'tls_cipher', 'tls_cipher_usebits', 'tls_client_verified',
       'tls_client_cert_subject', 'tls_client_cert_subject_cn',
       'tls_client_cert_issuer_cn')


def test_tls(t):
    """What is known of the line, and of who shows a certificate."""
    subject = secure.CLIENT if t.mta.name == 'postfix' \
        else f'/CN={secure.CLIENT}'
    with secure.tls(t.mta) as context:
        for name, shows, verified in (('a certificate', True, [
                'yes', subject, secure.CLIENT, secure.CLIENT]),
                                      ('none', False, [''] * 4)):
            def client(shows=shows):
                client = client_of(t)
                client.starttls(context(shows))
                client.expect('EHLO client.example.org', 250)
                return client
            got = told(t, client, ['MAIL FROM:<a@x.test>',
                                   f'RCPT TO:<{BOB}>'], TLS)
            check('tls', ['on', True, '256'], [
                got['tls'], 'AES_256' in got['tls_cipher'],
                got['tls_cipher_usebits']])
            check(name, verified, [got[key] for key in TLS[3:]])


def test_auth(t):
    """Who logged in, and how."""
    with secure.users(t.mta):
        plain = 'AUTH PLAIN AGFubgBzZWNyZXQ='
        commands = ['MAIL FROM:<a@x.test>', f'RCPT TO:<{BOB}>']
        keys = ('auth_user', 'auth_name', 'auth_status')
        for before, values in (([], ['', '', '']),
                               ([plain], ['ann', 'PLAIN', 'pass'])):
            got = told(t, lambda: client_of(t), before + commands, keys)
            check('keys', values, [got[key] for key in keys])


def test_null_sender(t):
    """A bounce has an empty sender."""
    got = told(t, lambda: client_of(t), ['MAIL FROM:<>', f'RCPT TO:<{BOB}>'],
               mess=('mailfrom_string', 'mailfrom_localpart',
                     'mailfrom_domain'))
    check('string', 'MAIL FROM:<>', got['mailfrom_string'])
    check('parts', ('', ''), (got['mailfrom_localpart'],
                              got['mailfrom_domain']))


def test_dictionaries(t):
    """That of the connection stays, that of the message is each message's
    own, and what was set at RCPT is there at the end."""
    with run(t, '''
function mod:validate_rcptto(msg, str, accept, vctx)
  for _, which in ipairs { core.VCTX_CONN, core.VCTX_MESS } do
    vctx:set(which, "n", vctx:get(which, "n") .. "x")
  end
  return core.VALIDATE_CONT
end
function mod:validate_data_spool(msg, accept, vctx)
  vctx:set_code(554, "5.7.1 " .. vctx:get(core.VCTX_CONN, "n") .. " "
    .. vctx:get(core.VCTX_MESS, "n"))
  return core.VALIDATE_DONE
end'''), client_of(t) as client:
        for words in ('xx xx', 'xxxx xx', 'xxxxxx xx'):
            check('keys', [line(t, 'eom', 554, f'5.7.1 {words}')],
                  list(send(client, [BOB, CAROL])[-1]))


# -- time

def test_tarpit(t):
    """Who is held hears the reply in the end; others go on meanwhile."""
    with run(t, '''
function mod:validate_mailfrom(str, accept, vctx)
  if str:find("<slow@") then
    vctx:tarpit(2)
    vctx:set_code(451, "4.7.1 late")
  end
  return core.VALIDATE_CONT
end'''), client_of(t) as slow, client_of(t) as quick:
        slow.send('MAIL FROM:<slow@x.test>')
        for _ in range(3):
            check('another client', 250, send(quick)[-1].code)
        check('held', [line(t, 'mail', 451, '4.7.1 late')],
              list(slow.reply()))
