"""The whole message: data, imports, envelope, limits."""

import os
import random

from case import equal, match, policy, rows, true
from test_message import HEADERS, on_received, send

# what a policy makes of get_data() -> the message delivered
OLD = 'From: Ann <ann@example.com>'


def changes(lua):
    return on_received('''
  local data = msg:get_data()
%s
  msg:set_data(data)
  assert(msg:get_data() == data)''' % lua)


SET_DATA = {
    'the same': '',
    'one value': "data = data:gsub('Subject: hello', 'Subject: other')",
    'a fold': "data = data:gsub('Subject: hello', "
              "'Subject: a\\r\\n\\tb')",
    'a new first': "data = 'X-Top: t\\r\\n' .. data",
    'a new last': "data = data:gsub('\\r\\n\\r\\n', "
                  "'\\r\\nX-Last: l\\r\\n\\r\\n', 1)",
    'in the middle': "data = data:gsub('Subject:', "
                     "'X-Mid: m\\r\\nX-Mid2: n\\r\\nSubject:')",
    'one gone': "data = data:gsub('To: [^\\n]*\\n', '')",
    'second of two changed': "data = data:gsub('x%-old: two', 'x-old: 2')",
    'first of two gone': "data = data:gsub('X%-Old: one\\r\\n', '')",
    'a third of a name': "data = data:gsub('x%-old: two', "
                         "'x-old: b\\r\\nx-old: two')",
    'all new': "data = 'A: 1\\r\\nB: 2\\r\\n\\r\\nbody\\r\\n'",
    'other body': "data = data:gsub('one line', 'two\\r\\nlines')",
    'no body': "data = data:gsub('\\r\\n\\r\\n.*', '\\r\\n\\r\\n')",
    'no headers': "data = '\\r\\nbody only\\r\\n'",
}


@rows(SET_DATA)
@policy(lambda lua: changes(lua) + '''
kumo.on('smtp_server_mail_from', function() end)''')
def test_set_data(d, lua):
    """What the MTA ends up with is what the policy wrote."""
    s, answer = send(d)
    equal(answer, 'continue')
    got = s.delivered
    want = dict(SET_DATA_WANT)[next(k for k in SET_DATA if SET_DATA[k] is lua)]
    equal([h for h in got.headers], want[0])
    equal(got.body, want[1])


BODY = b'one line\r\n'


def swapped(**how):
    out = []
    for name, value in HEADERS:
        new = how.get(value.replace(' ', '_'), (name, value))
        if new is not None:
            out.extend(new if isinstance(new, list) else [new])
    return out


SET_DATA_WANT = {
    'the same': (HEADERS, BODY),
    'one value': (swapped(hello=('Subject', 'other')), BODY),
    'a fold': (swapped(hello=('Subject', 'a\n\tb')), BODY),
    'a new first': ([('X-Top', 't')] + HEADERS, BODY),
    'a new last': (HEADERS + [('X-Last', 'l')], BODY),
    'in the middle': (swapped(hello=[('X-Mid', 'm'), ('X-Mid2', 'n'),
                                     ('Subject', 'hello')]), BODY),
    'one gone': ([h for h in HEADERS if h[0] != 'To'], BODY),
    'second of two changed': (swapped(two=('x-old', '2')), BODY),
    'first of two gone': ([h for h in HEADERS if h[1] != 'one'], BODY),
    'a third of a name': (swapped(two=[('x-old', 'b'), ('x-old', 'two')]),
                          BODY),
    'all new': ([('A', '1'), ('B', '2')], b'body\r\n'),
    'other body': (HEADERS, b'two\r\nlines\r\n'),
    'no body': (HEADERS, b''),
    'no headers': ([], b'body only\r\n'),
}


@policy(on_received('''
  local lines, n = {}, tonumber(msg:get_first_named_header_value('Seed'))
  local function random(k) n = (n * 1103 + 12345) % 65536 return n % k + 1 end
  for line in msg:get_data():match('^(.-\\r\\n)\\r\\n'):gmatch('[^\\n]*\\n') do
    local dice = random(6)
    if dice == 1 then -- gone
    elseif dice == 2 then
      lines[#lines + 1] = line:gsub(': .*', ': changed' .. random(9)) .. '\\r\\n'
    elseif dice == 3 then
      lines[#lines + 1] = 'N' .. random(3) .. ': new' .. random(9) .. '\\r\\n'
      lines[#lines + 1] = line
    else
      lines[#lines + 1] = line
    end
  end
  local block = table.concat(lines)
  kumo.log_info('wanted <' .. block:gsub('\\r\\n', ';') .. '>')
  msg:set_data(block .. '\\r\\n' .. 'x\\r\\n')'''))
