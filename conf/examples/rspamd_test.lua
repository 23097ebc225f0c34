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

t.cases('refused', {
  spam = { 'reject', nil, 550, '5.7.1 this looks like spam' },
  ['in its words'] = { 'reject', { messages = { smtp_message = 'Gtube' } },
    550, '5.7.1 Gtube' },
  ['for now'] = { 'soft reject', nil, 451, '4.7.1 try again later, please' },
  ['a virus'] = { 'no action',
    { symbols = { CLAM_VIRUS = { options = { 'X' } } } },
    550, '5.7.1 this message has a virus: X' },
}, function(row)
  says(row[1], row[2])
  send():expect(row[3], row[4])
end)

t.test('what it is told', function()
  says 'no action'
  t.session { client = '203.0.113.9', helo = 'client.example.com' }
    :send { from = 'ann@example.com', to = 'bob@example.org' }:expect(250)
  t.equal(#t.requests(), 1)
  local headers = t.requests()[1].headers
  t.equal({ headers.IP, headers.Helo, headers.From, headers.Rcpt },
    { '203.0.113.9', 'client.example.com', '<ann@example.com>',
      '<bob@example.org>' })
end)

t.test('our users are not asked about', function()
  says 'reject'
  t.session { client = '203.0.113.9', auth = 'ann' }:send {}:expect(250)
  t.equal(#t.requests(), 0)
end)

t.cases('marked', {
  { 'no action', 'hello' },
  { 'add header', 'hello', 'Yes' },
  { 'rewrite subject', '*** SPAM *** hello', 'Yes' },
}, function(row)
  says(row[1])
  local reply, s = send()
  reply:expect(250)
  s:message():expect_header('X-Spam', row[3])
    :expect_header('X-Spam-Score', '7.50 / 15.00')
    :expect_header('Subject', row[2])
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
