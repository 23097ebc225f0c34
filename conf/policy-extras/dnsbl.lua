-- dnsbl.lua - DNS block lists and lists of good senders, with weights
--
--   local dnsbl = require('policy-extras.dnsbl').new {
--     lists = {
--       'zen.spamhaus.org',
--       { 'bl.spamcop.net', weight = 0.5 },
--       { 'list.dnswl.org', weight = -1, codes = { ['127.0.*.2-3'] = -2 } },
--     },
--   }
--   kumo.on('smtp_server_rcpt_to', ... dnsbl:rcpt_to(rcpt, conn_meta)
--
-- The weights of the lists that have the client's address are added up; who
-- comes to `threshold` is refused.  Clients of our own are not looked up, nor
-- is anybody for recipients that are exempt (policy-extras.site).  One lookup
-- for each list and session.
--
--   lists       Names, or tables of a name and
--     weight      1; -1 for lists of good senders that are known here
--     codes       what answers mean: addresses, in each part of which may stand
--                 a number, a range 4-7 or a *, and a weight or a word.  Else
--                 those of policy-extras.dnsbl_lists, else all of 127.0.0.0/8
--                 but 127.0.0.1
--     ipv6        does it list IPv6 addresses?  Else as known here, else false
--     as          its name for clients, where the real one has a key in it
--   threshold   1
--   reject      false: only note what was found (true)
--   code, text  550, '5.7.1 [{client}] is listed by {lists} {reason}'
--
-- What is no listing, ever: an answer outside 127.0.0.0/8, one in
-- 127.255.255.0/24 (the list refuses to serve us), one of a list that has
-- 127.0.0.1 as well (it lists the whole world: so some end), no answer in time
-- and any other failure.  The log has a line for the first three.
--
-- dnsbl:look_up(conn_meta) gives { score =, hits = { { list =, code =,
-- word =, weight = }, ... } }.

local kumo = require 'kumo'
local lists_here = require 'policy-extras.dnsbl_lists'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.dnsbl'

-- lists, while loading --------------------------------------------------------

local function fail(...)
  error(MODULE .. ': ' .. string.format(...), 5)
end

local function part(text)
  local low, high = text:match '^(%d+)%-(%d+)$'
  low, high = tonumber(low or text), tonumber(high or text)
  if text == '*' then
    low, high = 0, 255
  end
  return low and high and low <= high and high <= 255 and { low, high } or nil
end

local function pattern(text)
  local parts = {}
  for each in (tostring(text) .. '.'):gmatch '([^.]*)%.' do
    parts[#parts + 1] = part(each) or fail("'%s' is no pattern of addresses",
      tostring(text))
  end
  if #parts ~= 4 then
    fail("'%s' is no pattern of addresses", tostring(text))
  end
  return parts
end

local function described(name)
  local known = lists_here.known[name]
  if name:match '%.zen%.dq%.spamhaus%.net$' then
    known = lists_here.zen
  end
  if lists_here.gone[name] then
    kumo.log_warn(MODULE .. ': ' .. name .. ' is no more')
  end
  return known or {}
end

local list_keys = { weight = 'number', codes = 'table', ipv6 = 'boolean',
  as = 'string' }

local function make_list(given)
  given = type(given) == 'string' and { given } or given
  local name = type(given) == 'table' and given[1]
  if type(name) ~= 'string' then
    fail('a list is a name, or a table that begins with one')
  end
  for key, value in pairs(given) do
    if key ~= 1 and type(value) ~= list_keys[key] then
      fail("%s: option '%s': %s", name, tostring(key),
        list_keys[key] and 'a ' .. list_keys[key] .. ' expected' or 'unknown')
    end
  end
  local known = described(name)
  local list = {
    zone = name, as = given.as or name,
    weight = given.weight or (known.white and -1 or 1),
    ipv6 = known.ipv6 or false, codes = {},
  }
  if given.ipv6 ~= nil then
    list.ipv6 = given.ipv6
  end
  local codes = given.codes or known.codes
    or { ['127.*.*.2-255'] = '', ['127.*.*.0'] = '' }
  for text, meaning in pairs(codes) do
    list.codes[#list.codes + 1] = {
      pattern = pattern(text),
      weight = tonumber(meaning) or list.weight,
      word = tonumber(meaning) and '' or meaning,
    }
  end
  return list
end

-- answers ---------------------------------------------------------------------

local function fits(code, parts)
  for i, range in ipairs(code.pattern) do
    if parts[i] < range[1] or parts[i] > range[2] then
      return false
    end
  end
  return true
end

-- The code that this answer stands for, or nil.
local function meaning(list, answer)
  local parts = { answer:match '^(%d+)%.(%d+)%.(%d+)%.(%d+)$' }
  for i = 1, #parts do
    parts[i] = tonumber(parts[i])
  end
  if parts[1] ~= 127 or (parts[2] == 255 and parts[3] == 255) then
    site.complain(MODULE .. ': ' .. list.as, 'it answers ' .. answer
      .. ', which is no listing')
    return nil
  end
  for _, code in ipairs(list.codes) do
    if fits(code, parts) then
      return code
    end
  end
end

-- A list that has 127.0.0.1 has everybody (RFC 5782, 5).
local function lists_all(conn_meta, list)
  local ok, found = site.dns(conn_meta, 'lookup_addr',
    '1.0.0.127.' .. list.zone, 'Ipv4Only')
  local all = ok and #found > 0
  if all then
    site.complain(MODULE .. ': ' .. list.as, 'it lists 127.0.0.1')
  end
  return all
end

-- The hit that weighs most, of all answers of one list, or nil.
local function ask(conn_meta, reversed, list)
  local ok, found = site.dns(conn_meta, 'lookup_addr',
    reversed .. '.' .. list.zone, 'Ipv4Only')
  local best
  for _, answer in ipairs(ok and found or {}) do
    local code = meaning(list, answer)
    if code and (not best or math.abs(code.weight) > math.abs(best.weight)) then
      best = { list = list.as, zone = list.zone, code = answer,
        word = code.word, weight = code.weight }
    end
  end
  if best and not lists_all(conn_meta, list) then
    return best
  end
end

-- The least that the lists from here on can still add.
local function least_ahead(lists)
  local ahead, sum = {}, 0
  for i = #lists, 1, -1 do
    ahead[i] = sum
    local least = 0
    for _, code in ipairs(lists[i].codes) do
      least = math.min(least, code.weight)
    end
    sum = sum + least
  end
  return ahead
end

local methods = {}
methods.__index = methods

function methods:look_up(conn_meta)
  local known = conn_meta:get_meta(self.key)
  if known then
    return known
  end
  local ip = site.client(conn_meta)
  local result = { score = 0, hits = {} }
  local reversed = ip and kumo.dns.reverse_ip(ip)
  for i, list in ipairs(reversed and self.lists or {}) do
    local hit = (list.ipv6 or not ip:find(':', 1, true))
      and ask(conn_meta, reversed, list)
    if hit then
      result.score = result.score + hit.weight
      result.hits[#result.hits + 1] = hit
    end
    if result.score + self.ahead[i] >= self.options.threshold then
      break    -- whatever the others say
    end
  end
  conn_meta:set_meta(self.key, result)
  return result
end

-- What the first list that speaks against this client has to say.
local function reason(conn_meta, hits)
  local ip = site.client(conn_meta)
  for _, hit in ipairs(hits) do
    if hit.weight > 0 then
      local ok, texts = site.dns(conn_meta, 'lookup_txt',
        kumo.dns.reverse_ip(ip) .. '.' .. hit.zone)
      return ok and texts[1] and site.plain(texts[1]) or ''
    end
  end
end

function methods:rcpt_to(rcpt, conn_meta)
  local o = self.options
  if site.is_exempt(rcpt) or site.is_trusted(conn_meta) then
    return
  end
  local result = self:look_up(conn_meta)
  if not o.reject or result.score < o.threshold then
    return
  end
  local names = {}
  for _, hit in ipairs(result.hits) do
    if hit.weight > 0 then
      names[#names + 1] = hit.word == '' and hit.list
        or hit.list .. ' (' .. hit.word .. ')'
    end
  end
  local words = { client = site.client(conn_meta),
    lists = table.concat(names, ', '), reason = reason(conn_meta, result.hits) }
  kumo.reject(o.code, (o.text:gsub('{(%w+)}', words):gsub('%s+$', '')))
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      lists = { 'table' },
      threshold = { 'number', 1 },
      reject = { 'boolean', true },
      code = { 'code', 550 },
      text = { 'string', '5.7.1 [{client}] is listed by {lists} {reason}' },
    })
    local lists, key = {}, 'extras_dnsbl'
    for i, each in ipairs(o.lists) do
      lists[i] = make_list(each)
      key = key .. ' ' .. lists[i].zone
    end
    return setmetatable({
      options = o, lists = lists, ahead = least_ahead(lists), key = key,
    }, methods)
  end,
}
