-- What another filter found, by the keys that Momentum's modules would set.
require("msys.core")
require("msys.pbp")

local mod = {}

function mod:validate_connect(accept, vctx)
  msys.pbp.set_whitelist(vctx, "partners",
    tostring(accept.remote_addr):match("^192%.0%.2%.") != nil)
  return msys.core.VALIDATE_CONT
end

function mod:validate_rcptto(msg, str, accept, vctx)
  if msys.pbp.check_whitelist(vctx, { honor_whitelist = { "partners" } }) then
    return msys.core.VALIDATE_DONE
  end
  if vctx:get(msys.core.VCTX_MESS, "spf_status") == "fail"
    or vctx:get(msys.core.VCTX_CONN, "early_talker") == "yes" then
    return vctx:pbp_disconnect(550, "5.7.1 no")
  end
  return vctx:pbp_action(450, "4.7.1 come again")
end

msys.registerModule("verdicts", mod)
