"""Header edits: the message in the queue against what the policy asked for,
byte for byte."""
from harness import Failed, Smtp, cases, check

HEAD = '''\
X-Dup: first
From: a@example.org
X-Other: one
x-dup: second
Subject: a folded
 subject
X-Other: two
X-DUP: third,
\tfolded
X-Keep:  two spaces before
X-Tight:none before
Message-Id: <given@example.org>
Date: Thu, 01 Jan 2026 00:00:00 +0000
'''
RECEIVED = HEAD.rstrip('\n').replace('\n ', '\0 ').replace(
    '\n\t', '\0\t').split('\n')
RECEIVED = [line.replace('\0', '\n') for line in RECEIVED]
BODY = 'the body\n'

POLICY = '''
local kumo = require 'kumo'
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  %s
end)
'''


def lua(text):
    """A Lua string of exactly these bytes."""
    data = text if isinstance(text, bytes) else text.encode()
    return '"' + ''.join(f'\\{byte:03}' for byte in data) + '"'


def edited(t, script):
    """The message after that handler: its header lines without those that
    the MTA itself adds, whole, in order."""
    with t.kumilter(POLICY % script), Smtp(t.mta.port) as client:
        client.greet()
        replies = client.message('a@example.org', ['b@example.net'],
                                 f'{HEAD}\n{BODY}')
        queued = t.mta.queued(replies[-1])
        check('body', BODY.encode(), queued.body)
        block = queued.block.decode('utf-8', 'surrogateescape')
        block = block.replace('\n ', '\0 ').replace('\n\t', '\0\t')
        return [line.replace('\0', '\n') for line in block.split('\n')
                if not line.startswith('Received: ')]


def without(*names):
    """What was received but the fields of these names."""
    return [line for line in RECEIVED
            if line.partition(':')[0].lower() not in names]


def test_untouched(t):
    """A handler that edits nothing changes not a byte."""
    check('headers', RECEIVED, edited(t, 'msg:get_data()'))


def test_prepend_several(t):
    """Each at the very top, above the MTA's own Received:."""
    got = edited(t, '''
  msg:prepend_header('X-A', 'one')
  msg:prepend_header('X-B', 'two')
  msg:prepend_header('X-A', 'three')''')
    check('headers', ['X-A: three', 'X-B: two', 'X-A: one'] + RECEIVED, got)


def test_above_received(t):
    """Prepended fields come before the Received: of this MTA."""
    with t.kumilter(POLICY % "msg:prepend_header('X-A', 'one')"), \
            Smtp(t.mta.port) as client:
        client.greet()
        replies = client.message('a@example.org', ['b@example.net'], HEAD)
        check('first two', ['X-A', 'Received'],
              t.mta.queued(replies[-1]).names()[:2])


def test_append_several(t):
    """Each at the end, in their order."""
    got = edited(t, '''
  msg:append_header('X-A', 'one')
  msg:append_header('X-B', 'two')
  msg:append_header('X-A', 'three')''')
    check('headers', RECEIVED + ['X-A: one', 'X-B: two', 'X-A: three'], got)


def test_remove(t):
    """Every field of the name, however it is written; the rest stays as it
    is and where it is."""
    check('one name', without('x-dup'),
          edited(t, "msg:remove_all_named_headers 'X-dUP'"))
    check('two names', without('x-dup', 'x-other'), edited(t, '''
  msg:remove_all_named_headers 'X-Dup'
  msg:remove_all_named_headers 'X-Other' '''))
    check('no such name', RECEIVED,
          edited(t, "msg:remove_all_named_headers 'X-None'"))


@cases
def test_keep_one_of_several(t):
    """Remove all, put one back: which one, and at which end."""
    values = ['first', 'second', 'third, folded']
    for number, value in enumerate(values, 1):
        for how, at in (('append', 0), ('prepend', 1)):
            name = f'{how} {number}'
            if not t.wants(name):
                continue
            try:
                got = edited(t, f'''
  local values = msg:get_all_named_header_values 'X-Dup'
  msg:remove_all_named_headers 'X-Dup'
  msg:{how}_header('X-Dup', values[{number}])''')
                line = [f'X-Dup: {value}']
                rest = without('x-dup')
                check('headers', line + rest if at else rest + line, got)
            except Failed as problem:
                t.case(name, problem)
            else:
                t.case(name)


