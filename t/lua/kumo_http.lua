-- kumo.http, against the server of check_http_lua.c, whose URL is the global
-- `server`.
local kumo = require 'kumo'
local http = kumo.http
local server = rawget(_G, 'server')

local function raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(tostring(err), why), 2)
  end
end

local function same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

local function has(text, part)
  if not text:find(part, 1, true) then
    error(('no %q in\n%s'):format(part, text), 2)
  end
end

local function lacks(text, part)
  if text:find(part, 1, true) then
    error(('%q in\n%s'):format(part, text), 2)
  end
end

-- clients
local client = http.build_client {}
same(type(client), 'userdata')
http.build_client { unknown = {}, timeout = '1m', pool_idle_timeout = 1.5,
  accept_invalid_certs = true, connection_verbose = false, user_agent = 'x' }
raises('a table expected, got nil', http.build_client)
raises('a table expected, got string', http.build_client, 'x')
raises('user_agent: string expected', http.build_client, { user_agent = 1 })
raises('timeout: duration expected', http.build_client, { timeout = 'soon' })
raises('timeout: duration expected', http.build_client, { timeout = -1 })
raises('timeout: duration expected', http.build_client, { timeout = 0 / 0 })
raises('pool_idle_timeout: duration expected', http.build_client,
  { pool_idle_timeout = {} })
raises('accept_invalid_certs: boolean expected', http.build_client,
  { accept_invalid_certs = 'no' })
raises("unknown field 'delete'", function() return client.delete end)
raises("unknown field 'x'", function() client.x = 1 end)
same(getmetatable(client), false)

-- the agent
local agent = http.build_client { user_agent = 'kumo/1.0' }
has(agent:get(server .. '/echo'):send():text(), '\r\nUser-Agent: kumo/1.0\r\n')
lacks(client:get(server .. '/echo'):send():text(), 'User-Agent')
raises('builder error: invalid HTTP header value', function()
  http.build_client { user_agent = 'a\r\nX: b' }:get(server .. '/ok'):send()
end)

-- a client that was closed makes no requests, but those it made go on
local closed = http.build_client {}
local late = closed:get(server .. '/ok')
closed:close()
closed:close()
raises('client was closed', closed.get, closed, server .. '/ok')
raises('client was closed', closed.post, closed, server .. '/ok')
raises('client was closed', closed.put, closed, server .. '/ok')
same(late:send():text(), 'hello')
raises('HttpClient expected, got nil', client.get, nil, server)
raises('HttpClient expected, got userdata', client.get, late, server)
raises("bad argument #1 to 'get'", client.get, client)
raises("bad argument #1 to 'get'", client.get, client, {})

-- methods
has(client:get(server .. '/echo'):send():text(), 'GET /echo HTTP/1.1\r\n')
has(client:post(server .. '/echo'):send():text(), 'POST /echo HTTP/1.1\r\n')
has(client:put(server .. '/echo'):send():text(), 'PUT /echo HTTP/1.1\r\n')

-- what is wrong with a URL is an error of send()
for url, why in pairs {
  [''] = 'invalid URL', ['x'] = 'invalid URL',
  ['ftp://127.0.0.1/'] = 'neither http: nor https:',
  ['file:///etc/passwd'] = 'neither http: nor https:',
  ['http://a\r\nb/'] = 'a control character in it',
  ['http://127.0.0.1/\0'] = 'a NUL in it',
} do
  local request = client:get(url)
  raises(why, request.send, request)
end

-- headers
local function sent(change)
  local request = client:post(server .. '/echo')
  same(change(request), request)
  return request:send():bytes()
end
has(sent(function(r) return r:header('X-One', '1') end), '\r\nX-One: 1\r\n')
has(sent(function(r) return r:header('X-One', 12) end), '\r\nX-One: 12\r\n')
local two = sent(function(r)
  return r:headers { ['X-One'] = 'a', ['X-Two'] = 2 }:header('x-one', 'b')
end)
has(two, '\r\nX-One: a\r\nX-Two: 2\r\nx-one: b\r\n')
for name, value in pairs {
  ['X\r\nY'] = 'a', [''] = 'b', ['X Y'] = 'c', ['X:'] = 'd', ['X\0'] = 'e',
  ['X'] = 'a\r\nY: b', ['Y'] = 'a\nb', ['Z'] = 'a\0b',
} do
  raises('builder error: invalid HTTP header', sent, function(r)
    return r:header(name, value)
  end)
  raises('builder error: invalid HTTP header', sent, function(r)
    return r:headers { [name] = value }
  end)
