"""smtp_server_data, split_transaction, message_received and msg:..."""

from case import DIFFICULTIES, equal, match, policy, rows, true

HEADERS = [('From', 'Ann <ann@example.com>'), ('To', 'bob@example.org'),
           ('Subject', 'hello'), ('X-Old', 'one'), ('x-old', 'two')]


def send(d, rcpts=('<bob@example.org>',), headers=HEADERS,
         body=b'one line\r\n', **how):
    s = d.session(**how)
    s.helo()
    return s, s.message(rcpts=rcpts, headers=headers, body=body)


def on_received(statement):
    return '''kumo.on('smtp_server_message_received', function(msg, cm)
%s
end)
''' % statement


# an expression about msg -> its text
READS = {
    'id': ("#msg:id() == 32 and msg:id():find('^%x+$')", '1'),
    'sender': ('msg:sender().email', 'ann@example.com'),
    'recipient': ('msg:recipient().email', 'bob@example.org'),
    'recipient list': ('#msg:recipient_list()', '1'),
    'first': ("msg:get_first_named_header_value('SUBJECT')", 'hello'),
    'first of two': ("msg:get_first_named_header_value('X-Old')", 'one'),
    'no such header': ("msg:get_first_named_header_value('X-No')", 'nil'),
    'all named': ("table.concat(msg:get_all_named_header_values('x-OLD'))",
                  'onetwo'),
    'none named': ("#msg:get_all_named_header_values('X-No')", '0'),
    'all headers': ('#msg:get_all_headers()', '5'),
    'second header': ("table.concat(msg:get_all_headers()[2], '=')",
                      'To=bob@example.org'),
    'from': ('msg:from_header().domain', 'example.com'),
    'from name': ('msg:from_header().name', 'Ann'),
    'meta': ("msg:get_meta('no')", 'nil'),
    'attempts': ('msg:num_attempts()', '0'),
}


@rows(READS)
@policy(lambda row: on_received(
    "kumo.reject(550, 'is ' .. tostring(%s))" % row[0]))
def test_reads(d, row):
    equal(send(d)[1], '550 is ' + row[1])


DECODED = {
    'q encoding': ('=?utf-8?q?h=C3=A9llo?=', 'h\u00e9llo'),
    'b encoding': ('=?UTF-8?B?aMOpbGxv?=', 'h\u00e9llo'),
    'latin1': ('=?iso-8859-1?q?h=E9llo?=', 'h\u00e9llo'),
    'two words': ('=?utf-8?q?h=C3=A9?= =?utf-8?q?llo?=', 'h\u00e9llo'),
    'folded': ('one\n\ttwo\n three', 'one two three'),
    'broken': ('=?utf-8?q?h', '=?utf-8?q?h'),
}


@rows(DECODED)
@policy(lambda _: on_received(
    "kumo.reject(550, 'is ' .. msg:get_first_named_header_value('Subject'))"))
def test_decoded(d, row):
    value, want = row
    equal(send(d, headers=[('Subject', value)])[1], '550 is ' + want)


@policy(on_received('''
  local want = 'From: Ann <ann@example.com>\\r\\n'
    .. 'Subject: one\\r\\n\\ttwo\\r\\n\\r\\nline\\r\\n.dot\\r\\n\\0\\255'
  if msg:get_data() == want then kumo.reject(550, 'same') end
  kumo.reject(550, ('%q'):format(msg:get_data()))'''))
def test_get_data_is_exact(d):
    headers = [('From', 'Ann <ann@example.com>'), ('Subject', 'one\n\ttwo')]
    equal(send(d, headers=headers, body=b'line\r\n.dot\r\n\0\xff')[1],
          '550 same')


@policy(on_received('''
  local data = msg:get_data()
  local sum = 0
  for i = 1, #data, 997 do sum = (sum * 31 + data:byte(i)) % 1000003 end
  kumo.reject(550, 'length ' .. #data .. ' sum ' .. sum)'''))
def test_large_body(d):
    body = bytes((i * 7) % 251 for i in range(300000))
    data = b'Subject: x\r\n\r\n' + body
    total = 0
    for i in range(0, len(data), 997):
        total = (total * 31 + data[i]) % 1000003
    equal(send(d, headers=[('Subject', 'x')], body=body)[1],
          '550 length %d sum %d' % (len(data), total))


@policy(on_received("kumo.reject(550, 'length ' .. #msg:get_data())"))
def test_empty_body(d):
    equal(send(d, headers=[('Subject', 'x')], body=b'')[1],
          '550 length %d' % len('Subject: x\r\n\r\n'))


OLD = [('From', 'Ann <ann@example.com>'), ('To', 'bob@example.org'),
       ('Subject', 'hello')]
