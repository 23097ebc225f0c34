-- How busy a client is: the server's own counts and a series of our own.
require("msys.core")
require("msys.audit")
require("msys.audit_series")
require("msys.extended.ac")

local mod = {}

function mod:init()
  msys.audit_series.define("mails", "cidr", 60, 2, { persist = false })
  return true
end

function mod:validate_connect(accept, vctx)
  if accept:inbound_session_count("/24", "SMTP") > 3 then
    vctx:disconnect(421, "too many of you")
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end

function mod:validate_mailfrom(str, accept, vctx)
  msys.audit_series.add("mails", accept)
  local mails = msys.audit_series.count("mails", { startv = 0, endv = 1 })
  if mails > 2 then
    vctx:set_code(450, mails .. " mails, "
      .. msys.audit.connections("60,1", { startv = 0, endv = 1 })
      .. " connections")
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("audit", mod)
