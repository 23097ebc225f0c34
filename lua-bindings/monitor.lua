-- monitor.lua - kumo's functions about the configuration
--
-- Called once for each Lua state with
--   kumo    the module's table
--   native  see lb_monitor.c

local kumo, native = ...
local error, type = error, type

local GLOBS_MAX = 64

-- kumo.bump_config_epoch()
--   What the policy reads has changed: memoized functions that have
--   invalidate_with_epoch forget what they know, at once, and the daemon loads
--   the policy again as `kumilter reload` does, but not more often than every
--   10 seconds.  No effect while a policy loads.
--   Events: any.  Waits: no.  From: KumoMTA, where contexts are loaded anew,
--   but not init, and tasks go on.
function kumo.bump_config_epoch()
  native.bump()
end

-- kumo.set_config_monitor_globs(globs)
--   globs: an array of patterns as for kumo.fs.glob.  The files that fit are
--   looked at every monitor_interval; when one is written, comes or goes, that
--   is a kumo.bump_config_epoch.  None are by default, and a policy that sets
--   none watches none.  Raises on what is no array of strings.
--   Events: any; while loading, it is for the time the policy serves.
--   Waits: yes, for a first look; not while loading.  From: KumoMTA, which
--   watches its own folder by default.
function kumo.set_config_monitor_globs(globs)
  if type(globs) ~= 'table' then
    error('kumo.set_config_monitor_globs: an array of strings expected, got '
      .. type(globs), 2)
  elseif #globs > GLOBS_MAX then
    error(('kumo.set_config_monitor_globs: more than %d globs'):format(
      GLOBS_MAX), 2)
  end
  local copy = {}
  for i = 1, #globs do
    local glob = globs[i]
    if type(glob) ~= 'string' or glob == '' or glob:find('\0', 1, true) then
      error(('kumo.set_config_monitor_globs: globs[%d]: a pattern expected')
        :format(i), 2)
    end
    copy[i] = glob
  end
  native.set_globs(copy)
end

-- kumo.eval_config_monitor_globs() -> array of paths
--   The files that are watched, sorted.  Raises on a pattern that is none and
--   where there is too much to look at.
--   Events: any.  Waits: yes.  From: KumoMTA.
function kumo.eval_config_monitor_globs()
  local files, why = native.files()
  if not files then
    error('kumo.eval_config_monitor_globs: ' .. why, 2)
  end
  return files
end
