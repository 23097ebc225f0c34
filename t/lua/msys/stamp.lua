-- A header that says what was known of the message.
require("msys.core")
require("msys.extended.message")

local mod = {}

function mod:validate_data(msg, accept, vctx)
  msg:header("X-Stamp", "from " .. msg:reception_peer("ip") .. " size "
    .. msg:get_message_size() .. " as " .. msg.recv_method, "prepend")
  msg:header("X-Spam-Flag", "")
  msg:header("X-Seen", { "one", "two" }, "append")
  print("batch", msg.batch_id, "conn", msg.conn_id, "at", msg:listener_addr())
  return msys.core.VALIDATE_CONT
end

msys.registerModule("stamp", mod)
