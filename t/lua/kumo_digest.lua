-- kumo.digest, kumo.crypto, kumo.uuid, kumo.secrets
local kumo = require 'kumo'
local d, c, u = kumo.digest, kumo.crypto, kumo.uuid

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

-- crc32, BinaryResult
local crc = d.crc32 'something'
same(type(crc), 'userdata')
same(crc.hex, '09da31fb')
same(tostring(crc), '09da31fb')
same(crc.bytes, '\x09\xda\x31\xfb')
same(crc.base32, 'BHNDD6Y=')
same(crc.base32_nopad, 'BHNDD6Y')
same(crc.base32hex, '17D33UO=')
same(crc.base32hex_nopad, '17D33UO')
same(crc.base64, 'Cdox+w==')
same(crc.base64_nopad, 'Cdox+w')
same(crc.base64url, 'Cdox-w==')
same(crc.base64url_nopad, 'Cdox-w')
raises("unknown field 'md5'", function() return crc.md5 end)
raises('unknown field', function() crc.hex = 'x' end)
same(d.crc32('some', 'thing').hex, '09da31fb')
same(d.crc32().hex, '00000000')
-- what is no string is JSON
same(d.crc32(1, 1.5, true, nil, 'x').hex, d.crc32('11.5truenullx').hex)
same(d.crc32({ 1, 2 }).hex, d.crc32('[1,2]').hex)
same(d.crc32({ a = 'b' }).hex, d.crc32('{"a":"b"}').hex)
raises('cannot serialize function', d.crc32, print)
local endless = {}
endless[1] = endless
raises('recursive', d.crc32, endless)

-- kumo.secrets
same(kumo.secrets.load { key_data = 'a\0b' }, 'a\0b')
raises('KeySource failed to load data from file `/never ever exists`: No such file or directory',
  kumo.secrets.load, '/never ever exists')
raises('NUL', kumo.secrets.load, '/etc\0/passwd')
raises('not a regular file', kumo.secrets.load, '/dev/zero')
raises('deserialize error: ', kumo.secrets.load, {})
raises(', while processing', kumo.secrets.load, 12)
raises('deserialize error: ', kumo.secrets.load)
raises('key_data is no string', kumo.secrets.load, { key_data = 1 })
raises('vault_address was not specified and $VAULT_ADDR is not set',
  kumo.secrets.load, { vault_mount = 'a', vault_path = 'b' })
kumo.on('key-of', function(one, two)
  return ('called-with-%s-%s'):format(one, two)
end)
kumo.on('no-key-of', function() end)
same(kumo.secrets.load { event_name = 'key-of', event_args = { 'a', 1 } }, 'called-with-a-1')
same(kumo.secrets.load { event_name = 'key-of' }, 'called-with-nil-nil')
raises('gave a nil', kumo.secrets.load, { event_name = 'no-key-of', event_args = {} })
raises('no handler', kumo.secrets.load, { event_name = 'nobody', event_args = {} })
raises('event_args', kumo.secrets.load, { event_name = 'key-of', event_args = 1 })
raises('event_name', kumo.secrets.load, { event_name = {} })
local name = os.tmpname()
local f = assert(io.open(name, 'wb'))
f:write('your key')
f:close()
same(kumo.secrets.load(name), 'your key')

-- uuid
local id = u.parse '{00112233-4455-6677-8899-AABBCCDDEEFF}'
same(tostring(id), '00112233-4455-6677-8899-aabbccddeeff')
same(id.hyphenated, tostring(id))
same(id.simple, '00112233445566778899aabbccddeeff')
same(id.braced, '{' .. tostring(id) .. '}')
same(id.urn, 'urn:uuid:' .. tostring(id))
same(id.bytes, '\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff')
raises('unknown field', function() return id.version end)
raises('invalid UUID', u.parse, 'x')
raises('error converting', u.parse)
for version, new in pairs {
  ['1'] = u.new_v1,
  ['4'] = u.new_v4,
  ['6'] = u.new_v6,
  ['7'] = u.new_v7,
} do
  local a, b = new(), new()
  assert(a.simple ~= b.simple)
  same(a.simple:sub(13, 13), version)
  same(u.parse(a.urn).bytes, a.bytes)
end

-- the others, where there is OpenSSL
local built, why = pcall(d.sha1, 'foo')
if not built then
  raises('built without OpenSSL', error, why)
  raises('built without OpenSSL', c.aes_encrypt_block, 'Ecb', 'x', { key = { key_data = 'k' } })
  os.remove(name)
  return
