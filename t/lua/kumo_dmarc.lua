-- kumo.dmarc, with zones in memory.
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

kumo.dns.define_resolver('z', { Test = { zones = { [[
$ORIGIN example.com.
_dmarc          300 IN TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@example.com; x=y"
_dmarc.half     300 IN TXT "v=DMARC1; p=reject; pct=50"
_dmarc.none     300 IN TXT "v=DMARC1; p=none"
_dmarc.xn--bcher-kva 300 IN TXT "v=DMARC1; p=reject"
]] }, servfail = { '_dmarc.dead.example.com' } } })

local function message(from, sender)
  return kumo.make_message(sender or 'ann@bounce.example.net', 'b@example.org',
    from .. '\r\nSubject: x\r\n\r\ntext\r\n')
end

local function dkim(result, domain)
  return { method = 'dkim', result = result,
    props = { ['header.d'] = domain, ['header.b'] = 'abc' } }
end

local function spf(result, mailfrom, helo)
  return { method = 'spf', result = result, reason = 'x', method_version = 1,
    props = { ['smtp.mailfrom'] = mailfrom, ['smtp.helo'] = helo } }
end

local NO = spf('none')
local FROM = 'From: Ann <ann@example.com>'
local ME = 'ann@example.com'

-- { From:, results of DKIM, that of SPF, disposition, result, reason, sender }
for i, row in ipairs {
  { FROM, {}, NO, 'Reject', 'fail', 'No aligned DKIM or SPF' },
  { FROM, { dkim('pass', 'example.com') }, NO, 'Pass', 'pass', 'Success' },
  { FROM, { dkim('Pass', 'Mail.Example.COM') }, NO, 'Pass', 'pass' },
  { FROM, { dkim('permerror', 'example.com') }, NO, 'Reject', 'fail' },
  { FROM, { dkim('fail', 'example.com'), dkim('pass', 'example.net') }, NO,
    'Reject', 'fail', 'DMARC: DKIM relaxed check failed' },
  { FROM, { dkim('pass', 'example.net'), dkim('pass', 'example.com') }, NO,
    'Pass', 'pass' },
  { FROM, { dkim('pass', nil) }, NO, 'Reject', 'fail',
    "DMARC: DKIM signature missing 'd=' tag" },
  { FROM, { { method = 'dkim', result = 'none', reason = 'not signed' } }, NO,
    'Reject', 'fail', 'No aligned DKIM or SPF' },
  { FROM, {}, spf('pass', ME), 'Pass', 'pass' },
  { FROM, {}, spf('pass', 'bounce.example.com'), 'Pass', 'pass' },
  { FROM, {}, spf('softfail', ME), 'Reject', 'fail' },
  { FROM, {}, spf('pass', 'ann@example.net', 'example.com'), 'Reject',
    'fail', 'DMARC: SPF relaxed check failed' },
  { FROM, {}, spf('pass', '', 'mx.example.com'), 'Pass', 'pass' },
  { FROM, {}, spf('pass', nil, 'mx.example.com'), 'Pass', 'pass' },
  { FROM, {}, spf('pass'), 'Pass', 'pass', nil, ME },
  { FROM, {}, spf('pass'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', '"a@example.com"@example.net'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', 'not a name'), 'Reject', 'fail' },
  -- names that are read in two ways
  { FROM, {}, spf('pass', 'x@example.com(.example.net'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', "x@example.com'@example.net"), 'Reject', 'fail' },
  { FROM, {}, spf('pass', 'x@example.net@'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', 'x@example.com\0.example.net'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', '<@example.com:x@example.net>'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', 'x@notexamplexcom'), 'Reject', 'fail' },
  { FROM, {}, spf('pass', '', ''), 'Reject', 'fail', nil, '' },
  { FROM, {}, spf('pass', '', 'example.net'), 'Reject', 'fail', nil, '' },
  { FROM, { dkim('pass', 'example.com(.example.net') }, NO, 'Reject', 'fail' },
  { FROM, { dkim('pass', 'example.com\0.example.net') }, NO, 'Reject',
    'fail' },
  { FROM, { dkim('pass', 'example.com, example.net') }, NO, 'Reject', 'fail' },
  { FROM, { dkim('pass', 'com') }, NO, 'Reject', 'fail' },
  { 'From: a@sub.example.com', {}, NO, 'Quarantine', 'fail' },
  { 'From: a@none.example.com', {}, NO, 'None', 'fail' },
  { 'From: a@example.org', {}, NO, 'None', 'none',
    'no DMARC records found for example.org' },
  { 'From: a@dead.example.com', {}, NO, 'TempError', 'temperror',
    'DNS records could not be resolved for _dmarc.dead.example.com' },
  { 'From: a@b\195\188cher.example.com',
    { dkim('pass', 'b\195\188cher.example.com') }, NO, 'Pass', 'pass' },
  { 'From: a@b\195\188cher.example.com', {}, NO, 'Reject', 'fail' },
  { 'To: ann@example.com', {}, NO, 'PermError', 'permerror',
    'no From: field' },
  { FROM .. '\r\n' .. FROM, { dkim('pass', 'example.com') }, NO, 'PermError',
    'permerror', 'several From: fields' },
  { 'From: ann', {}, NO, 'PermError', 'permerror', 'From: is no address' },
  { 'From: nobody:;', {}, NO, 'None', 'none', 'From: has no domain' },
  { 'From: a@example.net, b@example.com', { dkim('pass', 'example.net') }, NO,
    'Reject', 'fail' },
  { 'From: x\0@example.com', {}, NO, 'Reject', 'fail' },
} do
  local got = kumo.dmarc.check_msg(message(row[1], row[7]), row[2], 'z', row[3],
    false)
  local ok, why = pcall(function()
    same(got.disposition, row[4])
    same(got.result.method, 'dmarc')
    same(got.result.result, row[5])
    same(type(got.result.reason), 'string')
    if row[6] then
      same(got.result.reason, row[6])
    end
  end)
  assert(ok, ('row %d, %s: %s'):format(i, row[1], tostring(why)))
end

-- what goes into Authentication-Results
local got = kumo.dmarc.check_msg(message 'From: a@sub.example.com', {}, 'z', NO,
  false)
local props = got.result.props
same(props['policy.p'], 'reject')
same(props['policy.sp'], 'quarantine')
same(props['policy.rua'], 'mailto:a@example.com')
same(props['policy.x'], nil)
same(props['policy.published-domain-policy'], 'quarantine')
same(props['header.from'], 'sub.example.com')
local m = message(FROM)
m:add_authentication_results('mx', { got.result })
same(m:get_first_named_header_value 'Authentication-Results',
  'mx; dmarc=fail reason="No aligned DKIM or SPF" header.from=sub.example.com '
    .. 'policy.p=reject policy.published-domain-policy=quarantine '
    .. 'policy.rua="mailto:a@example.com" policy.sp=quarantine')
got = kumo.dmarc.check_msg(message(FROM), {}, 'z', spf('pass', ME), false)
same(got.result.props['policy.published-domain-policy'], nil)
same(got.result.props['policy.p'], 'reject')

-- the order of results, a hundred times
local results = {}
for i = 1, 100 do
  results[i] = dkim('pass', ('x%d.example.net'):format(i))
end
for i = 1, 100 do
  results[i].props['header.d'] = 'example.com'
  same(kumo.dmarc.check_msg(message(FROM), results, 'z', NO, false).disposition,
    'Pass')
  results[i].props['header.d'] = 'example.net'
end
same(kumo.dmarc.check_msg(message(FROM), results, 'z', NO, false).disposition,
  'Reject')

-- pct: chance is math.random's
local function share()
  local n = 0
  for _ = 1, 200 do
    local a = kumo.dmarc.check_msg(message 'From: a@half.example.com', {}, 'z',
      NO, false)
    same(a.result.props['policy.published-domain-policy'], 'reject')
    if a.disposition == 'Reject' then
      n = n + 1
    else
      same(a.disposition, 'Quarantine')
      same(a.result.reason, 'sampled_out due to pct=50')
    end
  end
  return n
end
math.randomseed(7)
local first = share()
math.randomseed(7)
same(share(), first)
assert(first > 50 and first < 150, first)
math.randomseed()

-- reports are not ours
local check = kumo.dmarc.check_msg
local info = { org_name = 'example', email = 'a@example.com' }
raises('DMARC reporting missing required fields', check, m, {}, 'z', NO, true)
same(check(m, {}, 'z', NO, true, info).disposition, 'Reject')
info.extra_contact_info = 'x'
same(check(m, {}, 'z', NO, true, info).disposition, 'Reject')
info.more = 'x'
raises('reporting: unknown key "more"', check, m, {}, 'z', NO, true, info)
raises('reporting: email is missing', check, m, {}, 'z', NO, true,
  { org_name = 'example' })
raises('reporting: email: a string expected', check, m, {}, 'z', NO, true,
  { org_name = 'example', email = 7 })
raises('reporting: a table expected, got string', check, m, {}, 'z', NO, true,
  'x')

-- misuse
raises('resolver woot is not defined', check, m, {}, 'woot', NO, false)
raises('dkim_results: a table expected, got nil', check, m, nil, 'z', NO, false)
raises('dkim_results: result 1 is no table', check, m, { 'x' }, 'z', NO, false)
raises('dkim_results: result 1: unknown key "domain"', check, m,
  { { method = 'dkim', result = 'pass', domain = 'example.com' } }, 'z', NO,
  false)
raises('dkim_results: result 2: props: header.d: a string expected', check, m,
  { dkim('pass', 'x'), dkim('pass', {}) }, 'z', NO, false)
raises('spf_result: a table expected, got nil', check, m, {}, 'z', nil, false)
raises('spf_result: result 1: method: a string expected', check, m, {}, 'z',
  {}, false)
raises('', check, nil, {}, 'z', NO, false)
raises('', check, 'x', {}, 'z', NO, false)

-- kumo.milter.remove_authentication_results
local remove = kumo.milter.remove_authentication_results
m = message('Authentication-Results: mx.example.com; spf=pass\r\n'
  .. 'Authentication-results:\r\n\t"MX.example.com" 1; dkim=pass\r\n'
  .. 'Authentication-Results: other.example; spf=pass\r\n'
  .. 'Authentication-Results: dmarc=pass\r\n' .. FROM)
same(remove(m, 'mx.example.com'), 3)
same(#m:get_all_named_header_values 'Authentication-Results', 1)
same(m:get_first_named_header_value 'authentication-results',
  'other.example; spf=pass')
same(remove(m, 'mx.example.com'), 0)
m:add_authentication_results('mx.example.com', {})
same(remove(m, 'mx.example.com'), 1)
raises('the name of this host expected', remove, m, '')
raises('the name of this host expected', remove, m, 'a\0b')
raises("bad argument #2", remove, m)
raises('', remove, 'x', 'mx')
