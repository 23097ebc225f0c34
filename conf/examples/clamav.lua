-- clamav.lua - no viruses, from whomever and to whomever
--
-- For mail that comes in and mail that our users send.  A message is refused
-- with the name of what was found; while clamd is away, mail comes again
-- later.  Needs policy-extras (make install) and clamd (Debian's
-- clamav-daemon), whose StreamMaxLength is to be above max_size.
--
-- Only in kumilter; in KumoMTA ask Rspamd, whose antivirus module asks clamd:
-- see rspamd.lua.

local kumo = require 'kumo'

kumo.on('init', function()
  -- clamd has its timeout, below; the MTA has to wait for longer than this
  kumo.milter.configure { message_timeout = '60s' }
end)

require('policy-extras.chain').register {
  require('policy-extras.clamav').new {
    socket = '/run/clamav/clamd.ctl',
    timeout = '30s',
    action = 'reject',              -- or 'quarantine': held by the MTA
    max_size = 25000000,
    on_failure = 'tempfail',        -- or 'pass'
  },
}
