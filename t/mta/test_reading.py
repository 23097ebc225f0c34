"""What a policy reads of a message and decides or adds because of it."""
import base64
import email.header
import json
import re

from content import A, BODY, GIVEN, HEADERS, delivered, each, own, refused
from harness import HOST, cases, check
from test_headers import lua

# -- From: and To: ---------------------------------------------------------

SAME_DOMAIN = '''
  if #msg:get_all_named_header_values 'From' ~= 1 then
    kumo.reject(554, '5.6.0 not one From')
  end
  local ok, domain = pcall(function() return msg:from_header().domain end)
  if not ok then
    kumo.reject(554, '5.6.0 From is no address')
  end
  if domain:lower() ~= msg:sender().domain:lower() then
    kumo.reject(554, '5.7.1 From is of ' .. domain)
  end
'''
# the header as the client sends it, what is in the reply; MAIL FROM is of
# example.org
FROM = {
    'the same': (f'From: {A}\n', '250 '),
    'another case': ('From: A@EXAMPLE.ORG\n', '250 '),
    'with a name': ('From: "X, Y" <x@example.org> (z@evil.test)\n', '250 '),
    'an address as name': ('From: "y@evil.test" <x@example.org>\n', '250 '),
    'folded': ('From: X\n <x@example.org>\n', '250 '),
    'quoted at': ('From: "b@evil.test"@example.org\n', '250 '),
    'encoded name': ('From: =?utf-8?q?J=C3=BCrgen?= <x@example.org>\n',
                     '250 '),
    'another': ('From: x@evil.test\n', '5.7.1 From is of evil.test'),
    'another below': ('From: x@sub.example.org\n',
                      '5.7.1 From is of sub.example.org'),
    'the address as name': (f'From: "{A}" <x@evil.test>\n',
                            '5.7.1 From is of evil.test'),
    'the address as comment': (f'From: ({A}) x@evil.test\n',
                               '5.7.1 From is of evil.test'),
    'group': (f'From: Team: {A};\n', '5.6.0 From is no address'),
    'empty group': ('From: undisclosed:;\n', '5.6.0 From is no address'),
    'two addresses': (f'From: {A}, x@evil.test\n',
                      '5.6.0 From is no address'),
    'two headers': (f'From: {A}\nFrom: x@evil.test\n', '5.6.0 not one From'),
    'two, of any case': (f'From: {A}\nfrom: x@evil.test\n',
                         '5.6.0 not one From'),
}


@cases
def test_from(t):
    """The domain of From: against that of MAIL FROM."""
    each(t, {name: (SAME_DOMAIN, f'{head}{GIVEN}\nbody\n', words)
             for name, (head, words) in FROM.items()}, refused)


LIST = '''
  local header = msg:%s
  local all = {}
  for _, entry in ipairs(header and header.list or {}) do
    all[#all + 1] = entry.email
  end
  kumo.reject(554, '5.7.1 ' .. table.concat(all, ' ') .. ' end')
'''
TO = {
    'one': ("to_header()", 'To: b@example.net\n', '5.7.1 b@example.net end'),
    'several': ("to_header()", 'To: b@example.net,\n C <c@example.net>\n',
                '5.7.1 b@example.net c@example.net end'),
    'a group among them': (
        "to_header()", 'To: b@x.test, Team: c@y.test, D <d@z.test>;\n',
        '5.7.1 b@x.test c@y.test d@z.test end'),
    'none': ("to_header()", 'X-To: b@x.test\n', '5.7.1  end'),
    'Cc': ("get_address_header 'cc'", 'Cc: b@x.test (c@y.test)\n',
           '5.7.1 b@x.test end'),
    'Reply-To': ("get_address_header 'Reply-To'",
                 'Reply-To: <b@x.test>\nReply-To: c@x.test\n',
                 '5.7.1 b@x.test end'),
}


@cases
def test_address_lists(t):
    """to_header and get_address_header."""
    each(t, {name: (LIST % call, f'From: {A}\n{head}{GIVEN}\nbody\n', words)
             for name, (call, head, words) in TO.items()}, refused)


# -- MIME ------------------------------------------------------------------

