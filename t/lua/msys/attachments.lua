-- Programs are turned away, and the rest gets a line at its end.
require("msys.core")
require("msys.extended.message")

local mod = {}

function mod:validate_data(msg, accept, vctx)
  local part = msg:mime(true)
  while part != nil do
    local kind = part:content_type()
    if kind.is_attachment and kind.filename:lower():match("%.exe$") then
      vctx:set_code(554, "5.7.1 no " .. kind.filename)
      return msys.core.VALIDATE_DONE
    end
    part = part.thread
  end
  local top = msg:mime()
  if top.parts == nil then
    msg:text_replace("\r\n.\r\n", "\r\n-- \r\nscanned\r\n.\r\n")
  else
    top:addLastChild(msg:makePart("text/plain", "scanned\r\n"))
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("attachments", mod)
