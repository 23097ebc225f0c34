-- quota.lua - how much a user may send
--
--   local quota = require('policy-extras.quota').new {
--     limits = { '60/10min', '500/d' },
--     users = { newsletter = { '5000/d' } },
--   }
--   kumo.on('smtp_server_rcpt_to', ... quota:rcpt_to(rcpt, conn_meta)
--
-- Each recipient counts, for whoever logged in (authn_id, without regard to
-- case).  Limits are throttles of kumo.make_throttle: at even distances, but
-- all at once at first, so '500/d' is 500 now and then one in three minutes.
-- They are kept by the process, across a reload; with
-- kumo.configure_redis_throttles by Redis, for all machines.
--
--   limits      an array; all of them hold
--   users       other limits for some: name -> array; an empty one is none
--   by          'user' (default); 'client': by network, who did not log in and
--               is none of ours (policy-extras.site)
--   code        451 (default): what was sent is kept by the client and comes
--               later; or 550 and the like: the sender learns of it
--   text        '{c}.7.1 you may send {limit}, please wait {wait} seconds';
--               {c} is the first digit of the code
--   on_failure  when it cannot be counted: 'pass' (default) or 'tempfail'
--
-- A recipient that a later limit refuses has counted for those before it.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.quota'

local methods = {}
methods.__index = methods

-- Whose it is, and the limits; nil: nobody's.
local function whose(self, conn_meta)
  local o = self.options
  if o.by == 'client' then
    if site.is_trusted(conn_meta) then
      return nil
    end
    return site.network(site.client(conn_meta)), o.limits
  end
  local user = conn_meta:get_meta 'authn_id'
  if not user or user == '' then
    return nil
  end
  user = user:lower()
  return user, o.users[user] or o.limits
end

-- The first limit that is reached and the seconds until it is not, or nil.
local function take(o, name, limits)
  for _, limit in ipairs(limits) do
    local throttle = kumo.make_throttle('extras.' .. o.by .. '.' .. name, limit)
    local answer = throttle:throttle()
    if answer.throttled then
      return limit, answer.retry_after and answer.retry_after.secs or 0
    end
  end
end

function methods:rcpt_to(rcpt, conn_meta)
  local o = self.options
  if o.by == 'client' and site.is_exempt(rcpt) then
    return
  end
  local name, limits = whose(self, conn_meta)
  if not name then
    return
  end
  local ok, limit, wait = pcall(take, o, name:sub(1, 500), limits)
  if not ok then
    site.failed(MODULE, limit, o.on_failure)
  elseif limit then
    local words = { c = tostring(o.code):sub(1, 1), limit = limit, wait = wait }
    kumo.reject(o.code, (o.text:gsub('{(%w+)}', words)))
  end
end

local function check_limits(limits)
  if type(limits) ~= 'table' then
    error(MODULE .. ": an array of limits expected, such as { '100/h' }", 4)
  end
  for _, limit in ipairs(limits) do
    local ok, why = pcall(kumo.make_throttle, 'extras.check', limit)
    if not ok then
      error(MODULE .. ': ' .. tostring(why), 4)
    end
  end
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      limits = { 'table' },
      users = { 'table', {} },
      by = { { 'user', 'client' }, 'user' },
      code = { 'code', 451 },
      text = { 'string', '{c}.7.1 you may send {limit}, please wait {wait} '
        .. 'seconds' },
      on_failure = { { 'pass', 'tempfail' }, 'pass' },
    })
    check_limits(o.limits)
    local users = {}
    for user, limits in pairs(o.users) do
      check_limits(limits)
      users[user:lower()] = limits
    end
    o.users = users
    return setmetatable({ options = o }, methods)
  end,
}
