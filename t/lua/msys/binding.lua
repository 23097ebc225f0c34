-- Of the delivery: accepted, never called.
require("msys.core")
require("msys.extended.message_routing")

local mod = {}

function mod:validate_set_binding(msg)
  msg.priority = 1
  if msg:binding() ~= "bulk" then
    msg:binding("other")
  end
end

function mod:ac_auth_perform_auth(ac, user, pass, response)
  if tostring(ac.remote_addr):match("^127%.") then
    return msys.core.EC_AUTH_OK
  end
  response:write("not from there", 14)
  return msys.core.EC_AUTH_FAIL
end

function mod:ac_auth_log_auth_failure(ac, user)
  print("AUTH failed:", user)
end

msys.registerModule("binding", mod)
