-- message:arc_verify, of messages that other programs sealed.
local kumo = require 'kumo'

local function same(got, expected, what)
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(what, tostring(got),
      tostring(expected)), 2)
  end
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read '*a'
  file:close()
  return text
end

local text = read 't/data/arc.yaml'
local cases = kumo.serde.yaml_parse(text:sub(text:find '---\n' + 4))

-- A TXT record's text is pieces of 255 bytes.
local function pieces(record)
  return '"' .. record:sub(1, 200) .. '" "' .. record:sub(201) .. '"'
end

local zones = {}
for name, record in pairs(cases['txt-records']) do
  zones[#zones + 1] = ('$ORIGIN %s.\n@ 300 IN TXT %s\n'):format(name,
    pieces(record))
end
kumo.dns.define_resolver('keys', { Test = { zones = zones } })
kumo.dns.define_resolver('none', { Test = { zones = {} } })
kumo.dns.define_resolver('dead', { Test = { zones = {},
  servfail = { 'py._domainkey.example.org', 'pl._domainkey.example.net' } } })

local function message(data)
  return kumo.make_message('ann@example.com', 'list@lists.example.org',
    (data:gsub('\r?\n', '\r\n')))
end

local n = 0
for name, case in pairs(cases.tests) do
  local arc = message(case.message):arc_verify 'keys'
  local oldest = arc.props['header.oldest-pass'] or '-1'
  same(arc.method, 'arc', name)
  same(arc.result, case.cv, name)
  same(oldest, case['oldest-pass'], name)
  same(arc.reason ~= nil, arc.result == 'fail', name)
  n = n + 1
end
same(n, 13, 'cases')

local sealed = message(cases.tests.three.message)
same(sealed:arc_verify('none').reason, 'ARC-Message-Signature of instance 3: '
  .. 'no key for signature', 'no key')
local arc = sealed:arc_verify 'dead'
same(arc.result, 'fail', 'SERVFAIL')
assert(arc.reason:find('key unavailable: ', 1, true), arc.reason)

-- as edited, and for a header of results
sealed:append_header('Subject', 'another')
same(sealed:arc_verify('keys').reason, 'ARC-Message-Signature of instance 3: '
  .. 'signature did not verify', 'edited')
local other = message(cases.tests.three.message)
other:add_authentication_results('mx', { other:arc_verify 'keys' })
same(other:get_first_named_header_value 'Authentication-Results',
  'mx; arc=pass header.oldest-pass=0', 'results')

-- misuse
local ok, err = pcall(sealed.arc_verify, sealed, 'woot')
assert(not ok and tostring(err):find('resolver woot is not defined', 1, true))
