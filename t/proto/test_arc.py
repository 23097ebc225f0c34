"""msg:arc_verify and msg:arc_seal on the daemon: far too many sets, servers
that do not answer, large mail."""

import threading

from case import alone, equal, match, policy, true
from daemon import PATIENCE
from mta_session import MESSAGE
from test_dns import Nameserver

SEE = '''
kumo.on('smtp_server_data', function(msg)
  local arc = msg:arc_verify()
  kumo.reject(550, ('is %s %s %s'):format(arc.result, tostring(arc.reason),
    tostring(arc.props['header.oldest-pass'])))
end)
'''
# The key of RFC 8463.
SEAL = '''
local KEY = [[
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
]]
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.org.
s._domainkey 300 IN TXT "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
]] }
end)
kumo.on('smtp_server_data', function(msg)
  local arc = msg:arc_verify()
  msg:arc_seal(kumo.dkim.ed25519_signer { domain = 'example.org',
    selector = 's', headers = { 'From', 'Subject' },
    key = { key_data = KEY } }, 'mx.example.org', { arc })
end)
'''
# Right as far as one can tell without the key: bh= is of no bytes.
TAGS = 'a=rsa-sha256; d=example.com; s=s; b=AAAA'
MORE = 'h=from; l=0; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='


def fields(sets):
    """The headers of a chain whose structure is right."""
    return [header for i in range(sets, 0, -1) for header in (
        ('ARC-Seal', f'i={i}; cv={"none" if i == 1 else "pass"}; {TAGS}'),
        ('ARC-Message-Signature', f'i={i}; {TAGS}; {MORE}'),
        ('ARC-Authentication-Results', f'i={i}; mx; none'))] + MESSAGE[0]


@policy(SEE)
def test_many_sets(d):
    """Refused before anything is looked up: there is nobody to ask."""
    s = d.session()
    s.helo()
    equal(s.message(headers=fields(51)),
          '550 is fail more than 50 ARC sets nil')
    equal(s.message(headers=fields(300)),
          '550 is fail more than 50 ARC sets nil')
    equal(s.message(headers=fields(2)[1:]),
          '550 is fail no ARC-Seal of instance 2 nil')
    equal(s.message(), '550 is none nil nil')


@alone
@policy('')
def test_slow_nameserver(d):
    """The handler's deadline ends the waiting, not the handler; sessions of
    the same state go on meanwhile."""
    server = Nameserver(1)
    server.may_answer = False
    d.write_policy(f"""
kumo.on('init', function()
  kumo.milter.configure {{ message_timeout = '3s', dns_timeout = '1m',
    states = 1 }}
  kumo.dns.configure_resolver {{ name_servers = {{ '127.0.0.1:{server.port}' }} }}
end)
""" + SEE)
    equal(d.verb('reload').returncode, 0)
    s, quick = d.session(), d.session()
    s.helo()
    answers = []

    def wait():
        answers.append(str(s.message(headers=fields(1))))
    waiting = threading.Thread(target=wait)
    waiting.start()
    true(server.all_here.wait(PATIENCE), 'nobody asked')
    equal(quick.helo(), 'continue')
    equal(quick.message(), '550 is none nil nil')
    waiting.join()
    match(answers[0], '^550 is fail ARC-Message-Signature of instance 1: key '
          'unavailable: TXT of s._domainkey.example.com: no answer in time')
    server.close()


@policy(SEAL)
def test_sealed_again_and_again(d):
    """A large message, as each filter gives it to the next."""
    s = d.session()
    s.helo()
    headers, body = MESSAGE[0], b'0123456789 \t0123456789\r\n' * 40000
    for i in range(1, 6):
        equal(s.message(headers=headers, body=body), 'continue')
        headers = s.delivered.headers
        match(s.delivered.get('ARC-Seal')[0],
              f'^i={i}; .* cv={"none" if i == 1 else "pass"}; ')
        equal(len(headers), len(MESSAGE[0]) + 3 * i)
    equal(s.message(headers=headers, body=body + b'x\r\n'), 'continue')
    match(s.delivered.get('ARC-Seal')[0], '^i=6; .* cv=fail; ')
    headers = s.delivered.headers
    equal(s.message(headers=headers, body=body), 'continue')
    equal(s.delivered.headers, headers)
