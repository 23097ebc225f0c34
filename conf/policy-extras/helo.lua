-- helo.lua - does the client say who it is?
--
--   local helo = require('policy-extras.helo').new {}
--   kumo.on('smtp_server_rcpt_to', ... helo:rcpt_to(rcpt, conn_meta)
--
-- Looks at the last HELO or EHLO, at RCPT, because only then is it known
-- whether the client logged in: programs of users say what they like.  Clients
-- of our own and recipients that are exempt are not asked
-- (policy-extras.site).
--
--   our_name     a name of ours (policy-extras.site), or our address: refuse
--   bare_address an address that is not in brackets: refuse
--   unqualified  a name without a dot: refuse
--   syntax       a name that is none, a literal that is none: refuse
--                Each of these is true unless it is set to false.
--   private      a name in a domain that is nobody's, such as .local: refuse;
--                false, because servers of offices often have one
--   underscore   allow _ in names: true
--   literal      addresses in brackets: 'own' (the default) refuses those that
--                are not the client's, 'any' none, 'none' all.  RFC 5321,
--                4.1.4, allows them for hosts that have no name.
--   resolve      refuse names without address and MX: false.  Where the DNS
--                cannot tell, they pass
--   code         550
--
-- RFC 5321, 4.1.4, does not allow to refuse a name because it is not that of
-- the client's address, and none is here.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.helo'

local nobodys = {}
for _, name in ipairs { 'local', 'localdomain', 'localhost', 'lan', 'home',
  'internal', 'invalid', 'workgroup', 'domain', 'corp' } do
  nobodys[name] = true
end

-- One form for each address; nil: it is none.
local function canonical(address)
  local ok, reversed = pcall(kumo.dns.reverse_ip, address)
  if not ok then
    return nil
  end
  local four = address:lower():match '^::ffff:(%d+%.%d+%.%d+%.%d+)$'
  return four and kumo.dns.reverse_ip(four) or reversed
end

-- Our own address, as the client sees it.
local function our_address(conn_meta)
  local via = conn_meta:get_meta 'received_via' or ''
  return canonical(via:match '^%[(.*)%]:%d+$' or via:match '^(.*):%d+$' or via)
end

local function literal_problem(o, inner, conn_meta)
  local six = inner:match '^[Ii][Pp][Vv]6:(.*)$'
  local address = canonical(six or inner)
  if not address or (not six and inner:find(':', 1, true)) then
    return o.syntax and '5.5.2 there is no such address literal'
  end
  if o.our_name and address == our_address(conn_meta) then
    return '5.7.1 that is my address, not yours'
  elseif o.literal == 'none' then
    return '5.7.1 your name is asked for, not your address'
  elseif o.literal == 'own' and address ~= canonical(site.client(conn_meta))
  then
    return '5.7.1 that is not your address'
  end
end

-- Labels of letters, digits and hyphens; names in UTF-8 as SMTPUTF8 has them.
local function is_name(o, name)
  local allowed = o.underscore and '^[%w_\128-\255-]+$' or '^[%w\128-\255-]+$'
  for label in (name .. '.'):gmatch '([^.]*)%.' do
    if #label > 63 or not label:find(allowed) or label:find '^%-'
      or label:find '%-$' then
      return false
    end
  end
  return #name <= 255
end

-- False only where the DNS knows that there is neither address nor MX.
local function may_exist(name, conn_meta)
  local ok, found = site.dns(conn_meta, 'lookup_addr', name)
  if not ok or #found > 0 then
    return true
  end
  local mx
  ok, mx = site.dns(conn_meta, 'lookup_mx', name)
  if ok then
    return mx.is_mx == true
  end
  return not mx:find 'NXDOMAIN'
end

local function name_problem(o, name, conn_meta)
  name = name:gsub('%.$', '')
  local last = name:match '([^.]*)$'
  if o.our_name and site.is_our_name(name, conn_meta) then
    return '5.7.1 that is my name, not yours'
  elseif canonical(name) then
    return o.bare_address and '5.5.2 an address goes into brackets'
  elseif o.syntax and not is_name(o, name) then
    return '5.5.2 that is not the name of a host'
  elseif o.unqualified and not name:find('.', 1, true) then
    return '5.5.2 say your whole name in HELO'
  elseif o.private and nobodys[last:lower()] then
    return '5.5.2 nobody knows hosts in .' .. site.plain(last)
  elseif o.resolve and not may_exist(name, conn_meta) then
    return '5.5.2 the name that you said in HELO does not exist'
  end
end

local methods = {}
methods.__index = methods

-- helo:problem(conn_meta) -> text, or nil
function methods:problem(conn_meta)
  local name = conn_meta:get_meta 'ehlo_domain'
  if not name or not site.client(conn_meta) then
    return nil
  end
  local inner = name:match '^%[(.*)%]$'
  if inner then
    return literal_problem(self.options, inner, conn_meta) or nil
  end
  return name_problem(self.options, name, conn_meta) or nil
end

function methods:rcpt_to(rcpt, conn_meta)
  if site.is_exempt(rcpt) or site.is_trusted(conn_meta) then
    return
  end
  local text = self:problem(conn_meta)
  if text then
    kumo.reject(self.options.code, text)
  end
end

return {
  new = function(given)
    return setmetatable({ options = options(MODULE, given, {
      our_name = { 'boolean', true },
      bare_address = { 'boolean', true },
      unqualified = { 'boolean', true },
      syntax = { 'boolean', true },
      private = { 'boolean', false },
      underscore = { 'boolean', true },
      literal = { { 'own', 'any', 'none' }, 'own' },
      resolve = { 'boolean', false },
      code = { 'code', 550 },
    }) }, methods)
  end,
}
