-- Work for a pool of threads, and a nap.
require("msys.core")
require("msys.threadpool")

local mod = {}

function mod:validate_data(msg, accept, vctx)
  local text = msg:body()
  local ok, lines, first = msys.runInPool("work", function()
    msys.sleep(0.01)
    local n = 0
    for _ in text:gmatch("\r\n") do
      n = n + 1
    end
    return n, text:match("^[^\r\n]*")
  end)
  vctx:set_code(550, tostring(ok) .. " " .. lines .. " " .. first)
  return msys.core.VALIDATE_CONT
end

msys.registerModule("pool", mod)
