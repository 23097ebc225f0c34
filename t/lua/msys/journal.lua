-- A file of our own, opened once for each Lua state.
require("msys.core")

local core = msys.core
local here = debug.getinfo(1, "S").source:match("^@(.*/)")
local mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  local file = _OSTLS.journal
  if file == nil then
    file = core.io_wrapper_open(here .. "journal.txt",
      core.O_CREAT | core.O_APPEND | core.O_WRONLY, 0644)
    _OSTLS.journal = file
  end
  local text = str .. " from " .. tostring(accept.remote_addr) .. "\n"
  file:write(text, #text)
  file:flush()
  return core.VALIDATE_CONT
end

msys.registerModule("journal", mod)
