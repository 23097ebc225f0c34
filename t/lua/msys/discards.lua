-- Accepted and forgotten.
require("msys.core")
require("msys.extended.message")

local mod = {}

function mod:validate_data_spool_each_rcpt(msg, accept, vctx)
  if msg:header("X-Adaptive")[1] == "drop" or msg:rcptto():match("^nobody@") then
    msg:discard("550 5.7.0 unwanted")
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("discards", mod)
