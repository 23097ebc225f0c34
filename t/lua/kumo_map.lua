-- kumo.domain_map, kumo.cidr and kumo.regex_set_map
local kumo = require 'kumo'

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

local function get(map, key)
  return map[key]
end

local function set(map, key, value)
  map[key] = value
end

local kinds = {
  { new = kumo.domain_map.new, key = 'example.com' },
  { new = kumo.cidr.make_map, key = '192.0.2.1' },
  { new = kumo.regex_set_map.new, key = 'a', fixed = true },
}

-- what all have: values that JSON can hold, copied
for _, kind in ipairs(kinds) do
  local key, inner = kind.key, { 1, { x = 'y', none = {} }, 'bytes \0\255' }
  local function with(value)
    return kind.new { [key] = value }
  end
  same(with('text')[key], 'text')
  same(with('')[key], '')
  same(with(12.5)[key], 12.5)
  same(with(-3)[key], -3)
  same(with(true)[key], true)
  same(with(false)[key], false)
  local map = with(inner)
  inner[1] = 2
  same(map[key][1], 1)
  same(map[key][2].x, 'y')
  same(next(map[key][2].none), nil)
  same(map[key][3]:sub(1, 7), 'bytes \0')
  map[key][1] = 3
  same(map[key][1], 1)
  same(getmetatable(map[key]), false) -- an array stays one
  same(kind.new()[key], nil)
  same(kind.new(nil)[key], nil)
  same(kind.new({})[key], nil)
  raises('error converting Lua string to table', kind.new, 'x')
  raises('error converting Lua number to table', kind.new, 1)
  raises('cannot serialize function', with, print)
  raises('cannot serialize userdata', with, kind.new())
  local loop = {}
  loop[1] = loop
  raises('cannot serialize', with, loop)
  raises('a boolean as key', kind.new, { [true] = 1 })
  raises('error converting Lua nil to String', get, map, nil)
  raises('error converting Lua table to String', get, map, {})
  same(getmetatable(map), false)
  raises('', pairs, map)
  if kind.fixed then
    raises('attempt to set an unknown field', set, map, key, 1)
  else
    raises('cannot serialize function', set, map, key, print)
    raises('error converting Lua table to String', set, map, {}, 1)
    -- two maps of one table are two maps
    local one, two = with('a'), with('a')
    one[key] = 'b'
    same(one[key], 'b')
    same(two[key], 'a')
    one[key] = nil
    same(one[key], nil)
    same(with('a')[key], 'a')
    -- a value that changes often takes no more room each time
    for i = 1, 20000 do
      one[key] = { 'value ' .. i }
    end
    same(one[key][1], 'value 20000')
  end
end

-- domains
local dm = kumo.domain_map.new {
  ['*.example.com'] = 42,
  ['example.com'] = 24,
  ['omg.wtf.woot.example.com'] = 128,
  ['*'] = 'any',
  ['*.*.net'] = 'not a pattern',
  [12] = 'twelve',
}
for name, value in pairs {
  ['example.com'] = 24,
  ['lemon.example.com'] = 42,
  ['lemon.cake.example.com'] = 42,
  ['omg.wtf.woot.example.com'] = 128,
  ['*.example.com'] = 42,
  ['foo.org'] = 'any',
  ['foo'] = 'any',
  [''] = 'any',
  ['example.com.'] = 'any',
  ['EXAMPLE.com'] = 'none',
  ['woot.example.com'] = 'none',
  ['wtf.woot.example.com'] = 'none',
  ['x.wtf.woot.example.com'] = 'none',
  ['com'] = 'none',
  ['a.b.net'] = 'none',
  ['x.omg.wtf.woot.example.com'] = 'none',
  ['12'] = 'twelve',
} do
  same(dm[name] == nil and 'none' or dm[name], value)
end
same(dm[12], 'twelve')
dm['woot.example.com'] = 'now'
dm['*.com'] = 'com'
same(dm['woot.example.com'], 'now')
same(dm['EXAMPLE.com'], 'com')
same(dm['lemon.example.com'], 42)
dm['example.com'] = nil
same(dm['example.com'], nil)
same(dm['a.example.com'], 42)

