-- policy_test.lua - the tests of policy.lua: kumilter test conf
--
-- Each test is a session, or several, with a fresh policy.  kumilter-test(8)
-- has all that a test can say.

local t = require 'kumilter.test'

t.test('a message passes and is marked', function()
  local s = t.session { client = '198.51.100.7' }
  s:send { from = 'ann@example.org', to = 'bob@example.net' }:expect(250)
  s:message():expect_header('X-Policy', 'checked')
    :expect_recipients 'bob@example.net'
    :expect_sender 'ann@example.org'
end)

-- What the demonstration's addresses show.
t.cases('demonstration', {
  { 'reject', code = 550, text = '5.7.1 this sender is not welcome here' },
  { 'goaway', code = 421, text = 'mta.example.com go away!', closes = true },
  { 'if421', code = 451, text = 'no thank you' },
  { 'follow', code = 451, text = 'no thank you', then_421 = true },
  { 'force', code = 451, text = 'no thank you', then_421 = true },
  { 'bug', code = 421, closes = true,
    text = '4.3.0 mx.example.test technical difficulties' },
}, function(row)
  local s = t.session()
  local reply = s:mail(row[1] .. '@example.com'):expect(row.code, row.text)
  if row.closes then
    reply:expect_closed()
    return
  end
  reply:expect_open()
  s:rset():expect(250)
  if row.then_421 then
    s:mail('ann@example.org'):match(421, 'due to previous error$')
    s:expect_closed()
  else
    s:mail('ann@example.org'):expect(250)
  end
end)

t.test('a mistake is in the log with its line', function()
  t.session():mail('bug@example.com'):expect(421)
  t.expect_log('%.lua:%d+: attempt to index', 'error')
end)

t.test('who says our name is refused, but for postmaster', function()
  local s = t.session { helo = 'MX.example.test' }
  s:mail('ann@example.org'):expect(250)
  s:rcpt('bob@example.net'):expect(550, '5.7.1 that is my name, not yours')
  s:rcpt('Postmaster@example.net'):expect(250)
  s:rset()
  s:ehlo 'better.example.org'
  s:send { to = 'bob@example.net' }:expect(250)
end)

t.test('unwanted domains', function()
  local s = t.session()
  s:mail('x@spammer.invalid'):expect(250)
  s:rcpt('bob@example.net')
    :expect(550, '5.7.1 mail from your domain is not accepted')
  s:rcpt('abuse@example.net'):expect(250)
  -- the next message is another
  s:rset()
  s:send { from = '', to = 'bob@example.net' }:expect(250)
end)

-- Who is ours may say anything.
t.cases('trusted', {
  loopback = { client = '127.0.0.1' },
  ['loopback, IPv6'] = { client = '::1' },
  ['logged in'] = { client = '198.51.100.7', auth = 'ann' },
}, function(row)
  local s = t.session(row)
  s:send { from = 'x@spammer.invalid', to = 'bob@example.net' }:expect(250)
  s:message():expect_header('X-Policy', 'trusted')
end)

t.test('an address that is no more', function()
  local s = t.session()
  s:send { to = 'old-list@example.net' }
    :expect(550, '5.1.6 this list has moved to new-list')
end)

t.test('two authors', function()
  local s = t.session()
  s:send { headers = { { 'From', 'ann@example.org' },
    { 'From', 'eve@example.org' } } }
    :expect(554, '5.6.0 a message has one From: header, yours has more')
end)

t.test('a header of ours is ours', function()
  local s = t.session { client = '127.0.0.1' }
  s:send { headers = { ['X-Policy'] = 'believe me', Subject = 'hi' } }
    :expect(250)
  t.equal(s:message():headers 'X-Policy', { 'trusted' })
  s = t.session { client = '198.51.100.7' }
  s:send { headers = { ['X-Policy'] = 'trusted', Subject = 'hi' } }:expect(250)
  t.equal(s:message():headers 'X-Policy', { 'checked' })
end)

t.test('the test of spam filters is held', function()
  local s = t.session()
  s:send {
    body = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*'
      .. 'C.34X\r\n',
  }:expect(250)
  s:message():expect_quarantine 'GTUBE'
end)
