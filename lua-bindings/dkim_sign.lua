-- dkim_sign.lua - kumo.dkim's signers and message:dkim_sign
--
-- Called once for each Lua state with the kumo module and the primitives of
-- lb_dkim_sign.c and lb_dkim_signer.c, when key sources are there.  Returns
-- the method.

local kumo, native = ...

local error, pcall, tostring, type, unpack =
  error, pcall, tostring, type, unpack
local load = kumo.secrets.load

-- What an event gives as a key; called from here its handler may wait.
local function from_event(source)
  local name, args = source.event_name, source.event_args
  local handler = type(name) == 'string' and native.handler(name)
  if not handler then
    error(('key source: there is no handler for the event %s'):format(
      tostring(name)), 0)
  end
  local key = handler(unpack(type(args) == 'table' and args or {}))
  if type(key) ~= 'string' then
    error(('key source: the handler of %s gave a %s, not a string'):format(
      name, type(key)), 0)
  end
  return key
end

local function key_of(source)
  if type(source) == 'table' and source.key_data == nil
    and source.event_name ~= nil then
    return from_event(source)
  end
  return load(source)
end

local function constructor(name)
  local where = 'kumo.dkim.' .. name .. ': '
  local function fail(why)
    if type(why) ~= 'string' then
      error(why, 0)
    end
    error(where .. why:gsub('^kumilter:[^:]*:%d+: ', ''), 3)
  end
  return function(config)
    if type(config) ~= 'table' then
      error(("bad argument #1 to '%s' (table expected, got %s)"):format(name,
        type(config)), 2)
    end
    local signer, ready = native.signer(config)
    if not signer then
      return fail(ready)
    end
    if not ready then
      local ok, key = pcall(key_of, config.key)
      local why = not ok and key or native.complete(signer, key)
      if why then
        native.forget(signer)
        return fail(why)
      end
    end
    return signer
  end
end

-- kumo.dkim.rsa_sha256_signer(config) -> signer
--   Who signs, for message:dkim_sign and message:arc_seal.  config: table
--     domain = string, d=; UTF-8 becomes A-labels
--     selector = string, s=
--     headers = array of strings, the fields to sign; From must be among them
--     key = key source (kumo.secrets.load): PEM or DER, PKCS #1 or PKCS #8,
--       RSA of 1024 to 8192 bits or Ed25519, which decides the algorithm
--     over_sign = boolean: each name once more than there are fields of it, so
--       that none can be added
--     header_canonicalization, body_canonicalization = "Relaxed" (default) or
--       "Simple"
--     expiration = integer, seconds that it is good for; default: for ever
--     ttl = duration or seconds, default 300: how long signer and key are
--       kept, for all Lua states, until the policy is loaded again
--   Raises on what does not fit, on a key that cannot be had or used, also
--   where an earlier one was kept, and on atps, atpsh,
--   agent_user_identifier, body_length and reporting, which KumoMTA does not
--   do either.  Other fields are ignored.
--   Events: any.  Waits: for a key in Vault or of an event.
--   From: KumoMTA kumo.dkim.rsa_sha256_signer.
kumo.dkim.rsa_sha256_signer = constructor 'rsa_sha256_signer'

-- kumo.dkim.ed25519_signer(config) -> signer
--   The same function as kumo.dkim.rsa_sha256_signer.
--   Events: any.  Waits: for a key in Vault or of an event.
--   From: KumoMTA kumo.dkim.ed25519_signer.
kumo.dkim.ed25519_signer = constructor 'ed25519_signer'

-- message:dkim_sign(signer)
--   Prepends a DKIM-Signature of the message as it stands, which is made anew
--   at the end of the message where the policy changes what it covers.  Any
--   number for one message.  A message without From: is not signed; the log
--   says so.  h= leaves out Date, Message-Id and the like where the message
--   has none, for MTAs add them behind a filter, and has all From:; not with
--   kumomta_quirks.  Headers that are signed change into what the MTA leaves
--   alone: lines of more than 980 bytes are folded, and with Sendmail lists of
--   addresses are laid out as it does.
--   Raises where the body's file cannot be read.
--   Events: smtp_server_data and later.  Waits: yes, while it hashes and
--   signs.  From: KumoMTA, RFC 6376, RFC 8463.
return function(message, signer)
  local ok, job = pcall(native.job, message, signer)
  if not ok then
    error(job, 2)
  elseif job then
    local why = native.run(job)
    if why then
      error('dkim_sign: ' .. why, 2)
    end
    native.put(message, job)
  end
end
