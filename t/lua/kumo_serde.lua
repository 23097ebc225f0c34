-- kumo.serde
local kumo = require 'kumo'
local s = kumo.serde

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

-- a file with this in it
local name = os.tmpname()
local function file(text)
  local f = assert(io.open(name, 'wb'))
  f:write(text)
  f:close()
  return name
end

-- the first names
for _, f in ipairs { 'json_parse', 'json_load', 'json_encode', 'json_encode_pretty',
  'toml_parse', 'toml_load', 'toml_encode', 'toml_encode_pretty' } do
  same(kumo[f], s[f])
end

-- JSON
local t = s.json_parse '{"a":[1,2.5,"x",null,true],"b":null,"c":{}} // done'
same(t.a[2], 2.5)
same(t.a[4], nil)
same(t.a[5], true)
same(t.b, nil)
same(next(t.c), nil)
same(s.json_parse 'null', nil)
same(s.json_parse '"\\u00fc"', 'ü')
same(s.json_parse '12345678901234567890', 12345678901234567890)
same(s.json_encode(s.json_parse '[]'), '[]')
same(s.json_encode(s.json_parse '{}'), '{}')
same(s.json_load(file '# x\n{"a": 1}').a, 1)
raises('parsing [1,] as json: ', s.json_parse, '[1,]')
raises('parsing a\0b as json: ', s.json_parse, 'a\0b')
raises('parsing ' .. ('x'):rep(1000) .. '... as json: ', s.json_parse, ('x'):rep(5000))
raises('parsing ' .. file '[' .. ' as json: ', s.json_load, name)
raises('reading file /nonexistent/x: No such file or directory', s.json_load, '/nonexistent/x')
raises('reading file /dev/zero: ', s.json_load, '/dev/zero')
raises('NUL', s.json_load, name .. '\0')
raises('error converting', s.json_parse)
raises('error converting', s.json_load, {})

same(s.json_encode { 1, 2, 'x', { a = true } }, '[1,2,"x",{"a":true}]')
same(s.json_encode {}, '{}')
same(s.json_encode(nil), 'null')
same(s.json_encode(1.0), '1')
same(s.json_encode(0.1), '0.1')
same(s.json_encode(2 ^ 53), '9007199254740992')
same(s.json_encode(1 / 0), 'null')
same(s.json_encode 'ü\n\0', '"ü\\n\\u0000"')
same(s.json_encode 'a\255', '[97,255]')
same(s.json_encode { [3] = 'x', [4.5] = 'y' }:len(), #'{"3":"x","4.5":"y"}')
same(s.json_encode { 1, 2, x = 'dropped' }, '[1,2]')
same(s.json_encode_pretty { b = 1, a = { 2 }, c = {} },
  '{\n  "a": [\n    2\n  ],\n  "b": 1,\n  "c": {}\n}')
raises('cannot serialize function', s.json_encode, { print })
raises('cannot serialize thread', s.json_encode, coroutine.create(print))
raises('cannot serialize a table with a boolean as key', s.json_encode, { [true] = 1 })
local endless = {}
endless.x = endless
raises('recursive', s.json_encode, endless)
raises('recursive', s.json_encode_pretty, endless)
raises('value expected', s.json_encode)
-- an object of kumo's does not become JSON by chance
raises('cannot serialize userdata', s.json_encode, kumo.digest.crc32 'x')

-- TOML
t = s.toml_parse [==[
title = "x"
date = 1979-05-27T07:32:00Z
far = inf
near = [ -inf, { deep = nan } ]
[a.b]
c = [1, 2.5, "x"]
[[list]]
n = 1
[[list]]
n = 2
]==]
same(t.title, 'x')
same(t.date['$__toml_private_datetime'], '1979-05-27T07:32:00Z')
same(t.far, math.huge)
same(t.near[1], -math.huge)
assert(t.near[2].deep ~= t.near[2].deep)
same(t.a.b.c[2], 2.5)
same(#t.list, 2)
same(t.list[2].n, 2)
same(s.json_encode(s.toml_parse('a = []').a), '[]')
same(s.toml_load(file 'a = 1').a, 1)
raises('parsing a = as toml: TOML parse error at line 1, column 4: ', s.toml_parse, 'a =')
raises('parsing ' .. file 'a' .. ' as toml: ', s.toml_load, name)
raises('reading file /nonexistent: No such file', s.toml_load, '/nonexistent')
raises('error converting', s.toml_parse, nil)

local value = { b = 1, a = { x = { 1, 2 }, y = {} }, l = { { n = 1 }, { n = 2 } } }
same(s.toml_encode(value), 'b = 1\n\n[a]\nx = [1, 2]\n\n[a.y]\n\n[[l]]\nn = 1\n\n[[l]]\nn = 2\n')
same(s.toml_encode_pretty(value),
  'b = 1\n\n[a]\nx = [\n    1,\n    2,\n]\n\n[a.y]\n\n[[l]]\nn = 1\n\n[[l]]\nn = 2\n')
same(s.toml_encode_pretty_compact(value),
  'b = 1\n\n[a]\nx = [1, 2]\ny = {}\n\n[[l]]\nn = 1\n\n[[l]]\nn = 2\n')
same(s.toml_encode {}, '')
same(s.toml_encode { d = t.date }, 'd = 1979-05-27T07:32:00Z\n')
for _, encode in ipairs { s.toml_encode, s.toml_encode_pretty, s.toml_encode_pretty_compact } do
  raises('cannot serialize as toml: TOML is a table', encode, { 1 })
  raises('cannot serialize as toml: TOML is a table', encode, 'x')
  raises('cannot serialize as toml: ', encode, { a = 1 / 0 })
  raises('cannot serialize function', encode, { print })
  raises('value expected', encode)
end

-- YAML
same(s.yaml_encode { a = { 1, 'true', {} }, b = 'x y' }, "a:\n- 1\n- 'true'\n- {}\nb: x y\n")
same(s.yaml_encode(nil), 'null\n')
raises('cannot serialize function', s.yaml_encode, print)
raises('value expected', s.yaml_encode)
local built, why = pcall(s.yaml_parse, 'a')
if built then
  t = s.yaml_parse 'a: 1\nb: [x, ~, 2.5]\nc: {}\nd: "yes"\n'
  same(t.a, 1)
  same(t.b[1], 'x')
  same(t.b[2], nil)
  same(t.b[3], 2.5)
  same(t.d, 'yes')
  same(s.yaml_parse '', nil)
  same(s.json_encode(s.yaml_parse '[]'), '[]')
  same(s.yaml_load(file 'a: [1]').a[1], 1)
  raises('parsing a: b: c as yaml: ', s.yaml_parse, 'a: b: c')
  raises('parsing ' .. file '[' .. ' as yaml: ', s.yaml_load, name)
  raises('reading file /nonexistent: No such file', s.yaml_load, '/nonexistent')
  raises('error converting', s.yaml_parse)
  -- what stands for a million values
  local laughs = { '- &a0 x' }
  for i = 1, 9 do
    laughs[i + 1] = ('- &a%d [%s]'):format(i, ('*a' .. i - 1 .. ','):rep(9))
  end
  raises('too many values', s.yaml_parse, table.concat(laughs, '\n'))
else
  raises('built without libyaml', error, why)
end
os.remove(name)
