-- spf.lua - kumo.spf
--
-- Called once for each Lua state with the kumo module and the primitive of
-- lb_spf.c.

local kumo, native = ...

local error, tostring, type = error, tostring, type
local check = native.check

kumo.spf = {}

-- "ann@example.com" -> "ann", "example.com"
local function parts(address)
  local at = address:find '@[^@]*$'
  if not at then
    return address, nil
  end
  return address:sub(1, at - 1), address:sub(at + 1)
end

-- What is known of the session that an object's metadata describes.
local function session(object, name)
  local client = object:get_meta 'received_from'
  if type(client) ~= 'string' then
    error(("kumo.spf.%s: conn_meta 'received_from' is not set"):format(name), 3)
  end
  return client, object:get_meta 'hostname'
end

-- The table that KumoMTA gives.
local function outcome(name, mailfrom, helo, ok, result, reason)
  if not ok then
    error(('kumo.spf.%s: %s'):format(name, result), 3)
  end
  return {
    disposition = result,
    result = {
      method = 'spf',
      result = result,
      reason = reason,
      props = { ['smtp.mailfrom'] = mailfrom, ['smtp.helo'] = helo },
    },
  }
end

-- kumo.spf.check_host(domain, conn_meta, sender [, resolver]) -> table
--   May the client send mail for the domain?  domain: string, whose record is
--   looked at; "": the HELO name's.  sender: "ann@example.com", an
--   EnvelopeAddress, or nil, which is to check a HELO name: domain is it then.
--   resolver: a name of kumo.dns.define_resolver.
--   -> { disposition = "none", "neutral", "pass", "fail", "softfail",
--   "temperror" or "permerror"; result = what add_authentication_results
--   takes: method "spf", result, reason, props["smtp.mailfrom"] and
--   ["smtp.helo"] }.  reason: the domain's explanation of a fail, else what
--   matched or went wrong.
--   At the most 10 terms that look something up, 2 of them in vain, and 20 s
--   or nine tenths of what the handler has left: then it is "temperror".
--   Raises where conn_meta has no received_from and on an unknown resolver.
--   Events: any with a conn_meta.  Waits: yes.  From: KumoMTA, RFC 7208.
function kumo.spf.check_host(domain, conn_meta, sender, resolver)
  if type(domain) ~= 'string' then
    error(("bad argument #1 to 'check_host' (error converting Lua %s to String "
      .. '(expected string or number))'):format(type(domain)), 2)
  end
  local client, receiver = session(conn_meta, 'check_host')
  local helo = domain
  local user, origin
  if sender ~= nil then
    sender = tostring(sender)
    helo = conn_meta:get_meta 'ehlo_domain'
    user, origin = parts(sender)
  end
  if domain == '' then
    domain = helo or ''
  end
  return outcome('check_host', sender, helo,
    check(client, domain, user, origin, helo, receiver, resolver))
end

-- kumo.spf.check_msg(msg [, resolver]) -> table
--   As check_host, of a message's sender; the null sender's domain is the HELO
--   name, its smtp.mailfrom "".
--   Raises where the message's metadata has no received_from.
--   Events: smtp_server_data and later.  Waits: yes.  From: KumoMTA, RFC 7208.
function kumo.spf.check_msg(msg, resolver)
  local client, receiver = session(msg, 'check_msg')
  local helo = msg:get_meta 'ehlo_domain'
  local sender = msg:sender()
  local email = tostring(sender)
  local domain, user, origin = helo or '', nil, nil
  if email ~= '' then
    user, origin = sender.user, sender.domain
    domain = origin
  end
  return outcome('check_msg', email, helo,
    check(client, domain, user, origin, helo, receiver, resolver))
end
