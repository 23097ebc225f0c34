-- kumo.dkim's signers and message:dkim_sign; that what they make verifies is
-- for check_dkim_sign.c, t/mta/test_dkim_sign.py and t/dkim.
local kumo = require 'kumo'
local dkim = kumo.dkim

local function same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
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

local function config(more)
  local all = {
    domain = 'example.org', selector = 'sel', headers = { 'From', 'Subject' },
    key = { key_data = KEY }, no_field_of_ours = true,
  }
  for name, value in pairs(more or {}) do
    all[name] = value ~= 'nil' and value or nil
  end
  return all
end

local function message(text)
  return kumo.make_message('a@example.org', 'b@example.net',
    (text or 'From: a@example.org\nSubject: hello\n\ntext\n')
      :gsub('\n', '\r\n'))
end

local function tags(msg)
  local all = {}
  local text = msg:get_first_named_header_value 'DKIM-Signature' or ''
  for name, value in text:gmatch '(%l+)=([^;]*)' do
    all[name] = value
  end
  return all
end

-- ---- signers ---------------------------------------------------------------

for _, name in ipairs { 'rsa_sha256_signer', 'ed25519_signer' } do
  local make = dkim[name]
  same(type(make(config())), 'userdata')
  raises('table expected, got nil', make)
  for why, more in pairs {
    ['missing field `domain`'] = { domain = 'nil' },
    ['missing field `selector`'] = { selector = 'nil' },
    ['missing field `headers`'] = { headers = 'nil' },
    ['missing field `key`'] = { key = 'nil' },
    ['domain: a string expected'] = { domain = 12 },
    ['domain: "a b" is no name of the DNS'] = { domain = 'a b' },
    ['selector: "a;b=c" is no name of the DNS'] = { selector = 'a;b=c' },
    ['headers: an array of strings expected'] = { headers = 'From' },
    ['headers: "a:b" is no name of a header'] = { headers = { 'a:b' } },
    ['missing From in signed headers'] = { headers = { 'To' } },
    ['expiration: seconds, 1 at the least, expected'] = { expiration = 0 },
    ['header_canonicalization: `Relaxed` or `Simple` expected'] =
      { header_canonicalization = 'simple' },
    ['body_canonicalization: `Relaxed` or `Simple` expected'] =
      { body_canonicalization = 1 },
    ['ttl: a duration expected'] = { ttl = -1 },
    ['atps is not currently supported'] = { atps = 'x' },
    ['atpsh is not currently supported'] = { atpsh = 'Sha256' },
    ['agent_user_identifier is not currently supported'] =
      { agent_user_identifier = '@x' },
    ['body_length is not currently supported'] = { body_length = true },
    ['reporting is not currently supported'] = { reporting = true },
    ['KeySource failed to load data from file `/never/ever`: No such file'] =
      { key = '/never/ever' },
    ['key: a path or a table expected'] = { key = 1 },
    ['data did not match any variant of KeySource'] = { key = {} },
    ['key: it is no private key, neither in PEM nor in DER'] =
      { key = { key_data = 'x' } },
    ['vault_address was not specified'] =
      { key = { vault_mount = 'm', vault_path = 'p' } },
    ['there is no handler for the event never'] =
      { key = { event_name = 'never' } },
  } do
    raises('kumo.dkim.' .. name .. ': ', make, config(more))
    raises(why, make, config(more))
  end
  make(config { body_length = false, reporting = false, ttl = '5 mins',
    expiration = 60, over_sign = true })
end

-- UTF-8 becomes A-labels
local msg = message()
msg:dkim_sign(dkim.rsa_sha256_signer(config { domain = 'b\u{fc}cher.example' }))
same(tags(msg).d, 'xn--bcher-kva.example')

-- a key of an event, asked for once
local asked = {}
kumo.on('key-of', function(domain, ...)
  asked[#asked + 1] = domain
  if domain == 'broken' then
    error('no key for ' .. domain)
  end
  return domain ~= 'none' and KEY or nil
end)
local function from_event(domain, more)
  more = more or {}
  more.key = { event_name = 'key-of', event_args = { domain } }
  return dkim.ed25519_signer(config(more))
end
kumo.on('pre_init', function() end)
for _ = 1, 3 do
  from_event 'one'
end
from_event 'two'
same(table.concat(asked, ' '), 'one two')
from_event('one', { ttl = 0 })
from_event('one', { ttl = 0 })
same(table.concat(asked, ' '), 'one two one one')
raises('no key for broken', from_event, 'broken')
raises('the handler of key-of gave a nil, not a string', from_event, 'none')

-- the file is read once
local path = os.tmpname()
local function write(text)
  local file = assert(io.open(path, 'w'))
  file:write(text)
  file:close()
end
write(KEY)
local from_file = config { key = path }
dkim.rsa_sha256_signer(from_file)
write 'no key'
dkim.rsa_sha256_signer(from_file)
raises('key: it is no private key', dkim.rsa_sha256_signer,
  config { key = path, selector = 'other' })
os.remove(path)
dkim.rsa_sha256_signer(from_file)

dkim.set_signing_threads(4)
raises('dkimsign pool is already configured', dkim.set_signing_threads, 4)

-- ---- signatures ------------------------------------------------------------

local signer = dkim.ed25519_signer(config())
msg = message()
msg:dkim_sign(signer)
local all = tags(msg)
same(all.v, '1')
same(all.a, 'ed25519-sha256')
same(all.c, 'relaxed/relaxed')
same(all.d, 'example.org')
same(all.s, 'sel')
same(all.h, 'from:subject')
same(all.x, nil)
same(#all.b >= 86, true)
same(math.abs(tonumber(all.t) - os.time()) < 60, true)
same(msg:get_all_headers()[1][1], 'DKIM-Signature')

msg = message()
msg:dkim_sign(dkim.rsa_sha256_signer(config { over_sign = true,
  expiration = 600, header_canonicalization = 'Simple',
  headers = { 'From', 'Subject', 'To', 'Date' } }))
all = tags(msg)
same(all.c, 'simple/relaxed')
same(all.h, 'from:from:subject:subject:to')
same(all.x - all.t, 600)

-- several, the last one on top
msg:dkim_sign(signer)
msg:dkim_sign(dkim.ed25519_signer(config { selector = 'third' }))
same(#msg:get_all_named_header_values 'DKIM-Signature', 3)
same(tags(msg).s, 'third')

-- without From: nothing is signed
msg = message 'Subject: x\n\ntext\n'
msg:dkim_sign(signer)
same(msg:get_first_named_header_value 'DKIM-Signature', nil)

-- bodies, known to openssl(1): base64 of their SHA-256
for text, hash in pairs {
  [''] = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  ['text\n\n\n'] = 'eDCyaw7m810RhFf0TmGWGkTYiT/1GwL4/PCOGIr3ew4=',
} do
  msg = message('From: a@example.org\n\n' .. text)
  msg:dkim_sign(signer)
  same(tags(msg).bh, hash)
end

raises('Message expected', msg.dkim_sign)
raises('a signer of kumo.dkim expected, got nil', msg.dkim_sign, msg)
raises('a signer of kumo.dkim expected, got table', msg.dkim_sign, msg, {})
