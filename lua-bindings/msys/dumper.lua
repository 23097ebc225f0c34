-- dumper.lua - msys.dumper: values as Lua text

local msys = ...

local byte, find, format, gsub = string.byte, string.find, string.format,
  string.gsub
local concat, sort = table.concat, table.sort
local next, rawget, tostring, type = next, rawget, tostring, type

local DEPTH_MAX = 100

local reserved = {}
for word in ([[and break do else elseif end false for function goto if in
  local nil not or repeat return then true until while]]):gmatch('%a+') do
  reserved[word] = true
end

local short = { ['"'] = '\\"', ['\\'] = '\\\\', ['\n'] = '\\n',
  ['\r'] = '\\r', ['\t'] = '\\t' }

local function escape(c)
  return short[c] or format('\\%03d', byte(c))
end

local function quoted(text)
  return '"' .. gsub(text, '[%z\1-\31"\\\127]', escape) .. '"'
end

local function number(n)
  if n ~= n then
    return '0/0'
  elseif n == 1 / 0 or n == -1 / 0 then
    return n > 0 and '1/0' or '-1/0'
  end
  local text = format('%.14g', n)
  return tonumber(text) == n and text or format('%.17g', n)
end

-- What cannot be written: nil, with a word about it.
local function nothing(what)
  return 'nil --[[' .. gsub(what, '%]', '') .. ']]'
end

local write

local function key_text(key)
  local kind = type(key)
  if kind == 'string' then
    if find(key, '^[%a_][%w_]*$') and not reserved[key] then
      return key
    end
    return '[' .. quoted(key) .. ']'
  elseif kind == 'number' then
    return '[' .. number(key) .. ']'
  elseif kind == 'boolean' then
    return '[' .. tostring(key) .. ']'
  end
end

local ranks = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local ra, rb = ranks[type(a)], ranks[type(b)]
  if ra ~= rb then
    return ra < rb
  elseif ra == 3 then
    return b and not a
  end
  return a < b
end

local function write_table(out, t, depth, above)
  local n, keys, odd = 0, {}, nil
  while rawget(t, n + 1) ~= nil do
    n = n + 1
  end
  for key in next, t do
    if not ranks[type(key)] then
      odd = 'keys that are no text'
    elseif type(key) ~= 'number' or key < 1 or key > n or key % 1 ~= 0 then
      keys[#keys + 1] = key
    end
  end
  sort(keys, before)
  above[t] = true
  out[#out + 1] = '{ '
  for i = 1, n do
    out[#out + 1] = i > 1 and ', ' or ''
    write(out, rawget(t, i), depth + 1, above)
  end
  for i = 1, #keys do
    out[#out + 1] = (n > 0 or i > 1) and ', ' or ''
    out[#out + 1] = key_text(keys[i]) .. '='
    write(out, rawget(t, keys[i]), depth + 1, above)
  end
  out[#out + 1] = (odd and '--[[' .. odd .. ']] ' or '') .. '}'
  above[t] = nil
end

function write(out, value, depth, above)
  local kind = type(value)
  if kind == 'string' then
    out[#out + 1] = quoted(value)
  elseif kind == 'number' then
    out[#out + 1] = number(value)
  elseif kind == 'boolean' or kind == 'nil' then
    out[#out + 1] = tostring(value)
  elseif kind ~= 'table' then
    out[#out + 1] = nothing(msys.type(value))
  elseif above[value] then
    out[#out + 1] = nothing('a table inside itself')
  elseif depth > DEPTH_MAX then
    out[#out + 1] = nothing('nested too deeply')
  else
    write_table(out, value, depth, above)
  end
end

msys.dumper = {}

-- msys.dumper.Dumper(value) -> string, as 'return { "a", k="v"}'
--   One line of Lua that gives the value: first the array, then the other
--   keys, numbers before texts, in their order.  What Lua text cannot say
--   (functions, objects, tables inside themselves) is nil with a comment.
--   Metatables are not asked.
--   Events: any.  Waits: no.  From: Momentum msys.dumper.Dumper.
function msys.dumper.Dumper(value)
  local out = { 'return ' }
  write(out, value, 1, {})
  return concat(out)
end
