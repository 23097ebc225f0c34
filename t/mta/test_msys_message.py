"""What Momentum's scriptlets make of a message, against what then lies in the
queue: one scriptlet for each group of methods, a message for each row."""
import re

from content import A, B, C, crlf, own
from harness import Failed, Smtp, cases, check
from test_headers import lua

GIVEN = 'Message-Id: <given@example.org>\n' \
        'Date: Thu, 01 Jan 2026 00:00:00 +0000\n'
HEAD = f'From: {A}\nX-A: one\nSubject: a folded\n subject\nx-a: two\n{GIVEN}'
BODY = 'first line\n.dot\nlast line\n'
PLAIN = f'{HEAD}\n{BODY}'
LATIN = f'{HEAD}MIME-Version: 1.0\n' \
        'Content-Type: text/plain; charset=iso-8859-1\n' \
        'Content-Transfer-Encoding: quoted-printable\n\ngr=FC=DFe\n'
TREE = f'''\
{HEAD}MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

preamble
--out
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=utf-8

one
--in
Content-Type: text/html
Content-Transfer-Encoding: base64

PGI+dHdvPC9iPg==
--in--
--out
Content-Type: application/pdf
X-Id: 1
Content-Disposition: attachment; filename=a.pdf

PDF
--out--
epilogue
'''

MODULE = '''
require("msys.core");
require("msys.extended.message");
local core = msys.core
local mod, rows = {}, {}
%s
function mod:%s(msg, accept, vctx)
  local row = msg:header("X-Row")[1]
  msg:header("X-Row", "")
  rows[row](msg, accept, vctx)
  return core.VALIDATE_CONT
end
msys.registerModule("rows", mod)
'''


def script(rows, callout):
    """One that does with each message what its row says."""
    functions = [f'rows[{lua(name)}] = function(msg, accept, vctx)\n'
                 f'{row[1]}\nend' for name, row in rows.items()]
    return MODULE % ('\n'.join(functions), callout)


def delivered(t, client, name, content, rcpts=(B,)):
    """A message for that row, as it is queued."""
    reply = client.message(A, rcpts, f'X-Row: {name}\n{content}')[-1]
    if reply.code != 250:
        raise Failed(f'refused: {reply}')
    return t.mta.queued(reply)


def body_of(t, text):
    """As it stands in the queue: Postfix ends a last line."""
    if t.mta.name == 'postfix' and text and not text.endswith('\n'):
        return text.encode() + b'\n'
    return text.encode()


def same(t, queued, want):
    """The message is that text."""
    head, _, body = want.partition('\n\n')
    check('headers', head + '\n', own(queued))
    check('body', body_of(t, body), queued.body)


def group(t, rows, callout='validate_data'):
    """name -> (content, script, what is delivered)."""
    with t.own_kumilter(script(rows, callout), scriptlet=True), \
            Smtp(t.mta.port) as client:
        client.greet()
        for name, (content, _, want) in rows.items():
            if not t.wants(name):
                continue
            try:
                same(t, delivered(t, client, name, content), want)
            except Failed as problem:
                t.case(name, problem)
            else:
                t.case(name)


def instead(text, old, new):
    """text with this once instead of that."""
    check(f'{old!r} in the message', 1, text.count(old))
    return text.replace(old, new)


def headed(extra, text=PLAIN):
    """With these header lines at the end of the block."""
    head, _, body = text.partition('\n\n')
    return f'{head}\n{extra}\n{body}'


NONE_OF_X_A = instead(instead(PLAIN, 'X-A: one\n', ''), 'x-a: two\n', '')

HEADERS = {
    'nothing': (PLAIN, 'return', PLAIN),
    'set': (PLAIN, 'msg:header("X-A", "three")', headed(
        'X-A: three\n', NONE_OF_X_A)),
    'deleted': (PLAIN, 'msg:header("X-A", "")', NONE_OF_X_A),
    'appended': (PLAIN, 'msg:header("X-A", "3", "append")',
                 headed('X-A: 3\n')),
    'prepended': (PLAIN, 'msg:header("X-A", "0", "prepend")',
                  'X-A: 0\n' + PLAIN),
    'several': (PLAIN, 'msg:header("X-B", { "1", "2" })',
                headed('X-B: 1\nX-B: 2\n')),
    'several on top': (PLAIN, 'msg:header("X-B", { "1", "2" }, "prepend")',
                       'X-B: 1\nX-B: 2\n' + PLAIN),
    'encoded': (PLAIN, 'msg:header("X-B", "gr\\195\\188n")',
                headed('X-B: =?UTF-8?q?gr=C3=BCn?=\n')),
    'what was read': (PLAIN, 'msg:header("X-B", msg:header("subject")[1])',
                      headed('X-B: a folded subject\n')),
    'a fold': (PLAIN, 'msg:header("X-B", "one\\r\\n\\ttwo")',
               headed('X-B: one\n\ttwo\n')),
    'no line more': (
        PLAIN, 'msg:header("X-B", "b\\r\\nX-C: c\\n\\nbody\\0")',
        headed('X-B: b X-C: c  body\n')),
    'the flat name': (PLAIN, 'core.ec_message_header(msg, "X-B", 7)',
                      headed('X-B: 7\n')),
    'addresses': (
        PLAIN, 'for _, part in ipairs { "localpart", "domain" } do '
        'msg:header("X-" .. part, msg:address_header("From", part)) end',
        headed('X-localpart: a\nX-domain: example.org\n')),
}


