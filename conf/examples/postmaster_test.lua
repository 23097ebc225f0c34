-- postmaster_test.lua - the tests of postmaster.lua

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is
t.dns {
  ['9.113.0.203.in-addr.arpa'] = { PTR = 'client.example.com.' },
  ['client.example.com'] = { A = '203.0.113.9' },
  ['66.113.0.203.in-addr.arpa'] = { PTR = 'bad.example.com.' },
  ['66.113.0.203.zen.spamhaus.org'] = { A = '127.0.0.2' },
  -- no listing, but what is said to those who ask too much
  ['9.113.0.203.zen.spamhaus.org'] = { A = '127.255.255.254' },
}

local STRANGER = { client = '203.0.113.9', helo = 'client.example.com' }

t.test('a stranger with a name is welcome', function()
  t.session(STRANGER):send { headers = { From = 'ann@example.com' } }
    :expect(250)
  t.expect_log 'it answers 127.255.255.254'
end)

t.cases('refused, but for postmaster', {
  ['half a name'] = { { client = '203.0.113.9', helo = 'localhost' },
    '5.5.2 say your whole name in HELO' },
  ['our name'] = { { client = '203.0.113.9', helo = 'example.net' },
    '5.7.1 that is my name, not yours' },
  listed = { { client = '203.0.113.66', helo = 'bad.example.com' },
    '5.7.1 [203.0.113.66] is listed by zen.spamhaus.org (SBL)' },
  ['no name'] = { { client = '203.0.113.77', helo = 'client.example.com' },
    '5.7.25 your address [203.0.113.77] has no name' },
  ['no name, IPv6'] = { { client = '2001:db8::7', helo = 'c.example.com' },
    '5.7.25 your address [2001:db8::7] has no name' },
}, function(row)
  local s = t.session(row[1])
  s:mail('ann@example.com'):expect(250)
  s:rcpt('bob@example.org'):expect(550, row[2])
  s:rcpt('bob@example.org'):expect(550, row[2])
  s:rcpt('PostMaster@example.org'):expect(250)
  s:rcpt('abuse@example.org'):expect(250)
end)

t.cases('nothing is held against who', {
  ['is on this machine'] = { client = '127.0.0.1', helo = 'pc' },
  ['is here by IPv6'] = { client = '::1', helo = 'pc' },
  ['has logged in'] = { client = '203.0.113.77', helo = 'pc', auth = 'ann' },
}, function(row)
  t.session(row):send { headers = { From = 'a@example.com' } }:expect(250)
end)

t.test('another name helps', function()
  local s = t.session { client = '203.0.113.9', helo = 'localhost' }
  s:send {}:match(550, '^5%.5%.2 ')
  s:ehlo 'client.example.com'
  s:send { headers = { From = 'a@example.com' } }:expect(250)
end)

t.test('a message for postmaster comes apart from others', function()
  local later = '4.5.3 this recipient in another transaction, please'
  local s = t.session(STRANGER)
  s:mail 'ann@example.com'
  s:rcpt('bob@example.org'):expect(250)
  s:rcpt('postmaster@example.org'):expect(452, later)
  s:rcpt('carol@example.org'):expect(250)
  s:rset()
  s:mail 'ann@example.com'
  s:rcpt('postmaster@example.org'):expect(250)
  s:rcpt('bob@example.org'):expect(452, later)
end)

t.test('two authors', function()
  local two = { { 'From', 'ann@example.com' }, { 'From', 'eve@example.com' } }
  t.session(STRANGER):send { headers = two }
    :expect(550, '5.6.0 a message has one From: header')
  t.session(STRANGER):send { headers = two, to = 'postmaster@example.net' }
    :expect(250)
end)
