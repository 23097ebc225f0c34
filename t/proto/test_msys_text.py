"""Momentum's patterns, macros and texts, and senders who make them hard."""

import time

from case import HOST, equal, match, policy, rows, true

TEMPORARY = '421 %s temporary issue, please retry your message later' % HOST

MODULE = '''
require 'msys.core'
require 'msys.pcre'
require 'msys.dumper'
local json = require 'json'
local mod = {}
local function answer(vctx, text)
  vctx:set_code(550, 'is ' .. text)
  return msys.core.VALIDATE_DONE
end
%s
msys.registerModule('text', mod)
'''

RCPT = MODULE % '''
function mod:validate_rcptto(msg, str, accept, vctx)
  local X, dump = msys.expandMacro, msys.dumper.Dumper
  return answer(vctx, tostring(%s))
end
'''

# an expression at RCPT -> its text
EXPRESSIONS = {
    'match': ("msys.pcre.match(str, '^RCPT TO:<(.*)@')[1]", 'bob'),
    'replace': ("msys.pcre.replace(str, '.*<(.*)@(.*)>.*', '$2 of $1')",
                'example.org of bob'),
    'split': ("msys.pcre.split('bob@example.org', '@')[2]", 'example.org'),
    'macros': ("X'%{vctx_conn:ehlo_domain} %{l} %{d1r} %{ir}.%{v}'",
               'client.example.com ann example 1.2.0.192.in-addr'),
    'dump': ("dump { code = '550', 'a' }", 'return { "a", code="550"}'),
    'addresses': ("msys.parseRFC2822Addresses('A <a+b@c>', 'detail')[1]", 'b'),
    'json': ("json.encode { a = { 1, 'x' } }", '{ "a": [ 1, "x" ] }'),
    'idn': ("msys.idn.to_idn('b\u00fccher.example')", 'xn--bcher-kva.example'),
    'base64': ("msys.base64.encode('a') .. msys.qp.encode('=')", 'YQ===3D'),
}


@rows(EXPRESSIONS)
@policy(lambda row: RCPT % row[0])
def test_expressions(d, row):
    s = d.session()
    s.helo()
    s.mail()
    equal(s.rcpt(), '550 is ' + row[1])


HARD = MODULE % '''
function mod:validate_data(msg, accept, vctx)
  local body = msys.expandMacro('%{rfc2822:body}')
  if msys.pcre.match(body, '^(a+)+b') then
    return answer(vctx, 'refused')
  end
  return msys.core.VALIDATE_CONT
end
'''


def send(d, body):
    s = d.session()
    s.helo()
    return s.message(body=body)


@policy(HARD)
def test_a_hard_text_does_not_pass(d):
    """It is deferred, soon, and others are served as before."""
    equal(str(send(d, b'aaab\r\n')), '550 is refused')
    equal(str(send(d, b'x\r\n')), 'continue')
    begin = time.monotonic()
    equal(str(send(d, b'a' * 900000 + b'cb\r\n')), TEMPORARY)
    true(time.monotonic() - begin < 60, 'it ended')
    match(d.log(), 'msys.pcre.match: too ')
    equal(str(send(d, b'aaab\r\n')), '550 is refused')