def test_emptied(t):
    """A field whose value is taken away is still there."""
    want = list(RECEIVED)
    want[want.index('X-Keep:  two spaces before')] = 'X-Keep: '
    want[want.index('X-Other: one')] = 'X-Other: '
    check('headers', want, edited(t, '''
  local data = msg:get_data()
  data = data:gsub('(X%-Keep:)[^\\r]*', '%1')
  data = data:gsub('(X%-Other: )one', '%1')
  msg:set_data(data)'''))


def test_edits_of_edits(t):
    """What the policy added it can remove again; both ends at once."""
    got = edited(t, '''
  msg:append_header('X-Gone', 'one')
  msg:prepend_header('X-Gone', 'two')
  msg:prepend_header('X-Top', 'stays')
  msg:append_header('X-End', 'stays')
  msg:remove_all_named_headers 'X-Gone'
  msg:remove_all_named_headers 'X-Other'
  msg:append_header('X-Other', 'mine')''')
    check('headers', ['X-Top: stays'] + without('x-other')
          + ['X-End: stays', 'X-Other: mine'], got)


# what the policy gives -> what stands in the message after "X-V:"
VALUES = {
    'plain': ('value', ' value'),
    'leading space': ('  value', '   value'),
    'trailing space': ('value  ', ' value  '),
    'tab': ('\tvalue', ' \tvalue'),
    'percent': ('100% %s %n', ' 100% %s %n'),
    'folded': ('one\n two\n\tthree', ' one\n two\n\tthree'),
    'folded by CRLF': ('one\r\n two\r\n\tthree', ' one\n two\n\tthree'),
    'long': ('word ' * 150 + 'end', ' ' + 'word ' * 150 + 'end'),
    'long folded': ('\n\t'.join(['x' * 70] * 100),
                    ' ' + '\n\t'.join(['x' * 70] * 100)),
    'UTF-8': ('gr\u00fc\u00dfe \u2713', ' gr\u00fc\u00dfe \u2713'),
    'Latin-1': (b'gr\xfc\xdfe', b' gr\xfc\xdfe'),
    'injected by LF': ('v\nX-Evil: yes', ' v X-Evil: yes'),
    'injected by CR LF': ('v\r\nX-Evil: yes', ' v X-Evil: yes'),
    'injected by CR': ('v\rX-Evil: yes', ' v X-Evil: yes'),
    'injected body': ('v\r\n\r\nevil', ' v  evil'),
    'injected body by LF': ('v\n\nevil', ' v  evil'),
    'ends in CR LF': ('v\r\n', ' v'),
    'NUL': ('a\0b', ' ab'),
}


@cases
def test_values(t):
    """Values as they were given, but what would end the field."""
    for name, (value, stands) in VALUES.items():
        for how in ('append', 'prepend'):
            case = f'{how} {name}'
            if not t.wants(case):
                continue
            if isinstance(stands, bytes):
                stands = stands.decode('utf-8', 'surrogateescape')
            try:
                got = edited(
                    t, f"msg:{how}_header('X-V', {lua(value)})")
                line = [f'X-V:{stands}']
                check('headers', line + RECEIVED if how == 'prepend'
                      else RECEIVED + line, got)
            except Failed as problem:
                t.case(case, problem)
            else:
                t.case(case)


@cases
def test_names(t):
    """A name as it is written; what is no field name is the policy's
    mistake, and nothing of it reaches the message."""
    for name in ('x-oDD-cASE', 'X_under.score', "X-!#$%&'*+^`|~", 'X',
                 'X' * 60):
        if not t.wants(name):
            continue
        try:
            got = edited(t, f"msg:append_header({lua(name)}, 'v')")
            check('headers', RECEIVED + [f'{name}: v'], got)
        except Failed as problem:
            t.case(name, problem)
        else:
            t.case(name)
    for name in ('', 'X A', 'X:A', 'X\nY: z', 'X\r', 'gr\u00fcn', 'X' * 300):
        case = f'bad {name!r}'[:20]
        if not t.wants(case):
            continue
        try:
            got = edited(t, f'''
  local ok = pcall(msg.append_header, msg, {lua(name)}, 'v')
  msg:append_header('X-Ok', tostring(ok))''')
            check('headers', RECEIVED + ['X-Ok: false'], got)
        except Failed as problem:
            t.case(case, problem)
        else:
            t.case(case)