def test_set_data_at_random(d):
    """Any rewriting of the headers arrives, in its order."""
    rng = random.Random(7)
    s = d.session()
    s.helo()
    for seed in range(150):
        headers = [('Seed', str(seed))] + [
            ('N%d' % rng.randint(1, 3), 'v%d' % rng.randint(1, 4))
            for _ in range(rng.randint(1, 12))]
        equal(s.message(headers=headers, body=b'x\r\n'), 'continue')
        found = d.wait_log(r'wanted <([^>]*)>', times=seed + 1)
        wanted = [tuple(line.split(': ', 1))
                  for line in found.group(1).split(';') if line]
        equal(list(s.delivered.headers), wanted, 'seed %d' % seed)


IMPORTS = {
    'x headers': ("msg:import_x_headers()", "msg:get_meta('x_old')", 'two'),
    'named': ("msg:import_x_headers{'Subject'}", "msg:get_meta('subject')",
              'hello'),
    'prefix': ("msg:import_x_headers{'Sub*'}", "msg:get_meta('subject')",
               'hello'),
    'first': ("msg:import_headers{{name='X-Old', match='first'}}",
              "msg:get_meta('x_old')", 'one'),
    'all': ("msg:import_headers{{name='X-Old', match='all'}}",
            "table.concat(msg:get_meta('x_old'), '+')", 'one+two'),
    'kebab': ("msg:import_headers{{name='X-*', transform='kebab_case'}}",
              "msg:get_meta('x-old')", 'two'),
    'camel': ("msg:import_headers{{name='X-*', transform='camel_case'}}",
              "msg:get_meta('xOld')", 'two'),
    'pascal': ("msg:import_headers{{name='X-*', transform='pascal_case'}}",
               "msg:get_meta('XOld')", 'two'),
    'target': ("msg:import_headers{{name='Subject', target='t'}}",
               "msg:get_meta('t')", 'hello'),
    'removed': ("msg:import_headers{{name='X-Old', remove=true}}",
                "#msg:get_all_named_header_values('X-Old')", '0'),
    'first rule owns': ("msg:import_headers{{name='X-*', target=nil},"
                        " {name='X-Old', target='t'}}",
                        "msg:get_meta('t')", 'nil'),
    'bare star': ("pcall(function() msg:import_x_headers{'*'} end)",
                  "(pcall(msg.import_x_headers, msg, {'*'}))", 'false'),
    'unknown key': ("", "(pcall(msg.import_headers, msg, {{nam='X'}}))",
                    'false'),
    'target of many': (
        "", "(pcall(msg.import_headers, msg, {{name='X-*', target='t'}}))",
        'false'),
    'scheduling': ("msg:import_scheduling_header('X-Old', true)",
                   "#msg:get_all_named_header_values('X-Old')", '0'),
}


@rows(IMPORTS)
@policy(lambda row: on_received("%s kumo.reject(550, 'is ' .. tostring(%s))"
                                % row[:2]))
def test_imports(d, row):
    equal(send(d)[1], '550 is ' + row[2])


@policy(on_received('''
  msg:add_authentication_results('mx.example.test', {
    { method = 'spf', result = 'pass', reason = "matched 'a b'",
      props = { ['smtp.mailfrom'] = 'a@b.example', ['smtp.helo'] = 'c d' } },
    { method = 'dkim', result = 'none' } })'''))
def test_authentication_results(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.headers[0], (
        'Authentication-Results',
        'mx.example.test;\n\tspf=pass reason="matched \'a b\'"'
        '\n\tsmtp.helo="c d"\n\tsmtp.mailfrom=a@b.example'
        ';\n\tdkim=none'))


@policy('''
kumo.on('smtp_server_mail_from', function(sender)
  kumo.reject(550, table.concat({ sender.params.SIZE,
    tostring(sender.params.SMTPUTF8), tostring(sender.params.BODY) }, ' '))
end)''')
def test_esmtp_parameters(d):
    s = d.session()
    s.helo()
    equal(s.mail('<a@example.com>', 'size=1000', 'SMTPUTF8'),
          '550 5.0.0 1000 true nil')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  kumo.reject(550, 'is ' .. tostring(cm:get_macro('j')) .. ' '
    .. tostring(cm:get_macro('client_addr')) .. ' '
    .. tostring(cm:get_macro('{nosuch}')))
