-- http.lua - kumo.http
--
-- Called once for each Lua state with the kumo module and the primitives of
-- lb_http.c.  What a response says is known when send() returns; a body that
-- did not come whole is an error of text() and bytes() alone.

local kumo, native = ...

local error, next, pairs, tonumber, tostring, type =
  error, next, pairs, tonumber, tostring, type
local concat, sort = table.concat, table.sort

local http = {}
kumo.http = http

local TIMEOUT, POOL_IDLE_TIMEOUT = 60, 90 -- seconds, as in KumoMTA

-- arguments -----------------------------------------------------------------

-- Argument i of a function; a number is a string, too.
local function text(value, i, name, level)
  local kind = type(value)
  if kind ~= 'string' and kind ~= 'number' then
    error(("bad argument #%d to '%s' (error converting Lua %s to String "
      .. '(expected string or number))'):format(i, name, kind), level or 3)
  end
  return tostring(value)
end

local function check_table(value, i, name, level)
  if type(value) ~= 'table' then
    error(("bad argument #%d to '%s' (error converting Lua %s to table)")
      :format(i, name, type(value)), level or 3)
  end
end

-- The keys of a table of texts in their order, and these texts.
local function strings(value, i, name, level)
  level = level or 4
  check_table(value, i, name, level)
  local keys, values = {}, {}
  for k, v in pairs(value) do
    k = text(k, i, name, level)
    keys[#keys + 1] = k
    values[k] = text(v, i, name, level)
  end
  sort(keys)
  return keys, values
end

-- "k1", "v1", "k2", "v2", ...
local function pairs_of(value, i, name)
  local keys, values = strings(value, i, name, 5)
  local list = {}
  for at, k in next, keys do
    list[2 * at - 1], list[2 * at] = k, values[k]
  end
  return list
end

-- Seconds, of a number or of "1m 30s"; nil: neither.
local function seconds(value)
  if type(value) == 'string' then
    return native.duration(value)
  elseif type(value) == 'number' and value >= 0 then
    return value
  end
  return nil
end

-- classes -------------------------------------------------------------------

local function class(methods)
  return {
    __index = function(_, key)
      local method = methods[key]
      if method == nil then
        error(("attempt to get an unknown field '%s'"):format(tostring(key)), 2)
      end
      return method
    end,
    __newindex = function(_, key)
      error(("attempt to set an unknown field '%s'"):format(tostring(key)), 2)
    end,
    __metatable = false,
  }
end

local client, request, response = {}, {}, {}
local Client, Request, Response = class(client), class(request), class(response)

-- What is behind the object that a method was called with.
local function self_of(object, meta, what, name, level)
  local fields = native.fields(object, meta)
  if not fields then
    error(("bad argument #1 to '%s' (%s expected, got %s)"):format(
      name, what, type(object)), level or 3)
  end
  return fields
end

-- clients -------------------------------------------------------------------

local kinds = {
  user_agent = 'string', connection_verbose = 'boolean',
  accept_invalid_certs = 'boolean',
}

local function bad_option(key, what, value)
  error(('kumo.http.build_client: deserialize error: %s: %s expected, got %s')
    :format(key, what, type(value)), 3)
end

-- kumo.http.build_client{ user_agent =, timeout =, pool_idle_timeout =,
--     accept_invalid_certs =, connection_verbose = } -> HttpClient
--   timeout: of a request with its response, in seconds or as text ("60s");
--   the handler's time ends it, too.  pool_idle_timeout: a connection that
--   has been idle for longer is not used again (90 s).  accept_invalid_certs:
--   true: any certificate will do.  connection_verbose: true: what happens to
--   connections goes to the log at its level debug.  Other keys are ignored.
--   Connections are kept for all clients of the process together.
--   Raises on anything but a table and values that do not fit.
--   Events: any.  Waits: no.  From: KumoMTA.
function http.build_client(options)
  if type(options) ~= 'table' then
    error('kumo.http.build_client: deserialize error: a table expected, got '
      .. type(options), 2)
  end
  for key, kind in next, kinds do
    if options[key] ~= nil and type(options[key]) ~= kind then
      bad_option(key, kind, options[key])
    end
  end
  local spans = { timeout = TIMEOUT, pool_idle_timeout = POOL_IDLE_TIMEOUT }
  for key in next, spans do
    local value = options[key]
    if value ~= nil then
      spans[key] = seconds(value) or bad_option(key, 'duration', value)
    end
  end
  local agent = options.user_agent
  return native.object(Client, {
    timeout = spans.timeout,
    idle_timeout = spans.pool_idle_timeout,
    user_agent = agent,
    why = agent and native.check_header('User-Agent', agent),
    any_certificate = options.accept_invalid_certs or false,
    verbose = options.connection_verbose or false,
  })
end

local function new_request(object, method, url, name)
  local c = self_of(object, Client, 'HttpClient', name, 3) -- a tail call
  if c.closed then
    error('client was closed', 2)
  end
  return native.object(Request, {
    client = c, method = method, url = text(url, 1, name, 3), headers = {},
    timeout = c.timeout, why = c.why,
  })
end

-- client:get(url) -> HttpRequest
--   A request that is not sent yet.  What is wrong with the URL is raised by
--   send(); what raises here is a client that was closed.
--   Events: any.  Waits: no.  From: KumoMTA.
function client:get(url)
  return new_request(self, 'GET', url, 'get')
end

-- client:post(url) -> HttpRequest
--   As client:get.  Events: any.  Waits: no.  From: KumoMTA.
function client:post(url)
  return new_request(self, 'POST', url, 'post')
end

-- client:put(url) -> HttpRequest
--   As client:get.  Events: any.  Waits: no.  From: KumoMTA.
function client:put(url)
  return new_request(self, 'PUT', url, 'put')
end

-- client:close()
--   Makes no more requests.  Connections stay in the pool of the process.
--   Events: any.  Waits: no.  From: KumoMTA.
function client:close()
  self_of(self, Client, 'HttpClient', 'close').closed = true
end

-- requests ------------------------------------------------------------------

-- The request behind the object; one that was sent is no more.
local function open_request(object, name)
  local r = self_of(object, Request, 'HttpRequest', name, 4)
  if r.sent then
    error('broken request builder', 3)
  end
  return r
end

local function add_header(r, name, value)
  r.why = r.why or native.check_header(name, value)
  local list = r.headers
  list[#list + 1], list[#list + 2] = name, value
end

local function has_header(r, name)
  for i = 1, #r.headers, 2 do
    if r.headers[i]:lower() == name then
      return true
    end
  end
  return false
end

-- In place of those of that name.
local function set_header(r, name, value)
  local kept, key = {}, name:lower()
  for i = 1, #r.headers, 2 do
    if r.headers[i]:lower() ~= key then
      kept[#kept + 1], kept[#kept + 2] = r.headers[i], r.headers[i + 1]
    end
  end
  r.headers = kept
  add_header(r, name, value)
end

-- request:header(name, value) -> the request
--   Adds a header.  Content-Length and Transfer-Encoding are not sent: they
--   follow from the body.  What cannot stand in a header, as CR and LF, is
--   raised by send().
--   Events: any.  Waits: no.  From: KumoMTA.
function request:header(name, value)
  local r = open_request(self, 'header')
  add_header(r, text(name, 1, 'header'), text(value, 2, 'header'))
  return self
end

-- request:headers(table) -> the request
--   Adds one for each key.  Events: any.  Waits: no.  From: KumoMTA.
function request:headers(headers)
  local r = open_request(self, 'headers')
  local keys, values = strings(headers, 1, 'headers')
  for _, k in next, keys do
    add_header(r, k, values[k])
  end
  return self
end

-- request:timeout(duration) -> the request
--   Instead of the client's: seconds, or text ("1m 30s").  Raises on others.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:timeout(duration)
  local r = open_request(self, 'timeout')
  r.timeout = seconds(duration) or error('invalid timeout duration', 2)
  return self
end

-- request:basic_auth(user [, password]) -> the request
--   With an Authorization: Basic.  Raises on a request that was sent.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:basic_auth(user, password)
  local r = open_request(self, 'basic_auth')
  user = text(user, 1, 'basic_auth')
  password = password == nil and '' or text(password, 2, 'basic_auth')
  set_header(r, 'Authorization',
    'Basic ' .. kumo.encode.base64_encode(user .. ':' .. password))
  return self
end

-- request:bearer_auth(token) -> the request
--   With an Authorization: Bearer.  Raises on a request that was sent.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:bearer_auth(token)
  local r = open_request(self, 'bearer_auth')
  set_header(r, 'Authorization', 'Bearer ' .. text(token, 1, 'bearer_auth'))
  return self
end

-- request:body(bytes) -> the request
--   Without a Content-Type, unless a header says one.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:body(body)
  local r = open_request(self, 'body')
  r.body = text(body, 1, 'body')
  return self
end

-- request:form_url_encoded(table) -> the request
--   The body is the table as of a form, its keys in their order.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:form_url_encoded(params)
  local r = open_request(self, 'form_url_encoded')
  r.body = native.form(pairs_of(params, 1, 'form_url_encoded'))
  if not has_header(r, 'content-type') then
    add_header(r, 'Content-Type', 'application/x-www-form-urlencoded')
  end
  return self
end

-- What ends a quoted name, as browsers write it.
local function quoted(name)
  return '"' .. name:gsub('[%z\1-\31\127"]', function(c)
    return ('%%%02X'):format(c:byte())
  end) .. '"'
end

local function add_part(out, name, value)
  local file, kind
  if type(value) == 'table' then
    file = text(value.file_name, 1, 'form_multipart_data', 4)
    value = text(value.data, 1, 'form_multipart_data', 4)
  else
    value = text(value, 1, 'form_multipart_data', 4)
    kind = native.decode(value) == value and 'text/plain; charset="utf-8"'
  end
  out[#out + 1] = 'Content-Disposition: form-data; name=' .. quoted(name)
    .. (file and '; filename=' .. quoted(file) or '') .. '\r\nContent-Type: '
    .. (kind or 'application/octet-stream') .. '\r\n\r\n'
  out[#out + 1] = value
end

-- request:form_multipart_data(table) -> the request
--   The body is a part for each key: a string, or a file as { data = bytes,
--   file_name = string }.  Bytes go as they are, without base64.
--   Events: any.  Waits: no.  From: KumoMTA.
function request:form_multipart_data(params)
  local r = open_request(self, 'form_multipart_data')
  check_table(params, 1, 'form_multipart_data')
  local keys = {}
  for k in pairs(params) do
    keys[#keys + 1] = text(k, 1, 'form_multipart_data')
  end
  sort(keys)
  local boundary, out = native.boundary(), {}
  for _, k in next, keys do
    out[#out + 1] = (#out > 0 and '\r\n--' or '--') .. boundary .. '\r\n'
    local value = params[k]
    add_part(out, k, value == nil and params[tonumber(k)] or value)
  end
  out[#out + 1] = (#out > 0 and '\r\n--' or '--') .. boundary .. '--\r\n'
  r.body = concat(out)
  set_header(r, 'Content-Type', 'multipart/form-data; boundary=' .. boundary)
  return self
end

local function copy(t)
  local new = {}
  for k, v in pairs(t) do
    new[k] = v
  end
  return new
end

-- request:aws_sign_v4(params) -> the request
--   params: as of kumo.crypto.aws_sign_v4; method, uri and query_params are
--   the request's, so is the header "host" where there is none, and payload,
--   where it lacks, the body that was set before.  Adds Authorization,
--   X-Amz-Date, and with a session_token X-Amz-Security-Token.
--   Raises as kumo.crypto.aws_sign_v4 does, and on a URL that is none.
--   Events: any.  Waits: where a key source does.  From: KumoMTA.
function request:aws_sign_v4(params)
  local r = open_request(self, 'aws_sign_v4')
  check_table(params, 1, 'aws_sign_v4')
  local host, path, query = native.split_url(r.url)
  if not host then
    error(path, 2)
  end
  local p = copy(params)
  p.headers = copy(params.headers or {})
  p.headers.host = p.headers.host or host
  p.method, p.uri, p.query_params = r.method, path, {}
  p.payload = p.payload or r.body
  for i = 1, #query, 2 do
    p.query_params[query[i]] = query[i + 1]
  end
  local signed = kumo.crypto.aws_sign_v4(p)
  set_header(r, 'Authorization', signed.authorization)
  set_header(r, 'X-Amz-Date', signed.timestamp)
  if p.session_token then
    set_header(r, 'X-Amz-Security-Token', text(p.session_token, 1,
      'aws_sign_v4'))
  end
  return self
end

-- request:send() -> HttpResponse
--   Sends it and waits until the response is there.  A request is sent once.
--   Raises where there is no response in time, "error sending request for url
--   (URL): operation timed out", and on what was wrong with URL and headers;
--   a status such as 404 or 500 is no error.  A body larger than
--   http_body_limit, or one that ends early, is an error of text() and
--   bytes().
--   Events: any.  Waits: yes.  From: KumoMTA.
function request:send()
  local r = open_request(self, 'send')
  local c = r.client
  r.sent = true
  if r.why then
    error('builder error: ' .. r.why, 2)
  end
  local ok, status, headers, body, why = native.send {
    method = r.method, url = r.url, headers = r.headers, body = r.body,
    timeout = r.timeout, user_agent = c.user_agent,
    idle_timeout = c.idle_timeout, any_certificate = c.any_certificate,
    verbose = c.verbose,
  }
  if not ok then
    error(status, 2)
  end
  return native.object(Response, {
    status = status, headers = headers, body = body, why = why,
  })
end

-- responses -----------------------------------------------------------------

local function in_hundred(name, first)
  response[name] = function(self)
    local status = self_of(self, Response, 'HttpResponse', name).status
    return status >= first and status < first + 100
  end
end

-- response:status_is_informational() -> boolean
-- response:status_is_success() -> boolean
-- response:status_is_redirection() -> boolean
-- response:status_is_client_error() -> boolean
-- response:status_is_server_error() -> boolean
--   Of 1xx, 2xx, 3xx, 4xx and 5xx.
--   Events: any.  Waits: no.  From: KumoMTA.
in_hundred('status_is_informational', 100)
in_hundred('status_is_success', 200)
in_hundred('status_is_redirection', 300)
in_hundred('status_is_client_error', 400)
in_hundred('status_is_server_error', 500)

-- response:status_code() -> integer
--   Events: any.  Waits: no.  From: KumoMTA.
function response:status_code()
  return self_of(self, Response, 'HttpResponse', 'status_code').status
end

-- response:status_reason() -> string or nil
--   What the status means, as "Not Found"; not what the server calls it.
--   Events: any.  Waits: no.  From: KumoMTA.
function response:status_reason()
  local r = self_of(self, Response, 'HttpResponse', 'status_reason')
  return native.reason(r.status)
end

-- The response behind the object, as long as its body was not taken.
local function whole(object, name)
  local r = self_of(object, Response, 'HttpResponse', name, 4)
  if r.taken then
    error('broken response wrapper', 3)
  end
  return r
end

local function first(list, name)
  for i = 1, #list, 2 do
    if list[i] == name then
      return list[i + 1]
    end
  end
  return nil
end

-- A map: headers['x-header'] is the first of that name in any case of
-- letters, or nil; pairs() gives each with its name in small letters.
local Headers
Headers = {
  __index = function(self, key)
    return first(native.fields(self, Headers), text(key, 2, 'headers'):lower())
  end,
  __newindex = function()
    error('headers of a response cannot be changed', 2)
  end,
  __pairs = function(self)
    local list, i = native.fields(self, Headers), -1
    return function()
      i = i + 2
      return list[i], list[i + 1]
    end
  end,
  __metatable = false,
}

-- response:headers() -> a map
--   headers[name]: its value as a string or nil, whatever the case of the
--   name's letters; pairs(headers) gives all, with names in small letters.
--   Raises "broken response wrapper" after text() and bytes().
--   Events: any.  Waits: no.  From: KumoMTA.
function response:headers()
  return native.object(Headers, whole(self, 'headers').headers)
end

-- response:content_length() -> integer or nil
--   What the server said.  Raises as headers() does.
--   Events: any.  Waits: no.  From: KumoMTA.
function response:content_length()
  local r = whole(self, 'content_length')
  local digits = first(r.headers, 'content-length')
  return digits and digits:match('^%d+$') and tonumber(digits) or nil
end

local function take(r)
  r.taken = true
  if r.why then
    error(r.why, 3)
  end
  return r.body
end

-- response:bytes() -> string
--   The body; once.  Raises where it did not come whole, and "broken response
--   wrapper" when called again.
--   Events: any.  Waits: no.  From: KumoMTA.
function response:bytes()
  return (take(whole(self, 'bytes')))
end

-- response:text() -> string
--   The body as UTF-8: by its byte order mark, else by the charset of its
--   Content-Type, else UTF-8; what is none becomes U+FFFD.  As bytes().
--   Events: any.  Waits: no.  From: KumoMTA.
function response:text()
  local r = whole(self, 'text')
  return (native.decode(take(r), first(r.headers, 'content-type')))
end

-- the module ----------------------------------------------------------------

-- kumo.http.build_url(base, params) -> string
--   The URL with the table's keys and values added to its query, encoded, in
--   the order of the keys.  Raises on what is no URL.
--   Events: any.  Waits: no.  From: KumoMTA.
function http.build_url(base, params)
  local ok, url = native.build_url(text(base, 1, 'build_url'),
    pairs_of(params, 2, 'build_url'))
  if not ok then
    error('kumo.http.build_url: ' .. url, 2)
  end
  return url
end

-- kumo.http.connect_websocket(url)
--   Raises: Debian's libcurl has no WebSockets.
--   Events: any.  Waits: no.  From: KumoMTA.
function http.connect_websocket()
  error('kumo.http.connect_websocket: not in this version of kumilter: '
    .. "Debian's libcurl is built without WebSockets", 2)
end