# statement -> the headers that the MTA queues
EDITS = {
    'append': ("msg:append_header('X-New', 'v')",
               HEADERS + [('X-New', 'v')]),
    'append two': ("msg:append_header('X-N', 'a')"
                   " msg:append_header('X-N', 'b')",
                   HEADERS + [('X-N', 'a'), ('X-N', 'b')]),
    'prepend': ("msg:prepend_header('X-New', 'v')",
                [('X-New', 'v')] + HEADERS),
    'prepend two': (
        "msg:prepend_header('X-1', 'a') msg:prepend_header('X-2', 'b')",
        [('X-2', 'b'), ('X-1', 'a')] + HEADERS),
    'remove': ("msg:remove_all_named_headers('X-OLD')", OLD),
    'remove one': ("msg:remove_all_named_headers('Subject')",
                   HEADERS[:2] + HEADERS[3:]),
    'remove none': ("msg:remove_all_named_headers('X-No')", HEADERS),
    'remove x': ('msg:remove_x_headers()', OLD),
    'remove named': ("msg:remove_x_headers { 'x-old' }", OLD),
    'replace': ("msg:remove_all_named_headers('Subject')"
                " msg:append_header('Subject', 'new')",
                HEADERS[:2] + HEADERS[3:] + [('Subject', 'new')]),
    'add and take back': ("msg:append_header('X-New', 'v')"
                          " msg:remove_all_named_headers('X-New')", HEADERS),
    'add, read': ("msg:append_header('X-New', 'v')"
                  " assert(msg:get_first_named_header_value('x-new') == 'v')",
                  HEADERS + [('X-New', 'v')]),
    'nothing': ('', HEADERS),
    'value with percent': ("msg:append_header('X-New', '100% %s')",
                           HEADERS + [('X-New', '100% %s')]),
    'leading spaces': ("msg:append_header('X-New', '  v')",
                       HEADERS + [('X-New', '  v')]),
}


def ordered(headers):
    """Names and values; where a replaced header ends up is the MTA's."""
    return sorted(headers, key=lambda h: h[0].lower())


@rows(EDITS)
@policy(lambda row: on_received(row[0]))
def test_edits(d, row):
    for mta in ('postfix', 'sendmail'):
        s, answer = send(d, mta=mta)
        equal(answer, 'continue', mta)
        equal(ordered(s.delivered.headers), ordered(row[1]), mta)
        if 'prepend' in row[0]:
            equal(s.delivered.headers, row[1], mta)
        equal(s.delivered.body, b'one line\r\n', mta)


@rows(EDITS)
@policy(lambda row: '''
kumo.on('smtp_server_data', function(msg, cm)
%s
end)
''' % row[0])
def test_edits_in_data(d, row):
    """Once, though each recipient has its own message_received."""
    s, answer = send(d, rcpts=['<a@example.org>', '<b@example.org>'])
    equal(answer, 'continue')
    equal(ordered(s.delivered.headers), ordered(row[1]))


@policy(on_received("msg:append_header('X-New', 'v')\n"
                    "msg:append_header('X-To', msg:recipient().user)"))
def test_edits_of_batches(d):
    """Equal edits apply once; unequal ones: the first batch's, a warning."""
    s, answer = send(d, rcpts=['<a@example.org>', '<b@example.org>'])
    equal(answer, 'continue')
    equal(s.delivered.get('X-New'), ['v'])
    equal(s.delivered.get('X-To'), ['a'])
    d.wait_log('(?i)warn')


@policy(on_received('''
  msg:set_data('Subject: new\\r\\nX-New: v\\r\\n\\r\\nnew body\\r\\n')'''))
def test_set_data(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(ordered(s.delivered.headers), [('Subject', 'new'), ('X-New', 'v')])
    equal(s.delivered.body, b'new body\r\n')


@policy(on_received("msg:quarantine('looks odd')"))
def test_quarantine(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.quarantine, 'looks odd')


@policy(on_received("msg:quarantine('odd') kumo.disconnect(550, 'bye')"))
def test_quarantine_then_disconnect(d):
    """The quarantine stands; the session is condemned."""
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.quarantine, 'odd')
    match(s.mail(), '^421 ')


@policy(on_received("msg:append_header('X-New', 'v') kumo.reject(550, 'no')"))
def test_refusal_after_edits(d):
    equal(send(d)[1], '550 no')


@policy(on_received("msg:set_sender('new@example.net')"))
def test_set_sender(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.sender.strip('<>'), 'new@example.net')


RECIPIENT_CHANGES = {
    'one': ("'new@example.net'", ['new@example.net']),
    'two': ("{ 'new@example.net', 'b@example.net' }",
            ['b@example.net', 'new@example.net']),
    'the same': ('msg:recipient()', ['bob@example.org']),
    'one more': ("{ msg:recipient(), 'new@example.net' }",
                 ['bob@example.org', 'new@example.net']),
}


@rows(RECIPIENT_CHANGES)
@policy(lambda row: on_received('msg:set_recipient(%s)' % row[0]))
def test_set_recipient(d, row):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(sorted(r.strip('<>') for r in s.delivered.rcpts), row[1])