end
raises("bad argument #2 to 'header'", sent, function(r) return r:header 'x' end)
raises("bad argument #1 to 'headers'", sent, function(r) return r:headers() end)
raises("bad argument #1 to 'headers'", sent, function(r)
  return r:headers { x = {} }
end)

-- who asks
has(sent(function(r) return r:basic_auth('user', 'pass') end),
  '\r\nAuthorization: Basic dXNlcjpwYXNz\r\n')
has(sent(function(r) return r:basic_auth 'user' end),
  '\r\nAuthorization: Basic dXNlcjo=\r\n')
local once = sent(function(r)
  return r:basic_auth('a', 'b'):bearer_auth 'token'
end)
has(once, '\r\nAuthorization: Bearer token\r\n')
lacks(once, 'Basic')
raises('builder error', sent, function(r) return r:bearer_auth 'a\r\nX: b' end)
raises("bad argument #1 to 'basic_auth'", sent, function(r)
  return r:basic_auth()
end)
raises("bad argument #1 to 'bearer_auth'", sent, function(r)
  return r:bearer_auth(nil)
end)

-- bodies
local plain = sent(function(r) return r:body 'a\0b\r\n\r\n' end)
has(plain, '\r\nContent-Length: 7\r\n')
has(plain, '\r\n\r\na\0b\r\n\r\n')
lacks(plain, 'Content-Type')
local json = sent(function(r)
  return r:header('Content-Type', 'application/json')
    :body(kumo.serde.json_encode { key = 'value' })
end)
has(json, '\r\nContent-Type: application/json\r\n')
has(json, '\r\n\r\n{"key":"value"}')
raises("bad argument #1 to 'body'", sent, function(r) return r:body() end)
raises("bad argument #1 to 'body'", sent, function(r) return r:body {} end)

local form = sent(function(r)
  return r:form_url_encoded { b = 'x y', a = '&=ä', [1] = 2 }
end)
has(form, '\r\nContent-Type: application/x-www-form-urlencoded\r\n')
has(form, '\r\n\r\n1=2&a=%26%3D%C3%A4&b=x+y')
local typed = sent(function(r)
  return r:header('content-type', 'text/x'):form_url_encoded {}
end)
has(typed, '\r\ncontent-type: text/x\r\n')
lacks(typed, 'urlencoded')
raises("bad argument #1 to 'form_url_encoded'", sent, function(r)
  return r:form_url_encoded 'x'
end)

local parts = sent(function(r)
  return r:header('Content-Type', 'text/x'):form_multipart_data {
    text = 'ä', bytes = '\255', ['na"me\r\n'] = 1,
    file = { data = 'a\0b', file_name = 'f"\n.txt' },
  }
end)
lacks(parts, 'text/x')
local boundary =
  parts:match '\r\nContent%-Type: multipart/form%-data; boundary=(%w+)\r\n'
has(parts, ('\r\n\r\n--@\r\n'
  .. 'Content-Disposition: form-data; name="bytes"\r\n'
  .. 'Content-Type: application/octet-stream\r\n\r\n\255\r\n--@\r\n'
  .. 'Content-Disposition: form-data; name="file"; filename="f%22%0A.txt"\r\n'
  .. 'Content-Type: application/octet-stream\r\n\r\na\0b\r\n--@\r\n'
  .. 'Content-Disposition: form-data; name="na%22me%0D%0A"\r\n'
  .. 'Content-Type: text/plain; charset="utf-8"\r\n\r\n1\r\n--@\r\n'
  .. 'Content-Disposition: form-data; name="text"\r\n'
  .. 'Content-Type: text/plain; charset="utf-8"\r\n\r\nä\r\n--@--\r\n')
  :gsub('@', boundary))
has(sent(function(r) return r:form_multipart_data {} end), '--\r\n')
for _, bad in ipairs { 'x', { x = true }, { x = {} }, { x = { data = 'x' } },
  { x = { file_name = 'x' } } } do
  raises("bad argument #1 to 'form_multipart_data'", sent, function(r)
    return r:form_multipart_data(bad)
  end)
end

-- requests signed for Amazon's services
local signed = client:post(server .. '/echo?b=1&a=x%20y'):body 'payload'
  :aws_sign_v4 {
    access_key = { key_data = 'AKID' }, secret_key = { key_data = 'secret' },
    region = 'us-east-1', service = 'sns', session_token = 'token',
    timestamp = '2015-08-30T12:36:00Z',
  }:send():text()
