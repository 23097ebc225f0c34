-- Macros in a callout: a client that gives no host's name is refused.
require("msys.core")

local mod = {}

function mod:validate_ehlo(str, accept, vctx)
  local name = msys.expandMacro("%{vctx_conn:ehlo_domain}")
  if not msys.pcre.match(name, "\\.") and str != "EHLO localhost" then
    vctx:set_code(554, "5.7.1 %" .. name .. "% is no h\ost")
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("helo_name", mod)
