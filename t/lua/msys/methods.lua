-- A method of our own for every context, and a module in another file.
require("msys.core")
local texts = require("texts")

local meta = msys.getClassMetaTable("msys.core:_validate_context")

function meta:refuse(what)
  self:set_code(texts.code, texts.of(what))
  return msys.core.VALIDATE_DONE
end

local mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  return vctx:refuse("mail")
end

msys.registerModule("methods", mod)
