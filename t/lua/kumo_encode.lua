-- kumo.encode
local kumo = require 'kumo'
local e = kumo.encode

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

local bytes = 'foob\0\255\254'
for name, text in pairs {
  base32 = 'MZXW6YQA777A====',
  base32_nopad = 'MZXW6YQA777A',
  base32hex = 'CPNMUOG0VVV0====',
  base32hex_nopad = 'CPNMUOG0VVV0',
  base64 = 'Zm9vYgD//g==',
  base64_nopad = 'Zm9vYgD//g',
  base64url = 'Zm9vYgD__g==',
  base64url_nopad = 'Zm9vYgD__g',
  hex = '666f6f6200fffe',
} do
  local encode, decode = e[name .. '_encode'], e[name .. '_decode']
  same(encode(bytes), text)
  same(decode(text), bytes)
  same(encode '', '')
  same(decode '', '')
  raises('parameter must be a string', encode)
  raises('parameter must be a string', encode, 12)
  raises('parameter must be a string', encode, {})
  raises('error converting Lua nil to String', decode)
  raises('error converting Lua table to String', decode, {})
  raises('kumo.encode.' .. name .. '_decode: invalid', decode, text .. '\n')
  raises('invalid symbol at 0', decode, ' ' .. text:sub(1, 7))
  if name:find('nopad', 1, true) then
    raises('invalid', decode, text .. '=')
  elseif name ~= 'hex' then
    same(decode(text:gsub('=', '')), bytes)
    same(decode(text .. '====='), bytes)
  end
end
raises('invalid symbol', e.hex_decode, 'AB')
same(e.hex_decode(10), '\16')
raises('trailing bits', e.base64_decode, 'Zh')

-- charsets
same(e.charset_decode('iso-8859-1', '\xa9'), '©')
same(e.charset_encode('iso-8859-1', '©'), '\xa9')
same(e.charset_decode('Shift_JIS', '\x93\xfa'), '日')
same(e.charset_encode('shift_jis', 'a日'), 'a\x93\xfa')
same(e.charset_encode('koi8-r', 'a©€b'), 'a\xbfb')
same(e.charset_encode('koi8-r', 'a€b', true), 'ab')
raises('did not encode into koi8-r bytes', e.charset_encode, 'koi8-r', 'a€b', false)
same(e.charset_encode('koi8-r', 'ab', false), 'ab')
raises('unknown charset klingon', e.charset_encode, 'klingon', 'a')
raises('unknown charset klingon', e.charset_decode, 'klingon', 'a')
raises('did not decode from utf-8 bytes', e.charset_decode, 'utf-8', '\xff')
raises('error converting', e.charset_decode, 'utf-8')
raises('error converting', e.charset_encode, nil, 'a')
