-- A message has one author, who writes from where the envelope says.
require("msys.core")
require("msys.pbp")
require("msys.extended.message")

local mod = {}

function mod:validate_data_spool(msg, accept, vctx)
  local from = msg:header("From")
  if #from != 1 then
    vctx:disconnect(550, "5.7.1 " .. #from .. " authors")
    return msys.core.VALIDATE_DONE
  end
  local domain = msg:address_header("From", "domain")[1]
  if domain and domain != msg:mailfrom():match("@(.*)") then
    return vctx:pbp_action(550, "5.7.1 from " .. domain .. "? sender: "
      .. (msg:address_header("Sender")[1] or "none"))
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("one_from", mod)
