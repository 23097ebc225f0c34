-- What DKIM says of a message, in Momentum's two ways; and one of our own.
require("msys.core")
require("msys.extended.message")
require("msys.validate.opendkim")
require("msys.validate.dkim")
require("opendkim.dkim")

local mod = {}

-- An Ed25519 key of nobody's, as the inside of a PEM file.
local KEY = "MC4CAQAwBQYDK2VwBCIEIFtjhp3d2exrAKMZR8PhJhgp4E3pKdlqemDcxUU0C/rt"

local function opendkim(msg)
  local od = msys.validate.opendkim
  local dkim, stat = od.verify(msg)
  local num = od.get_num_sigs(dkim)
  local out = { num .. ":" .. stat }
  for i = 0, num - 1 do
    local sig = od.get_sig(dkim, i)
    out[#out + 1] = table.concat({
      tostring(od.get_sig_domain(sig)), tostring(od.get_sig_selector(sig)),
      od.get_sig_signalg(sig), od.get_sig_keysize(sig),
      od.get_sig_canons(sig), od.get_sig_flags(sig),
      tostring(od.get_sig_hdrsigned(sig, "SUBJECT")),
      tostring(od.get_sig_hdrsigned(sig, "To")),
      tostring(od.get_sig_identity(dkim, sig)), od.get_sig_errorstr(sig),
    }, ",")
  end
  if od.get_sig(dkim, num) != nil then
    out[#out + 1] = "one too many"
  end
  return table.concat(out, " ")
end

local function dkim(msg, vctx)
  local count, results = msys.validate.dkim.get_verify_results(vctx)
  local out = { count .. ":" .. #msys.validate.dkim.get_domains(msg, vctx),
    tostring(msys.validate.dkim.get_responsible_domain(msg, vctx)) }
  for i = 0, count - 1 do
    local item = msys.validate.dkim.verify_results_get_item(results, i)
    out[#out + 1] = msys.validate.dkim.verify_status_to_string(item.status)
      .. "=" .. item.diagnostic
  end
  return table.concat(out, " ")
end

function mod:validate_data(msg, accept, vctx)
  msg:header("X-Opendkim", opendkim(msg))
  msg:header("X-Dkim", dkim(msg, vctx))
  return msys.core.VALIDATE_CONT
end

function mod:core_final_validation(msg, accept, vctx)
  if msg:header("X-Sign")[1] == "yes" then
    local ok = msys.validate.opendkim.sign(msg, vctx, {
      signing_domain = "own.test", selector = "k", keybuf = KEY,
      headerlist = "Subject:To", body_canon = "simple",
    })
    print("signed: " .. ok)
    print(pcall(msys.validate.opendkim.sign, msg, vctx, { selector = "k" }))
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("signatures", mod)
