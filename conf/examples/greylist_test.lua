-- greylist_test.lua - the tests of greylist.lua: kumilter test conf/examples

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is
t.dns {
  ['10.100.51.198.in-addr.arpa'] = { PTR = 'out.google.com.' },
  ['out.google.com'] = { A = '198.51.100.10' },
  ['11.100.51.198.in-addr.arpa'] = { PTR = 'fake.google.com.' },
  ['12.100.51.198.in-addr.arpa'] = { PTR = 'mail.example.com.' },
  ['mail.example.com'] = { A = '198.51.100.12' },
}

local STRANGER = { client = '203.0.113.9', helo = 'client.example.com' }
local WAIT = '^4%.7%.1 greylisted, please come again in %d+ seconds'

t.test('a stranger comes again after five minutes', function()
  local s = t.session(STRANGER)
  s:mail 'ann@example.com'
  s:rcpt('bob@example.org'):match(451, WAIT)
  t.skip(299)
  s:rcpt('bob@example.org'):match(451, WAIT)
  s:rcpt('carol@example.org'):match(451, WAIT)
  t.skip(1)
  s:rcpt('bob@example.org'):expect(250)
  s:rcpt('carol@example.org'):match(451, WAIT)
end)

t.test('known in another session, from a neighbour, for that sender', function()
  t.session(STRANGER):send { from = 'ann@example.com', to = 'bob@example.org' }
    :match(451, WAIT)
  t.skip(300)
  local s = t.session { client = '203.0.113.200' }
  s:send { from = 'ann@example.com', to = 'bob@example.org' }:expect(250)
  s:send { from = 'eve@example.com', to = 'bob@example.org' }:match(451, WAIT)
end)

t.cases('nobody waits who', {
  ['is on this machine'] = { client = '127.0.0.1' },
  ['is here by IPv6'] = { client = '::1' },
  ['has logged in'] = { client = '203.0.113.9', auth = 'ann' },
  ['has a known name'] = { client = '198.51.100.10' },
}, function(row)
  t.session(row):send {}:expect(250)
end)

t.test('by IPv6, too; postmaster is spared', function()
  local s = t.session { client = '2001:db8::7' }
  s:mail 'ann@example.com'
  s:rcpt('bob@example.org'):match(451, WAIT)
  s:rcpt('Postmaster'):expect(250)
end)

t.cases('a name helps nobody', {
  ['that is not confirmed'] = '198.51.100.11',
  ['that is not known'] = '198.51.100.12',
}, function(client)
  t.session { client = client }:send {}:match(451, WAIT)
end)
