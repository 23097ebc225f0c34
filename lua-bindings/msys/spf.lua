-- spf.lua - the context variable spf_status

local _, native, host = ...

local pcall, tostring = pcall, tostring
local session = native.session

-- What the transaction's sender comes to, or nil where there is nothing to
-- look at: no sender yet, no client with an address, no DNS.
local function check(record)
  local user, domain = host.mail_parts()
  local sender
  if not user then
    return nil
  elseif domain == '' then -- the null sender: the HELO name
    domain = session.helo() or ''
  else
    sender = user .. '@' .. domain
  end
  local ok, found = pcall(host.kumo.spf.check_host, domain, record.meta, sender)
  if not ok then
    if native.load.is_first('spf_status') then
      host.log_warn('spf_status: ' .. tostring(found))
    end
    return nil
  end
  return found.disposition
end

-- host.spf_status(record) -> "pass", "fail", ..., or nil
--   Found when first asked for in a transaction, and kept for it.
function host.spf_status(record)
  if record.spf_of ~= record.transaction or not record.spf then
    record.spf_of = record.transaction
    record.spf = check(record)
  end
  return record.spf
end
