-- http.lua - msys.http.client

local msys, native, host = ...

local error, ipairs, rawget, setmetatable, tostring, type =
  error, ipairs, rawget, setmetatable, tostring, type
local send, check_header = native.http.send, native.http.check_header
local reason = native.http.reason

local TIMEOUT, IDLE_TIMEOUT = 60, 90
local METHODS = { GET = true, POST = true, PUT = true, DELETE = true }

local room = host.room('http.client')
local methods = {}
local client = { __index = methods, __metatable = false }

-- A string, a number or an object that is text; anything else raises.
local function text(value, name, what)
  local kind = type(value)
  if kind ~= 'string' and kind ~= 'number' and
    msys.type(value) ~= 'msys.core:_ec_string' then
    error(('client:%s: %s: string expected, got %s'):format(name, what, kind),
      3)
  end
  return tostring(value)
end

-- msys.http.client.new() -> client
--   Its connections are those of the process, as of kumo.http.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function room.new()
  return setmetatable({ fields = {}, status = 0, body = '', lines = {} },
    client)
end

-- client:set_header([line])
--   "Name: value", sent with each further request; without it there are none
--   any more.  Raises on what cannot stand in a header, as CR and LF.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods:set_header(line)
  if line == nil then
    self.fields = {}
    return
  end
  line = text(line, 'set_header', 'line')
  local name, value = line:match('^([^:]*):[ \t]*(.-)[ \t]*$')
  local why = not name and 'no colon in it' or check_header(name, value)
  if why then
    error(('client:set_header: %s'):format(why), 2)
  end
  local list = self.fields
  list[#list + 1], list[#list + 2] = name, value
end

-- client:set_timeout([seconds])
--   Of each further request; without it 60.  The handler's time ends it, too.
--   Raises on what is no number.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods:set_timeout(seconds)
  if seconds ~= nil and not (type(seconds) == 'number' and seconds >= 0) then
    error('client:set_timeout: seconds expected', 2)
  end
  self.timeout = seconds
end

local function forget(self, why)
  self.status, self.why, self.body, self.lines = 0, why, '', {}
end

-- client:do_request(method, url [, data]) -> true; or nil, why
--   method: "GET", "POST", "PUT" or "DELETE"; another raises.  data: the body.
--   Any status is true; nil where there is no whole response in time.
--   Events: any.  Waits: yes.  From: Momentum msys.http.client.
function methods:do_request(method, url, data)
  method = text(method, 'do_request', 'method')
  url = text(url, 'do_request', 'url')
  data = data ~= nil and text(data, 'do_request', 'data') or nil
  if not METHODS[method] then
    error('client:do_request: GET, POST, PUT or DELETE expected, got '
      .. method, 2)
  end
  forget(self)
  local ok, status, headers, body, why = send {
    method = method, url = url, body = data, headers = self.fields,
    timeout = self.timeout or TIMEOUT, idle_timeout = IDLE_TIMEOUT,
  }
  why = not ok and status or why
  if why then
    forget(self, why)
    return nil, why
  end
  self.status, self.why, self.body = status, nil, body
  for i = 1, #headers, 2 do
    self.lines[#self.lines + 1] = headers[i] .. ': ' .. headers[i + 1]
  end
  return true
end

-- client:get_status() -> code, text
--   0 and why where the last request failed.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods:get_status()
  return self.status, self.why or reason(self.status) or ''
end

-- client:get_body() -> string
--   Empty where the last request failed.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods:get_body()
  return self.body
end

-- client:get_headers() -> array of "Name: value"
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods:get_headers()
  local lines = {}
  for i, line in ipairs(self.lines) do
    lines[i] = line
  end
  return lines
end

-- Names are found in any case of letters.
local any_case = {
  __index = function(headers, name)
    return type(name) == 'string' and rawget(headers, name:lower()) or nil
  end,
}

-- client:parse_headers(lines) -> table: name -> value
--   lines: what get_headers() gives.  The first of a name counts; names are
--   in small letters and found in any.
--   Events: any.  Waits: no.  From: Momentum msys.http.client.
function methods.parse_headers(_, lines)
  if type(lines) ~= 'table' then
    error('client:parse_headers: table expected, got ' .. type(lines), 2)
  end
  local headers = {}
  for _, line in ipairs(lines) do
    local name, value = tostring(line):match('^([^:]+):[ \t]*(.*)$')
    if name and headers[name:lower()] == nil then
      headers[name:lower()] = value
    end
  end
  return setmetatable(headers, any_case)
end
