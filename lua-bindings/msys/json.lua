-- json.lua - the package json: JSON as objects, and objects as JSON
--
-- An object is a table: fields are read and set by their names, elements of
-- arrays from 1.  tostring() of it, or of one inside it, is JSON.  null reads
-- as nil; where it stood is remembered until the place gets a value.
--
-- The reader takes RFC 8259 and no more, and its codes are json-c's, which is
-- what Momentum's package is built on.

local _, native, host = ...

local byte, char, find, format, gsub, match, sub = string.byte, utf8.char,
  string.find, string.format, string.gsub, string.match, string.sub
local concat, sort = table.concat, table.sort
local error, getmetatable, next, setmetatable, tonumber, tostring, type =
  error, getmetatable, next, setmetatable, tonumber, tostring, type
local rawset = rawset

local DEPTH_MAX = 100

local json = {}
host.package('json', json)

-- ---- errors ----------------------------------------------------------------

local reasons = {
  [0] = 'success',
  'continue',
  'nesting too deep',
  'unexpected end of data',
  'unexpected character',
  'null expected',
  'boolean expected',
  'number expected',
  'array value separator \',\' expected',
  'quoted object property name expected',
  'object property name separator \':\' expected',
  'object value separator \',\' expected',
  'invalid string sequence',
  'expected comment',
}

local DEPTH, EOF, UNEXPECTED, NULL, BOOLEAN, NUMBER, ARRAY = 2, 3, 4, 5, 6, 7, 8
local KEY_NAME, KEY_SEP, VALUE_SEP, STRING, COMMENT = 9, 10, 11, 12, 13

json.ERROR_DEPTH = DEPTH
json.ERROR_PARSE_EOF = EOF
json.ERROR_PARSE_UNEXPECTED = UNEXPECTED
json.ERROR_PARSE_NULL = NULL
json.ERROR_PARSE_BOOLEAN = BOOLEAN
json.ERROR_PARSE_NUMBER = NUMBER
json.ERROR_PARSE_ARRAY = ARRAY
json.ERROR_PARSE_OBJECT_KEY_NAME = KEY_NAME
json.ERROR_PARSE_OBJECT_KEY_SEP = KEY_SEP
json.ERROR_PARSE_OBJECT_VALUE_SEP = VALUE_SEP
json.ERROR_PARSE_STRING = STRING
json.ERROR_PARSE_COMMENT = COMMENT

-- json.strerror(code) -> string
--   Events: any.  Waits: no.  From: Momentum json.strerror.
function json.strerror(code)
  return reasons[tonumber(code)] or 'unknown error'
end

-- ---- objects ---------------------------------------------------------------

local OBJECT, ARRAY_CLASS, SCALAR = {}, {}, {}
local weak = { __mode = 'k' }
local sizes = setmetatable({}, weak)   -- array -> elements that were read
local nulls = setmetatable({}, weak)   -- object -> names that were null
local scalars = setmetatable({}, weak) -- of json.encode('text') -> its JSON
local orders = setmetatable({}, weak)  -- object -> name -> its place

-- Names of objects are written in the order in which they came in.
local function keep_place(t, name)
  local order = orders[t] or { [0] = 0 }
  if type(name) == 'string' and not order[name] then
    order[0] = order[0] + 1
    order[name] = order[0]
    orders[t] = order
  end
end

-- json.new() -> an empty object
--   Events: any.  Waits: no.  From: Momentum json.new.
function json.new()
  return setmetatable({}, OBJECT)
end

local escapes = {
  ['"'] = '\\"', ['\\'] = '\\\\', ['\b'] = '\\b', ['\f'] = '\\f',
  ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t',
}

local function escape(c)
  return escapes[c] or format('\\u%04x', byte(c))
end

local function string_text(s)
  return '"' .. gsub(native.codec.repair(s), '[%z\1-\31"\\]', escape) .. '"'
end

local function number_text(n)
  if n ~= n or n == 1 / 0 or n == -1 / 0 then
    return 'null'
  elseif n % 1 == 0 and n > -2 ^ 53 and n < 2 ^ 53 then
    return format('%.0f', n)
  end
  local text = format('%.14g', n)
  return tonumber(text) == n and text or format('%.17g', n)
end

local function is_array(t)
  return t[1] ~= nil or getmetatable(t) == ARRAY_CLASS
end

local write

