"""What handlers are given: conn_meta, addresses, the listener's settings."""

from case import (DIFFICULTIES, HOST, equal, match, policy, rows)

SAY_META = '''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local value = cm:get_meta(sender.user)
  kumo.reject(550, sender.user .. ' is ' .. type(value) .. ' '
    .. tostring(value))
end)
'''

TLS = {'{auth_authen}': 'ann', '{auth_type}': 'PLAIN'}
# key -> pattern for its value, in a session with TLS and AUTH
PREDEFINED = {
    'reception_protocol': r'string ESMTP$',
    'received_from': r'string 192\.0\.2\.1:40001$',
    'received_via': r'string 198\.51\.100\.25:25$',
    'hostname': r'string mx\.example\.test$',
    'ehlo_domain': r'string client\.example\.com$',
    'tls_cipher': r'string \S*AES_?256_GCM_SHA384$',
    'tls_protocol_version': r'string TLSv1[._]3$',
    'authn_id': r'string ann$',
    'authz_id': r'string ann$',
    'orig_received_from': r'nil nil$',
    'no_such_key': r'nil nil$',
}


@rows({key: (key, want) for key, want in PREDEFINED.items()})
@policy(lambda _: SAY_META)
def test_predefined(d, row):
    key, want = row
    for mta in ('postfix', 'sendmail'):
        s = d.session(mta=mta, macros=TLS)
        s.helo('before.example.com')
        s.starttls()
        s.helo()
        match(s.mail('<%s@example.com>' % key), '^550 %s is %s' % (key, want),
              mta)


ABSENT = ['tls_cipher', 'tls_protocol_version', 'tls_peer_subject_name',
          'authn_id', 'authz_id']


@policy(SAY_META)
def test_absent_without_tls_and_auth(d):
    s = d.session()
    s.helo()
    for key in ABSENT:
        equal(s.mail('<%s@example.com>' % key), '550 %s is nil nil' % key)


@policy(SAY_META)
def test_authz_of_its_own(d):
    s = d.session(macros=dict(TLS, **{'{auth_author}': 'root'}))
    s.helo()
    equal(s.mail('<authn_id@example.com>'), '550 authn_id is string ann')
    equal(s.mail('<authz_id@example.com>'), '550 authz_id is string root')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local names = cm:get_meta('tls_peer_subject_name')
  kumo.reject(550, type(names) .. ' ' .. names[1])
end)
''')
def test_peer_subject_is_an_array(d):
    s = d.session()
    s.helo()
    s.starttls(**{'{cert_subject}': 'client.example.com'})
    s.helo()
    match(s.mail(), r'^550 table (CN=)?client\.example\.com$')


@policy('''
local seen = {}
kumo.on('smtp_server_ehlo', function(domain, cm)
  seen[#seen + 1] = domain .. '=' .. tostring(cm:get_meta('ehlo_domain'))
end)
kumo.on('smtp_server_mail_from', function()
  kumo.reject(550, table.concat(seen, ' '))
end)
''')
def test_ehlo_domain_comes_after_its_handler(d):
    s = d.session()
    s.helo('one.example')
    s.helo('two.example')
    equal(s.mail(), '550 one.example=nil two.example=one.example')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local info = cm:auth_info()
  kumo.reject(550, 'from ' .. tostring(info.peer_address) .. ' '
    .. #info.identities .. ' ' .. info.identities[1].identity)
end)
''')
def test_auth_info(d):
    s = d.session(macros=TLS)
    s.helo()
    match(s.mail(), r'^550 from 192\.0\.2\.1 [12] ann$')


# what is stored -> what a later handler of the same session finds
STORED = {
    'string': ("'x y'", "v == 'x y'"),
    'bytes': (r"'a\0b'", r"v == 'a\0b'"),
    'number': ('7', 'v == 7'),
    'fraction': ('1.5', 'v == 1.5'),
    'large': ('2^53', 'v == 2^53'),
    'true': ('true', 'v == true'),
    'false': ('false', 'v == false'),
    'nil': ('nil', 'v == nil'),
    'array': ("{ 1, 'b', { 3 } }", "#v == 3 and v[2] == 'b' and v[3][1] == 3"),
    'object': ("{ a = 1, b = { c = true } }", 'v.a == 1 and v.b.c == true'),
    'empty table': ('{}', "type(v) == 'table' and next(v) == nil"),
}


