-- dns.lua - msys.dnsLookup

local msys, native = ...

local error, tostring, type = error, tostring, type
local lookup = native.dns.lookup

-- A string, a number or an object that is text; anything else raises.
local function text(value, what)
  local kind = type(value)
  if kind ~= 'string' and kind ~= 'number' and
    msys.type(value) ~= 'msys.core:_ec_string' then
    error(('msys.dnsLookup: %s: string expected, got %s'):format(what, kind), 3)
  end
  return tostring(value)
end

-- msys.dnsLookup(name [, type [, options]]) -> array of strings, or nil, why
--   name: to ask for; with type 'PTR' an IP address or a name below arpa.
--   type: 'A' (the default), 'AAAA', 'TXT', 'MX', 'PTR', 'NS' or 'CNAME', in
--     any case of letters; another raises.
--   options.priority: true: an array of { preference, string } instead.
--   options.server: "192.0.2.1", also with a port: to ask instead.
--   MX come sorted, the best first.  Names have no final dot, but for the null
--   MX, "."; TXT may hold any bytes.  No such name, no such record, no answer
--   within dns_timeout: nil, why.
--   Events: any.  Waits: yes.  From: Momentum msys.dnsLookup.
function msys.dnsLookup(name, kind, options)
  name = text(name, 'name')
  kind = kind == nil and 'A' or text(kind, 'type')
  local server, priority
  if options ~= nil then
    if type(options) ~= 'table' then
      error('msys.dnsLookup: options: table expected, got ' .. type(options), 2)
    end
    server = options.server ~= nil and text(options.server, 'server') or nil
    priority = options.priority
  end
  local found, more = lookup(name, kind, server)
  if found and priority then
    for i = 1, #found do
      found[i] = { more[i], found[i] }
    end
  end
  if found then
    return found
  end
  if found == false then
    error('msys.dnsLookup: ' .. more, 2)
  end
  return nil, more
end
