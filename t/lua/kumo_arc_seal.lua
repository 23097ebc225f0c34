-- message:arc_seal, by what message:arc_verify says afterwards; that others say
-- the same is for t/mta/test_arc.py.
local kumo = require 'kumo'

local function same(got, expected, what)
  if got ~= expected then
    error(('%s: got %s, expected %s'):format(what, tostring(got),
      tostring(expected)), 2)
  end
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- the key of RFC 8463
local KEY = [[
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
]]
local RECORD = 'v=DKIM1; k=ed25519; '
  .. 'p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='

kumo.dns.define_resolver('keys', { Test = { zones = {
  ('$ORIGIN example.org.\nsel._domainkey 300 IN TXT "%s"\n'):format(RECORD),
} } })
kumo.dns.define_resolver('none', { Test = { zones = {} } })

local signer = kumo.dkim.ed25519_signer {
  domain = 'example.org', selector = 'sel', key = { key_data = KEY },
  headers = { 'From', 'Subject', 'DKIM-Signature', 'ARC-Seal' },
}

local function message(text)
  return kumo.make_message('a@example.org', 'b@example.net',
    (text or 'From: a@example.org\nSubject: hello\n\ntext\n')
      :gsub('\n', '\r\n'))
end

local function names(msg)
  local all = {}
  for i, field in ipairs(msg:get_all_headers()) do
    all[i] = field[1]
  end
  return table.concat(all, ' ')
end

local function first(msg, name)
  return msg:get_first_named_header_value(name)
end

local function state(msg)
  local arc = msg:arc_verify 'keys'
  return arc.result .. ' ' .. (arc.props['header.oldest-pass'] or '-')
end

-- ---- a chain that grows ----------------------------------------------------

local RESULTS = {
  { method = 'spf', result = 'pass', props = { ['smtp.mailfrom'] = 'a@b' } },
  { method = 'arc', result = 'none' },
}
local msg = message()
same(msg:arc_seal(signer, 'mx.example.org', RESULTS, 'keys'), nil, 'returns')
same(names(msg), 'ARC-Seal ARC-Message-Signature ARC-Authentication-Results '
  .. 'From Subject', 'names')
same(first(msg, 'ARC-Authentication-Results'),
  'i=1; mx.example.org; spf=pass smtp.mailfrom=a@b; arc=none', 'results')
assert(first(msg, 'ARC-Seal'):find('^i=1; a=ed25519%-sha256; cv=none; t=%d+; '
  .. 'd=example.org; s=sel; b=[%w+/=]+'), first(msg, 'ARC-Seal'))
assert(first(msg, 'ARC-Message-Signature'):find('h=from:subject;', 1, true))
same(state(msg), 'pass 0', 'sealed once')

msg:arc_seal(signer, 'mx', {}, 'keys')
same(first(msg, 'ARC-Authentication-Results'), 'i=2; mx; none', 'nothing')
same(state(msg), 'pass 0', 'sealed twice')

-- who changes it seals what he changed
msg:remove_all_named_headers 'Subject'
msg:append_header('Subject', '[list] hello')
local late = msg:arc_verify 'keys'
same(late.reason,
  'ARC-Message-Signature of instance 2: signature did not verify', 'changed')

-- ---- a chain that fails ----------------------------------------------------

msg:arc_seal(signer, 'mx', { late }, 'keys')
assert(first(msg, 'ARC-Seal'):find('^i=3; .* cv=fail; '), 'cv=fail')
same(msg:arc_verify('keys').reason, 'ARC-Seal of instance 3 says cv=fail',
  'the end')
local before = msg:get_data()
msg:arc_seal(signer, 'mx', {}, 'keys')
same(msg:get_data(), before, 'nothing is added')

-- a key that does not come is a failure, too
local lost = message()
lost:arc_seal(signer, 'mx', {}, 'keys')
lost:arc_seal(signer, 'mx', {}, 'none')
assert(first(lost, 'ARC-Seal'):find('cv=fail', 1, true), 'no key')

-- ---- a large body, and DKIM ------------------------------------------------

local large = message('From: a@example.org\nSubject: x\n\n'
  .. ('all work and no play\n'):rep(200000))
large:dkim_sign(signer)
large:arc_seal(signer, 'mx', {}, 'keys')
assert(first(large, 'ARC-Message-Signature'):find('h=from:subject:'
  .. 'dkim-signature', 1, true), first(large, 'ARC-Message-Signature'))
same(state(large), 'pass 0', 'large')

-- ---- misuse ----------------------------------------------------------------

local plain = message()
raises('resolver woot is not defined', plain.arc_seal, plain, signer, 'mx', {},
  'woot')
raises('', plain.arc_seal, plain, 'signer', 'mx', {})
raises('', plain.arc_seal, plain, signer, nil, {})
raises('table expected', plain.arc_seal, plain, signer, 'mx', nil)
raises('arc_seal: result 1: method: a string expected', plain.arc_seal, plain,
  signer, 'mx', { {} })
raises('unknown key "woot"', plain.arc_seal, plain, signer, 'mx',
  { { method = 'a', result = 'b', woot = 1 } })
same(names(plain), 'From Subject', 'as it was')
