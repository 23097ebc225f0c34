-- header.lua - ec_message: its headers

local _, native, host = ...

local methods = host.message_class.methods
local content, text_of = host.message_content, host.text_of
local error, ipairs, tostring, type = error, ipairs, tostring, type

-- A line of a header may have 998 bytes, with its name before.
local LONGEST = 900

-- A value that cannot go out as it is: then it is encoded, or folded.
local function needs_care(value)
  if value:find('[\128-\255]') then
    return true
  end
  for line in value:gmatch('[^\n]+') do
    if #line > LONGEST then
      return true
    end
  end
  return false
end

-- Words that are encoded may hold anything: no line break may be in them.
local function clean(value)
  if value:find('[\128-\255]') then
    value = value:gsub('%z', ''):gsub('%s*[\r\n]+%s*', ' ')
  end
  return (value:gsub('%s+$', ''))
end

local modes = { replace = true, append = true, prepend = true }

-- host.header_values(value, mode, what) -> array of strings, mode
--   value: one or a table of them.
function host.header_values(value, mode, what)
  mode = mode == nil and 'replace' or mode
  if not modes[mode] then
    error(("%s: 'replace', 'append' or 'prepend' expected, not %s"):format(
      what, tostring(mode)), 3)
  end
  local values = {}
  for i, one in ipairs(type(value) == 'table' and value or { value }) do
    values[i] = clean(text_of(one, what))
  end
  return values, mode
end

-- host.set_header(message, name, values, mode)
--   message: kumo's.
function host.set_header(message, name, values, mode)
  if mode == 'prepend' then
    for i = #values, 1, -1 do
      message:prepend_header(name, values[i], needs_care(values[i]))
    end
    return
  end
  if mode == 'replace' then
    message:remove_all_named_headers(name)
  end
  for _, value in ipairs(values) do
    message:append_header(name, value, needs_care(value))
  end
end

-- msg:header(name) -> array of the values, decoded to UTF-8
-- msg:header(name, "") -> boolean: deletes all, was there one
-- msg:header(name, value [, mode]) -> true
--   value: string, or a table of them: several headers.  mode: "replace",
--   which is the default, deletes those of that name and adds at the end;
--   "append" adds at the end, "prepend" at the top.  What is not ASCII is
--   encoded (RFC 2047).  It is one header whatever the value: a line break
--   stays only as a fold.  Raises on a name that is none and on other modes.
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:header.
function methods:header(name, value, mode)
  local data, message = content(self, 'msg:header')
  name = text_of(name, 'msg:header')
  if value == nil then
    return message:get_all_named_header_values(name)
  end
  host.message_changed(data)
  if value == '' and (mode == nil or mode == 'replace') then
    local was = message:get_first_named_header_value(name) ~= nil
    message:remove_all_named_headers(name)
    return was
  end
  local values
  values, mode = host.header_values(value, mode, 'msg:header')
  host.set_header(message, name, values, mode)
  return true
end

local components = {
  all = true, localpart = true, user = true, detail = true, domain = true,
}

-- host.addresses(part, name, component, what) -> array of strings
--   part: kumo's MimePart.  Of each header of that name; one that is no list
--   of addresses has none.
function host.addresses(part, name, component, what)
  component = component == nil and 'all' or component
  if not components[component] then
    error(('%s: all, localpart, user, detail or domain expected, not %s')
      :format(what, tostring(component)), 3)
  end
  local found = {}
  for header in part.headers:iter(text_of(name, what)) do
    local list = native.text.addresses(header.raw_value, component)
    for _, one in ipairs(list or {}) do
      found[#found + 1] = one
    end
  end
  return found
end

-- msg:address_header(name [, component]) -> array of strings
--   Of all addresses in all headers of that name: "all", which is the default,
--   "localpart", "user" and "detail" (before and behind its first "+"), or
--   "domain".  A header that is no list of addresses has none.
--   Raises on another component.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:address_header.
function methods:address_header(name, component)
  content(self, 'msg:address_header')
  return host.addresses(host.message_tree(self).root, name, component,
    'msg:address_header')
end
