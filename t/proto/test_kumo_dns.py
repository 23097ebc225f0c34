"""kumo.dns: hundreds of sessions that wait for slow nameservers."""

import threading

from case import alone, equal, policy, true
from daemon import PATIENCE
from test_dns import CROWD, Nameserver, crowd
from test_limits import all_at_once

SENDER = '<ann@example.com>'
QUICK = '<quick@example.com>'
POLICY = '''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '120s', states = 2,
    dns_timeout = '%s' }
  kumo.dns.%s { name_servers = { '127.0.0.1:%d' } }
end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  if sender.user == 'quick' then
    kumo.reject(550, 'quick')
  end
  local ok, found = pcall(kumo.dns.lookup_addr, cm:get_meta 'ehlo_domain',
    nil, 'Ipv4Only')
  kumo.reject(550, 'is ' .. (ok and table.concat(found, ' ') or found))
end)
'''


def serve(d, wanted, timeout, how='configure_resolver'):
    """A nameserver, and a policy that asks it from now on."""
    server = Nameserver(wanted)
    d.write_policy(POLICY % (timeout, how, server.port))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)
    return server


@alone
@policy('')
def test_300_wait_for_a_slow_server(d):
    """Nobody is answered before all have asked: all wait at once, and hold
    none of the two states: another session goes on."""
    server = serve(d, CROWD + 1, '100s')
    waiting = crowd(d, CROWD)
    quick, last = crowd(d, 2)
    last.helo('last.example.com')
    for s in waiting:
        s.send_macros('mail')
        s.milter.say('mail', SENDER.encode() + b'\0')
    for _ in range(5):
        equal(quick.mail(QUICK), '550 quick')
    equal(last.mail(SENDER), '550 is 192.0.2.9')
    equal({str(s.milter.answer()) for s in waiting}, {'550 is 192.0.2.9'})
    server.close()


@alone
@policy('')
def test_server_dies_with_300_waiting(d):
    server = serve(d, CROWD, '1s', 'configure_unbound_resolver')
    server.may_answer = False

    def kill():
        server.all_here.wait(PATIENCE)
        server.close()
    killer = threading.Thread(target=kill)
    killer.start()
    answers, _ = all_at_once(crowd(d, CROWD), SENDER)
    killer.join()
    equal(len(answers), CROWD)
    for answer in answers:
        true('DNS: failed to query DNS for n' in str(answer), answer)
        true(str(answer).endswith(('no answer in time',
                                   'the DNS servers cannot tell')), answer)
    equal(d.session().helo(), 'continue')


@policy('')
def test_answers_are_kept(d):
    """A second session asks nobody."""
    server = serve(d, 1, '20s')
    for alive in True, True, False:
        if not alive:
            server.close()
        s = d.session()
        s.helo('one.example.com')
        equal(s.mail(SENDER), '550 is 192.0.2.9')


ZONE = '''
kumo.dns.configure_test_resolver {
  '$ORIGIN example.com.\\n@ 60 IN A %s\\n' }
kumo.on('smtp_server_mail_from', function(sender)
  kumo.reject(550, kumo.dns.lookup_addr(sender.domain)[1] or 'none')
end)
'''


@policy(ZONE % '192.0.2.1')
def test_a_reload_has_resolvers_of_its_own(d):
    old = d.session()
    old.helo()
    equal(old.mail(SENDER), '550 5.0.0 192.0.2.1')
    d.write_policy(ZONE % '192.0.2.2')
    equal(d.verb('reload').returncode, 0)
    equal(old.mail(SENDER), '550 5.0.0 192.0.2.1')
    other = d.session()
    other.helo()
    equal(other.mail(SENDER), '550 5.0.0 192.0.2.2')
