-- Products that are not here: their functions say nothing bad.
require("msys.core")
require("msys.av")
require("msys.brightmail")
require("msys.cloudmark")
require("msys.bounce")

local mod = {}

function mod:init()
  msys.cloudmark.set_af_mode_movemsg()
  msys.cloudmark.set_af_msi_address("spam@example.org")
  return 0
end

function mod:validate_data(msg, accept, vctx)
  local code, name = msys.av.scan(msg, "clam")
  if code == msys.av.EC_AV_INFECTED then
    vctx:set_code(550, "5.7.1 " .. name)
    return msys.core.VALIDATE_DONE
  end
  local verdict = msys.brightmail.scan(msg)
  vctx:set(msys.core.VCTX_MESS, "brightmail", verdict)
  msys.cloudmark.score_af(msg, accept)
  code, name = msys.bounce.classify("550 no such user", "example.org")
  return msys.core.VALIDATE_CONT
end

msys.registerModule("scanners", mod)
