-- Before the banner: what the EHLO reply offers, a pause, a field of the
-- session that a hook of TLS would set.
require("msys.core")
require("msys.extended.ac")
require("msys.extended.vctx")

local mod = {}

function mod:validate_connect(accept, vctx)
  accept:esmtp_capability_add("XCLIENT")
  accept:esmtp_capability_remove("8BITMIME")
  vctx:tarpit(0.1)
  return msys.core.VALIDATE_CONT
end

function mod:validate_ehlo(str, accept, vctx)
  if str:find("plain") then
    local mc = msys.core.accept_construct_get_message_construct(accept)
    mc.ctx.code = 454
    mc.ctx.note = "4.7.0 TLS first"
    mc.ctx.disconnect = 1
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("connect_time", mod)
