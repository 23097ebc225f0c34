-- Sender and recipient, taken to pieces and changed, for each recipient.
require("msys.core")
require("msys.pcre")
require("msys.extended.message")

local core = msys.core
local mod = {}

function mod:validate_data_spool_each_rcpt(msg, accept, vctx)
  local localpart, domain = core.string_new(), core.string_new()
  local whole, none = core.string_new(), core.string_new()
  msg:get_envelope2(core.EC_MSG_ENV_FROM, localpart, domain)
  msg:get_envelope2(core.EC_MSG_ENV_FROM | core.EC_MSG_ENV_COMPLETE, whole,
    none)
  core.ec_message_context_set(msg, core.ECMESS_CTX_MESS, "who",
    tostring(whole) .. " = " .. localpart .. "@" .. domain)
  local plus = msys.pcre.match(msg:rcptto(), "^(?<user>[^+@]+)\\+.*@(.*)$")
  if plus then
    msg:rcptto(plus.user .. "@" .. plus[2])
  end
  msg:header("X-Who", msg:context_get(core.ECMESS_CTX_MESS, "who"))
  return core.VALIDATE_CONT
end

msys.registerModule("envelope", mod)