local function write_array(out, t, depth)
  local n, i = sizes[t] or 0, 1
  out[#out + 1] = '['
  while t[i] ~= nil or i <= n do
    out[#out + 1] = i > 1 and ', ' or ' '
    write(out, t[i], depth + 1)
    i = i + 1
  end
  out[#out + 1] = ' ]'
end

local function names_of(t)
  local names, value = {}, {}
  local function add(key, v)
    local kind = type(key)
    if kind ~= 'string' and kind ~= 'number' then
      error('json: a ' .. kind .. ' is no name', 0)
    end
    local name = kind == 'number' and number_text(key) or key
    if value[name] == nil then
      names[#names + 1] = name
    end
    value[name] = v
  end
  for key in next, nulls[t] or {} do
    add(key, scalars)
  end
  for key, v in next, t do
    add(key, v)
  end
  local at = orders[t] or {}
  sort(names, function(a, b)
    local x, y = at[a] or 1 / 0, at[b] or 1 / 0
    return x < y or x == y and a < b
  end)
  return names, value
end

local function write_object(out, t, depth)
  local names, value = names_of(t)
  out[#out + 1] = '{'
  for i = 1, #names do
    local v = value[names[i]]
    out[#out + 1] = (i > 1 and ', ' or ' ') .. string_text(names[i]) .. ': '
    if v == scalars then
      v = nil
    end
    write(out, v, depth + 1)
  end
  out[#out + 1] = ' }'
end

function write(out, v, depth)
  local kind = type(v)
  if kind == 'string' then
    out[#out + 1] = string_text(v)
  elseif kind == 'number' then
    out[#out + 1] = number_text(v)
  elseif kind == 'boolean' then
    out[#out + 1] = tostring(v)
  elseif kind == 'nil' then
    out[#out + 1] = 'null'
  elseif kind ~= 'table' then
    error('json: a ' .. kind .. ' cannot be JSON', 0)
  elseif depth > DEPTH_MAX then
    error('json: nested more than ' .. DEPTH_MAX .. ' deep, or in itself', 0)
  elseif scalars[v] then
    out[#out + 1] = scalars[v]
  else
    (is_array(v) and write_array or write_object)(out, v, depth)
  end
end

local function text_of(v)
  local out = {}
  write(out, v, 1)
  return concat(out)
end

local function same_of(list)
  local new
  if list then
    new = {}
    for k, v in next, list do
      new[k] = v
    end
  end
  return new
end

-- A copy that is objects all through.
local function copy(v, depth)
  if type(v) ~= 'table' or scalars[v] then
    return v
  elseif depth > DEPTH_MAX then
    error('json.encode: nested more than ' .. DEPTH_MAX
      .. ' deep, or in itself', 0)
  end
  local new = {}
  if is_array(v) then
    local n = sizes[v] or 0
    local i = 1
    while v[i] ~= nil or i <= n do
      new[i] = copy(v[i], depth + 1)
      i = i + 1
    end
    sizes[new] = n > 0 and n or nil
    return setmetatable(new, ARRAY_CLASS)
  end
  for key, item in next, v do
    new[tostring(key)] = copy(item, depth + 1)
  end
  nulls[new], orders[new] = same_of(nulls[v]), same_of(orders[v])
  return setmetatable(new, OBJECT)
end

-- for k, v in object do
--   Names, or indices up to the first nil.  Nothing of what stands for a text
--   or a number alone.
local function step(t, key)
  if not is_array(t) then
    return next(t, key)
  end
  key = (key or 0) + 1
  if t[key] ~= nil then
    return key, t[key]
  end
end

local function iterate(t)
  return step, t
end

-- A table that is put into an object becomes one: a copy.
local function put(t, key, value)
  if type(value) == 'table' and getmetatable(value) == nil then
    value = copy(value, 1)
  end
  if nulls[t] then
    nulls[t][key] = nil
  end
  keep_place(t, key)
  rawset(t, key, value)
end

for _, class in ipairs { OBJECT, ARRAY_CLASS, SCALAR } do
  class.__tostring = text_of
  class.__iter = iterate
  class.__newindex = put
  function class.__call(t, _, key) -- where "in" is followed by a call
    return step(t, key)
  end
end

-- json.encode(value) -> object; tostring() gives its JSON
--   A table with [1] is an array up to its first nil, any other an object
--   whose keys are texts: of a plain table by the alphabet, else as they came.
--   What is not UTF-8 becomes U+FFFD, a number that is none null.  Raises on
--   functions and userdata, and on tables inside themselves.
--   Events: any.  Waits: no.  From: Momentum json.encode.
function json.encode(value)
  local ok, text = pcall(text_of, value)
  if not ok then
    error(text, type(text) == 'string' and match(text, '^json: ') and 2 or 0)
  end
  if type(value) == 'table' then
    return copy(value, 1)
  end
  local new = setmetatable({}, SCALAR)
  scalars[new] = text
  return new
end

-- ---- reading ---------------------------------------------------------------
-- Each reader gives where it stopped and the value, or nil, a code and where.

local function skip(s, at)
  return find(s, '[^ \t\r\n]', at) or #s + 1
end

local letters = {
  ['"'] = '"', ['\\'] = '\\', ['/'] = '/', b = '\b', f = '\f', n = '\n',
  r = '\r', t = '\t',
}

-- \uXXXX at the backslash; of a surrogate pair both.
local function read_escape(s, at)
  local hex = match(s, '^\\u(%x%x%x%x)', at)
  if not hex then
    return nil
  end
  local code = tonumber(hex, 16)
  if code >= 0xd800 and code < 0xdc00 then
    local low = match(s, '^\\u([dD][c-fC-F]%x%x)', at + 6)
    if low then
      return at + 12, char(0x10000 + (code - 0xd800) * 0x400
        + tonumber(low, 16) - 0xdc00)
    end
  end
  if code >= 0xd800 and code < 0xe000 then
    code = 0xfffd
  end
  return at + 6, char(code)
end

local function read_string(s, at)
  local out, n = {}, 0
  at = at + 1
  while true do
    local stop = find(s, '[%z\1-\31"\\]', at)
    if not stop then
      return nil, EOF, #s + 1
    end
    n = n + 1
    out[n] = sub(s, at, stop - 1)
    local c = byte(s, stop)
    if c == 34 then
      return stop + 1, n == 1 and out[1] or concat(out)
    elseif c ~= 92 then
      return nil, STRING, stop
    end
    local letter = letters[sub(s, stop + 1, stop + 1)]
    n = n + 1
    if letter then
      at, out[n] = stop + 2, letter
    else
      at, out[n] = read_escape(s, stop)
      if not at then
        return nil, find(s, '^\\u?%x*$', stop) and EOF or STRING, stop
      end
    end
  end
end

local function read_number(s, at)
  local from = at
  at = match(s, '^%-?0()', at) or match(s, '^%-?[1-9]%d*()', at)
  if not at then
    return nil, NUMBER, from
  end
  at = match(s, '^%.%d+()', at) or at
  at = match(s, '^[eE][+-]?%d+()', at) or at
  if find(s, '^[%w.+-]', at) then
    return nil, NUMBER, at
  end
  return at, tonumber(sub(s, from, at - 1))
end

local words = {
  t = { 'true', true, BOOLEAN },
  f = { 'false', false, BOOLEAN },
  n = { 'null', nil, NULL },
}

local function read_word(s, at)
  local word = words[sub(s, at, at)]
  local stop = at + #word[1]
  if sub(s, at, stop - 1) ~= word[1] or find(s, '^%w', stop) then
    return nil, word[3], at
  end
  return stop, word[2]
end

local read

local function read_array(s, at, depth)
  local t, n = setmetatable({}, ARRAY_CLASS), 0
  local value, where
  at = skip(s, at + 1)
  if sub(s, at, at) == ']' then
    return at + 1, t
  end
  while true do
    at, value, where = read(s, at, depth + 1)
    if not at then
      return nil, value, where
    end
    n = n + 1
    t[n] = value
    at = skip(s, at)
    local c = sub(s, at, at)
    if c == ']' then
      sizes[t] = n
      return at + 1, t
    elseif c ~= ',' then
      return nil, c == '' and EOF or ARRAY, at
    end
    at = skip(s, at + 1)
  end
end

-- One "name": value into t.
local function read_member(s, at, t, depth)
  local name, value, where
  if sub(s, at, at) ~= '"' then
    return nil, at > #s and EOF or KEY_NAME, at
  end
  at, name, where = read_string(s, at)
  if not at then
    return nil, name, where
  end
  at = skip(s, at)
  if sub(s, at, at) ~= ':' then
    return nil, at > #s and EOF or KEY_SEP, at
  end
  at, value, where = read(s, skip(s, at + 1), depth + 1)
  if not at then
    return nil, value, where
  end
  rawset(t, name, value)
  keep_place(t, name)
  if value == nil then
    nulls[t] = nulls[t] or {}
    nulls[t][name] = true
  end
  return at
end

local function read_object(s, at, depth)
  local t = setmetatable({}, OBJECT)
  local code, where
  at = skip(s, at + 1)
  if sub(s, at, at) == '}' then
    return at + 1, t
  end
  while true do
    at, code, where = read_member(s, at, t, depth)
    if not at then
      return nil, code, where
    end
    at = skip(s, at)
    local c = sub(s, at, at)
    if c == '}' then
      return at + 1, t
    elseif c ~= ',' then
      return nil, c == '' and EOF or VALUE_SEP, at
    end
    at = skip(s, at + 1)
  end
end

function read(s, at, depth)
  local c = sub(s, at, at)
  if c == '{' or c == '[' then
    if depth > DEPTH_MAX then
      return nil, DEPTH, at
    end
    return (c == '{' and read_object or read_array)(s, at, depth)
  elseif c == '"' then
    return read_string(s, at)
  elseif find(c, '[%d-]') then
    return read_number(s, at)
  elseif words[c] then
    return read_word(s, at)
  end
  return nil, c == '' and EOF or c == '/' and COMMENT or UNEXPECTED, at
end

-- json.decode(text) -> object | nil, code, err
--   A text that is no array or object gives the plain value.  code is one of
--   json.ERROR_*, err says where.
--   Events: any.  Waits: no.  From: Momentum json.decode.
function json.decode(text)
  local s = host.text(text, 'json.decode')
  local at, value, where = read(s, skip(s, 1), 1)
  if at then
    at = skip(s, at)
    if at > #s then
      return value
    end
    value, where = UNEXPECTED, at
  end
  return nil, value, reasons[value] .. ' at offset ' .. where - 1
end
