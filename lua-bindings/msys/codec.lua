-- codec.lua - base64, quoted-printable, internationalised names, addresses

local msys, native, host = ...

local codec = native.codec
local error, getmetatable, tostring, type = error, getmetatable, tostring, type
local gsub = string.gsub

msys.base64, msys.qp, msys.idn = {}, {}, {}

-- host.text(value, what) -> string; of a number or an object that reads as one
--   (ec_string), too.  Raises at the policy's line, from a function that it
--   called itself.
function host.text(value, what)
  local kind = type(value)
  if kind == 'string' then
    return value
  elseif kind == 'number' then
    return tostring(value)
  end
  local class = kind == 'userdata' and getmetatable(value)
  if type(class) == 'table' and class.__tostring then
    return tostring(value)
  end
  error(('%s: string expected, got %s'):format(what, msys.type(value)), 3)
end

local text_of = host.text

-- What a primitive gave; its nil, why is raised.
local function need(what, value, why)
  if value == nil then
    error(('%s: %s'):format(what, why), 3)
  end
  return value
end

local function is_set(charset)
  return charset ~= nil and charset ~= ''
end

-- msys.base64.encode(text [, fold [, charset]]) -> string
--   fold: true breaks it into lines of 76, each with CRLF.  charset: what the
--   text, which is UTF-8, is made first; what it does not know becomes "?".
--   Raises on an unknown charset.
--   Events: any.  Waits: no.  From: Momentum msys.base64.encode.
function msys.base64.encode(text, fold, charset)
  text = text_of(text, 'msys.base64.encode')
  if is_set(charset) then
    text = need('msys.base64.encode', codec.from_utf8(text, charset))
  end
  return codec.base64(text, fold)
end

local function decode(what, how, text, charset)
  local out, why = codec.decode(how, text)
  if out and is_set(charset) then
    out, why = codec.to_utf8(out, charset)
  end
  if out == nil then
    error(('%s: %s'):format(what, why), 3)
  end
  return out
end

-- msys.base64.decode(text [, charset]) -> string
--   charset: what the text is in; it becomes UTF-8.  Raises on what is not
--   base64 (white space is) and on an unknown charset.
--   Events: any.  Waits: no.  From: Momentum msys.base64.decode.
function msys.base64.decode(text, charset)
  text = text_of(text, 'msys.base64.decode')
  return (decode('msys.base64.decode', 'base64', text, charset))
end

-- msys.qp.encode(text [, charset [, dotstuffing]]) -> string
--   The text is UTF-8 and becomes charset first; its line ends become CRLF.
--   dotstuffing: true doubles a dot that is first in a line because the line
--   was broken.  Raises on an unknown charset.
--   Events: any.  Waits: no.  From: Momentum msys.qp.encode.
function msys.qp.encode(text, charset, dotstuffing)
  text = text_of(text, 'msys.qp.encode')
  if is_set(charset) then
    text = need('msys.qp.encode', codec.from_utf8(text, charset))
  end
  text = codec.quoted_printable(text)
  return dotstuffing and (gsub(text, '=\r\n%.', '=\r\n..')) or text
end

-- msys.qp.decode(text [, charset]) -> string
--   As msys.base64.decode; raises on a '=' that begins no escape.
--   Events: any.  Waits: no.  From: Momentum msys.qp.decode.
function msys.qp.decode(text, charset)
  text = text_of(text, 'msys.qp.decode')
  return (decode('msys.qp.decode', 'quoted-printable', text, charset))
end

-- msys.idn.to_idn(domain) -> domain with A-labels, lower case | nil, why
--   nil where it is no domain.  Raises without libidn2.
--   Events: any.  Waits: no.  From: Momentum msys.idn.to_idn.
function msys.idn.to_idn(name)
  return codec.to_idn(text_of(name, 'msys.idn.to_idn'))
end

-- msys.idn.to_utf8(domain) -> domain with U-labels | nil, why
--   A label that stands for no U-label leaves the domain as it is.
--   Events: any.  Waits: no.  From: Momentum msys.idn.to_utf8.
function msys.idn.to_utf8(name)
  return codec.from_idn(text_of(name, 'msys.idn.to_utf8'))
end

-- ---- addresses -------------------------------------------------------------

local components = {
  all = true, localpart = true, user = true, detail = true, domain = true,
}

-- msys.parseRFC2822Addresses(text [, component]) -> array of strings
--   text: as of a To: header.  component: "all" (the default), "localpart",
--   "user" and "detail" of user+detail@domain, or "domain"; an address without
--   a detail gives "".  An empty array where it is no list of addresses.
--   Raises on another component.
--   Events: any.  Waits: no.  From: Momentum msys.parseRFC2822Addresses.
function msys.parseRFC2822Addresses(text, component)
  text = text_of(text, 'msys.parseRFC2822Addresses')
  if component == nil then
    component = 'all'
  elseif not components[component] then
    error('msys.parseRFC2822Addresses: the component is all, localpart, user, '
      .. 'detail or domain, not ' .. tostring(component), 2)
  end
  return native.text.addresses(text, component) or {}
end
