-- A domain's wish by DNS: mail that claims to be from it is turned away.
require("msys.core")
require("msys.pbp")

local mod = {}

local function wish(domain)
  local found, why = msys.dnsLookup("_dmarc." .. domain, "txt")
  if not found then
    return "none", why
  end
  for _, text in ipairs(found) do
    local tags = msys.pcre.split(text, "\\s*;\\s*")
    if msys.pcre.match(tags[1], "^v=DMARC1$") then
      for i = 2, #tags do
        local p = msys.pcre.match(tags[i], "^p=(?<wish>\\w+)")
        if p then
          return p.wish
        end
      end
    end
  end
  return "none"
end

function mod:validate_mailfrom(str, accept, vctx)
  local domain = vctx:get(msys.core.VCTX_MESS, "mailfrom_domain")
  vctx:set(msys.core.VCTX_MESS, "wish", (wish(domain)))
  return msys.core.VALIDATE_CONT
end

function mod:validate_rcptto(msg, str, accept, vctx)
  if vctx:get(msys.core.VCTX_MESS, "wish") == "reject" then
    return vctx:pbp_disconnect(550, "5.7.1 by the wish of "
      .. vctx:get(msys.core.VCTX_MESS, "mailfrom_domain"))
  end
  return msys.core.VALIDATE_CONT
end

msys.registerModule("dmarc", mod)
