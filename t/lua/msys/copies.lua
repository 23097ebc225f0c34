-- The list of recipients, walked from 0, and one more at its end.
require("msys.core")
require("msys.extended.vctx")

local mod = {}

function mod:validate_data(msg, accept, vctx)
  local list = vctx:recipient_list()
  local all = ""
  for i = 0, #list do
    all = all .. list[i] .. ";"
  end
  print("for " .. all)
  if #list != 1 then
    vctx:add_recipient("audit@archive.test")
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("copies", mod)