local expected = kumo.crypto.aws_sign_v4 {
  access_key = { key_data = 'AKID' }, secret_key = { key_data = 'secret' },
  region = 'us-east-1', service = 'sns', session_token = 'token',
  timestamp = '2015-08-30T12:36:00Z', method = 'POST', uri = '/echo',
  query_params = { a = 'x y', b = '1' }, payload = 'payload',
  headers = { host = server:match '//(.*)' },
}
has(signed:lower(), ('\r\nauthorization: ' .. expected.authorization):lower())
has(signed, 'X-Amz-Date: 20150830T123600Z\r\n')
has(signed, 'X-Amz-Security-Token: token\r\n')
raises('region', function()
  client:get(server):aws_sign_v4 { access_key = { key_data = 'a' },
    secret_key = { key_data = 'b' } }
end)
raises("bad argument #1 to 'aws_sign_v4'", function()
  client:get(server):aws_sign_v4()
end)
raises('invalid URL', function() client:get('x'):aws_sign_v4 {} end)

-- timeouts
local function get(path)
  return client:get(server .. path):send()
end
for _, timeout in ipairs { 0.05, '50ms', 0 } do
  raises('operation timed out', function()
    client:get(server .. '/silent'):timeout(timeout):send()
  end)
end
raises('operation timed out', function()
  http.build_client { timeout = '50ms' }:get(server .. '/silent'):send()
end)
same(http.build_client { timeout = 0 }:get(server .. '/ok'):timeout(60)
  :send():text(), 'hello')
for _, bad in ipairs { 'soon', -1, {}, true } do
  raises('invalid timeout duration', function()
    client:get(server):timeout(bad)
  end)
end
raises('invalid timeout duration', function() client:get(server):timeout() end)

-- a request is sent once
local request = client:get(server .. '/ok')
local response = request:send()
for _, name in ipairs { 'send', 'header', 'headers', 'timeout', 'basic_auth',
  'bearer_auth', 'body', 'form_url_encoded', 'form_multipart_data',
  'aws_sign_v4' } do
  raises('broken request builder', request[name], request, 'x', 'y')
  raises('HttpRequest expected', request[name], client, 'x', 'y')
end
raises("unknown field 'query'", function() return request.query end)

-- responses
same(response:status_code(), 200)
same(response:status_reason(), 'OK')
same(response:content_length(), 5)
same(response:bytes(), 'hello')
raises('broken response wrapper', response.bytes, response)
raises('broken response wrapper', response.text, response)
raises('broken response wrapper', response.headers, response)
raises('broken response wrapper', response.content_length, response)
same(response:status_code(), 200)
raises('HttpResponse expected', response.status_code, request)
raises('HttpResponse expected', response.text, {})
raises("unknown field 'json'", function() return response.json end)
same(get '/chunked':content_length(), nil)
same(get '/chunked':text(), 'hi')

local kinds = { 'informational', 'success', 'redirection', 'client_error',
  'server_error' }
for path, expect in pairs {
  ['/ok'] = { 200, 'OK', 'success' },
  ['/299'] = { 299, nil, 'success' },
  ['/304'] = { 304, 'Not Modified', 'redirection' },
  ['/none'] = { 404, 'Not Found', 'client_error' },
  ['/teapot'] = { 418, "I'm a teapot", 'client_error' },
  ['/500'] = { 500, 'Internal Server Error', 'server_error' },
} do
  local r = get(path)
  same(r:status_code(), expect[1])
  same(r:status_reason(), expect[2])
  for _, kind in ipairs(kinds) do
    same(r['status_is_' .. kind](r), kind == expect[3])
  end
end

