-- kumo.fs
local kumo = require 'kumo'
local fs = kumo.fs

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

-- files
local name = os.tmpname()
local writer = fs.open(name, 'w+')
local reader = fs.open(name)
same(reader:read(), '')
writer:write 'hello'
writer:write ' world'
writer:flush()
same(reader:read(), 'hello world')
same(reader:read(), '')
same(writer:seek 'set', 0)
writer:write 'woot'
same(reader:seek('set', 0), 0)
same(reader:read(4), 'woot')
same(reader:seek(1), 5)
same(reader:read(3), ' wo')
same(reader:seek('cur', -3), 5)
same(reader:seek(), 5)
same(reader:seek 'end', 11)
same(reader:seek('end', -1), 10)
same(reader:read(100), 'd')
same(reader:read(0), '')
raises('invalid whence', reader.seek, reader, 'bogus')
raises('integer', reader.seek, reader, 'set', {})
raises('Invalid argument', reader.seek, reader, 'set', -1)
raises('out of range', reader.read, reader, -1)
raises('Bad file descriptor', reader.write, reader, 'x')
raises('error converting', writer.write, writer)
raises('File expected', reader.read, {})
reader:close()
reader:close()
for _, method in ipairs { 'read', 'write', 'seek', 'flush' } do
  raises('closed file handle', reader[method], reader, 'x')
end
-- w does not empty a file, w+ does, a adds
fs.open(name, 'wb'):write 'J'
same(fs.open(name, 'rb'):read(), 'Jooto world')
fs.open(name, 'a'):write '!'
same(fs.open(name, 'r+b'):read(), 'Jooto world!')
local both = fs.open(name, 'a+')
both:write '?'
both:seek('set', 0)
same(both:read(), 'Jooto world!?')
fs.open(name, 'w+')
same(fs.open(name):read(), '')
raises('unsupported file mode `x`', fs.open, name, 'x')
raises('unsupported file mode `b`', fs.open, name, 'b')
raises('failed to open /nonexistent/x with mode r: No such file or directory', fs.open,
  '/nonexistent/x')
raises('not a regular file', fs.open, '/dev/zero')
raises('NUL', fs.open, name .. '\0')
raises('error converting', fs.open)

-- what is known of them
fs.open(name, 'w+'):write 'hello world'
local meta = fs.metadata_for_path(name)
assert(meta.is_file and not meta.is_dir and not meta.is_symlink and not meta.readonly)
same(meta.len, 11)
same(meta.size, 11)
same(meta.nlink, 1)
for _, field in ipairs { 'dev', 'ino', 'mode', 'uid', 'gid', 'rdev', 'blksize', 'blocks' } do
  same(type(meta[field]), 'number')
end
for _, field in ipairs { 'atime', 'mtime', 'ctime' } do
  assert(meta[field].unix_timestamp > 0)
end
assert(meta.mtime.elapsed.seconds < 600)
assert(fs.metadata_for_path('/').is_dir)
assert(fs.metadata_for_path('/proc/self').is_dir)
assert(fs.symlink_metadata_for_path('/proc/self').is_symlink)
raises('No such file or directory', fs.metadata_for_path, 'this/path/does/not/exist')
raises('No such file or directory', fs.symlink_metadata_for_path, '')
raises("unknown field 'path'", function() return meta.path end)
raises('error converting', fs.metadata_for_path)

-- directories and patterns
for _, f in ipairs { 'read_dir', 'glob', 'uncached_glob' } do
  same(type(kumo[f]), 'function')
end
local function has(list, what)
  assert(getmetatable(list) == false)
  for _, one in ipairs(list) do
    if one == what then
      return true
    end
  end
  return false
end
assert(has(fs.read_dir 't/lua', 't/lua/kumo_fs.lua'))
assert(has(kumo.read_dir 't/lua/', 't/lua/kumo_fs.lua'))
raises('/nonexistent: No such file or directory', fs.read_dir, '/nonexistent')
raises('Not a directory', fs.read_dir, name)
raises('NUL', fs.read_dir, '/\0')
raises('error converting', fs.read_dir)
same(table.concat(fs.glob('kumo_{fs,time}.lua', 't/lua'), ' '), 'kumo_fs.lua kumo_time.lua')
same(table.concat(fs.glob 't/*/kumo_fs.l?a', ' '), 't/lua/kumo_fs.lua')
same(table.concat(fs.uncached_glob('**/kumo_fs.lua', 't'), ' '), 'lua/kumo_fs.lua')
same(#fs.glob('*', '/nonexistent'), 0)
local dir, base = name:match '^(.*)/(.*)$'
same(fs.glob(base, dir, 3600)[1], base)
same(fs.glob(name)[1], name)
os.remove(name)
same(fs.glob(base, dir)[1], base)
same(#fs.uncached_glob(base, dir), 0)
raises('glob({a, .): a brace without its end', fs.glob, '{a')
raises('glob({a, .): a brace without its end', fs.uncached_glob, '{a')
raises('seconds expected', fs.glob, 'a', '.', -1)
raises('number expected', fs.glob, 'a', '.', {})
raises('error converting', fs.glob)
raises('NUL', fs.glob, 'a', 'b\0')
