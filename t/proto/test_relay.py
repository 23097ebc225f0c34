"""Relaying by a file of domains, as helpers of KumoMTA's decide it."""

import os

from case import equal, match, policy

DOMAINS = '''
["in.example"]
relay_to = true
["*.in.example"]
log_oob = "LogThenRelay"
["closed.in.example"]
relay_to = false
["send.example"]
relay_from = [ '203.0.113.0/24', '2001:db8::/32' ]
["auth.example"]
users = [ 'joe' ]

[listener."192.0.2.1:25"."here.example"]
relay_to = true
'''

POLICY = '''
local folder = debug.getinfo(1, 'S').source:match('@(.*)/')
local load = kumo.memoize(function()
  local data, maps = kumo.serde.toml_load(folder .. '/domains.toml'), {}
  for listener, domains in pairs(data.listener) do
    maps[listener] = kumo.domain_map.new(domains)
  end
  data.listener = nil
  maps['*'] = kumo.domain_map.new(data)
  return maps
end, { name = 'test_relay', ttl = '1 hour', capacity = 1,
       invalidate_with_epoch = true })
kumo.on('init', function()
  kumo.milter.configure { enforce_relay = true }
  kumo.start_esmtp_listener { relay_hosts = { '198.51.100.0/24' } }
end)
kumo.on('get_listener_domain', function(domain, listener, cm)
  local maps = load()
  local found = maps[listener] and maps[listener][domain] or maps['*'][domain]
  if not found then
    return nil
  end
  if found.users then
    for _, user in ipairs(found.users) do
      if user == cm:get_meta 'authz_id' then
        found.relay_from = {
          cm:get_meta('received_from'):match '^%%[?(.-)%%]?:%%d+$' }
      end
    end
    found.users = nil
  end
  return kumo.make_listener_domain(found)
end)
'''.replace('%%', '%')

STRANGER, NEIGHBOUR, OURS = '192.0.2.9', '203.0.113.9', '198.51.100.9'


def rcpt(d, addr, sender, to, **how):
    s = d.session(addr=addr, **how)
    s.helo()
    s.mail(sender)
    return s.rcpt(to)


@policy(POLICY, files={'domains.toml': DOMAINS})
def test_who_may_relay(d):
    for addr, sender, to, how in (
            (STRANGER, '<a@x.example>', '<b@in.example>', {}),
            (STRANGER, '<a@x.example>', '<b@bounce.in.example>', {}),
            (STRANGER, '<>', '<b@here.example>',
             {'macros': {'{daemon_addr}': '192.0.2.1', '{daemon_port}': '25'}}),
            (NEIGHBOUR, '<a@send.example>', '<b@y.example>', {}),
            ('2001:db8::7', '<a@send.example>', '<b@y.example>',
             {'family': '6'}),
            (STRANGER, '<a@auth.example>', '<b@y.example>',
             {'macros': {'{auth_authen}': 'joe'}}),
            (OURS, '<a@x.example>', '<b@y.example>', {})):
        equal(rcpt(d, addr, sender, to, **how), 'continue', f'{sender} {to}')


@policy(POLICY, files={'domains.toml': DOMAINS})
def test_who_may_not(d):
    for addr, sender, to, how in (
            (STRANGER, '<a@x.example>', '<b@y.example>', {}),
            (STRANGER, '<a@x.example>', '<b@closed.in.example>', {}),
            (STRANGER, '<a@x.example>', '<b@here.example>',
             {'macros': {'{daemon_addr}': '192.0.2.1',
                         '{daemon_port}': '587'}}),
            (STRANGER, '<a@send.example>', '<b@y.example>', {}),
            (NEIGHBOUR, '<a@x.example>', '<b@send.example>', {}),
            (STRANGER, '<a@auth.example>', '<b@y.example>',
             {'macros': {'{auth_authen}': 'jim'}}),
            (STRANGER, '<a@auth.example>', '<b@y.example>', {})):
        match(rcpt(d, addr, sender, to, **how),
              rf'550 5\.7\.1 relaying not permitted for {addr}:\d+',
              f'{sender} {to}')


@policy(POLICY, files={'domains.toml': DOMAINS})
def test_a_reload_reads_the_file_again(d):
    match(rcpt(d, STRANGER, '<>', '<b@new.example>'), '550')
    with open(os.path.join(d.dir, 'domains.toml'), 'w',
              encoding='utf-8') as file:
        file.write('["new.example"]\nrelay_to = true\n[listener]\n')
    equal(d.verb('reload').returncode, 0)
    equal(rcpt(d, STRANGER, '<>', '<b@new.example>'), 'continue')
    match(rcpt(d, STRANGER, '<>', '<b@in.example>'), '550')


@policy(POLICY, files={'domains.toml': '["x"]\nrelay_too = 1\n[listener]\n'})
def test_a_key_that_nobody_knows(d):
    equal(rcpt(d, STRANGER, '<>', '<b@x>'),
          '421 4.3.0 mx.example.test technical difficulties')
    match(d.log(), 'deserialize error: unknown field `relay_too`')
