-- The peer taken to pieces, dumped and kept for a later callout.
require("msys.core")
require("msys.pcre")
require("msys.dumper")

local mod = {}

function mod:validate_connect(accept, vctx)
  local parts = msys.pcre.split(tostring(accept.remote_addr), ":")
  print("peer", msys.dumper.Dumper(parts))
  self.ip, self.port = parts[1], parts[2]
  return msys.core.VALIDATE_CONT
end

function mod:validate_rcptto(msg, str, accept, vctx)
  vctx:set_code(550, self.ip .. " " .. msys.type(accept) .. " "
    .. (accept.protocol == msys.core.P_ESMTP and "ESMTP" or "?"))
  return msys.core.VALIDATE_DONE
end

msys.registerModule("peer", mod)
