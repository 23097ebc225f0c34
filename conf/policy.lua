-- policy.lua - a policy to begin with
--
-- kumilter asks it at every stage of an SMTP session.  It is in the API of
-- KumoMTA, where it runs as well; what only kumilter has is behind
-- `if kumo.milter`.  Events, objects and functions: kumilter-policy(7).
--
--   try it        make demo, or kumilter try FILE -f SENDER -t RECIPIENT
--   check it      kumilter check --policy FILE
--   test it       kumilter test (policy_test.lua has its tests)
--   use it        copy it to /etc/kumilter/init.lua; kumilter reload

local kumo = require 'kumo'

-- Lists of yours -------------------------------------------------------------

-- Clients that are trusted, by the beginning of their address.
local our_clients = { '127.', '[::1]' }

-- Recipients that must always be reachable, whatever a client did (RFC 5321,
-- 4.5.1, asks it for postmaster).
local always = { postmaster = true, abuse = true }

-- Sender domains that nobody here wants to hear from.
local bad_domains = {
  ['spammer.invalid'] = '5.7.1 mail from your domain is not accepted',
}

-- Addresses that are no more.
local gone = {
  ['old-list@example.net'] = '5.1.6 this list has moved to new-list',
}

-- Demonstration --------------------------------------------------------------
-- `make demo` sends as these addresses, which nobody else has: example.com is
-- reserved.  Each shows one way to end a command or a session.  Delete this
-- table and the two lines below that use it whenever you like.

local demo = {
  -- This command fails, the session goes on.
  ['reject@example.com'] = function()
    kumo.reject(550, '5.7.1 this sender is not welcome here')
  end,

  -- 421: said to the letter, and the MTA closes at once.
  ['goaway@example.com'] = function()
    kumo.disconnect(421, 'mta.example.com go away!')
  end,

  -- Closes only if the code is 421; it is not.
  ['if421@example.com'] = function()
    kumo.disconnect(451, 'no thank you', 'If421')
  end,

  -- This code now, a 421 to the next command that the MTA asks about.
  ['follow@example.com'] = function()
    kumo.disconnect(451, 'no thank you', 'FollowWith421')
  end,

  -- 'ForceDisconnect', the default.  No MTA closes on a 451 because its
  -- milter wants it to, so this ends like the one above.
  ['force@example.com'] = function()
    kumo.disconnect(451, 'no thank you')
  end,

  -- A mistake: the client gets a 421, the log a traceback.
  ['bug@example.com'] = function()
    local colours = {}
    return colours.dark.green
  end,
}

-- Settings -------------------------------------------------------------------

if kumo.milter then
  kumo.on('init', function()
    kumo.milter.configure {
      event_timeout = '8s',      -- Sendmail gives up after 10 s
      on_error = 'disconnect',   -- a mistake in here: 421, as in KumoMTA
    }
  end)
end

-- Helpers --------------------------------------------------------------------

-- Logged in, or one of our own machines.
local function is_ours(conn_meta)
  if conn_meta:get_meta 'authn_id' then
    return true
  end
  local client = conn_meta:get_meta 'received_from' or ''
  for _, start in ipairs(our_clients) do
    if client:sub(1, #start) == start then
      return true
    end
  end
  return false
end

-- A reason to refuse is noted where it is found and used at RCPT: only there
-- is it known whether the mail is for postmaster.  `scope` is 'session' or
-- 'message'.
local function object(conn_meta, scope, code, text)
  conn_meta:set_meta('objection_' .. scope, { code = code, text = text })
end

-- The session ----------------------------------------------------------------

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  conn_meta:set_meta('objection_session', nil)
  if is_ours(conn_meta) then
    return
  end
  local us = conn_meta:get_meta 'hostname' or ''
  if domain:lower() == us:lower() then
    object(conn_meta, 'session', 550, '5.7.1 that is my name, not yours')
  end
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local act = demo[sender.email]
  if act then act() end

  conn_meta:set_meta('objection_message', nil)
  if is_ours(conn_meta) then
    return
  end
  -- The null sender has the domain "", which no list holds: bounces pass.
  local why = bad_domains[sender.domain]
  if why then
    object(conn_meta, 'message', 550, why)
  end
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  if always[rcpt.user:lower()] then
    return
  end
  local why = conn_meta:get_meta 'objection_session'
    or conn_meta:get_meta 'objection_message'
  if why then
    kumo.reject(why.code, why.text)
  end
  if gone[rcpt.email:lower()] then
    kumo.reject(550, gone[rcpt.email:lower()])
  end
end)

-- The message ----------------------------------------------------------------

-- The string that every spam filter takes for spam, to test with.
local gtube = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*'
  .. 'C.34X'

kumo.on('smtp_server_data', function(msg, conn_meta)
  -- Two authors: the reader would see one, a filter check the other.
  if #msg:get_all_named_header_values 'From' > 1 then
    kumo.reject(554, '5.6.0 a message has one From: header, yours has more')
  end

  -- A header of ours is ours.
  msg:remove_all_named_headers 'X-Policy'
  msg:append_header('X-Policy', is_ours(conn_meta) and 'trusted' or 'checked')

  if kumo.milter and msg:get_data():find(gtube, 1, true) then
    msg:quarantine 'GTUBE'   -- accepted, and held in the MTA's queue
  end
end)
