-- Texts as mail has them.
require("msys.base64")
require("msys.qp")
local json = require("json")

local mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  local secret = msys.base64.decode("dGhlIHBvbGljeQ==")
  local quoted = msys.qp.encode("caf\195\169")
  local object = json.decode('{"says": ["no", 5]}')
  vctx:set_code(550, secret .. " " .. quoted:gsub("%s", "") .. " "
    .. object.says[1] .. object.says[2])
  return msys.core.VALIDATE_DONE
end

msys.registerModule("codecs", mod)