@cases
def test_headers(t):
    """msg:header()."""
    group(t, HEADERS)


CONTENTS = {
    'body': (PLAIN, 'msg:body("new\\r\\n..one dot\\r\\n.\\r\\n")',
             f'{HEAD}\nnew\n.one dot\n'),
    'body there and back': (PLAIN, 'msg:body(msg:body() .. ".\\r\\n")',
                            PLAIN),
    'no body': (PLAIN, 'msg:body(".\\r\\n")', f'{HEAD}\n'),
    'raw': (PLAIN, 'msg:raw((msg:raw():gsub("one", "uno", 1)))',
            instead(PLAIN, 'X-A: one', 'X-A: uno')),
    'raw there and back': (PLAIN, 'msg:raw(msg:raw())', PLAIN),
    'body_replace': (
        PLAIN, 'assert(msg:body_replace("(first|last) line", "$1 row"))',
        PLAIN.replace('t line', 't row')),
    'body_replace nothing': (
        PLAIN, 'assert(msg:body_replace("Subject", "x") == false)', PLAIN),
    'raw_replace': (
        PLAIN, 'assert(msg:raw_replace("(?m)^x-a: two", "x-b: 2"))',
        instead(PLAIN, 'x-a: two', 'x-b: 2')),
    'the end': (
        PLAIN, 'msg:body_replace("\\r\\n.\\r\\n", '
        '"\\r\\ndisclaimer\\r\\n.\\r\\n")', f'{PLAIN}disclaimer\n'),
    'matches': (
        PLAIN, 'msg:header("X-B", msg:body_match("(\\\\w+) line")[1]) '
        'msg:header("X-C", msg:raw_match("X-A: (\\\\w+)")[1]) '
        'msg:header("X-D", tostring(msg:text_match("nothing")))',
        headed('X-B: first\nX-C: one\nX-D: false\n')),
    'text': (LATIN, 'msg:header("X-B", msg:text())',
             headed('X-B: =?UTF-8?q?gr=C3=BC=C3=9Fe?=\n', LATIN)),
    'text_replace': (LATIN, 'assert(msg:text_replace("gr", "Gr"))',
                     instead(LATIN, 'gr=FC', 'Gr=FC')),
    'another charset': (
        LATIN, 'assert(msg:text_replace("gr..", "\\226\\130\\172"))',
        instead(instead(LATIN, 'gr=FC', '=E2=82=AC'), '=DF', '=C3=9F')
        .replace(' charset=iso-8859-1', '\n\tcharset="utf-8"')),
    'text of all parts': (
        TREE, 'assert(msg:text_replace("o", "0"))',
        instead(TREE, '\none\n--in\n', '\n0ne\n--in\n').replace(
            'PGI+dHdvPC9iPg==', 'PGI+dHcwPC9iPg==')),
    'a new text': (
        PLAIN, 'msg:text("gr\\195\\188n\\r\\n")',
        f'{HEAD}Content-Type: text/plain;\n\tcharset="utf-8"\n'
        'Content-Transfer-Encoding: quoted-printable\nMIME-Version: 1.0\n\n'
        'gr=C3=BCn\n'),
}


@cases
def test_content(t):
    """msg:body(), raw(), text(), and what matches and replaces."""
    group(t, CONTENTS)


PDF = re.search(r'--out\nContent-Type: application.*?PDF\n', TREE,
                re.S).group()