end)''')
def test_macros(d):
    s = d.session()
    s.helo()
    match(s.mail(), r'^550 is mx\.example\.test \S+ nil$')


@policy(on_received('''
  msg:add_recipient('new@example.net')
  msg:remove_recipient('bob@example.org')
  kumo.log_info('id', msg:queue_id(), 'size', msg:size(), #msg:get_data())'''))
def test_recipients_one_by_one(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal([r.strip('<>') for r in s.delivered.rcpts], ['new@example.net'])
    found = d.wait_log(r'id (\S+) size (\d+) (\d+)')
    true(found.group(1) != 'nil', 'a queue id')
    equal(found.group(2), found.group(3))


@policy(on_received('msg:discard()'))
def test_discard(d):
    equal(send(d)[1], 'discard')


CONFIGURED = '''
kumo.on('init', function() kumo.milter.configure { %s } end)
kumo.on('smtp_server_message_received', function(msg)
  kumo.log_info('seen', msg:size(), msg:get_data():sub(-4, -3))
end)'''
LIMITS = {
    'message': ("message_limit = 2000", [], b'x' * 3000 + b'\r\n',
                '552 5.3.4 message too big'),
    'header count': ("header_count_limit = 20",
                     [('X-H', '1')] * 21, b'',
                     '552 5.3.4 message header too big'),
    'header size': ("header_size_limit = 2000", [('X-H', 'y' * 3000)], b'',
                    '552 5.3.4 message header too big'),
    'no folder': ("message_memory = 100, spool_directory = '/nowhere'", [],
                  b'x' * 300, '452 4.3.1 insufficient system storage'),
    'within': ("message_limit = 20000, header_count_limit = 20",
               [('X-H', '1')] * 10, b'x' * 3000, 'continue'),
}


@rows(LIMITS)
@policy(lambda row: CONFIGURED % row[0])
def test_limits(d, row):
    s, answer = send(d, headers=HEADERS + row[1], body=row[2])
    equal(answer, row[3])
    # and the session goes on
    equal(s.message(headers=HEADERS, body=b'z\r\n'), 'continue')


REPLACED = '''
kumo.on('init', function()
  kumo.milter.configure { message_memory = '64kB', %s }
end)
kumo.on('smtp_server_message_received', function(msg)
  local ok, why = pcall(msg.set_data, msg,
    'X-New: v\\r\\n\\r\\n' .. ('y'):rep(300000) .. '\\r\\n')
  if not ok then
    kumo.reject(452, tostring(why):match('cannot make a file') or why)
  end
end)'''


@policy(REPLACED % '')
def test_large_replacement(d):
    """Its body goes through a file, too."""
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.body, b'y' * 300000 + b'\r\n')


@policy(REPLACED % "spool_directory = '/nowhere'")
def test_no_folder_for_a_replacement(d):
    s, answer = send(d)
    equal(answer, '452 cannot make a file')
    equal(s.delivered, None)


@policy('''
kumo.on('init', function() kumo.milter.configure { recipient_limit = 2 } end)
kumo.on('smtp_server_rcpt_to', function() end)''')
def test_recipient_limit(d):
    s = d.session()
    s.helo()
    s.mail()
    for n in range(2):
        equal(s.rcpt('<r%d@example.org>' % n), 'continue')
    equal(s.rcpt('<r3@example.org>'), '452 4.5.3 too many recipients')


@policy(CONFIGURED % "message_memory = '64kB'")
def test_large_body_is_the_same(d):
    """A body in a file reads like one in memory, and leaves nothing open."""
    body = bytes(random.Random(3).randbytes(1500)).hex().encode() + b'\r\n'
    s, answer = send(d, body=body)
    equal(answer, 'continue')
    body = body * 1000 + b'ok\r\n'
    for _ in range(5):
        equal(s.message(headers=HEADERS, body=body), 'continue')
    d.wait_log('seen %d ok' % (len(body) + sum(
        len(n) + len(v) + 4 for n, v in HEADERS) + 2), times=5)
    fds = len(os.listdir('/proc/%d/fd' % d.process.pid))
    true(fds < 40, 'descriptors: %d' % fds)


@policy('''
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '0.0.0.0:25',
    data_processing_timeout = 0.2 }
end)
kumo.on('smtp_server_data', function() kumo.sleep(5) end)''')
def test_data_processing_timeout(d):
    equal(send(d)[1], '451 4.4.5 data_processing_timeout exceeded (rx)')


@policy('''
kumo.on('smtp_server_data', function(msg) msg:set_sender('lost@example.net')
  msg:append_header('X-Data', '1') end)
kumo.on('smtp_server_message_received', function(msg)
  kumo.log_info('sender', msg:sender().email)
end)''')
def test_sender_of_batches(d):
    """set_sender in smtp_server_data does not reach the batches."""
    s, answer = send(d)
    equal(answer, 'continue')
    d.wait_log('sender ann@example.com')
    equal(s.delivered.sender.strip('<>'), 'ann@example.com')
    equal(s.delivered.get('X-Data'), ['1'])