@rows(STORED)
@policy(lambda row: '''
kumo.on('smtp_server_ehlo', function(domain, cm)
  cm:set_meta('v', %s)
end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  local v = cm:get_meta('v')
  kumo.reject(550, (%s) and 'as stored' or 'other: ' .. tostring(v))
end)
''' % row)
def test_stored(d, row):
    s = d.session()
    s.helo()
    equal(s.mail(), '550 as stored')


UNSTORABLE = {
    'function': 'print', 'thread': 'coroutine.create(print)',
    'itself': 'a', 'address': 'sender', 'nested function': '{ x = print }',
    'loop': '(function() local t = {} t.t = t return t end)()',
}


@rows(UNSTORABLE)
@policy(lambda value: '''
kumo.on('smtp_server_mail_from', function(sender, a)
  a:set_meta('v', %s)
end)
''' % value)
def test_unstorable(d, value):
    s = d.session()
    s.helo()
    equal(s.mail(), DIFFICULTIES)
    d.wait_log(r'policy\.lua:3')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local mine = { 1, { 2 } }
  cm:set_meta('v', mine)
  mine[1] = 'changed'
  local got = cm:get_meta('v')
  local first = tostring(got[1])
  got[2][1] = 'changed'
  kumo.reject(550, 'got ' .. first .. ' ' .. tostring(cm:get_meta('v')[2][1]))
