-- clamav_test.lua - the tests of clamav.lua
--
-- Tests reach no clamd.  What it says is tried with one, in t/conf.

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is

t.cases('clamd is away: everybody comes again', {
  stranger = { client = '203.0.113.9' },
  user = { client = '203.0.113.9', auth = 'ann' },
  ['this machine'] = { client = '127.0.0.1' },
}, function(row)
  t.session(row):send {}:expect(451, '4.3.0 try again later, please')
  t.expect_log 'policy%-extras%.clamav: '
end)

t.test('nothing is looked at before the message', function()
  local s = t.session()
  s:mail('ann@example.org'):expect(250)
  s:rcpt('bob@example.net'):expect(250)
end)
