-- msys.readfile, msys.core.io_wrapper_open
local msys = require 'msys'

local core = msys.core
local name = os.tmpname()

local function write(flags, text, mode)
  local h = assert(core.io_wrapper_open(name, flags, mode))
  assert(msys.type(h) == 'msys.core:_io_object')
  assert(h:write(text, #text) == #text)
  assert(h:flush() and h:close() == true)
end

-- a new file, its mode and what is appended
os.remove(name)
assert(core.O_RDONLY == 0 and core.O_WRONLY == 1 and core.O_RDWR == 2)
assert(core.O_RDRW == core.O_RDWR and core.O_BINARY == 0)
write(core.O_CREAT + core.O_WRONLY, 'one\n', 0640)
write(core.O_APPEND + core.O_WRONLY + core.O_BINARY, 'two\r\nthree')
assert(msys.readfile(name) == 'one\ntwo\r\nthree')
assert(msys.readfile('file://' .. name) == 'one\ntwo\r\nthree')
local modes = io.popen and io.popen('stat -c %a ' .. name)
if modes then
  local mode = modes:read('*l')
  modes:close()
  assert(mode == '640' or mode == '600', mode)
end

-- reading
local h = core.io_wrapper_open(name, core.O_RDONLY)
assert(h:read(3) == 'one' and h:read(1) == '\n')
assert(h:read('*l') == 'two' and h:read('*l') == 'three')
assert(h:read('*l') == nil and h:read(5) == nil and h:read() == nil)
assert(h:read('*a') == '' and h:read('*n') == nil)
assert(h:seek('set', 4) == 4 and h:read('*all') == 'two\r\nthree')
h:seek('set')
local lines = {}
for line in h:lines() do
  lines[#lines + 1] = line
end
assert(table.concat(lines, ',') == 'one,two,three')
assert(h:seek('set') == 0 and h:read(1e300) == 'one\ntwo\r\nthree')
local n, why = h:write('x')
assert(n == nil and why == 'Bad file descriptor')
assert(tostring(h) == 'io_object ' .. name)
h:close()
assert(not pcall(h.read, h, 1) and not pcall(h.close, h))
assert(not pcall(h.read, 'x', 1))

-- numbers
write(core.O_WRONLY + core.O_TRUNC, ' 12\n-0x1F 1e3x 7')
h = core.io_wrapper_open(name, core.O_RDONLY)
assert(h:read('*n') == 12 and h:read('*number') == -31)
assert(h:read('*n') == nil)
h:close()

-- a part of the text; long lines
write(core.O_WRONLY + core.O_TRUNC, 'x')
h = core.io_wrapper_open(name, core.O_RDWR)
assert(h:write('abcdef', 3) == 3 and h:write('g', 9) == 1)
assert(h:write(('l'):rep(10000) .. '\nm') == 10002)
h:seek('set')
assert(h:read('*l') == 'abcg' .. ('l'):rep(10000) and h:read('*l') == 'm')
h:close()
os.remove(name)

-- what is not to be had
local function refused(text, ...)
  local r, reason = core.io_wrapper_open(...)
  assert(r == nil and reason:find(text, 1, true), tostring(reason))
end
refused('No such file', name, core.O_RDONLY)
refused('not a regular file', '/dev/zero', core.O_RDONLY)
refused('not a regular file', '/', core.O_RDONLY)
refused('there is no jlog:, only files', 'jlog:///var/log/x//master',
  core.O_WRONLY)
refused('are known', name, 2 ^ 20)
local text, reason = msys.readfile('/no/such/file')
assert(text == nil and reason == '/no/such/file: No such file or directory')
text, reason = msys.readfile('http://x.example/')
assert(text == nil and reason:find('there is no http:'))
text, reason = msys.readfile('/dev/urandom')
assert(text == nil and reason:find('not a regular file'))
text, reason = msys.readfile('/etc/passwd\0x')
assert(text == nil and reason:find('NUL'), tostring(reason))
