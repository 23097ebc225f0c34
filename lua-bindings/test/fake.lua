-- fake.lua - the world as a test says it is
--
-- Called in the policy's Lua state before the policy, with ask, which puts a
-- question to the test, and settings: what the test has said so far.
--   { dns = zones }              the only names that there are
--   { path = folders }           where modules are looked for, too
--   { scratch = folder }         databases are made in there
-- HTTP and Redis are always answered by the test.

local ask, settings = ...

local kumo = require 'kumo'

-- files -----------------------------------------------------------------------

for _, folder in ipairs(settings.path or {}) do
  package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(
    folder, folder, package.path)
end

-- A test has databases of its own, empty ones, wherever the policy's are.
local ok, sqlite = pcall(require, 'sqlite')
if ok and settings.scratch then
  local open = sqlite.open
  function sqlite.open(path, ...)
    if type(path) == 'string' and path ~= '' and path ~= ':memory:' then
      path = settings.scratch .. '/' .. path:gsub('[^%w.-]', '_')
    end
    return open(path, ...)
  end
end

-- Throttles count here, wherever the policy's would.
kumo.configure_redis_throttles = function() end

-- dns ------------------------------------------------------------------------

local function nothing() end

if kumo.dns and settings.dns then
  kumo.dns.configure_test_resolver(settings.dns)
  -- what the policy says of resolvers is for the real world
  for _, name in ipairs {
    'configure_resolver', 'configure_test_resolver',
    'configure_unbound_resolver', 'define_resolver',
  } do
    if kumo.dns[name] then
      kumo.dns[name] = nothing
    end
  end
end

-- http -----------------------------------------------------------------------

local function class(methods)
  return {
    __index = function(_, key)
      local method = methods[key]
      if method == nil then
        error(("attempt to get an unknown field '%s'"):format(
          tostring(key)), 2)
      end
      return method
    end,
  }
end

local response = {}
local Response = class(response)

local function ranged(from, to)
  return function(self)
    return self._status >= from and self._status <= to
  end
end

response.status_is_informational = ranged(100, 199)
response.status_is_success = ranged(200, 299)
response.status_is_redirection = ranged(300, 399)
response.status_is_client_error = ranged(400, 499)
response.status_is_server_error = ranged(500, 599)

function response:status_code()
  return self._status
end

function response:status_reason()
  return rawget(self, '_reason')
end

function response:content_length()
  return #self._body
end

function response:headers()
  local list = {}
  for name, value in pairs(self._headers) do
    list[name:lower()] = value
  end
  return setmetatable({}, {
    __index = function(_, name)
      return list[tostring(name):lower()]
    end,
    __pairs = function()
      return pairs(list)
    end,
  })
end

function response:text()
  if rawget(self, '_read') then
    error('broken response wrapper', 2)
  end
  self._read = true
  return self._body
end

response.bytes = response.text

local request = {}
local Request = class(request)

function request:header(name, value)
  self._headers[tostring(name)] = tostring(value)
  return self
end

function request:headers(list)
  for name, value in pairs(list) do
    self:header(name, value)
  end
  return self
end

function request:body(text)
  self._body = tostring(text)
  return self
end

function request:form_url_encoded(list)
  self._form = list
  return self
end

function request:form_multipart_data(list)
  self._form = list
  return self
end

function request:basic_auth(user, password)
  self._user, self._password = user, password
  return self
end

function request:bearer_auth(token)
  return self:header('Authorization', 'Bearer ' .. token)
end

function request:timeout()
  return self
end

function request:aws_sign_v4()
  return self
end

function request:send()
  local given = ask {
    what = 'http', method = self._method, url = self._url,
    headers = self._headers, body = rawget(self, '_body'),
    form = rawget(self, '_form'), user = rawget(self, '_user'),
    password = rawget(self, '_password'),
  }
  if given.error then
    error(given.error, 2)
  end
  return setmetatable({
    _status = given.status or 200, _reason = given.reason,
    _headers = given.headers or {}, _body = given.body or '',
  }, Response)
end

local client = {}
local Client = class(client)

local function starts(method)
  return function(_, url)
    return setmetatable({
      _method = method, _url = tostring(url), _headers = {},
    }, Request)
  end
end

client.get = starts 'GET'
client.post = starts 'POST'
client.put = starts 'PUT'
function client:close() end

kumo.http = kumo.http or {}
function kumo.http.build_client(options)
  if type(options) ~= 'table' then
    error('kumo.http.build_client: a table expected', 2)
  end
  return setmetatable({}, Client)
end

-- redis ----------------------------------------------------------------------

local conn = {}
local Conn = class(conn)

-- The items of arrays, and pairs of other tables, one by one.
local function flatten(list, value)
  if type(value) ~= 'table' then
    list[#list + 1] = type(value) == 'boolean'
      and (value and '1' or '0') or tostring(value)
  elseif #value > 0 then
    for _, one in ipairs(value) do
      flatten(list, one)
    end
  else
    for k, v in pairs(value) do
      flatten(list, k)
      flatten(list, v)
    end
  end
end

function conn:query(...)
  local words = {}
  for i = 1, select('#', ...) do
    local word = select(i, ...)
    if word ~= nil then
      flatten(words, word)
    end
  end
  local given = ask { what = 'redis', words = words }
  if given.error then
    error(given.error, 2)
  end
  return given.value
end

local redis = {}
function redis.open(options)
  if type(options) ~= 'table' then
    error("bad argument #1 to 'open' (table expected)", 2)
  end
  return setmetatable({}, Conn)
end

package.loaded.redis = redis
