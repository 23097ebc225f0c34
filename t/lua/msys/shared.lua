-- What all Lua states share, under a lock; a cache of numbers; a disk's room.
require("msys.core")
require("msys.gauge_cache")
require("msys.os")

local mod = {}
local disk

function mod:init()
  msys.gauge_cache.define("open", 100, 3600)
  disk = msys.os.statvfs_subscribe("/", 60)
  return true
end

function mod:validate_connect(accept, vctx)
  self.open = true
  msys.gauge_cache.inc("open", "all")
  return msys.core.VALIDATE_CONT
end

function mod:validate_mailfrom(str, accept, vctx)
  msys.lock("last")
  local last = msys.shareGet("last") or "nobody"
  msys.shareSet("last", vctx:get(msys.core.VCTX_MESS, "mailfrom_localpart"))
  msys.unlock("last")
  local room = msys.os.statvfs_read(disk)
  vctx:set_code(room.kilobytes_total > 0 and 550 or 452, "behind " .. last
    .. ", of " .. msys.gauge_cache.get("open", "all"))
  return msys.core.VALIDATE_CONT
end

function mod:validate_dealloc()
  if self.open then
    print("left:", msys.gauge_cache.dec("open", "all"))
  end
end

msys.registerModule("shared", mod)