-- their headers
local headers = get '/ok':headers()
same(type(headers), 'userdata')
same(headers['x-one'], '1')
same(headers['X-ONE'], '1')
same(headers['set-cookie'], 'a')
same(headers.none, nil)
raises("bad argument #2 to 'headers'", function() return headers[{}] end)
raises('cannot be changed', function() headers['x-one'] = '2' end)
local seen = {}
for k, v in pairs(headers) do
  seen[#seen + 1] = k .. '=' .. v
end
same(table.concat(seen, ' '),
  'content-length=5 x-one=1 set-cookie=a set-cookie=b')

-- their charsets
same(get '/latin':text(), 'äöü')
same(get '/latin':bytes(), '\228\246\252')
same(get '/bom':text(), 'ä')
same(get '/bom':bytes(), '\239\187\191ä')
same(get '/broken':text(), 'a\239\191\189b')
same(get '/broken':bytes(), 'a\255b')

-- what goes wrong
raises('Empty reply from server', get, '/close')
raises('too many redirects', get, '/circle')
local short = get '/short'
same(short:status_code(), 200)
same(short:content_length(), 50)
raises('with 45 bytes remaining', short.text, short)
raises('broken response wrapper', short.text, short)
has(client:post(server .. '/moved'):body('secret'):send():text(),
  'GET /echo HTTP/1.1')

-- keys in Vault
local function vault(path, more)
  local source = { vault_address = server .. '/', vault_token = 'token',
    vault_mount = 'secret', vault_path = path }
  for k, v in pairs(more or {}) do
    source[k] = v
  end
  return source
end
local load = kumo.secrets.load
same(load(vault 'dkim/example.com'), 'the key')
same(load(vault('/dkim/example.com/', { vault_mount = '/secret/' })), 'the key')
same(load(vault('dkim/example.com', { vault_key = 'other' })), 'another')
same(load(vault('none', { key_data = 'mine' })), 'mine')
raises("vault secret at dkim/example.com does not contain key 'no'", load,
  vault('dkim/example.com', { vault_key = 'no' }))
raises("does not contain key 'number'", load,
  vault('dkim/example.com', { vault_key = 'number' }))
raises('kv2::read vault_mount=secret, vault_path=denied: HTTP status 403: '
  .. 'permission denied', load, vault 'denied')
raises('vault_path=none: HTTP status 404', load, vault 'none')
raises('kv2::read vault_mount=secret, vault_path=empty', load, vault 'empty')
raises('error sending request for url', load,
  vault('x', { vault_address = 'http://127.0.0.1:1' }))
raises('invalid URL', load, vault('x', { vault_address = 'x' }))
raises('invalid HTTP header value', load,
  vault('x', { vault_token = 'a\r\nb' }))
for _, bad in ipairs { '..', '../x', 'a/../b', 'a//b', '.', '' , '/' } do
  raises('vault_path', load, vault(bad))
end
raises('vault_mount', load, vault('x', { vault_mount = 7 }))
raises('vault_mount', load, { vault_path = 'x', vault_address = server,
  vault_token = 'x' })
raises('vault_token was not specified and $VAULT_TOKEN is not set', load,
  { vault_address = server, vault_mount = 'secret', vault_path = 'x' })
same(kumo.digest.hmac_sha256(vault 'dkim/example.com', 'x').hex,
  kumo.digest.hmac_sha256({ key_data = 'the key' }, 'x').hex)
local block = kumo.crypto.aes_encrypt_block
raises('Key length must be 16 or 32', block, 'Ecb', 'x', { key = vault 'dkim/example.com' })
raises('vault_path=denied', block, 'Ecb', 'x', { key = vault 'denied' })
same(kumo.crypto.aws_sign_v4 {
  access_key = { key_data = 'id' }, secret_key = vault 'dkim/example.com',
  region = 'r', service = 's', method = 'GET', uri = '/',
  headers = { host = 'h' }, timestamp = '2015-08-30T12:36:00Z',
}.signature, kumo.crypto.aws_sign_v4 {
  access_key = { key_data = 'id' }, secret_key = { key_data = 'the key' },
  region = 'r', service = 's', method = 'GET', uri = '/',
  headers = { host = 'h' }, timestamp = '2015-08-30T12:36:00Z',
}.signature)

-- URLs
same(http.build_url('http://example.com', { q = 'a b&c' }),
  'http://example.com/?q=a+b%26c')
same(http.build_url('http://example.com/x?a=1#f', { c = 3, b = 'ä' }),
  'http://example.com/x?a=1&b=%C3%A4&c=3#f')
same(http.build_url('http://example.com/', {}), 'http://example.com/?')
raises('kumo.http.build_url: invalid URL', http.build_url, 'x', {})
raises('kumo.http.build_url: invalid URL', http.build_url, '', {})
raises("bad argument #1 to 'build_url'", http.build_url, nil, {})
raises("bad argument #2 to 'build_url'", http.build_url, 'http://a/')
raises("bad argument #2 to 'build_url'", http.build_url, 'http://a/',
  { a = {} })
raises('built without WebSockets', http.connect_websocket, 'ws://127.0.0.1/')
