-- vault.lua - key sources in HashiCorp's Vault
--
-- Called once for each Lua state with the kumo module, when all that takes key
-- sources is there.  Returns the function that asks Vault, for lb_secret.c;
-- what is called from Lua asks before it goes into C, so that it can wait.

local kumo = ...

local error, next, pcall, tostring, type = error, next, pcall, tostring, type
local getenv = os.getenv
local http = kumo.http
local json_parse = kumo.serde.json_parse

local client

local function is_vault(source)
  return type(source) == 'table' and source.vault_path ~= nil
    and source.key_data == nil and source.event_name == nil
end

local function fail(form, ...)
  error('key source: ' .. form:format(...), 0)
end

-- A field that is text; from the environment where it lacks.
local function field(source, name, variable, default)
  local value = source[name]
  if value == nil and variable then
    value = getenv(variable)
    if not value or value == '' then
      fail('%s was not specified and $%s is not set', name, variable)
    end
  end
  value = value == nil and default or value
  if type(value) ~= 'string' or value == '' then
    fail('deserialize error: %s is no string, while processing a key source',
      name)
  end
  return value
end

-- Segments of a path, encoded; what leads elsewhere is refused.
local function path(text, name)
  local out = text:gsub('^/+', ''):gsub('/+$', ''):gsub('[^%w%-._~/]',
    function(c)
      return ('%%%02X'):format(c:byte())
    end)
  for segment in (out .. '/'):gmatch('([^/]*)/') do
    if segment == '' or segment == '.' or segment == '..' then
      fail('%s: %s is no path', name, text)
    end
  end
  return out
end

-- What Vault says of it, as text.
local function complaint(response)
  local ok, answer = pcall(function()
    return json_parse(response:text()).errors[1]
  end)
  return ('HTTP status %d%s'):format(response:status_code(),
    ok and type(answer) == 'string' and ': ' .. answer or '')
end

local function ask(url, token)
  client = client or http.build_client {}
  local response = client:get(url):headers {
    ['X-Vault-Token'] = token, ['X-Vault-Request'] = 'true',
  }:send()
  if not response:status_is_success() then
    error(complaint(response), 0)
  end
  return json_parse(response:text()).data.data
end

-- The secret's field, or an error that names mount and path, but no token.
local function read(source)
  local address = field(source, 'vault_address', 'VAULT_ADDR')
  local token = field(source, 'vault_token', 'VAULT_TOKEN')
  local mount = field(source, 'vault_mount')
  local where = field(source, 'vault_path')
  local key = field(source, 'vault_key', nil, 'key')
  local ok, entry = pcall(ask, ('%s/v1/%s/data/%s'):format(
    address:gsub('/+$', ''), path(mount, 'vault_mount'),
    path(where, 'vault_path')), token)
  if not ok then
    fail('kv2::read vault_mount=%s, vault_path=%s: %s', mount, where,
      tostring(entry):gsub('^kumilter:[^:]*:%d+: ', ''))
  end
  local value = type(entry) == 'table' and entry[key]
  if type(value) ~= 'string' then
    fail("vault secret at %s does not contain key '%s'", where, key)
  end
  return value
end

local function resolve(source, level)
  if is_vault(source) then
    local ok, value = pcall(read, source)
    if not ok then
      error(value, level or 3)
    end
    return { key_data = value }
  end
  return source
end

-- What takes a key source as its first argument asks before it is called; a
-- tail call, so that what it raises names the policy's line.
local function first_argument(room, name)
  local inner = room[name]
  room[name] = function(source, ...)
    return inner(resolve(source), ...)
  end
end

-- A copy of the table with these fields asked for.
local function fields(options, names)
  local new
  for i = 1, #names do
    local source = type(options) == 'table' and options[names[i]]
    if is_vault(source) then
      if not new then
        new = {}
        for k, v in next, options do
          new[k] = v
        end
      end
      new[names[i]] = resolve(source, 4)
    end
  end
  return new or options
end

first_argument(kumo.secrets, 'load')
for name in next, kumo.digest do
  if name:find('^hmac_') then
    first_argument(kumo.digest, name)
  end
end

local KEY, AWS = { 'key' }, { 'access_key', 'secret_key' }
local crypto = kumo.crypto
for _, name in next, { 'aes_encrypt_block', 'aes_decrypt_block' } do
  local inner = crypto[name]
  crypto[name] = function(algorithm, bytes, options)
    return inner(algorithm, bytes, fields(options, KEY))
  end
end
local sign = crypto.aws_sign_v4
function crypto.aws_sign_v4(options)
  return sign(fields(options, AWS))
end

return read
