-- constant.lua - Momentum's numbers
--
-- Its manuals name them and give no values.  What a policy stores or compares
-- are the names, so any distinct numbers do; identities that policies rely on
-- are kept: ECMESS_CTX_X is VCTX_X.

local msys = ...
local core = msys.core

-- what a callout returns
core.VALIDATE_CONT, core.VALIDATE_DONE, core.VALIDATE_AGAIN = 0, 1, 2

-- which of the two dictionaries
core.VCTX_CONN, core.VCTX_MESS = 1, 2
core.ECMESS_CTX_CONN, core.ECMESS_CTX_MESS = core.VCTX_CONN, core.VCTX_MESS
_G.VCTX_CONN, _G.VCTX_MESS = core.VCTX_CONN, core.VCTX_MESS

-- how the message came
core.P_ESMTP, core.P_MM7, core.P_SMPP = 1, 2, 3

-- flags of msg:get_envelope2()
core.EC_MSG_ENV_FROM, core.EC_MSG_ENV_TO, core.EC_MSG_ENV_COMPLETE = 1, 2, 4

-- keys of the dictionaries: strings
for _, command in ipairs { 'mailfrom', 'rcptto', 'ehlo' } do
  for _, part in ipairs { 'string', 'domain', 'localpart' } do
    if command ~= 'ehlo' or part ~= 'localpart' then
      local name = command .. '_' .. part
      core['STANDARD_KEY_' .. name:upper()] = name
    end
  end
end
