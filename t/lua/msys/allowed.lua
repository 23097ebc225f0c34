-- Presets of a network let a client pass, and leave another module out.
require("msys.core")

local mod = {}

function mod:validate_rcptto(msg, str, accept, vctx)
  if vctx:get(msys.core.VCTX_CONN, "can_relay") == "true" then
    return msys.core.VALIDATE_DONE
  end
  vctx:set_code("550", "5.7.1 relaying denied")
  return msys.core.VALIDATE_CONT
end

msys.registerModule("allowed", mod)
