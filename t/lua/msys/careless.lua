-- As scripts are in the field: no return, globals, a code that is text, nil
-- where a value was expected.
require "msys.core"
require "msys.extended.message"

mod = {}

function mod:validate_mailfrom(str, accept, vctx)
  code, text = msys.pcre.match(str, "code(\\d+)"), "as asked"
  vctx:set(msys.core.VCTX_CONN, "nothing", nil)
  if code then
    vctx:set_code(code[1], text)
  end
end

function mod:validate_rcptto(msg, str, accept, vctx)
  if vctx:get(msys.core.ECMESS_CTX_CONN, "nothing") == "" then
    vctx:set_code(550, "nothing")
  end
  return
end

msys.registerModule("careless", mod)
