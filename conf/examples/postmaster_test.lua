-- postmaster_test.lua - the tests of postmaster.lua

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is
t.dns {
  ['9.113.0.203.in-addr.arpa'] = { PTR = 'client.example.com.' },
  ['client.example.com'] = { A = '203.0.113.9' },
  ['66.113.0.203.in-addr.arpa'] = { PTR = 'bad.example.com.' },
  ['66.113.0.203.zen.spamhaus.org'] = { A = '127.0.0.2' },
}

local STRANGER = { client = '203.0.113.9', helo = 'client.example.com' }

t.test('a stranger with a name is welcome', function()
  t.session(STRANGER):send { headers = { From = 'ann@example.com' } }
    :expect(250)
end)

t.cases('refused, but for postmaster', {
  ['half a name'] = { { client = '203.0.113.9', helo = 'localhost' },
    '5.5.2 say your whole name in HELO' },
  ['our name'] = { { client = '203.0.113.9', helo = 'example.net' },
    '5.7.1 that is my name, not yours' },
  listed = { { client = '203.0.113.66', helo = 'bad.example.com' },
    '5.7.1 [203.0.113.66] is listed by zen.spamhaus.org (SBL)' },
}, function(row)
  local s = t.session(row[1])
  s:mail('ann@example.com'):expect(250)
  s:rcpt('bob@example.org'):expect(550, row[2])
  s:rcpt('PostMaster@example.org'):expect(250)
end)

t.test('two authors', function()
  local two = { { 'From', 'ann@example.com' }, { 'From', 'eve@example.com' } }
  t.session(STRANGER):send { headers = two }
    :expect(550, '5.6.0 a message has one From: header')
  t.session(STRANGER):send { headers = two, to = 'postmaster@example.net' }
    :expect(250)
end)
