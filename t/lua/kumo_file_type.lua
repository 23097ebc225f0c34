-- kumo.file_type
local kumo = require 'kumo'
local file_type = kumo.file_type

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function has(list, value)
  for _, v in ipairs(list) do
    if v == value then
      return true
    end
  end
  return false
end

-- by bytes --------------------------------------------------------------------

local png = '\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\8\6\0\0\0'
local rows = {
  { png, 'image/png', 'png', 'PNG image data' },
  { 'GIF89a\1\0\1\0\0\0\0', 'image/gif', 'gif', 'GIF image data' },
  { '%PDF-1.4\n', 'application/pdf', 'pdf', 'PDF document' },
  { '\255\216\255\224\0\16JFIF\0\1', 'image/jpeg', 'jpg', 'JPEG image data' },
  { '7z\188\175\39\28\0\4' .. ('\0'):rep(24), 'application/x-7z-compressed',
    '7z', '7-zip archive data' },
  { '\31\139\8\0\0\0\0\0\0\3', 'application/gzip', 'gz',
    'gzip compressed data' },
  { '<!DOCTYPE html>\n<html><body></body></html>\n', 'text/html', 'html',
    'HTML document' },
  { 'just some words\n', 'text/plain', 'txt', 'ASCII text' },
}
for _, row in ipairs(rows) do
  local t = file_type.from_bytes(row[1])
  assert(t.media_types[1] == row[2], t.media_types[1])
  assert(#t.media_types == 1)
  assert(has(t.extensions, row[3]), row[3])
  assert(t.name:find(row[4], 1, true) == 1, t.name)
  -- what the file says of itself is not in it
  assert(not t.name:find(',', 1, true))
end

-- there is always one
for _, bytes in ipairs { '', '\0', '\1\2\3\4\5', ('\255'):rep(1000) } do
  local t = file_type.from_bytes(bytes)
  assert(type(t.name) == 'string' and t.name ~= '')
  assert(type(t.extensions) == 'table' and t.media_types[1])
end
assert(file_type.from_bytes('').media_types[1] == 'application/octet-stream')
assert(file_type.from_bytes('\1\2\3\4\5').media_types[1]
  == 'application/octet-stream')
assert(kumo.serde.json_encode(file_type.from_bytes('\1\2\3').extensions):sub(
  1, 1) == '[')

-- of much only the beginning counts
local t = file_type.from_bytes(png .. ('x'):rep(8 * 2 ^ 20))
assert(t.media_types[1] == 'image/png')
-- and names are short, whatever the file has for one
t = file_type.from_bytes('\31\139\8\8\0\0\0\0\0\3' .. ('n'):rep(2 ^ 16) .. '\0')
assert(#t.name < 128 and t.media_types[1] == 'application/gzip')

-- by extension and media type -------------------------------------------------

local pdf = file_type.from_extension 'pdf'
assert(#pdf >= 1 and pdf[1].media_types[1] == 'application/pdf')
assert(has(pdf[1].extensions, 'pdf') and pdf[1].name == 'application/pdf')
assert(has(file_type.from_extension('JPG')[1].media_types, 'image/jpeg'))
-- one that stands for several things
assert(#file_type.from_extension 'asc' >= 1)
for _, none in ipairs { '', 'no-such', '.pdf', 'a\0b' } do
  assert(#file_type.from_extension(none) == 0, none)
end

local html = file_type.from_media_type 'text/html'
assert(#html == 1 and has(html[1].extensions, 'html')
  and html[1].media_types[1] == 'text/html')
assert(#file_type.from_media_type 'Text/HTML; charset=utf-8' == 1)
for _, none in ipairs { '', 'text', 'text/', 'text/htm', 'text/htmlx', ';',
  'text/html\0' } do
  assert(#file_type.from_media_type(none) == 0, none)
end

-- misuse ----------------------------------------------------------------------

for _, f in pairs(file_type) do
  raises('to String', f)
  raises('to String', f, {})
  f(7)
end
