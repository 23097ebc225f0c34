"""Sender authentication as a client and the mail that is queued see it."""
import os
import re

from content import GIVEN, B, deliver, each, own
from harness import Failed, Smtp, cases, check

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


DMARC = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.org.
bounce.strict 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.strict 300 IN TXT "v=DMARC1; p=reject; rua=mailto:a@example.org"
_dmarc.mild 300 IN TXT "v=DMARC1; p=quarantine"
_dmarc.test 300 IN TXT "v=DMARC1; p=none"
]], [[
$ORIGIN example.net.
client 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
]], [[
$ORIGIN strict.example.
_dmarc TXT "v=DMARC1; p=reject"
s._domainkey TXT "v=DKIM1; k=ed25519; p=bBWMQy+58GoG8dyas7N0QzBEt8xDsZ/hx+Wsj4TDkUI="
]] }
end)
kumo.on('smtp_server_message_received', function(msg)
  kumo.milter.remove_authentication_results(msg, 'mx.example.org')
  local spf = kumo.spf.check_msg(msg).result
  local dmarc = kumo.dmarc.check_msg(msg, msg:dkim_verify(), nil, spf, false)
  if msg:recipient().user == 'exempt' then
    dmarc.disposition = 'None'
  end
  if dmarc.disposition == 'Reject' then
    kumo.reject(550, '5.7.26 DMARC: ' .. dmarc.result.reason)
  elseif dmarc.disposition == 'PermError' then
    kumo.reject(550, '5.7.1 ' .. dmarc.result.reason)
  elseif dmarc.disposition == 'Quarantine' then
    msg:append_header('X-Spam', 'DMARC')
  end
  msg:add_authentication_results('mx.example.org', { spf, dmarc.result })
end)
'''

SIGNATURE = '''\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=strict.example;
 s=s; h=from:subject; bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=;
 b=wvGkMDm84m02fkBm8H8S5G4ZYVGunWfIjlkqFzb48zPmBxcRq6vdz7XGo/r+/pbl/3i0I3iua
 PSOO/bp2ZexDA==
'''

# From: and sender; the reply, or what is noted; to whom
ENFORCED = {
    'aligned': ('From: ann@strict.example.org', 'x@bounce.strict.example.org',
                None, ('dmarc=pass reason=Success',
                       'header.from=strict.example.org',
                       'policy.rua="mailto:a@example.org"'), B),
    'signed': (f'{SIGNATURE}From: Ann <ann@strict.example>\nSubject: hello',
               'x@client.example.net', None,
               ('dmarc=pass reason=Success', 'header.from=strict.example'), B),
    'its signature, another text': (
        f'{SIGNATURE}From: Ann <ann@strict.example>\nSubject: hullo',
        'x@client.example.net',
        '550 5.7.26 DMARC: DMARC: SPF relaxed check failed', (), B),
    'reject': ('From: ann@strict.example.org', 'x@client.example.net',
               '550 5.7.26 DMARC: DMARC: SPF relaxed check failed', (), B),
    'exempt': ('From: ann@strict.example.org', 'x@client.example.net', None,
               ('dmarc=fail', 'policy.published-domain-policy=reject'),
               'exempt@example.net'),
    'quarantine': ('From: ann@mild.example.org', 'x@client.example.net', None,
                   ('dmarc=fail', 'X-Spam: DMARC'), B),
    'none': ('From: ann@test.example.org', 'x@client.example.net', None,
             ('dmarc=fail', 'policy.p=none'), B),
    'no record': ('From: ann@other.example.org', 'x@client.example.net', None,
                  ('dmarc=none',), B),
    'two From:': ('From: ann@other.example.org\n'
                  'From: ann@strict.example.org', 'x@client.example.net',
                  '550 5.7.1 several From: fields', (), B),
}


@cases
def test_dmarc(t):
    each(t, ENFORCED, dmarc)


def dmarc(t, author, sender, refusal, words, rcpt):
    content = f'{author}\n{GIVEN}\nhello\n'
    reply, queued = deliver(t, DMARC, content, sender, (rcpt,))
    if refusal is not None:
        check('reply', refusal, str(reply[0]))
        return
    check('reply', 250, reply.code)
    for word in words:
        if word not in own(queued):
            raise Failed(f'expected {word} in {own(queued)}')


STRANGERS = f'''\
Authentication-Results: other.example.org; spf=pass
X-First: 1
Authentication-Results: MX.example.org (forged) 1;
\tspf=pass smtp.mailfrom=ann@strict.example.org
X-Second: 2
authentication-results: third.example.org;
\tnone
From: ann@test.example.org
{GIVEN}'''
LEFT = [('Authentication-Results', 'other.example.org; spf=pass'),
        ('X-First', '1'), ('X-Second', '2'),
        ('authentication-results', 'third.example.org; none')]


def test_forged_results(t):
    """Of three the one with our name goes, and ours is above what is left."""
    reply, queued = deliver(t, DMARC, f'{STRANGERS}\ntext\n',
                            'x@client.example.net')
    check('reply', 250, reply.code)
    text = re.sub(r'\n[ \t]+', ' ', own(queued))
    got = [tuple(line.split(': ', 1)) for line in text.splitlines()
           if line.lower().startswith(('auth', 'x-'))]
    check('first', 'mx.example.org; spf=pass', got[0][1][:24])
    check('left', LEFT, got[1:])


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


MODULE = SPF[:SPF.index("kumo.on('smtp_server_data'")] + '''
require 'msys.core'
local mod = {}
function mod:validate_mailfrom(str, ac, vctx)
  if vctx:get(msys.core.VCTX_MESS, 'spf_status') == 'fail' then
    vctx:set_code(550, '5.7.23 not from there')
  end
  return msys.core.VALIDATE_CONT
