-- A table of addresses decides; its code is text.
require("msys.core")
require("msys.db")

local mod = {}

function mod:init()
  msys.db.execute("mail", "create table if not exists gone (address, code, says)")
  msys.db.execute("mail", "insert into gone values (?, ?, ?)",
    { "left@example.org", "551", "5.1.6 moved to elsewhere.test" })
  return true
end

function mod:validate_rcptto(msg, str, accept, vctx)
  local who = vctx:get(msys.core.VCTX_MESS, "rcptto_localpart") .. "@"
    .. vctx:get(msys.core.VCTX_MESS, "rcptto_domain")
  for row in msys.db.query("mail",
      "select code, says from gone where address = :who", { who = who }) do
    vctx:set_code(row.code, row.says)
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("rcpt_table", mod)
