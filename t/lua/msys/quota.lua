-- Counters by path: a domain's third message of the day is too much.
require("msys.core")
require("msys.counter")

local mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  local domain = vctx:get(msys.core.VCTX_MESS, "mailfrom_domain")
  if domain != "" then
    local seen = msys.counter.open("quota/" .. domain, msys.counter.RELAXED)
    msys.counter.inc(seen)
    n = msys.counter.read(seen)
    if n > 2 then
      vctx:set_code(452, "4.7.1 " .. n .. " from " .. domain)
      return msys.core.VALIDATE_DONE
    end
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("quota", mod)
