-- greylist.lua - strangers are asked to come again, those with a name are not
--
-- Services that send from many networks would wait for ever; they have names.
-- Needs policy-extras (make install), and a folder that the daemon may write
-- to; the systemd unit makes this one.  Several machines share what they know
-- with store = 'redis://192.0.2.1:6379/0'.

require('policy-extras.site').configure {
  trusted = { '127.0.0.0/8', '::1/128' },
}

-- Those whose names, confirmed in the DNS, are in these domains.
local known = {
  'google.com', 'outlook.com', 'amazonses.com', 'mail.protection.outlook.com',
}

local ptr = require('policy-extras.ptr').new {}

local function is_known(conn_meta)
  local found = ptr:look_up(conn_meta)
  if found.status ~= 'confirmed' then
    return false
  end
  for _, domain in ipairs(known) do
    if found.name:sub(-#domain - 1) == '.' .. domain then
      return true
    end
  end
  return false
end

require('policy-extras.chain').register {
  require('policy-extras.greylist').new {
    store = 'sqlite:/var/lib/kumilter/greylist.db',
    delay = '5m',
    skip = is_known,
    on_failure = 'pass',      -- without the store nobody waits
  },
}