NO_PROGRAMS = '''
  for _, one in ipairs(msg:parse_mime():get_simple_structure().attachments) do
    if one.file_name and one.file_name:lower():match '%.exe$' then
      kumo.reject(554, '5.7.0 no ' .. one.file_name)
    end
  end
'''
MIXED = f'''\
From: {A}
Subject: two parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_b"
{GIVEN}
preamble
--=_b
Content-Type: text/plain; charset=us-ascii

the text
--=_b
'''
END = '\n\nTVqQAAMAAAAEAAAA\n--=_b--\nepilogue\n'
ATTACHED = {
    'a name': ('Content-Type: application/x\n'
               'Content-Disposition: attachment; filename=run.exe',
               '554 5.7.0 no run.exe'),
    'quoted': ('Content-Disposition: attachment; filename="r n.EXE"',
               '554 5.7.0 no r n.EXE'),
    'a name of the type': ('Content-Type: application/x; name="t.exe"\n'
                           'Content-Disposition: attachment',
                           '554 5.7.0 no t.exe'),
    'in pieces': ('Content-Disposition: attachment;\n filename*0="ru";\n'
                  ' filename*1="n.exe"', '554 5.7.0 no run.exe'),
    'RFC 2231': ("Content-Disposition: attachment;\n"
                 " filename*=utf-8''r%75n%2Eexe", '554 5.7.0 no run.exe'),
    'RFC 2047': ('Content-Disposition: attachment;\n'
                 ' filename="=?utf-8?q?run=2Eexe?="', '554 5.7.0 no run.exe'),
    'upper case': ('CONTENT-DISPOSITION: ATTACHMENT; FILENAME=RUN.EXE',
                   '554 5.7.0 no RUN.EXE'),
    'harmless': ('Content-Disposition: attachment; filename=run.txt', '250 '),
    'no name': ('Content-Disposition: attachment', '250 '),
}


@cases
def test_attachments(t):
    """A message is refused for the name of an attachment."""
    each(t, {name: (NO_PROGRAMS, f'{MIXED}{head}\n'
                    f'Content-Transfer-Encoding: base64{END}', words)
             for name, (head, words) in ATTACHED.items()}, refused)


ALTERNATIVE = f'''\
From: {A}
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b
{GIVEN}
--b
Content-Type: text/plain; charset=us-ascii

the text
--b
Content-Type: text/html; charset=us-ascii

<html><body><p>the text</p></body></html>
--b--
'''
PLAIN = f'From: {A}\n{GIVEN}'
TYPE = 'Content-Type: text/plain;\n\tcharset='
QP = 'Content-Transfer-Encoding: quoted-printable\n'
# script, message, what is delivered
TEXTS = {
    'plain': (
        "msg:append_text_plain 'the footer\\r\\n'",
        f'{PLAIN}Content-Type: text/plain; charset=us-ascii\n\ntext\n',
        f'{PLAIN}{TYPE}"us-ascii"\n\ntext\n\nthe footer\n'),
    'no MIME': (
        "msg:append_text_plain 'the footer'", f'{PLAIN}\ntext\n',
        f'{PLAIN}{TYPE}"us-ascii"\n\ntext\n\nthe footer\n'),
    'UTF-8': (
        "msg:append_text_plain 'gr\u00fc\u00dfe\\r\\n'", f'{PLAIN}\ntext\n',
        f'{PLAIN}{TYPE}"utf-8"\n{QP}\ntext\n\ngr=C3=BC=C3=9Fe\n'),
    'quoted-printable': (
        "msg:append_text_plain 'a=b\\r\\n'",
        f'{PLAIN}Content-Type: text/plain; charset=utf-8\n{QP}\n'
        'gr=C3=BC=\n=C3=9Fe\n',
        f'{PLAIN}{TYPE}"utf-8"\n{QP}\ngr=C3=BC=C3=9Fe\n\na=3Db\n'),
    'base64': (
        "msg:append_text_plain 'footer\\r\\n'",
        f'{PLAIN}Content-Type: text/plain; charset=utf-8\n'
        'Content-Transfer-Encoding: base64\n\ndGV4dA0K\n',
        f'{PLAIN}{TYPE}"us-ascii"\n\ntext\n\nfooter\n'),
    'mixed': (
        "msg:append_text_plain 'the footer'",
        f'{MIXED}Content-Type: text/plain{END}',
        MIXED.replace('Content-Type: text/plain; charset=us-ascii',
                      f'{TYPE}"us-ascii"').replace(
                          'the text\n', 'the text\n\nthe footer\n')
        + f'Content-Type: text/plain{END}'),
    'alternative': (
        "msg:append_text_plain 'the footer' "
        "msg:append_text_html '<p>the footer</p>'", ALTERNATIVE,
        ALTERNATIVE.replace('; charset=us-ascii',
                            ';\n\tcharset="us-ascii"')
        .replace('\nthe text\n', '\nthe text\n\nthe footer\n')
        .replace('</body>', '<p>the footer</p></body>')),
    'no text': (
        "msg:append_header('X-Did', tostring("
        "msg:append_text_plain 'the footer'))",
        f'{PLAIN}Content-Type: text/html\n\n<p>\n',
        f'{PLAIN}Content-Type: text/html\nX-Did: false\n\n<p>\n'),
}


def appended(t, script, content, want):
    """One row."""
    queued = delivered(t, script, content)
    check('message', want, own(queued) + '\n' + queued.body.decode())


