-- chain.lua - several checks, one after the other
--
--   require('policy-extras.chain').register {
--     require('policy-extras.helo').new {},
--     require('policy-extras.greylist').new { store = '...' },
--     { rcpt_to = function(_, rcpt, conn_meta) ... end },    -- of your own
--   }
--
-- A check is a table with methods that are called as the events are:
--
--   connection_accepted(conn_meta)       mail_from(sender, conn_meta)
--   ehlo(domain, conn_meta)              rcpt_to(rcpt, conn_meta)
--   data(msg, conn_meta)                 message_received(msg, conn_meta)
--
-- The first that refuses ends the command.  So put what is cheap first, what
-- remembers something (greylisting, quotas) behind it, and policy-extras.exempt
-- last.  The events that some check has are registered here, and a policy
-- cannot register them again; one that does calls the methods there instead.

local kumo = require 'kumo'

local events = {
  'connection_accepted', 'ehlo', 'mail_from', 'rcpt_to', 'data',
  'message_received',
}

local chain = {}

local function register(event, checks)
  kumo.on('smtp_server_' .. event, function(...)
    for _, check in ipairs(checks) do
      check[event](check, ...)
    end
  end)
end

function chain.register(checks)
  local known = {}
  for _, event in ipairs(events) do
    local taking = {}
    for i, check in ipairs(checks) do
      if type(check) ~= 'table' then
        error(('policy-extras.chain: check %d is no table'):format(i), 2)
      elseif check[event] then
        taking[#taking + 1] = check
        known[check] = true
      end
    end
    if taking[1] then
      register(event, taking)
    end
  end
  for i, check in ipairs(checks) do
    if not known[check] then
      error(('policy-extras.chain: check %d has no method for any event')
        :format(i), 2)
    end
  end
end

return chain
