-- Older than methods: a table for each argument.
require("msys.core")
require("msys.policyeditor")

local editor = msys.policyeditor
local mod = {}

function mod:validate_data_spool_each_rcpt(msg, accept, vctx)
  local ctx, vars = { ec_message = msg }, {}
  local subject = editor.get_header(ctx, vars, { header = "Subject" })
  if subject and editor.pcre_match(ctx, vars,
      { subject = subject, pattern = "(?i)\\b(win|won) (?<sum>\\d+)" }) then
    vctx:set_code(550, "5.7.1 " .. vars["$sum"] .. " to "
      .. editor.get_rcptto(ctx, vars, {}) .. " by "
      .. editor.get_mailfrom(ctx, vars, {}))
    return msys.core.VALIDATE_DONE
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("editor", mod)
