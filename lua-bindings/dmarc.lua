-- dmarc.lua - kumo.dmarc
--
-- Called once for each Lua state with the kumo module and the primitives of
-- lb_dmarc.c.

local kumo, native = ...

local error, next, random, tostring, type =
  error, next, math.random, tostring, type
local check, notice = native.check, native.notice

kumo.dmarc = {}

local info_keys = {
  org_name = true, email = true, extra_contact_info = false,
}

local function bad(level, why)
  error('kumo.dmarc.check_msg: ' .. why, level + 1)
end

-- What a report would say of who wrote it.
local function check_info(info)
  if info == nil then
    kumo.reject(400, 'DMARC reporting missing required fields')
  elseif type(info) ~= 'table' then
    bad(3, 'reporting: a table expected, got ' .. type(info))
  end
  for key, value in next, info do
    if info_keys[key] == nil then
      bad(3, 'reporting: unknown key "' .. tostring(key) .. '"')
    elseif type(value) ~= 'string' then
      bad(3, 'reporting: ' .. key .. ': a string expected')
    end
  end
  for key, needed in next, info_keys do
    if needed and not info[key] then
      bad(3, 'reporting: ' .. key .. ' is missing')
    end
  end
end

-- kumo.dmarc.check_msg(msg, dkim_results, resolver, spf_result, use_reporting
--     [, info]) -> table
--   What the domain of From: wants done with the message.  dkim_results: what
--   msg:dkim_verify() gave, an array.  resolver: a name of
--   kumo.dns.define_resolver, or nil.  spf_result: the result of
--   kumo.spf.check_msg().  use_reporting: boolean; info: { org_name =, email =
--   [, extra_contact_info =] }: checked, and no reports are written.
--   -> { disposition = "Pass", "None", "Quarantine", "Reject", "TempError" or
--   "PermError"; result = what add_authentication_results takes: method
--   "dmarc", result "pass", "fail", "none", "temperror" or "permerror",
--   reason, props: policy.TAG for each tag of the record,
--   policy.published-domain-policy where it fails, header.from }.
--   pct= takes its chance from math.random.  At the most 20 s or nine tenths
--   of what the handler has left: then it is "TempError".
--   Raises on results with unknown keys and on an unknown resolver; rejects
--   with 400 where use_reporting is true and info nil.
--   Events: smtp_server_message_received.  Waits: yes.
--   From: KumoMTA, RFC 7489, RFC 9091.
function kumo.dmarc.check_msg(msg, dkim_results, resolver, spf_result,
  use_reporting, info)
  if use_reporting then
    check_info(info)
    notice()
  end
  local ok, outcome = check(msg, dkim_results, resolver, spf_result,
    random(0, 99))
  if not ok then
    bad(2, outcome)
  end
  return outcome
end
