-- postmaster.lua - a mail server that everybody can reach
--
-- The usual checks of an MX, in the order of their cost.  None of them is made
-- of our own clients, nor of mail for postmaster and abuse, which is taken
-- from everybody (RFC 5321, 4.5.1).  Needs policy-extras (make install).

local kumo = require 'kumo'

require('policy-extras.site').configure {
  trusted = { '127.0.0.0/8', '::1/128' },
  exempt = { 'postmaster', 'abuse' },
  names = { 'example.net' },
}

require('policy-extras.chain').register {
  require('policy-extras.helo').new {},

  -- only who has no name at all is refused; 'confirmed' is stricter
  require('policy-extras.ptr').new { require = 'ptr' },

  require('policy-extras.dnsbl').new {
    lists = {
      'zen.spamhaus.org',
      { 'bl.spamcop.net', weight = 0.5 },
      { 'list.dnswl.org',
        codes = { ['127.0.*.1'] = -0.5, ['127.0.*.2-3'] = -2 } },
    },
  },

  -- The last at RCPT: postmaster's copy of a message comes in a transaction of
  -- its own, so that a message can be refused for the others.
  require('policy-extras.exempt').new {},

  { data = function(_, msg, conn_meta)
    if #msg:get_all_named_header_values 'From' ~= 1
      and not require('policy-extras.site').all_exempt(msg) then
      kumo.reject(550, '5.6.0 a message has one From: header')
    end
  end },
}
