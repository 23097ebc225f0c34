-- The last callout, whose result says nothing.
require("msys.core")
require("msys.extended.message")

local mod = {}

function mod:core_final_validation(msg, accept, vctx)
  msg:header("X-Last", msys.expandMacro("%{vctx_mess:mailfrom_domain} "
    .. "%{rfc2822:body,1}"))
  return "whatever"
end

msys.registerModule("signing", mod)
