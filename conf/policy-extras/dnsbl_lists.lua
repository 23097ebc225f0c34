-- dnsbl_lists.lua - what common DNS lists answer
--
-- known: list -> { codes =, ipv6 =, white = }
--   codes   what an answer means: a pattern of addresses (policy-extras.dnsbl)
--           and a word for it.  Answers that fit none do not count.
--   ipv6    it lists IPv6, too
--   white   it lists whom to trust
-- gone: lists that are no more: they answer nothing, or list everybody.
--
-- Most lists have terms of use; those of Spamhaus need a resolver of one's own
-- (not a public one) or a key: KEY.zen.dq.spamhaus.net.

local zen = {
  ipv6 = true,
  codes = {
    ['127.0.0.2'] = 'SBL',
    ['127.0.0.3'] = 'CSS',
    ['127.0.0.4-7'] = 'XBL',
    ['127.0.0.9'] = 'DROP',
    ['127.0.0.10-11'] = 'PBL',
  },
}

local function plain(word)
  return { codes = { ['127.0.0.2'] = word } }
end

return {
  zen = zen,

  known = {
    ['zen.spamhaus.org'] = zen,
    ['sbl.spamhaus.org'] = {
      ipv6 = true,
      codes = {
        ['127.0.0.2'] = 'SBL', ['127.0.0.3'] = 'CSS', ['127.0.0.9'] = 'DROP',
      },
    },
    ['xbl.spamhaus.org'] = {
      ipv6 = true, codes = { ['127.0.0.4-7'] = 'XBL' },
    },
    ['bl.spamcop.net'] = plain 'reported',
    ['b.barracudacentral.org'] = plain 'bad reputation',
    ['psbl.surriel.com'] = plain 'spam traps',
    ['dnsbl-1.uceprotect.net'] = plain 'spam traps',
    ['all.s5h.net'] = { ipv6 = true, codes = { ['127.0.0.2'] = 'listed' } },
    ['bl.blocklist.de'] = {
      ipv6 = true, codes = { ['127.0.0.2-21'] = 'attacks' },
    },
    ['dnsbl.dronebl.org'] = {
      ipv6 = true,
      codes = {
        ['127.0.0.3'] = 'drone', ['127.0.0.5-7'] = 'drone',
        ['127.0.0.8-11'] = 'open proxy', ['127.0.0.13'] = 'brute force',
        ['127.0.0.14'] = 'open proxy', ['127.0.0.15-17'] = 'compromised',
      },
    },
    ['bl.mailspike.net'] = {
      codes = {
        ['127.0.0.2'] = 'listed', ['127.0.0.10-12'] = 'bad reputation',
      },
    },
    ['wl.mailspike.net'] = {
      white = true, codes = { ['127.0.0.18-20'] = 'good reputation' },
    },
    -- 127.0.CATEGORY.TRUST; 127.0.0.255: asked too often
    ['list.dnswl.org'] = {
      white = true, ipv6 = true,
      codes = {
        ['127.0.*.0'] = 'no trust', ['127.0.*.1'] = 'low trust',
        ['127.0.*.2'] = 'medium trust', ['127.0.*.3'] = 'high trust',
      },
    },
  },

  gone = {
    ['dnsbl.sorbs.net'] = true,
    ['spam.dnsbl.sorbs.net'] = true,
    ['ix.dnsbl.manitu.net'] = true,
    ['dnsbl.njabl.org'] = true,
    ['dnsbl.ahbl.org'] = true,
    ['bl.spamcannibal.org'] = true,
    ['list.dsbl.org'] = true,
    ['relays.ordb.org'] = true,
  },
}
