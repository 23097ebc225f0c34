-- the package json
local msys = require 'msys'
local json = require 'json'

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function fails(why, f, ...)
  local ok, text = pcall(f, ...)
  if ok or not tostring(text):find(why, 1, true) then
    error(('got %q, expected %q'):format(tostring(text), why), 2)
  end
end

-- reading
local o = json.decode [[ { "a": 1, "b": [true, "x", {"c": -2.5e1}], "n": null } ]]
same(o.a, 1)
same(o.b[1], true)
same(#o.b, 3)
same(o.b[3].c, -25)
same(o.n, nil)
same(tostring(o), '{ "a": 1, "b": [ true, "x", { "c": -25 } ], "n": null }')
same(tostring(o.b), '[ true, "x", { "c": -25 } ]')
o.n = 'now'
o.b[4] = { 1, 2 }
o.a = nil
same(tostring(o), '{ "b": [ true, "x", { "c": -25 }, [ 1, 2 ] ], "n": "now" }')
same(tostring(json.decode '[1, null, 3]'), '[ 1, null, 3 ]')
same(tostring(json.decode '[]'), '[ ]')
same(tostring(json.decode '{}'), '{ }')
same(json.decode '"a"', 'a')
same(json.decode '5', 5)
same(json.decode 'false', false)
same(json.decode '"\\u00fc\\n\\/\\ud83d\\ude00\\ud83d"', '\195\188\n/\240\159\152\128\239\191\189')
same(json.decode '"\\u0000"', '\0')
same(getmetatable(json.decode '{"__index": 1}').__index, nil)

-- what is none: text, code
for _, row in ipairs {
  { '', 'PARSE_EOF', 'unexpected end of data at offset 0' },
  { '[1', 'PARSE_EOF' },
  { '{"a"', 'PARSE_EOF' },
  { '{"a":', 'PARSE_EOF' },
  { '"a', 'PARSE_EOF' },
  { '"\\u00', 'PARSE_EOF' },
  { '[1 2]', 'PARSE_ARRAY' },
  { '[1,]', 'PARSE_UNEXPECTED', 'unexpected character at offset 3' },
  { '{a: 1}', 'PARSE_OBJECT_KEY_NAME' },
  { '{"a" 1}', 'PARSE_OBJECT_KEY_SEP' },
  { '{"a": 1 "b": 2}', 'PARSE_OBJECT_VALUE_SEP' },
  { 'nul', 'PARSE_NULL' },
  { 'trux', 'PARSE_BOOLEAN' },
  { '01', 'PARSE_NUMBER' },
  { '1.', 'PARSE_NUMBER' },
  { '-', 'PARSE_NUMBER' },
  { '"a\nb"', 'PARSE_STRING' },
  { '"\\x41"', 'PARSE_STRING' },
  { '/* */ 1', 'PARSE_COMMENT' },
  { '1 2', 'PARSE_UNEXPECTED' },
  { "'a'", 'PARSE_UNEXPECTED' },
  { ('['):rep(101), 'DEPTH', 'nesting too deep at offset 100' },
  { ('{"a":'):rep(100000), 'DEPTH' },
} do
  local v, code, why = json.decode(row[1])
  same(v, nil)
  same(code, json['ERROR_' .. row[2]])
  if row[3] then
    same(why, row[3])
  end
end
same(json.strerror(json.ERROR_DEPTH), 'nesting too deep')
same(json.strerror('x'), 'unknown error')

-- writing
same(tostring(json.encode { 'a', 2, nil, 4 }), '[ "a", 2 ]')
same(tostring(json.encode { b = 1, a = { true }, [7] = 'x' }),
  '{ "7": "x", "a": [ true ], "b": 1 }')
same(tostring(json.encode {}), '{ }')
same(tostring(json.encode 'a"\\\1\127\n'), '"a\\"\\\\\\u0001\127\\n"')
same(tostring(json.encode '\255'), '"\239\191\189"')
same(tostring(json.encode(2 ^ 53 - 1)), '9007199254740991')
same(tostring(json.encode(0.1)), '0.1')
same(tostring(json.encode(1 / 3)), '0.33333333333333331')
same(tostring(json.encode(0 / 0)), 'null')
same(tostring(json.encode(nil)), 'null')
local e = json.encode { list = { 1, 2 } }
e.list[3] = 'x'
same(e.list[1], 1)
same(tostring(e), '{ "list": [ 1, 2, "x" ] }')
local new = json.new()
new.k = 'v'
same(tostring(new), '{ "k": "v" }')
same(tostring(json.decode(tostring(e))), tostring(e))
fails('json: a function cannot be JSON', json.encode, { print })
fails('json: a userdata cannot be JSON', json.encode, { msys.core.string_new() })
fails('json: a boolean is no name', json.encode, { [true] = 1 })
local cycle = {}
cycle.x = cycle
fails('json: nested more than 100 deep, or in itself', json.encode, cycle)
fails('msys_json.lua:', function()
  json.encode(cycle)
end)

-- loops; t/unit gives no filter of Momentum's Lua, so by __call
local function pairs_of(object)
  local out = {}
  for k, v in object do
    out[#out + 1] = tostring(k) .. '=' .. tostring(v)
  end
  table.sort(out)
  return table.concat(out, ' ')
end
same(pairs_of(json.decode '{ "a": 1, "b": [2, 3] }'), 'a=1 b=[ 2, 3 ]')
same(pairs_of(json.decode '[5, 6, null, 7]'), '1=5 2=6')
same(pairs_of(json.encode(5)), '')
local f, s, first = getmetatable(new).__iter(new)
same(f(s, first), 'k')

-- a table that is assigned is copied, an object is not
local plain, object = { 1, { x = 2 } }, json.new()
new.plain, new.object = plain, object
plain[1], object.y = 9, 3
same(tostring(new.plain), '[ 1, { "x": 2 } ]')
same(pairs_of(new.plain[2]), 'x=2')
same(tostring(new.object), '{ "y": 3 }')

-- the order of names; null is no value any more once it was set
o = json.decode '{ "z": 1, "n": null, "a": 2 }'
o.k = 3
same(tostring(o), '{ "z": 1, "n": null, "a": 2, "k": 3 }')
o.n, o.z = nil, nil
same(tostring(o), '{ "a": 2, "k": 3 }')
o.z = 4
same(tostring(json.encode(o)), '{ "z": 4, "a": 2, "k": 3 }')