end
same(d.sha1('foo').hex, '0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33')
same(d.sha1('f', 'oo').hex, '0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33')
same(d.sha224('abc').hex, '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7')
same(d.sha256().hex, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
same(d.sha256('a', 1, { 1, 2 }, nil).hex,
  'f50abf1e164289deea91920604092ef370cf80c561be320fa1090eeaff2895c6')
same(#d.sha384('x').bytes, 48)
same(#d.sha512('x').bytes, 64)
same(d.sha512_256('abc').hex, '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23')
same(d.sha3_256('abc').hex, '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532')
same(d.sha3_384('foo').hex, '665551928d13b7d84ee02734502b018d896a0fb87eed5adb4c87ba91bbd64894'
  .. '10e11b0fbcc06ed7d0ebad559e5d3bb5')
same(#d.sha3_512('x').bytes, 64)

for which, hash in pairs(d) do
  if not which:find '^hmac_' then
    same(hash('', '').hex, hash().hex)
    same(hash('a', 'b').hex, hash('ab').hex)
    same(hash(12).hex, hash('12').hex)
    raises('cannot serialize function', hash, 'x', print)
    raises('cannot serialize userdata', hash, hash())
  else
    raises('deserialize error', hash, nil, 'x')
    raises('error converting Lua nil to String', hash, { key_data = 'k' })
    raises('error converting Lua table to String', hash, { key_data = 'k' }, {})
    same(#hash({ key_data = ('k'):rep(1000) }, 'x').bytes,
      #hash({ key_data = '' }, '').bytes)
  end
end

-- HMAC: a string is the name of a file
local key = { key_data = 'your key' }
same(d.hmac_sha1(key, 'your message').hex, '317d0dfd868a5c06c9444ac1328aa3e2bfd29fb2')
same(d.hmac_sha1(name, 'your message').hex, '317d0dfd868a5c06c9444ac1328aa3e2bfd29fb2')
same(d.hmac_sha224(key, 'your message').hex,
  '991ff8089bd2a781d10c0568cbf2717794ac7b7fbcc9db049f19fc61')
same(d.hmac_sha256(key, 'your message').hex,
  '87fc1cec5c02f0991ae80f50e98eb2eb5213d07fc40417682a74448ac1deb07c')
same(d.hmac_sha384(key, 'your message').hex:sub(1, 16), 'cd274957b95ce192')
same(d.hmac_sha512(key, 'your message').hex:sub(1, 16), '2f5ddcdbd062a539')
same(d.hmac_sha256({ key_data = '' }, '').hex:sub(1, 16), 'b613679a0814d9ec')
raises('error converting', d.hmac_sha1, key)
raises('KeySource failed', d.hmac_sha1, 'no such key', 'x')
raises('deserialize error', d.hmac_sha1, nil, 'x')

-- AES
local long = { key = { key_data = ('k'):rep(32) } }
for _, algorithm in ipairs { 'Ecb', 'Cbc' } do
  for _, text in ipairs { '', 'x', 'Hello, World!123', ('\0\255'):rep(100) } do
    local sealed = c.aes_encrypt_block(algorithm, text, long)
    same(type(sealed), 'string')
    same(#sealed % 16, 0)
    local opened = c.aes_decrypt_block(algorithm, sealed, long)
    same(opened.bytes, text)
    same(opened.hex, kumo.encode.hex_encode(text))
  end
end
same(kumo.encode.hex_encode(c.aes_encrypt_block('Ecb', 'abc', { key = { key_data =
  kumo.encode.hex_decode '000102030405060708090a0b0c0d0e0f' } })),
  'b08b1f809a035064420d1d754022ab55')
raises('Key length must be 16 or 32 bytes', c.aes_encrypt_block, 'Ecb', 'x', { key = name })
raises('Decryption failed', c.aes_decrypt_block, 'Ecb', 'x', long)
raises('iv', c.aes_decrypt_block, 'Cbc', 'x', long)
raises('unknown variant `ECB`', c.aes_encrypt_block, 'ECB', 'x', long)
raises('missing field `key`', c.aes_encrypt_block, 'Ecb', 'x', {})
raises('table expected', c.aes_encrypt_block, 'Ecb', 'x')
raises('error converting', c.aes_encrypt_block, 'Ecb', nil, long)

-- Amazon's signatures
local function request(changes)
  local r = {
    access_key = { key_data = 'AKIDEXAMPLE' },
    secret_key = { key_data = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
    region = 'us-east-1',
    service = 'service',
    method = 'GET',
    uri = '/',
    headers = { Host = 'example.amazonaws.com' },
    timestamp = '2015-08-30T12:36:00Z',
  }
  for k, v in pairs(changes or {}) do
    r[k] = v
  end
  return r
end
local signed = c.aws_sign_v4(request())
same(signed.signature, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31')
same(signed.timestamp, '20150830T123600Z')
same(signed.authorization, 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/'
  .. 'aws4_request, SignedHeaders=host;x-amz-date, Signature=' .. signed.signature)
assert(signed.canonical_request:find('^GET\n/\n\nhost:example'))
assert(signed.string_to_sign:find('^AWS4%-HMAC%-SHA256\n20150830T123600Z\n20150830/us%-east'))
same(c.aws_sign_v4(request { query_params = { Param2 = 'value2', Param1 = 'value1' } }).signature,
  'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500')
assert(c.aws_sign_v4(request { query_params = {}, payload = 'a\0b', session_token = 't' })
  .canonical_request:find('x%-amz%-security%-token:t\n'))
local now = request()
now.timestamp = nil
assert(c.aws_sign_v4(now).timestamp:find '^%d+T%d+Z$')
raises("headers must include 'host'", c.aws_sign_v4, request { headers = {} })
raises('deserialize error: headers: a table of strings expected, while processing',
  c.aws_sign_v4, request { headers = { host = 1 } })
raises('headers', c.aws_sign_v4, request { headers = { 'host' } })
raises('headers', c.aws_sign_v4, request { headers = 'host' })
raises('timestamp', c.aws_sign_v4, request { timestamp = 'today' })
raises('region', c.aws_sign_v4, request { region = {} })
raises('NUL', c.aws_sign_v4, request { uri = '/a\0b' })
raises('KeySource failed', c.aws_sign_v4, request { access_key = 'AKIDEXAMPLE' })
raises('access_key: missing field', c.aws_sign_v4, {})
raises('table expected', c.aws_sign_v4)
os.remove(name)
