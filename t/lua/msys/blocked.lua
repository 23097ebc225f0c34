-- A list of networks in a file, asked at connect; the name by DNS for the log.
require("msys.core")
require("msys.cidr")
require("msys.dumper")

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
local mod = {}

function mod:init()
  msys.cidr.define("blocked", { type = "rbldnsd", source = here .. "networks",
    value = "txt", interpolate = true, default_value = "" })
  return true
end

function mod:validate_connect(accept, vctx)
  local why = msys.cidr.query("blocked")
  if why != "" then
    local names = msys.dnsLookup(tostring(accept.remote_addr):match("^(.*):"),
      "PTR")
    print("blocked", msys.dumper.Dumper(names))
    vctx:set_code(554, "5.7.1 " .. why)
  end
  return msys.core.VALIDATE_DONE
end

msys.registerModule("blocked", mod)
