-- submission_test.lua - the tests of submission.lua

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is

local MINE = '5.7.1 that sender is not yours'

t.cases('ann writes as', {
  { 'ann@example.net', 250 },
  { 'Sales+x@Example.NET', 250 },
  { '', 250 },
  { 'joe@example.net', 550, MINE },
}, function(row)
  local s = t.session { auth = 'ann' }
  s:mail(row[1]):expect(250)
  s:rcpt('bob@example.org'):expect(row[2], row[3])
end)

t.test('and in From:', function()
  local s = t.session { auth = 'ann' }
  s:send { from = 'ann@example.net', headers = { From = 'ann@example.net' } }
    :expect(250)
  s:send { from = 'ann@example.net', headers = { From = 'joe@example.net' } }
    :expect(550, '5.7.1 joe@example.net in From: is not yours')
end)

t.test('strangers are not us', function()
  local s = t.session()
  s:mail 'ann@example.net'
  s:rcpt('bob@example.org'):expect(550, '5.7.1 log in to send as example.net')
  s:rcpt('postmaster@example.net'):expect(250)
  s:rset()
  s:send { from = 'eve@example.com', headers = { From = 'ann@example.net' } }
    :expect(550, '5.7.1 log in to write as example.net')
  s:send { from = 'eve@example.com', headers = { From = 'eve@example.com' } }
    :expect(250)
end)

t.test('a quota, and the time that it takes to come back', function()
  local s = t.session { auth = 'joe' }
  s:mail 'x@joe.example'
  for n = 1, 60 do
    s:rcpt(('r%d@example.org'):format(n)):expect(250)
  end
  s:rcpt('more@example.org'):match(451, '^4%.7%.1 you may send 60/10min')
  local other = t.session { auth = 'ann' }
  other:mail 'ann@example.net'
  other:rcpt('more@example.org'):expect(250)
  t.skip(600)
  s:rcpt('more@example.org'):expect(250)
end)