DISCLAIMER = '''
local function add_disclaimer(msg, plain)
  local p = msg:mime(false)
  if p == nil then
    return
  elseif p.parts != nil then
    local plain_part = msg:makePart("text/plain", plain)
    plain_part.body_start = 0
    plain_part.body_end = #plain
    p:addLastChild(plain_part)
  else
    msg:text_replace("\\r\\n.\\r\\n", "\\r\\n" .. plain .. "\\r\\n.\\r\\n")
  end
end
add_disclaimer(msg, "Disclaimer")
'''
TOP = 'local top = msg:mime(false) local pdf = top.parts.next '
PARTS = {
    'disclaimer': (PLAIN, DISCLAIMER, f'{PLAIN}Disclaimer\n'),
    'disclaimer in parts': (
        TREE, DISCLAIMER, instead(
            TREE, '--out--', '--out\nContent-Type: text/plain\n\n'
            'Disclaimer\n--out--')),
    'a part away': (TREE, TOP + 'pdf:unlink()', instead(TREE, PDF, '')),
    'a part elsewhere': (
        TREE, TOP + 'assert(pdf:insertBefore(top.parts))',
        instead(instead(TREE, PDF, ''), 'preamble\n', f'preamble\n{PDF}')),
    'a header of a part': (
        TREE, TOP + 'pdf:header("X-Id", nil) pdf:header("X-New", "n")',
        instead(instead(TREE, 'X-Id: 1\n', ''), 'a.pdf\n',
                'a.pdf\nX-New: n\n')),
    'a header of the top': (
        TREE, TOP + 'top:header("X-New", "n", "prepend")',
        f'X-New: n\n{TREE}'),
    'a text of a part': (
        TREE, TOP + 'top.parts.parts.next:text_replace("two", "three")',
        instead(TREE, 'PGI+dHdvPC9iPg==', 'PGI+dGhyZWU8L2I+')),
    'what they are': (
        TREE, '''
  local part, all = msg:mime(true), ""
  while part != nil do
    local ct = part:content_type()
    all = all .. ct.mimetype .. " " .. tostring(ct.filename) .. "; "
    part = part.thread
  end
  msg:header("X-All", all .. "end")''',
        headed('X-All: multipart/mixed nil; multipart/alternative nil; '
               'text/plain nil; text/html nil; application/pdf a.pdf; end\n',
               TREE)),
}


@cases
def test_parts(t):
    """msg:mime() and its parts."""
    group(t, PARTS)


EACH = {
    'one recipient': (PLAIN, 'msg:header("X-To", msg:rcptto())',
                      headed(f'X-To: {B}\n')),
    'its body': (PLAIN, 'msg:body("new\\r\\n.\\r\\n")', f'{HEAD}\nnew\n'),
}


@cases
def test_each_recipient(t):
    """The same from the callout for each recipient."""
    group(t, EACH, 'validate_data_spool_each_rcpt')


ENVELOPE = '''
require("msys.core")
local core = msys.core
local mod = {}
function mod:validate_data(msg, accept, vctx)
  msg:header("X-Data", msg:mailfrom())
  msg:mailfrom("new@example.org")
  msg:context_set(core.ECMESS_CTX_MESS, "k", "v")
  return core.VALIDATE_CONT
end
function mod:validate_data_spool_each_rcpt(msg, accept, vctx)
  local to = msg:rcptto()
  local left, right = core.string_new(), core.string_new()
  msg:get_envelope2(core.EC_MSG_ENV_FROM, left, right)
  msg:header("X-Each", left .. " " .. right .. " " .. msg.mailfrom() .. " "
    .. msg:context_get(core.ECMESS_CTX_MESS, "k"))
  msg:header("X-Peer", msg:reception_peer("ip"))
  if to == "%s" then
    msg:rcptto("moved@example.net")
  elseif to == "gone@example.net" then
    msg:discard("550 gone")
  end
  return core.VALIDATE_CONT
end
msys.registerModule("envelope", mod)
''' % B


def test_envelope(t):
    """Sender and recipients, through the copies of three recipients."""
    with t.own_kumilter(ENVELOPE, scriptlet=True) as daemon, \
            Smtp(t.mta.port) as client:
        client.greet()
        reply = client.message(A, (B, 'gone@example.net', C), PLAIN)[-1]
        queued = t.mta.queued(reply)
        daemon.wait_log('discarded: 550 gone')
    check('sender', 'new@example.org', queued.sender)
    check('recipients', sorted(['moved@example.net', C]),
          sorted(queued.recipients))
    check('headers', headed(
        f'X-Data: {A}\nX-Each: new example.org new@example.org v\n'
        'X-Peer: 127.0.0.1\n').partition('\n\n')[0] + '\n', own(queued))
    check('body', BODY.encode(), queued.body)


def test_discard(t):
    """Accepted, and nothing of it in the queue."""
    with t.own_kumilter(MODULE % (
            'rows.x = function(msg) msg:discard() end', 'validate_data'),
            scriptlet=True), Smtp(t.mta.port) as client:
        t.mta.forget_messages()
        client.greet()
        reply = client.message(A, [B, C], f'X-Row: x\n{PLAIN}')[-1]
        check('reply', 250, reply.code)
    check('queued', [], t.mta.messages())


def test_line_ends(t):
    """Every body that is set arrives with the MTA's line ends."""
    data = crlf(f'{HEAD}\n{BODY}')
    with t.own_kumilter(MODULE % (
            f'rows.x = function(msg) msg:raw({lua(data)}) end',
            'validate_data'), scriptlet=True), Smtp(t.mta.port) as client:
        client.greet()
        same(t, delivered(t, client, 'x', f'{HEAD}\nbody\n'), PLAIN)
