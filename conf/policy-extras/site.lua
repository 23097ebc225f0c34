-- site.lua - what all modules have to know of this site
--
--   local site = require 'policy-extras.site'
--   site.configure {
--     trusted = { '127.0.0.0/8', '::1/128', '192.0.2.0/24' },
--     exempt = { 'postmaster', 'abuse' },
--     names = { 'example.net' },
--     dns_budget = '4s',
--   }
--
-- trusted     Networks of our own machines.  They, clients that logged in, and
--             those without an IP address are not judged.  Default: loopback.
-- exempt      Local parts that everybody can reach, whatever a client did:
--             RFC 5321, 4.5.1, asks it for postmaster, RFC 2142 for abuse.
-- names       Names of ours besides the MTA's own, which nobody else may say
--             in HELO.
-- dns_budget  How long the lookups for one client may take together in half a
--             minute; further ones count as failed.  With the five seconds
--             that the last of them may take it is to stay below the time that
--             a handler has.
-- resolver    The name of a resolver for the lookups of all modules.
--
-- Call it at the top level.  What a client did wrong is said at RCPT: only
-- then is it known whether it logged in, and whether the mail is for
-- postmaster.

local kumo = require 'kumo'
local options = require 'policy-extras.options'

local site = {}

local known = {
  trusted = { 'networks', { '127.0.0.0/8', '::1/128' } },
  exempt = { 'names', { 'postmaster', 'abuse' } },
  names = { 'names', {} },
  dns_budget = { 'duration', 4 },
  resolver = { 'string?' },
}

local settings = options('policy-extras.site', nil, known)

function site.configure(given)
  settings = options('policy-extras.site', given, known)
end

-- site.client(conn_meta) -> the client's IP address, or nil
--   IPv4 that is mapped into IPv6 comes as IPv4.
function site.client(conn_meta)
  local from = conn_meta:get_meta 'received_from'
  if not from then
    return nil
  end
  local ip = from:match '^%[(.*)%]:%d+$' or from:match '^(.*):%d+$' or from
  return ip:lower():match '^::ffff:(%d+%.%d+%.%d+%.%d+)$' or ip
end

-- site.is_trusted(conn_meta) -> is it one of us?
function site.is_trusted(conn_meta)
  if conn_meta:get_meta 'authn_id' then
    return true
  end
  local ip = site.client(conn_meta)
  return not ip or settings.trusted[ip] == true
end

-- site.is_exempt(address) -> is it to be reached by everybody?
function site.is_exempt(address)
  return settings.exempt[address.user:lower()] == true
end

-- site.all_exempt(msg) -> are all recipients?
function site.all_exempt(msg)
  for _, address in ipairs(msg:recipient_list()) do
    if not site.is_exempt(address) then
      return false
    end
  end
  return true
end

-- site.is_our_name(name, conn_meta) -> is it the name of this machine?
function site.is_our_name(name, conn_meta)
  name = name:lower():gsub('%.$', '')
  local host = (conn_meta:get_meta 'hostname' or ''):lower()
  return name == host or settings.names[name] == true
end

-- site.nibbles(ip) -> its 32 hexadecimal digits, of an IPv6 address
function site.nibbles(ip)
  return (kumo.dns.reverse_ip(ip):gsub('%.', ''):reverse())
end

-- site.network(ip) -> its /24, or /64 of IPv6, as text
--   Those who change their address do it within these.
function site.network(ip)
  if not ip:find(':', 1, true) then
    return ip:match '^(.*)%.%d+$' .. '.0/24'
  end
  local digits = site.nibbles(ip)
  local groups = {}
  for i = 1, 13, 4 do
    groups[#groups + 1] = digits:sub(i, i + 3):gsub('^0+(.)', '%1')
  end
  return table.concat(groups, ':') .. '::/64'
end

local complained = {}

-- site.complain(what, why)
--   A line in the log, but not more than one a minute about this.
function site.complain(what, why)
  local now = os.time()
  if not complained[what] or math.abs(now - complained[what]) >= 60 then
    complained[what] = now
    kumo.log_warn(what .. ':', (tostring(why):gsub('\n.*', '')))
  end
end

-- site.dns(conn_meta, name, what [, ...]) -> ok, result
--   kumo.dns[name](what, resolver, ...), but a failure is false and a text,
--   and a line in the log; so is, without one, a lookup beyond dns_budget.
function site.dns(conn_meta, name, what, ...)
  local now = kumo.time.now().unix_timestamp_millis
  local used = conn_meta:get_meta 'extras_dns'
  if not used or now - used.since > 30000 or now < used.since then
    used = { since = now, spent = 0 }
  end
  if used.spent > settings.dns_budget * 1000 then
    return false, 'the DNS was too slow for this client'
  end
  local ok, result = pcall(kumo.dns[name], what, settings.resolver, ...)
  used.spent = used.spent + kumo.time.now().unix_timestamp_millis - now
  conn_meta:set_meta('extras_dns', used)
  if ok then
    return true, result
  end
  result = tostring(result)
  if not result:find 'NXDOMAIN' then
    site.complain('policy-extras: DNS', result)
  end
  return false, result
end

-- site.failed(what, why, on_failure [, text])
--   What a module needs is not there: go on, or ask the client to come again.
--   No mail is lost by either.  Without `what` there is nothing in the log.
function site.failed(what, why, on_failure, text)
  if what then
    site.complain(what, why)
  end
  if on_failure == 'tempfail' then
    kumo.reject(451, text or '4.3.0 try again later, please')
  end
end

-- site.plain(text) -> the text, fit for a reply or a header
function site.plain(text)
  return (tostring(text):gsub('%c+', ' '):sub(1, 300))
end

return site
