-- submission.lua - for a submission service: users write as themselves, and
-- not too much
--
-- A password that was stolen is used to send in anybody's name, and fast.
-- Needs policy-extras (make install).

-- Who writes as whom.  A user whose name is an address has that one, too.
local addresses = {
  ann = { 'ann@example.net', 'sales@example.net' },
  joe = { 'joe@example.net', '@joe.example' },
  newsletter = { 'news@example.net' },
}

require('policy-extras.chain').register {
  require('policy-extras.sender_login').new {
    users = addresses,
    domains = { 'example.net', 'joe.example' },
    from = true,
  },

  -- Recipients count.  451: the program keeps what is too much for later;
  -- 550: the user is told at once.
  require('policy-extras.quota').new {
    limits = { '60/10min', '500/d' },
    users = { newsletter = { '5000/d' } },
    code = 451,
  },
}