local many = kumo.domain_map.new()
for i = 1, 20000 do
  many['d' .. i .. '.example'] = i % 7
end
same(many['d20000.example'], 20000 % 7)
same(many['d20001.example'], nil)

-- networks: in a table the smaller one, whatever its order
local function networks()
  return kumo.cidr.make_map {
    ['10.0.0.0/8'] = 'ten',
    ['10.1.0.0/16'] = 'ten one',
    ['10.1.2.3'] = 'host',
    ['127.0.0.1:25'] = 'loopback',
    ['[::1]'] = 'loopback6',
    ['[2001:db8::]:25'] = 'doc',
    ['2001:db8::/32'] = 'docs',
    [10] = nil,
  }
end
local cm = networks()
for address, value in pairs {
  ['10.2.0.1'] = 'ten',
  ['10.1.0.1'] = 'ten one',
  ['10.1.2.3'] = 'host',
  ['10.1.2.3:587'] = 'host',
  ['[10.1.2.3]'] = 'host',
  ['[10.1.2.3]:25'] = 'host',
  ['10.1.0.0/16'] = 'ten one',
  ['127.0.0.1'] = 'loopback',
  ['127.0.0.2'] = 'none',
  ['::1'] = 'loopback6',
  ['[::1]:25'] = 'loopback6',
  ['2001:db8::'] = 'doc',
  ['2001:db8::1'] = 'docs',
  ['::ffff:10.1.2.3'] = 'none',
  ['any'] = 'none',
} do
  same(cm[address] == nil and 'none' or cm[address], value)
end
-- what is set later counts, also when it is larger
cm['10.1.2.0/24'] = 'new'
same(cm['10.1.2.3'], 'new')
same(cm['10.1.3.3'], 'ten one')
cm['10.0.0.0/8'] = 'all'
same(cm['10.1.2.3'], 'all')
cm['10.1.0.0/16'] = nil
same(cm['10.1.2.3'], nil)
same(cm['10.2.2.3'], 'all')
same(networks()['10.1.2.3'], 'host')
cm['any'] = 0
same(cm['10.1.2.3'], 0)
same(cm['::9'], 0)
for i = 0, 255 do
  for j = 0, 9 do
    cm[('192.168.%d.%d'):format(i, j)] = i
  end
  same(cm['192.168.' .. i .. '.9'], i)
  same(cm['192.168.0.0'], 0)
end
same(cm['192.168.17.3'], 17)
same(cm['192.168.17.10'], 0)

local long = ('1'):rep(200)
for _, bad in ipairs { 'not.set', '', '1.2.3', '10.0.0.1/24', '[::1', '1.2.3.4\0', long, 5 } do
  raises('', get, cm, bad)
  raises('', set, cm, bad, 1)
  raises('', kumo.cidr.make_map, { [bad] = 1 })
end
raises('10.0.0.1/24 is not a valid CIDR', get, cm, '10.0.0.1/24')

-- patterns
local rm = kumo.regex_set_map.new {
  [ [[4\.2\.2 .* over quota\.]] ] = 500,
  [ [[4\.2\.1 <.+>: inactive]] ] = { 'list' },
  ['^é$'] = 'e',
}
same(rm['400 4.2.2 The account is over quota'], nil)
same(rm['400 4.2.2 The account is over quota.'], 500)
same(rm['400 4.2.1 <foo>: inactive'][1], 'list')
same(rm['é'], 'e')
same(rm[''], nil)
same(kumo.regex_set_map.new({ ['a'] = 1, ['b'] = 2 })['ab'], 1)
same(kumo.regex_set_map.new({ [''] = 1 })['x'], 1)
raises('kumo.regex_set_map.new: ', kumo.regex_set_map.new, { ['('] = 1 })
raises('too ', get, kumo.regex_set_map.new { ['(a+)+$'] = 1 }, ('a'):rep(60) .. '!')
