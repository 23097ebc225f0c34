-- policy-extras.dnsbl
local extras = dofile 't/lua/extras.lua'
local kumo = require 'kumo'
local known = require 'policy-extras.dnsbl_lists'
local new = require('policy-extras.dnsbl').new
local conn, address, same, raises = extras.conn, extras.address, extras.same,
  extras.raises

-- ip -> zone -> answers
local zones, servfail = {}, {}
local function entry(ip, zone, ...)
  local name = kumo.dns.reverse_ip(ip)
  zones[zone] = zones[zone] or { '$ORIGIN ' .. zone .. '.' }
  for _, record in ipairs { ... } do
    table.insert(zones[zone], name .. ' ' .. record)
  end
end

entry('198.51.100.1', 'zen.spamhaus.org', 'A 127.0.0.2', 'A 127.0.0.10',
  'TXT "see https://list.example/198.51.100.1"')
entry('198.51.100.2', 'zen.spamhaus.org', 'A 127.0.0.11')
entry('2001:db8:bad::1', 'zen.spamhaus.org', 'A 127.0.0.4')
entry('198.51.100.4', 'zen.spamhaus.org', 'A 127.255.255.254',
  'TXT "Error: open resolver; https://check.spamhaus.org/returnc/pub/"')
entry('198.51.100.5', 'zen.spamhaus.org', 'A 192.0.2.80')
entry('198.51.100.6', 'zen.spamhaus.org', 'A 127.0.0.77')
entry('198.51.100.1', 'bl.spamcop.net', 'A 127.0.0.2')
entry('198.51.100.7', 'bl.spamcop.net', 'A 127.0.0.2')
entry('2001:db8:bad::1', 'bl.spamcop.net', 'A 127.0.0.2')
entry('198.51.100.1', 'list.dnswl.org', 'A 127.0.5.1')
entry('198.51.100.2', 'list.dnswl.org', 'A 127.0.11.3')
entry('198.51.100.7', 'list.dnswl.org', 'A 127.0.0.255')
entry('198.51.100.8', 'ends.example', 'A 127.0.0.2')
entry('127.0.0.1', 'ends.example', 'A 127.0.0.2')
entry('198.51.100.9', 'plain.example', 'A 127.0.0.3',
  'TXT "a\\010b' .. ('x'):rep(200) .. '" "' .. ('y'):rep(200) .. '"')
entry('198.51.100.10', 'plain.example', 'A 127.0.0.1')
entry('198.51.100.11', 'KEY.zen.dq.spamhaus.net', 'A 127.0.0.9')
for _, zone in ipairs { 'broken.example', 'zen.spamhaus.org' } do
  table.insert(servfail, kumo.dns.reverse_ip '198.51.100.99' .. '.' .. zone)
end
local texts = {}
for _, lines in pairs(zones) do
  texts[#texts + 1] = table.concat(lines, '\n') .. '\n'
end
kumo.dns.configure_test_resolver { zones = texts, servfail = servfail }

local function try(d, ip, expected, more, to)
  local got = extras.refusal(d.rcpt_to, d, address(to or 'bob@example.net'),
    conn(ip, more))
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(tostring(ip), tostring(got),
      tostring(expected)), 2)
  end
end

-- one list, its codes and its text
local zen = new { lists = { 'zen.spamhaus.org' } }
try(zen, '198.51.100.1', '550 5.7.1 [198.51.100.1] is listed by '
  .. 'zen.spamhaus.org (SBL) see https://list.example/198.51.100.1')
try(zen, '198.51.100.2',
  '550 5.7.1 [198.51.100.2] is listed by zen.spamhaus.org (PBL)')
try(zen, '2001:db8:bad::1',
  '550 5.7.1 [2001:db8:bad::1] is listed by zen.spamhaus.org (XBL)')
try(zen, '::ffff:198.51.100.2',
  '550 5.7.1 [198.51.100.2] is listed by zen.spamhaus.org (PBL)')
try(zen, '198.51.100.3')
-- no listing: an error of the list, another address, a code nobody knows, a
-- failure
for _, ip in ipairs { '198.51.100.4', '198.51.100.5', '198.51.100.6',
  '198.51.100.99' } do
  try(zen, ip)
end
-- not asked
try(zen, '198.51.100.1', nil, { authn_id = 'ann' })
try(zen, '198.51.100.1', nil, nil, 'Postmaster@example.net')
try(zen, '198.51.100.1', nil, nil, 'abuse@example.net')
try(zen, nil)

