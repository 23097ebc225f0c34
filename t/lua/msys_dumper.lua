-- msys.dumper.Dumper
local msys = require 'msys'
assert(require 'msys.dumper' == msys.dumper)
local dump = msys.dumper.Dumper

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local cycle = { 'x' }
cycle.inner = { back = cycle }

for _, row in ipairs {
  { nil, 'return nil' },
  { 'a"b\\\n\0', 'return "a\\"b\\\\\\n\\000"' },
  { 12, 'return 12' },
  { 0.1, 'return 0.1' },
  { 1 / 0, 'return 1/0' },
  { true, 'return true' },
  { {}, 'return { }' },
  { { note = 'y', code = '550' }, 'return { code="550", note="y"}' },
  { { 'a', 'b', k = { 1, { 2 } } }, 'return { "a", "b", k={ 1, { 2}}}' },
  { { ['end'] = 1, ['a b'] = 2, [5] = 3, [true] = 4, [-1.5] = 5 },
    'return { [-1.5]=5, [5]=3, ["a b"]=2, ["end"]=1, [true]=4}' },
  { { print, k = msys.core.string_new() },
    'return { nil --[[function]], k=nil --[[msys.core:_ec_string]]}' },
  { cycle, 'return { "x", inner={ back=nil --[[a table inside itself]]}}' },
  { { [{}] = 1 }, 'return { --[[keys that are no text]] }' },
  { setmetatable({}, { __index = function() return 1 end }), 'return { }' },
} do
  same(dump(row[1]), row[2])
  assert(loadstring(dump(row[1])))
end

-- what can be written is read back as it was
local t = { 'a\r\n\t\127\255', 2, { x = { 3 } }, [10] = 'y', ['\195\188'] = 1e300, [0.1] = 1 / 3 }
local back = loadstring(dump(t))()
same(dump(back), dump(t))
same(back[1], t[1])
same(back[0.1], t[0.1])
local deep = {}
for _ = 1, 200 do
  deep = { deep }
end
assert(dump(deep):find('nested too deeply', 1, true))
