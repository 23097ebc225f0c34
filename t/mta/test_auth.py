"""Sender authentication as a client and the mail that is queued see it."""
from content import GIVEN, B, deliver, each
from harness import Failed, cases, check

SPF = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.org.
pass  300 IN TXT "v=spf1 ip4:127.0.0.0/8 -all"
fail  300 IN TXT "v=spf1 -all exp=exp.%{d}"
exp.fail 300 IN TXT "%{i} may not send as %{s}, see https://example.org/100%%"
soft  300 IN TXT "v=spf1 include:none.example.org ~all"
client 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
]] }
end)
kumo.on('smtp_server_data', function(msg)
  local spf = kumo.spf.check_msg(msg)
  if spf.disposition == 'fail' then
    kumo.reject(550, '5.7.23 ' .. spf.result.reason)
  end
  msg:add_authentication_results('mx.example.org', { spf.result })
end)
'''
MESSAGE = f'From: ann@pass.example.org\n{GIVEN}\ntext\n'

# sender: the reply, or the result that is noted
ROWS = {
    'pass': ('ann@pass.example.org', None, 'spf=pass',
             'smtp.mailfrom=ann@pass.example.org'),
    'fail': ('ann@fail.example.org',
             '550 5.7.23 127.0.0.1 may not send as ann@fail.example.org, '
             'see https://example.org/100%', None, None),
    'broken': ('ann@soft.example.org', None, 'spf=permerror',
               'smtp.helo=client.example.org'),
    'none': ('ann@other.example.org', None, 'spf=none',
             'smtp.mailfrom=ann@other.example.org'),
    'null sender': ('', None, 'spf=pass', 'smtp.mailfrom=""'),
}


@cases
def test_spf(t):
    each(t, ROWS, spf)


def spf(t, sender, refusal, result, prop):
    reply, queued = deliver(t, SPF, MESSAGE, sender, (B,))
    if refusal is not None:
        check('reply', refusal, str(reply[0]))
        return
    check('reply', 250, reply.code)
    first = queued.block.decode().split('\nFrom:')[0]
    for words in ('Authentication-Results: mx.example.org;', result, prop):
        if words not in first:
            raise Failed(f'expected {words} in {first}')