end
msys.registerModule('spf', mod)
'''


def test_spf_status(t):
    """What Momentum's policies read is known when MAIL is answered."""
    with t.kumilter(MODULE), Smtp(t.mta.port) as client:
        client.greet()
        refused = str(client.cmd('MAIL FROM:<ann@fail.example.org>'))
        # Sendmail puts the address between
        check('fail', '550 5.7.23 not from there',
              refused.replace('<ann@fail.example.org>... ', ''))
        check('pass', 250, client.cmd('MAIL FROM:<ann@pass.example.org>').code)


# KumoMTA's own helper, which is not here: EXTRAS=DIR says where, and without
# it there is no such test.  DIR is policy-extras, or the folder above it.
EXTRAS = os.environ.get('EXTRAS')
MAIL_AUTH = '''
package.path = '%s/?.lua;' .. package.path
local kumo = require 'kumo'
local mail_auth = require 'policy-extras.mail_auth'
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN strict.example.
_dmarc TXT "v=DMARC1; p=reject"
s._domainkey TXT "v=DKIM1; k=ed25519; p=bBWMQy+58GoG8dyas7N0QzBEt8xDsZ/hx+Wsj4TDkUI="
]], [[
$ORIGIN example.org.
client 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
]], [[
$ORIGIN 127.in-addr.arpa.
1.0.0 300 IN PTR client.example.org.
]] }
end)
kumo.on('smtp_server_message_received', function(msg)
  local found = mail_auth.check(msg, { server_id = 'mx.example.net' })
  if found.dmarc.result == 'fail' then
    kumo.reject(550, '5.7.26 ' .. found.dmarc.reason)
  end
end)
'''
CLAIM = f'''\
From: Ann <ann@strict.example>
Subject: hello
{GIVEN}
hello
'''


# what is before the message, and the reply
MAIL_AUTHS = {'signed': (SIGNATURE, 250), 'claimed': ('', 550)}


def mail_auth(t, signature, code):
    """Unedited, on mail that is signed and mail that is not."""
    folder = EXTRAS.rstrip('/').removesuffix('/policy-extras')
    reply, queued = deliver(t, MAIL_AUTH % folder, signature + CLAIM,
                            'x@client.example.org')
    check('reply', code, reply.code)
    for words in ('dkim=pass', 'spf=pass', 'iprev=', 'auth=none',
                  'dmarc=pass', 'arc=none') if queued else ():
        if words not in own(queued):
            raise Failed(f'expected {words} in {own(queued)}')


if EXTRAS:
    @cases
    def test_mail_auth(t):
        each(t, MAIL_AUTHS, mail_auth)
