-- message:dkim_verify, with zones in memory.
local kumo = require 'kumo'

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

-- The keys of RFC 8463, A.2.
local ED = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
local RSA = 'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6'
  .. 'Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/'
  .. '" "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip'
  .. '3G+2kryOTIKT+l/K4w3QIDAQAB'

kumo.dns.define_resolver('z', { Test = { zones = { [[
$ORIGIN football.example.com.
brisbane._domainkey 300 IN TXT "v=DKIM1; k=ed25519; " "p=]] .. ED .. [["
test._domainkey 300 IN TXT "v=DKIM1; k=rsa; t=y; p=]] .. RSA .. [["
]] } } })
kumo.dns.define_resolver('empty', { Test = { [[
$ORIGIN example.com.
@ 300 IN A 192.0.2.1
]] } })
kumo.dns.define_resolver('dead', { Test = { zones = {}, servfail = {
  'brisbane._domainkey.football.example.com',
  'test._domainkey.football.example.com' } } })

-- The message of RFC 8463, A.3.
local SIGNED = ([[
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
]]):gsub('\n', '\r\n')

local function message(text)
  return kumo.make_message('joe@football.example.com', 'suzie@example.net',
    text)
end

-- "result (reason)" of each, with commas between
local function summary(results)
  local all = {}
  for i, r in ipairs(results) do
    same(r.method, 'dkim')
    all[i] = r.result .. (r.reason and ' (' .. r.reason .. ')' or '')
  end
  return table.concat(all, ', ')
end

local function check(text, expected, resolver)
  local results = message(text):dkim_verify(resolver or 'z')
  local got = summary(results)
  if got ~= expected then
    error(('got %s, expected %s'):format(got, expected), 2)
  end
  return results
end

-- All that a result has, and no more.
local results = check(SIGNED, 'pass, pass')
local expected = { {
  ['header.d'] = 'football.example.com', ['header.i'] = '@football.example.com',
  ['header.a'] = 'ed25519-sha256', ['header.s'] = 'brisbane',
  ['header.c'] = 'relaxed/relaxed', ['header.t'] = '1528637909',
  ['header.b'] = '/gCrinpc',
}, {
  ['header.d'] = 'football.example.com', ['header.i'] = '@football.example.com',
  ['header.a'] = 'rsa-sha256', ['header.s'] = 'test',
  ['header.c'] = 'relaxed/relaxed', ['header.t'] = '1528637909',
  ['header.b'] = 'F45dVWDf', ['policy.testing'] = 'y',
} }
for i, props in ipairs(expected) do
  for name, value in pairs(props) do
    same(results[i].props[name], value)
  end
  for name in pairs(results[i].props) do
    assert(props[name], name)
  end
  for key in pairs(results[i]) do
    assert(({ method = 1, result = 1, reason = 1, props = 1 })[key], key)
  end
end
same(getmetatable(results), false)

-- They are what Authentication-Results are made of.
local m = message(SIGNED)
m:add_authentication_results('mx.example.net', m:dkim_verify('z'))
local stamp = m:get_data():match('^Authentication%-Results: (.-)\r\nDKIM')
same(stamp, ([[
mx.example.net;
	dkim=pass
	header.a=ed25519-sha256
	header.b="/gCrinpc"
	header.c="relaxed/relaxed"
	header.d=football.example.com
	header.i=@football.example.com
	header.s=brisbane
	header.t=1528637909;
	dkim=pass
	header.a=rsa-sha256
	header.b=F45dVWDf
	header.c="relaxed/relaxed"
	header.d=football.example.com
	header.i=@football.example.com
	header.s=test
	header.t=1528637909
	policy.testing=y]]):gsub('\n', '\r\n'))

-- What is looked at is the message as it stands.
same(summary(m:dkim_verify('z')), 'pass, pass')
m:prepend_header('From', 'eve@example.org')
same(summary(m:dkim_verify('z')), 'permerror (signature did not verify), '
  .. 'permerror (signature did not verify)')
m:set_data(SIGNED)
same(summary(m:dkim_verify('z')), 'pass, pass')
m:set_data((SIGNED:gsub('lost', 'won')))
same(summary(m:dkim_verify('z')), 'permerror (body hash did not verify), '
  .. 'permerror (body hash did not verify)')
m:remove_all_named_headers('DKIM-Signature')
local none = m:dkim_verify('z')
same(#none, 0)
same(kumo.json_encode(none), '[]')

-- What relaxed does not care for.
check((SIGNED:gsub('Subject: Is', 'SUBJECT:  Is\t \r\n')), 'pass, pass')
check((SIGNED:gsub('game%.  Are', 'game. Are ')), 'pass, pass')
check(SIGNED .. '\r\n \r\n', 'pass, pass')
-- What it does.
check((SIGNED:gsub('Subject: Is', 'Subject: I s')),
  'permerror (signature did not verify), permerror (signature did not verify)')
check((SIGNED:gsub('t=1528637909; h=', 't=1528637908; h=', 1)),
  'permerror (signature did not verify), pass')
check((SIGNED:gsub('v=1', 'v=2', 1)), 'permerror (incompatible version), pass')

-- Keys that are not there, now or at all.
check(SIGNED, 'permerror (no key for signature), '
  .. 'permerror (no key for signature)', 'empty')
local dead = message(SIGNED):dkim_verify('dead')
same(dead[1].result, 'temperror')
assert(dead[1].reason:find('^key unavailable: TXT of brisbane%._domainkey'))

-- No bytes of theirs break what a policy does with the results.
for _, bad in ipairs { 'd=\255', 's=\1', 'a="\\', 'c=\r\n x', 't=\t1\t2' } do
  local text = ('DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x; '
    .. 'h=From; bh=AAAA; b=AAAAAAAAAAAA\r\nFrom: x\r\n\r\n'):gsub(
    bad:sub(1, 2) .. '[^;]*', (bad:gsub('%%', '%%%%')))
  local hostile = message(text)
  hostile:add_authentication_results('mx', hostile:dkim_verify('z'))
  kumo.json_encode(hostile:dkim_verify('z'))
end

-- Misuse.
local plain = message('From: x\r\n\r\n')
raises('resolver nobody is not defined', plain.dkim_verify, plain, 'nobody')
raises('bad argument #1', plain.dkim_verify, 1)
raises('expected string or number', plain.dkim_verify, plain, {})
