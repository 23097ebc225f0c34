"""Who the client is, as a policy sees it through each MTA: IPv6, logins."""
import expect
import secure
from content import BODY, GIVEN, A, B
from harness import Failed, Smtp, check, only

# What it learns stands in the message; <refuse@...> is refused there.
POLICY = '''
local kumo = require 'kumo'
local KEYS = { 'received_from', 'received_via', 'authn_id', 'authz_id' }

kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.org.
six 300 IN TXT "v=spf1 ip6:::1 -all"
four 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
]] }
end)

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  if domain == 'closed.example.org'
    and kumo.cidr.make_map({ ['::1/128'] = true })[
      conn_meta:get_meta 'received_from'] then
    kumo.disconnect(421, '4.7.1 not over IPv6')
  end
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  if sender.user == 'refuse' then
    kumo.reject(550, '5.7.1 ' .. conn_meta:get_meta 'received_from')
  end
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  for _, key in ipairs(KEYS) do
    msg:append_header('X-' .. key, tostring(conn_meta:get_meta(key)))
  end
  msg:append_header('X-spf', kumo.spf.check_msg(msg).disposition)
end)
'''
CONTENT = f'From: {A}\n{GIVEN}\n{BODY}'
PLAIN = 'AUTH PLAIN AGFubgBzZWNyZXQ='        # ann, secret


def learned(t, client, sender=A):
    """name -> value of the headers that the policy adds."""
    queued = t.mta.queued(client.message(sender, [B], CONTENT)[-1])
    return {name.removeprefix('X-'): value.strip()
            for name, value in queued.headers if name.startswith('X-')}


def test_ipv6(t):
    """Its address and port are told as everywhere, refusals arrive."""
    with t.kumilter(POLICY), secure.ipv6(t.mta) as port:
        with Smtp(port, '::1') as client:
            mine = client.own_port()
            client.greet()
            got = learned(t, client, 'ann@six.example.org')
            check('from', f'[::1]:{mine}', got['received_from'])
            if t.mta.name == 'postfix':
                check('via', f'[::1]:{port}', got['received_via'])
            check('ip6:', 'pass', got['spf'])
            got = learned(t, client, 'ann@four.example.org')
            check('ip4:', 'fail', got['spf'])
            client.send('MAIL FROM:<refuse@example.org>')
            check('refused', expect.lines(
                t.mta.name, 'mail', 550, f'5.7.1 [::1]:{mine}',
                '<refuse@example.org>'), list(client.reply()))
            check('goes on', True, client.is_open())
        with Smtp(port, '::1') as client:
            client.reply()
            client.send('EHLO closed.example.org')
            words = str(client.reply())
            client.send(f'MAIL FROM:<{A}>')
            words += str(client.reply())
            if '4.7.1 not over IPv6' not in words:
                raise Failed(f'expected to be refused: {words}')


def test_login(t):
    """Who logged in is known, and nobody before that."""
    with t.kumilter(POLICY), secure.users(t.mta), \
            Smtp(t.mta.port) as client:
        client.greet()
        got = learned(t, client)
        check('stranger', ('nil', 'nil'), (got['authn_id'], got['authz_id']))
        client.expect(PLAIN, 235)
        got = learned(t, client)
        check('ann', ('ann', 'ann'), (got['authn_id'], got['authz_id']))


@only('postfix')
def test_xclient(t):
    """Whom another MTA speaks for is the client."""
    with t.kumilter(POLICY), secure.changed(t.mta, {
            'smtpd_authorized_xclient_hosts': '127.0.0.1',
            'mynetworks': '192.0.2.0/24'}), Smtp(t.mta.port) as client:
        client.greet()
        client.expect('XCLIENT ADDR=192.0.2.9 PORT=4321 '
                      'NAME=out.example.org HELO=out.example.org', 220)
        client.expect('EHLO out.example.org', 250)
        check('from', '192.0.2.9:4321', learned(t, client)['received_from'])


@only('postfix')
def test_proxy(t):
    """Behind HAProxy both ends are those that it tells."""
    with t.kumilter(POLICY), secure.changed(t.mta, {
            'smtpd_upstream_proxy_protocol': 'haproxy',
            'mynetworks': '192.0.2.0/24'}), Smtp(t.mta.port) as client:
        client.send('PROXY TCP4 192.0.2.9 192.0.2.25 4321 25')
        client.greet()
        got = learned(t, client)
        check('from', '192.0.2.9:4321', got['received_from'])
        check('via', '192.0.2.25:25', got['received_via'])