@cases
def test_texts(t):
    """append_text_plain and append_text_html: the part is written anew, the
    rest stays."""
    each(t, TEXTS, appended)


# -- headers and metadata --------------------------------------------------

def test_imported_and_removed(t):
    """import_headers: the values, and the message without the fields."""
    queued = delivered(t, '''
  msg:import_headers {
    { name = 'X-Dup', match = 'all', remove = true },
    { name = 'X-Keep', target = 'kept', remove = true },
    { name = 'Subject' },
  }
  msg:append_header('X-Got', table.concat(msg:get_meta 'x_dup', '+'))
  msg:append_header('X-Got', msg:get_meta 'kept')
  msg:append_header('X-Got', msg:get_meta 'subject')''')
    check('headers', re.sub('(?mi)^X-(Dup|Keep):.*\n', '', HEADERS)
          + 'X-Got: first+second+third\nX-Got: two spaces\n'
          'X-Got: a folded subject\n', own(queued))
    check('body', BODY.encode(), queued.body)


def test_x_headers(t):
    """import_x_headers and remove_x_headers."""
    queued = delivered(t, '''
  msg:import_x_headers()
  msg:remove_x_headers()
  msg:append_header('Got', msg:get_meta 'x_dup')''')
    check('headers', re.sub('(?mi)^X-.*\n', '', HEADERS) + 'Got: third\n',
          own(queued))


AUTH = '''
  msg:add_authentication_results('%s', {
    { method = 'spf', result = 'pass', reason = "matched 'a b'",
      props = { ['smtp.mailfrom'] = 'a@b.example', ['smtp.helo'] = 'c d' } },
    { method = 'dkim', result = 'none' } })
''' % HOST


def test_authentication_results(t):
    """The header exactly, above everything."""
    queued = delivered(t, AUTH)
    check('header', [
        f'Authentication-Results: {HOST};\n'
        '\tspf=pass reason="matched \'a b\'"\n\tsmtp.helo="c d"\n'
        '\tsmtp.mailfrom=a@b.example;\n\tdkim=none'],
        queued.lines('Authentication-Results'))
    check('first', ['Authentication-Results', 'Received'],
          queued.names()[:2])


def test_supplemental_trace(t):
    """Base64 of JSON, above everything; folded where it is long."""
    for size in (1, 3000):
        queued = delivered(t, f'''
  msg:set_meta('tenant', ('t'):rep({size}))
  msg:set_meta('secret', 'not this one')
  kumo.apply_supplemental_trace_header(msg,
    {{ header_name = 'X-Ref', include_meta_names = {{ 'ten*' }} }})''')
        check('first', ['X-Ref', 'Received'], queued.names()[:2])
        check('value', {'_@_': '\\_/', 'recipient': 'b@example.net',
                        'tenant': 't' * size},
              json.loads(base64.b64decode(queued.values('X-Ref')[0],
                                          validate=False)))
        check('long lines', [], [line for line in queued.block.split(b'\n')
                                 if len(line) > 998])
        check('headers', HEADERS,
              re.sub(r'(?m)^X-Ref:.*\n([ \t].*\n)*', '', own(queued)))


ENCODED = {
    'short': ('value',),
    'long': ('word ' * 60 + 'end',),
    'UTF-8': ('gr\u00fc\u00dfe',),
    'UTF-8 in ASCII': ('a word, gr\u00fc\u00dfe (and more) "quoted"',),
    'long UTF-8': ('\u2713 gr\u00fc\u00dfe \U0001f600 ' * 30 + 'end',),
    'one long word': ('\u4e2d\u6587' * 100,),
    'looks encoded': ('=?utf-8?q?no?= \u00fc',),
    'spaces': ('\u00fc  \u00fc   end',),
}


def encoded(t, value):
    """One row."""
    queued = delivered(t, f"msg:append_header('X-V', {lua(value)}, true)")
    folded = queued.lines('X-V')[0].partition(': ')[2]
    given = folded.replace('\n\t', ' ')
    check('ASCII', True, given.isascii())
    check('long lines', [], [line for line in folded.split('\n')
                             if len(line) > 76])
    check('long words', [], [word for word in given.split()
                             if len(word) > 75])
    words = email.header.decode_header(given)
    check('decoded', value, ''.join(
        part if isinstance(part, str) else part.decode(charset or 'ascii')
        for part, charset in words))


@cases
def test_encoded(t):
    """append_header(..., true): a reader sees what the policy gave."""
    each(t, ENCODED, encoded)


def test_encoded_is_read_back(t):
    """So does a policy."""
    queued = delivered(t, f'''
  local value = {lua(ENCODED['long UTF-8'][0])}
  msg:append_header('X-V', value, true)
  msg:append_header('X-Same',
    tostring(msg:get_first_named_header_value 'X-V' == value))''')
    check('same', ['true'], queued.values('X-Same'))
