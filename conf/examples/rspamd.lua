-- rspamd.lua - Rspamd judges what is in a message
--
-- Its actions are carried out here: refused, marked with X-Spam: Yes, another
-- subject.  For what it is not sure of it says "greylist", and only that comes
-- again after five minutes.  Needs policy-extras (make install).

local kumo = require 'kumo'

if kumo.milter then
  kumo.on('init', function()
    -- Rspamd has its timeout, below; the MTA has to wait for longer than this
    kumo.milter.configure { message_timeout = '60s' }
  end)
end

require('policy-extras.site').configure {
  trusted = { '127.0.0.0/8', '::1/128' },
}

local greylist = require('policy-extras.greylist').new {
  store = 'sqlite:/var/lib/kumilter/greylist.db',
}

require('policy-extras.chain').register {
  -- mail for postmaster is marked, never refused
  require('policy-extras.exempt').new {},

  require('policy-extras.rspamd').new {
    url = 'http://127.0.0.1:11333',
    timeout = '20s',
    scan = 'strangers',             -- 'all': what our users send, too
    greylist = greylist,
    viruses = { 'CLAM_VIRUS' },     -- of its antivirus module
    symbols = true,
    on_failure = 'pass',            -- or 'tempfail'
  },
}
