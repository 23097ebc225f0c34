-- exempt.lua - postmaster in a transaction of its own
--
--   local exempt = require('policy-extras.exempt').new {}
--   kumo.on('smtp_server_mail_from', ... exempt:mail_from(sender, conn_meta)
--   kumo.on('smtp_server_rcpt_to', ... exempt:rcpt_to(rcpt, conn_meta)
--
-- All modules let mail for the addresses in `exempt` of policy-extras.site
-- pass.  At RCPT that is easy; a message, though, is refused for all its
-- recipients or for none.  With this check a transaction is for exempt
-- recipients or for others: after the first recipient, those of the other kind
-- get a 452 and the client sends them the message once more, as it does where
-- there are too many recipients.  Checks of content then spare what is for
-- exempt recipients only.
--
-- It is to be the last check at RCPT: what others refuse is no recipient.
--
--   text   the reply

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local KEY = 'extras_exempt'

local methods = {}
methods.__index = methods

function methods:mail_from(sender, conn_meta)
  conn_meta:set_meta(KEY, nil)
end

function methods:rcpt_to(rcpt, conn_meta)
  if site.is_trusted(conn_meta) then
    return
  end
  local exempt, first = site.is_exempt(rcpt), conn_meta:get_meta(KEY)
  if first == nil then
    conn_meta:set_meta(KEY, exempt)
  elseif first ~= exempt then
    kumo.reject(452, self.options.text)
  end
end

return {
  new = function(given)
    local o = options('policy-extras.exempt', given, {
      text = { 'string', '4.5.3 this recipient in another transaction, '
        .. 'please' },
    })
    return setmetatable({ options = o }, methods)
  end,
}
