-- ptr.lua - has the client's address a name, and that name the address?
--
--   local ptr = require('policy-extras.ptr').new { require = 'confirmed' }
--   kumo.on('smtp_server_rcpt_to', ... ptr:rcpt_to(rcpt, conn_meta)
--
-- A name that leads back to the address (forward-confirmed reverse DNS) is
-- more than a PTR record, which anybody can write as he likes.  Clients of our
-- own and recipients that are exempt are not asked (policy-extras.site).  One
-- look for each session, at its first recipient.
--
--   require     'confirmed' (default), 'ptr' (a PTR record is enough), 'none'
--               (look only: for skip functions and logs)
--   generic     refuse confirmed names that have the address in them, as those
--               of dialled-in and rented machines have: false
--   code        550
--   on_failure  when the DNS cannot tell: 'pass' (default) or 'tempfail'
--
-- ptr:look_up(conn_meta) gives { status =, name = }: 'confirmed' and the name,
-- 'mismatch' and a name that does not lead back, 'none', or 'failed'.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.ptr'
local KEY = 'extras_ptr'
local NAMES_MAX = 5     -- their number is the client's choice

local function has(addresses, ip)
  for _, each in ipairs(addresses) do
    if kumo.dns.reverse_ip(each) == kumo.dns.reverse_ip(ip) then
      return true
    end
  end
  return false
end

local function look_up(conn_meta, ip)
  local ok, names = site.dns(conn_meta, 'lookup_ptr', ip)
  if not ok then
    return { status = 'failed', why = names }
  end
  local result = { status = names[1] and 'mismatch' or 'none', name = names[1] }
  for i = 1, math.min(#names, NAMES_MAX) do
    local found, addresses = site.dns(conn_meta, 'lookup_addr', names[i],
      ip:find(':', 1, true) and 'Ipv6Only' or 'Ipv4Only')
    if found and has(addresses, ip) then
      return { status = 'confirmed', name = names[i] }
    elseif not found then
      result = { status = 'failed', why = addresses }
    end
  end
  return result
end

-- Does the name hold the address, in either order, as 192-0-2-7 or c0000207?
local function is_generic(name, ip)
  if ip:find(':', 1, true) then
    return name:gsub('[.-]', ''):find(site.nibbles(ip):sub(17), 1, true) ~= nil
  end
  local parts, hex = {}, ''
  for each in ip:gmatch '%d+' do
    parts[#parts + 1] = each
    hex = hex .. ('%02x'):format(tonumber(each))
  end
  local there = '%f[%d]0*' .. table.concat(parts, '[.-]0*') .. '%f[%D]'
  local back = ('%f[%d]0*{4}[.-]0*{3}[.-]0*{2}[.-]0*{1}%f[%D]'):gsub('{(%d)}',
    function(i) return parts[tonumber(i)] end)
  return (name:find(there) or name:find(back) or name:find(hex, 1, true))
    ~= nil
end

local methods = {}
methods.__index = methods

function methods:look_up(conn_meta)
  local known = conn_meta:get_meta(KEY)
  if known then
    return known
  end
  local ip = site.client(conn_meta)
  if not ip then
    return { status = 'failed', why = 'the client has no address' }
  end
  local result = look_up(conn_meta, ip)
  if result.name then
    result.name = site.plain(result.name):lower():gsub('%.$', '')
    result.generic = is_generic(result.name, ip)
  end
  conn_meta:set_meta(KEY, result)
  return result
end

function methods:rcpt_to(rcpt, conn_meta)
  local o = self.options
  if site.is_exempt(rcpt) or site.is_trusted(conn_meta) then
    return
  end
  local result = self:look_up(conn_meta)
  local ip = site.client(conn_meta)
  if result.status == 'failed' then
    site.failed(nil, result.why, o.on_failure,
      '4.4.3 the DNS does not tell your name, try again later, please')
  elseif result.status == 'none' and o.require ~= 'none' then
    kumo.reject(o.code, '5.7.25 your address [' .. ip .. '] has no name')
  elseif result.status == 'mismatch' and o.require == 'confirmed' then
    kumo.reject(o.code, '5.7.25 ' .. result.name .. ', the name of your '
      .. 'address, does not lead back to [' .. ip .. ']')
  elseif o.generic and result.generic then
    kumo.reject(o.code, '5.7.1 ' .. result.name .. ' is not the name of a '
      .. 'mail server')
  end
end

return {
  new = function(given)
    return setmetatable({ options = options(MODULE, given, {
      require = { { 'confirmed', 'ptr', 'none' }, 'confirmed' },
      generic = { 'boolean', false },
      code = { 'code', 550 },
      on_failure = { { 'pass', 'tempfail' }, 'pass' },
    }) }, methods)
  end,
}