end)
''')
def test_meta_is_copied(d):
    s = d.session()
    s.helo()
    equal(s.mail(), '550 got 1 2')


@policy('''
kumo.on('smtp_server_mail_from', function(sender, cm)
  local n = (cm:get_meta('n') or 0) + 1
  cm:set_meta('n', n)
  if sender.user == 'say' then kumo.reject(550, 'n=' .. n) end
end)
kumo.on('smtp_server_message_received', function(msg, cm)
  msg:append_header('X-Mine', tostring(msg:get_meta('mine')))
  msg:set_meta('mine', 'set')
  msg:append_header('X-Mine', tostring(msg:get_meta('mine')))
end)
''')
def test_two_messages_on_one_connection(d):
    """The connection's values live on, those of a message do not."""
    s = d.session()
    s.helo()
    for _ in range(2):
        equal(s.message(), 'continue')
        equal(s.delivered.get('X-Mine'), ['nil', 'set'])
    s.starttls()
    s.helo()
    s.rset()
    equal(s.mail('<say@example.com>'), '550 n=3')


# MAIL FROM argument -> user, domain, email
ADDRESSES = {
    '<ann@example.com>': ('ann', 'example.com', 'ann@example.com'),
    '<Ann.B+tag@example.com>': ('Ann.B+tag', 'example.com',
                                'Ann.B+tag@example.com'),
    '<>': ('', '', ''),
    r'<"f\oo"@example.com>': ('foo', 'example.com', r'"f\oo"@example.com'),
    '<"a b"@example.com>': ('a b', 'example.com', '"a b"@example.com'),
    '<"a@b"@example.com>': ('a@b', 'example.com', '"a@b"@example.com'),
    '<@a.example,@b.example:joe@c.example>': ('joe', 'c.example',
                                              'joe@c.example'),
    '<joe@[192.0.2.1]>': ('joe', '[192.0.2.1]', 'joe@[192.0.2.1]'),
    '<joe@[IPv6:::1]>': ('joe', '[IPv6:::1]', 'joe@[IPv6:::1]'),
}


@rows({arg: (arg, want) for arg, want in ADDRESSES.items()})
@policy(lambda _: '''
kumo.on('smtp_server_mail_from', function(a)
  kumo.reject(550, ('user %s domain %s email %s text %s'):format(
    a.user, a.domain, a.email, a))
end)
''')
def test_sender(d, row):
    arg, (user, domain, email) = row
    s = d.session()
    s.helo()
    equal(s.mail(arg, 'SIZE=1000', 'BODY=8BITMIME'),
          '550 user %s domain %s email %s text %s' % (
              user, domain, email, email))


@policy('''
kumo.on('smtp_server_rcpt_to', function(a)
  kumo.reject(550, 'user ' .. a.user .. ' domain ' .. a.domain
    .. ' email ' .. a.email)
end)
''')
def test_postmaster(d):
    s = d.session()
    s.helo()
    s.mail()
    equal(s.rcpt('<Postmaster>'),
          '550 user postmaster domain  email Postmaster')


BAD_ADDRESS_USE = {
    'unknown field': 'a.nosuch', 'method call': 'a:user()',
    'assignment': '(function() a.user = "x" end)()',
    'concatenation': '"x" .. a',
}


@rows(BAD_ADDRESS_USE)
@policy(lambda use: '''
kumo.on('smtp_server_mail_from', function(a)
  local x = %s
end)
''' % use)
def test_misused_address(d, use):
    s = d.session()
    s.helo()
    equal(s.mail(), DIFFICULTIES)
    d.wait_log(r'policy\.lua:3')


@policy('''
local kept
kumo.on('smtp_server_mail_from', function(a)
  if a.user == 'keep' then
    kept = a
  else
    kumo.reject(550, 'kept ' .. kept.email)
  end
end)
''')
def test_object_kept_beyond_its_event(d):
    """An address is a value or it is gone; never freed memory."""
    s = d.session()
    s.helo()
    equal(s.mail('<keep@example.com>'), 'continue')
    s.rset()
    match(s.mail('<other@example.com>'),
          r'^(550 kept keep@example\.com|%s)$' % DIFFICULTIES)


LISTENER = '''
kumo.on('init', function()
  kumo.start_esmtp_listener {
    listen = '0.0.0.0:25',
    hostname = 'gw.example.test',
    meta = { color = 'red', depth = 1, list = { 1, 2 } },
    peer = {
      ['203.0.113.0/24'] = { meta = { color = 'blue' } },
    },
    via = {
      ['198.51.100.0/24'] = { meta = { gate = 'north' } },
    },
  }
end)
''' + SAY_META


@rows({
    'hostname': ('hostname', '192.0.2.1', 'string gw.example.test'),
    'meta': ('color', '192.0.2.1', 'string red'),
    'meta number': ('depth', '192.0.2.1', 'number 1'),
    'peer': ('color', '203.0.113.9', 'string blue'),
    'peer keeps hostname': ('hostname', '203.0.113.9',
                            'string gw.example.test'),
    'via': ('gate', '192.0.2.1', 'string north'),
})
@policy(lambda _: LISTENER)
def test_listener(d, row):
    key, addr, want = row
    s = d.session(addr=addr)
    s.helo()
    equal(s.mail('<%s@example.com>' % key), '550 %s is %s' % (key, want))


@policy(LISTENER + '''
kumo.on('smtp_server_rcpt_to', function() error('boom') end)
kumo.on('smtp_server_get_dynamic_parameters', function(listener, cm)
  return { hostname = 'dyn.example.test', meta = { color = 'green' } }
end)
''')
def test_dynamic_parameters(d):
    s = d.session()
    s.helo()
    equal(s.mail('<color@example.com>'), '550 color is string green')
    equal(s.mail('<hostname@example.com>'),
          '550 hostname is string dyn.example.test')


@policy('''
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '0:25', hostname = 'gw.example.test' }
end)
kumo.on('smtp_server_mail_from', function() error('boom') end)
''')
def test_listener_hostname_in_421(d):
    s = d.session()
    s.helo()
    equal(s.mail(), DIFFICULTIES.replace(HOST, 'gw.example.test'))