-- weights; what lists good senders
local function lists(...)
  return new { lists = { ... } }
end
local three = lists({ 'zen.spamhaus.org' }, { 'bl.spamcop.net', weight = 0.5 },
  'list.dnswl.org')
try(three, '198.51.100.1')                        -- 1 + 0.5 - 1
try(three, '198.51.100.2')                        -- 1 - 1
try(three, '198.51.100.7')                        -- 0.5; 127.0.0.255 is none
local trusting = lists('zen.spamhaus.org', 'bl.spamcop.net',
  { 'list.dnswl.org', codes = { ['127.0.*.3'] = -9, ['127.0.*.0-2'] = 0 } })
try(trusting, '198.51.100.1', '550 5.7.1 [198.51.100.1] is listed by '
  .. 'zen.spamhaus.org (SBL), bl.spamcop.net (reported) '
  .. 'see https://list.example/198.51.100.1')
try(trusting, '198.51.100.2')
try(lists({ 'zen.spamhaus.org', codes = { ['127.0.0.10-11'] = 0.5,
  ['127.0.0.2-9'] = 1 } }), '198.51.100.2')
-- no more is asked than is needed
local both = lists('zen.spamhaus.org', 'bl.spamcop.net')
local client = conn '198.51.100.1'
same(#both:look_up(client).hits, 1)
same(both:look_up(client).score, 1)
same(both:look_up(client).hits[1].code, '127.0.0.2')
same(#three:look_up(conn '198.51.100.1').hits, 3)
same(three:look_up(conn '198.51.100.1').score, 0.5)
-- IPv6 only where a list has it
same(#lists('bl.spamcop.net'):look_up(conn '2001:db8:bad::1').hits, 0)
same(#lists({ 'bl.spamcop.net', ipv6 = true })
  :look_up(conn '2001:db8:bad::1').hits, 1)

-- a list that ended
try(lists 'ends.example', '198.51.100.8')
-- a list that nobody knows
try(lists 'plain.example', '198.51.100.9',
  '550 5.7.1 [198.51.100.9] is listed by plain.example a b'
  .. ('x'):rep(200) .. ('y'):rep(97))
try(lists 'plain.example', '198.51.100.10')
try(lists { 'plain.example', codes = { ['127.0.0.1'] = 'x' } },
  '198.51.100.10', '550 5.7.1 [198.51.100.10] is listed by plain.example (x)')
-- the key stays with us
try(lists { 'KEY.zen.dq.spamhaus.net', as = 'zen.spamhaus.org' },
  '198.51.100.11',
  '550 5.7.1 [198.51.100.11] is listed by zen.spamhaus.org (DROP)')

-- one failure does not hide the other lists
try(lists('broken.example', 'plain.example'), '198.51.100.9',
  '550 5.7.1 [198.51.100.9] is listed by plain.example a b'
  .. ('x'):rep(200) .. ('y'):rep(97))

-- only noted
local noting = new { lists = { 'zen.spamhaus.org' }, reject = false }
client = conn '198.51.100.1'
extras.says(nil, noting, 'rcpt_to', address 'b@b.test', client)
same(noting:look_up(client).score, 1)
-- and others on the same client
same(lists('bl.spamcop.net'):look_up(client).hits[1].list, 'bl.spamcop.net')
try(new { lists = { 'zen.spamhaus.org' }, code = 554,
  text = '5.7.0 no: {lists}' }, '198.51.100.2',
  '554 5.7.0 no: zen.spamhaus.org (PBL)')

-- mistakes
extras.checks_options('dnsbl', { lists = {}, threshold = 2, reject = true,
  code = 550, text = 'x' })
raises("'127.0.0' is no pattern", lists,
  { 'a.example', codes = { ['127.0.0'] = 1 } })
for _, bad in ipairs { '127.0.0.256', '127.0.0.x', '127.0.0.7-2', '', '1.2.3.4.5',
  '127..0.1' } do
  raises("'" .. bad .. "' is no pattern", lists,
    { 'a.example', codes = { [bad] = 1 } })
end
raises("a.example: option 'wait': unknown", lists, { 'a.example', wait = 1 })
raises("a.example: option 'weight': a number expected", lists,
  { 'a.example', weight = '1' })
raises('a list is a name', lists, {})
raises('a list is a name', lists, 7)

-- the catalogue is sound
for name in pairs(known.known) do
  lists(name)
  assert(not known.gone[name], name)
end
lists 'dnsbl.sorbs.net'    -- with a warning
