-- kumo.milter.domain_map_file, cidr_map_file and regex_set_map_file
local kumo = require 'kumo'
local milter = kumo.milter

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

local name = os.tmpname()

local function write(text)
  local f = assert(io.open(name, 'w'))
  f:write(text)
  f:close()
  return name
end

-- lines as they are wanted, and as they come
local domains = milter.domain_map_file(write(
  '# comment\n\n  \t\r\nexample.com  one of ours \r\n' ..
  '\t*.example.net\twhole # domain\nexample.org\nexample.org \t \n' ..
  'twice a\ntwice b\nbytes \255\nlast end'))
same(domains['example.com'], 'one of ours')
same(domains['a.b.example.net'], 'whole # domain')
same(domains['example.net'], nil)
same(domains['example.org'], true)
same(domains['twice'], 'b')
same(domains['bytes'], '\255')
same(domains['last'], 'end')
same(domains['#'], nil)

-- the objects are those of the other makers
same(getmetatable(domains), getmetatable(kumo.domain_map.new()))
local again = milter.domain_map_file(name)
domains['example.com'] = { 1 }
same(domains['example.com'][1], 1)
same(domains['last'], 'end')
same(again['example.com'], 'one of ours')
same(milter.domain_map_file(name)['example.com'], 'one of ours')

-- another file of that name is another map; who has the old one keeps it
os.remove(name)
write('example.com new\n')
same(milter.domain_map_file(name)['example.com'], 'new')
same(again['example.com'], 'one of ours')
same(milter.domain_map_file(write(''))['example.com'], nil)

local networks = milter.cidr_map_file(write(
  '192.0.2.0/24 net\n192.0.2.128/25 half\n192.0.2.7\n2001:db8::/32 six\n' ..
  '198.51.100.1 a\n198.51.100.1 b\n'))
same(networks['192.0.2.1'], 'net')
same(networks['192.0.2.200'], 'half')
same(networks['192.0.2.7'], true)
same(networks['[2001:db8::1]:25'], 'six')
same(networks['198.51.100.1'], 'b')
same(networks['203.0.113.1'], nil)
networks['192.0.2.0/24'] = 5
same(networks['192.0.2.200'], 5)
same(milter.cidr_map_file(name)['192.0.2.200'], 'half')

local patterns = milter.regex_set_map_file(write('^a\\sb$ two words\nc+\n'))
same(patterns['a b'], 'two words')
same(patterns['xccx'], true)
same(patterns['d'], nil)
raises('', function()
  patterns.d = 1
end)

-- one file may be maps of several kinds
write('192.0.2.1 x\n')
same(milter.domain_map_file(name)['192.0.2.1'], 'x')
same(milter.cidr_map_file(name)['192.0.2.1'], 'x')
same(milter.regex_set_map_file(name)['192x0x2x1'], 'x')

-- misuse
raises('kumo.milter.domain_map_file: a path expected, got nil',
  milter.domain_map_file)
raises('kumo.milter.cidr_map_file: a path expected, got table',
  milter.cidr_map_file, {})
raises('a path expected, got one with a NUL', milter.domain_map_file, 'a\0b')
raises('kumo.milter.domain_map_file: /: not a regular file',
  milter.domain_map_file, '/')
raises('not a regular file', milter.domain_map_file, '/dev/zero')
raises('/nonexistent/x: No such file', milter.domain_map_file, '/nonexistent/x')
raises('kumo.milter.cidr_map_file: ' .. name .. ':2: ', milter.cidr_map_file,
  write('192.0.2.1 x\nexample.com\n'))
raises('kumo.milter.regex_set_map_file: ' .. name .. ':3: ',
  milter.regex_set_map_file, write('#\na\n( x\n'))
raises(name .. ':1: a NUL', milter.domain_map_file, write('a\0b\n'))
raises(name .. ':2: a line of more than 65536 bytes', milter.domain_map_file,
  write('a\n' .. ('b'):rep(65537)))
same(#milter.domain_map_file(write('a ' .. ('b'):rep(65534)))['a'], 65534)
os.remove(name)
