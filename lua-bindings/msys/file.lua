-- file.lua - msys.readfile and msys.core.io_wrapper_open: plain files
--
-- Only regular files of this host: a FIFO or device would keep everyone
-- waiting, and URI schemes other than file: are not there.  Reading and
-- writing wait for the disk alone.

local msys, native, host = ...

local file = native.file
local core = msys.core
local floor = math.floor

-- open(2)'s, so that their unions work
for name, value in next, file.flags do
  core[name] = value
end

-- A path of what may be a URI, or nil, why
local function path_of(name)
  local scheme, rest = name:match('^(%a[%w+.-]*):(.*)')
  if not scheme then
    return name
  elseif scheme:lower() ~= 'file' then
    return nil, ('%s: there is no %s:, only files'):format(name, scheme)
  end
  return (rest:gsub('^//[^/]*', ''))
end

-- msys.readfile(path) -> string; nil, why
--   path: of a regular file of at most 16 MB, or "file:///path".
--   Events: any.  Waits: no.  From: Momentum msys.readfile.
function msys.readfile(name)
  local path, why = path_of(tostring(name))
  if not path then
    return nil, why
  end
  return file.readfile(path)
end

-- ---- handles ---------------------------------------------------------------

local CHUNK = 4096
local class

local function data_of(self, what)
  return host.check(self, class, 'io_object:' .. what)
end

local function nothing_is_end(text, why)
  if text == '' then
    return nil
  end
  return text, why
end

-- One line with its newline; what was read beyond it is left for the next.
local function read_line(handle)
  local line = ''
  repeat
    local piece, why = file.read(handle, CHUNK)
    if not piece then
      return nil, why
    end
    local stop = piece:find('\n', 1, true)
    if stop then
      file.seek(handle, 'cur', stop - #piece)
      return line .. piece:sub(1, stop)
    end
    line = line .. piece
  until #piece < CHUNK
  return nothing_is_end(line)
end

-- The number that stands there, or nil; what is behind it is left.
local function read_number(handle)
  local piece, why = file.read(handle, 200)
  if not piece then
    return nil, why
  end
  local _, stop = piece:find('^%s*[+-]?[%w.]+')
  file.seek(handle, 'cur', (stop or 0) - #piece)
  return tonumber(piece:sub(1, stop or 0))
end

local methods = {}

-- handle:read([what]) -> string, nil at the end; nil, why
--   what: as io.read's: "*l" or nothing, a line without its newline; "*a", the
--   rest, at most 16 MB of it; "*n", a number; n, the next n bytes.
--   Events: any.  Waits: no.  From: Momentum io_wrapper.
function methods:read(what)
  local handle = data_of(self, 'read').handle
  local form = type(what) == 'string' and what:match('^%*?([aln])')
  if what == nil or form == 'l' then
    local line, why = read_line(handle)
    return line and (line:gsub('\r?\n$', '')), why
  elseif form == 'a' then
    return file.read(handle, math.huge)
  elseif form == 'n' then
    return read_number(handle)
  end
  return nothing_is_end(file.read(handle, what))
end

-- handle:lines() -> iterator of lines
--   Events: any.  Waits: no.  From: Momentum io_wrapper.
function methods:lines()
  data_of(self, 'lines')
  return function()
    return (self:read('*l'))
  end
end

-- handle:write(text [, n]) -> how many bytes were written; nil, why
--   n: no more than so many of its bytes.
--   Events: any.  Waits: no.  From: Momentum io_wrapper.
function methods:write(text, n)
  local d = data_of(self, 'write')
  text = tostring(text)
  if n ~= nil then
    text = text:sub(1, math.max(0, floor(tonumber(n) or 0)))
  end
  local ok, why = file.write(d.handle, text)
  if not ok then
    return nil, why
  end
  return #text
end

-- handle:seek([whence [, offset]]) -> place; nil, why: as Lua's file:seek
--   Events: any.  Waits: no.  From: ours.
function methods:seek(whence, offset)
  return file.seek(data_of(self, 'seek').handle, whence, offset or 0)
end

-- handle:flush() -> true: nothing is held back here
--   Events: any.  Waits: no.  From: ours.
function methods:flush()
  data_of(self, 'flush')
  return true
end

-- handle:close() -> true; using it later raises
--   Events: any.  Waits: no.  From: Momentum io_wrapper.
function methods:close()
  file.close(data_of(self, 'close').handle)
  return true
end

class = host.class('msys.core:_io_object', {
  methods = methods,
  meta = {
    __tostring = function(self)
      return 'io_object ' .. host.data(self).path
    end,
  },
})

-- 0644 is 420 in a scriptlet and 644 in a policy of kumo's: digits beyond
-- all modes are read as octal, and so is a string.
local function mode_of(mode)
  if mode == nil then
    return 420 -- rw-r--r--
  elseif type(mode) == 'number' and mode >= 0 and mode <= 511 then
    return mode
  end
  return tonumber(tostring(mode), 8) or 420
end

-- msys.core.io_wrapper_open(path, flags [, mode]) -> handle; nil, why
--   path: of a regular file, or "file:///path".  flags: msys.core.O_RDONLY,
--   O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_APPEND.  mode: of a
--   new file, as in 0644; the daemon's umask applies.
--   Events: any.  Waits: no.  From: Momentum msys.core.io_wrapper_open.
function core.io_wrapper_open(name, flags, mode)
  local path, why = path_of(tostring(name))
  if not path then
    return nil, why
  end
  local handle
  handle, why = file.open(path, tonumber(flags) or core.O_RDONLY,
    mode_of(mode))
  if not handle then
    return nil, why
  end
  return host.new(class, { handle = handle, path = path })
end
