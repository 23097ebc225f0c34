-- The scriptlet of test_msys.py: something happens in one callout.
--
-- As in policy_stages.lua, what happens is in the local part and where in the
-- domain: <code-550@mail.test>, <error@rcpt.test>; a name of EHLO,
-- bye-421.helo.test; a client's address that settings.at_connect names.  Of
-- the callouts behind the message the local part says which:
-- <validate_data.code-451@eom.test>.

require("msys.core")
require("msys.extended.vctx")

local settings = require("settings")
local core = msys.core
local mod = {}

local function act(what, vctx)
  local how, code = what:match("^(%a+)-?(%d*)$")
  if how == "error" then
    return nil .. "a script's mistake"
  elseif how == "code" then
    vctx:set_code(code, "no thank you")
    return core.VALIDATE_CONT
  elseif how == "bye" then
    vctx:disconnect(tonumber(code), "no thank you")
  end
  return core.VALIDATE_DONE
end

local function at(stage, what, domain, vctx)
  if domain ~= stage .. ".test" then
    return core.VALIDATE_CONT
  end
  return act(what, vctx)
end

function mod:validate_connect(accept, vctx)
  local ip = tostring(accept.remote_addr):match("^(.*):%d")
  local what = settings.at_connect[ip]
  return what and act(what, vctx) or core.VALIDATE_CONT
end

function mod:validate_ehlo(str, accept, vctx)
  local what, domain = str:match("^EHLO ([%w-]+)%.(.+)$")
  return at("helo", what, domain, vctx)
end

function mod:validate_mailfrom(str, accept, vctx)
  return at("mail", vctx:get(core.VCTX_MESS, "mailfrom_localpart"),
    vctx:get(core.VCTX_MESS, "mailfrom_domain"), vctx)
end

function mod:validate_rcptto(msg, str, accept, vctx)
  return at("rcpt", vctx:get(core.VCTX_MESS, "rcptto_localpart"),
    vctx:get(core.VCTX_MESS, "rcptto_domain"), vctx)
end

-- Those behind the message; their last argument is the context.
for _, callout in ipairs {
  "validate_data", "validate_rcptto_list", "validate_rcptto_list_final",
  "validate_data_spool", "validate_data_spool_each_rcpt",
  "core_final_validation2", "core_final_validation",
} do
  mod[callout] = function(self, ...)
    local vctx = select(select("#", ...), ...)
    local where, what = vctx:get(core.VCTX_MESS, "mailfrom_localpart")
      :match("^([%w_]+)%.(.*)$")
    if where == callout
      and vctx:get(core.VCTX_MESS, "mailfrom_domain") == "eom.test" then
      return act(what, vctx)
    end
    return core.VALIDATE_CONT
  end
end

function mod:validate_dealloc()
  print("over")
end

msys.registerModule("stages", mod)