@policy('''
kumo.on('smtp_server_data', function(msg)
  local several = msg:recipient()
  local words = { type(several) .. #several }
  msg:set_recipient('one@example.org')
  words[#words + 1] = msg:recipient().email
  msg:set_recipient({})
  words[#words + 1] = tostring(msg:recipient()) .. #msg:recipient_list()
  kumo.reject(550, 'is ' .. table.concat(words, ' '))
end)
''')
def test_recipient_none_one_many(d):
    equal(send(d, rcpts=['<a@example.org>', '<b@example.org>'])[1],
          '550 is table2 one@example.org nil0')


SAY_BATCH = on_received('''
  local users = {}
  for i, r in ipairs(msg:recipient_list()) do users[i] = r.user end
  kumo.log_info('batch <' .. table.concat(users, ' ') .. '> '
    .. tostring(msg:get_meta('from_data')))
  msg:set_meta('from_data', 'changed by a sibling')''')
THREE = ['<a@x.example>', '<b@y.example>', '<c@x.example>']

SPLITS = {
    'default': ('', ['a', 'b', 'c']),
    'nil': ('return nil', ['a', 'b', 'c']),
    'by hand': ("return { { 'a@x.example', 'c@x.example' },"
                " { 'b@y.example' } }", ['a c', 'b']),
    'objects': ('return { msg:recipient_list() }', ['a b c']),
}


@rows(SPLITS)
@policy(lambda row: '''
kumo.on('smtp_server_data', function(msg)
  msg:set_meta('from_data', 'kept')
end)
kumo.on('smtp_server_split_transaction', function(msg, cm)
  %s
end)
''' % row[0] + SAY_BATCH)
def test_split(d, row):
    equal(send(d, rcpts=THREE)[1], 'continue')
    for users in row[1]:
        d.wait_log('batch <%s> kept' % users)
    equal(d.log().count('batch <'), len(row[1]), 'the number of batches')


BATCH_HANDLING = {
    'BifurcateAlways': ['a', 'b', 'c'], 'BatchByDomain': ['a c', 'b'],
    'AllInOne': ['a b c'],
}


@rows({name: (name, want) for name, want in BATCH_HANDLING.items()})
@policy(lambda row: '''
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '0:25', batch_handling = '%s' }
end)
''' % row[0] + SAY_BATCH)
def test_batch_handling(d, row):
    equal(send(d, rcpts=THREE)[1], 'continue')
    for users in row[1]:
        d.wait_log('batch <%s> nil' % users)
    equal(d.log().count('batch <'), len(row[1]), 'the number of batches')


@policy(on_received('''
  if msg:recipient().user == 'b' then kumo.reject(550, 'not b') end'''))
def test_one_refused_batch_refuses_all(d):
    equal(send(d, rcpts=THREE)[1], '550 not b')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  cm:set_meta('color', 'red')
end)
kumo.on('smtp_server_data', function(msg, cm)
  cm:set_meta('color', 'green')
  msg:append_header('X-Color', msg:get_meta('color'))
  msg:set_meta('color', 'blue')
  msg:append_header('X-Color', cm:get_meta('color'))
end)
kumo.on('smtp_server_message_received', function(msg, cm)
  msg:append_header('X-Color', msg:get_meta('color'))
end)
''')
def test_meta_flows_one_way(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.delivered.get('X-Color'), ['red', 'green', 'blue'])


@policy(on_received('''
  cm:set_meta('ids', (cm:get_meta('ids') or '') .. msg:id() .. ' ')
  msg:append_header('X-Ids', cm:get_meta('ids'))'''))
def test_ids_differ(d):
    s, _ = send(d)
    s.message()
    ids = s.delivered.get('X-Ids')[0].split()
    equal(len(ids), 2)
    true(ids[0] != ids[1], 'two different ids')


@policy(on_received("msg:set_meta('queue', 'null')"))
def test_null_queue_discards(d):
    s, answer = send(d)
    equal(answer, 'discard')
    equal(s.message(), 'discard')


@policy('''
local kept
kumo.on('smtp_server_message_received', function(msg) kept = msg end)
kumo.on('smtp_server_mail_from', function(sender)
  if kept then kumo.reject(550, 'subject '
    .. kept:get_first_named_header_value('Subject')) end
end)
''')
def test_message_kept_beyond_its_event(d):
    s, answer = send(d)
    equal(answer, 'continue')
    equal(s.mail(), DIFFICULTIES)
    d.wait_log(r'policy\.lua:[56]')


MISUSE = {
    'unknown method': 'msg:nosuch()',
    'dot for colon': "msg.get_meta('x')",
    'append without value': "msg:append_header('X')",
    'bad address': "msg:set_sender('not an address')",
    'table as name': 'msg:get_first_named_header_value({})',
}


@rows(MISUSE)
@policy(lambda statement: on_received(statement))
def test_misuse(d, statement):
    equal(send(d)[1], DIFFICULTIES)
    d.wait_log(r'policy\.lua:3')
