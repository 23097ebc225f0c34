-- rspamd_test.lua - the tests of rspamd.lua

local t = require 'kumilter.test'

t.path '..'   -- where policy-extras is

-- Rspamd says this of every message.
local function says(action, more)
  local answer = {
    action = action, score = 7.5, required_score = 15, symbols = {},
  }
  for key, value in pairs(more or {}) do
    answer[key] = value
  end
  t.http {
    ['POST http://127.0.0.1:11333/checkv2'] = { body = t.json(answer) },
  }
end

local function send(to)
  local s = t.session { client = '203.0.113.9' }
  return s:send { to = to, headers = { Subject = 'hello' } }, s
end

t.test('refused', function()
  says 'reject'
  send():expect(550, '5.7.1 this looks like spam')
  t.equal(#t.requests(), 1)
  t.equal(t.requests()[1].headers.IP, '203.0.113.9')
end)

t.test('marked', function()
  says 'rewrite subject'
  local reply, s = send()
  reply:expect(250)
  s:message():expect_header('X-Spam', 'Yes')
    :expect_header('X-Spam-Score', '7.50 / 15.00')
    :expect_header('Subject', '*** SPAM *** hello')
end)

t.test('not sure: comes again', function()
  says 'greylist'
  send():match(451, '^4%.7%.1 greylisted, please')
  t.skip(300)
  send():expect(250)
end)

t.test('mail for postmaster is marked, never refused', function()
  says 'reject'
  local reply, s = send 'postmaster@example.net'
  reply:expect(250)
  s:message():expect_header('X-Spam', 'Yes')
end)

t.test('Rspamd is away', function()
  t.http { ['*'] = { status = 500 } }
  local reply, s = send()
  reply:expect(250)
  s:message():expect_header 'X-Spam'
  t.expect_log 'it answers with status 500'
end)
