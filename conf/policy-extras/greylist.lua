-- greylist.lua - strangers are asked to come again
--
--   local greylist = require('policy-extras.greylist').new {
--     store = 'sqlite:/var/lib/kumilter/greylist.db',
--   }
--   kumo.on('smtp_server_mail_from', ... greylist:mail_from(sender, conn_meta)
--   kumo.on('smtp_server_rcpt_to', ... greylist:rcpt_to(rcpt, conn_meta)
--
-- The first mail from a client's network (/24, IPv6: /64) and a sender to a
-- recipient gets a 451; who comes again after `delay` passes, and is known
-- for `keep` after each mail.  A network from which that many mails passed is
-- known as a whole.  Clients of our own and recipients that are exempt are not
-- asked (policy-extras.site).  Each recipient is judged for itself.
--
--   store        where it is kept: policy-extras.store.  Needed.
--   delay        '5m'
--   retry_within who comes later than that begins anew: '2d'
--   keep         '36d'
--   whitelist_after  transactions that passed until the network is known: 5;
--                0 is never
--   skip         function(conn_meta) -> true for clients that are not asked,
--                such as services that send from many networks
--   fold_sender  numbers in the sender's local part are all the same, because
--                mailing lists number their bounces: true
--   text         '4.7.1 greylisted, please come again in {wait} seconds'
--   on_failure   when the store does not work: 'pass' (default) or 'tempfail'
--
-- greylist:message(msg, conn_meta) asks for all recipients of a message at
-- once, for messages that something was found in (policy-extras.rspamd).

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'
local store = require 'policy-extras.store'

local MODULE = 'policy-extras.greylist'
local KEY, COUNTED = 'extras_greylist_sender', 'extras_greylist_counted'
local KEY_MAX = 700

local methods = {}
methods.__index = methods

function methods:mail_from(sender, conn_meta)
  conn_meta:set_meta(KEY, sender.email)
  conn_meta:set_meta(COUNTED, nil)
end

local function folded(sender)
  local user, domain = sender:match '^(.*)@(.*)$'
  if not user then
    return sender
  end
  return user:gsub('%d+', '#') .. '@' .. domain
end

-- One transaction counts once, however many recipients it has.
local function count(self, network, conn_meta)
  if self.options.whitelist_after > 0 and not conn_meta:get_meta(COUNTED) then
    conn_meta:set_meta(COUNTED, true)
    self.store:count('greylist:n:' .. network, self.options.keep)
  end
end

local function is_known(self, network)
  local after = self.options.whitelist_after
  if after == 0 then
    return false
  end
  return (tonumber(self.store:get('greylist:n:' .. network)) or 0) >= after
end

-- How many seconds this one has to wait; nil: it passes.
local function ask(self, conn_meta, sender, rcpt)
  local o = self.options
  local network = site.network(site.client(conn_meta))
  if is_known(self, network) then
    count(self, network, conn_meta)
    return nil
  end
  sender = sender:lower()
  local key = ('greylist:t:%s %s %s'):format(network,
    o.fold_sender and folded(sender) or sender, rcpt.email:lower())
  key = key:sub(1, KEY_MAX)
  local now = os.time()
  local state, since = self.store:add(key, 'wait ' .. now, o.retry_within)
    :match '^(%a+) (%d+)$'
  since = tonumber(since) or now
  if state == 'wait' and since > now then    -- the clock was put back
    self.store:put(key, 'wait ' .. now, o.retry_within)
    since = now
  end
  if state == 'wait' and now - since < o.delay then
    return since + o.delay - now
  end
  self.store:put(key, 'pass ' .. since, o.keep)
  count(self, network, conn_meta)
  return nil
end

local function judge(self, conn_meta, sender, rcpt)
  local o = self.options
  local ok, wait = pcall(ask, self, conn_meta, sender, rcpt)
  if not ok then
    site.failed(MODULE, wait, o.on_failure)
  elseif wait then
    kumo.reject(451, (o.text:gsub('{wait}', ('%d'):format(math.ceil(wait)))))
  end
end

local function is_asked(self, conn_meta)
  local skip = self.options.skip
  return not site.is_trusted(conn_meta) and not (skip and skip(conn_meta))
end

function methods:rcpt_to(rcpt, conn_meta)
  if site.is_exempt(rcpt) or not is_asked(self, conn_meta) then
    return
  end
  local sender = conn_meta:get_meta(KEY)
  if not sender then
    error(MODULE .. ': call mail_from() in smtp_server_mail_from', 2)
  end
  judge(self, conn_meta, sender, rcpt)
end

function methods:message(msg, conn_meta)
  if not is_asked(self, conn_meta) then
    return
  end
  for _, rcpt in ipairs(msg:recipient_list()) do
    if not site.is_exempt(rcpt) then
      judge(self, conn_meta, msg:sender().email, rcpt)
    end
  end
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      store = { 'any' },
      delay = { 'duration', '5m' },
      retry_within = { 'duration', '2d' },
      keep = { 'duration', '36d' },
      whitelist_after = { 'number', 5 },
      skip = { 'function?' },
      fold_sender = { 'boolean', true },
      text = { 'string', '4.7.1 greylisted, please come again in {wait} '
        .. 'seconds' },
      on_failure = { { 'pass', 'tempfail' }, 'pass' },
    })
    return setmetatable({ options = o, store = store.open(o.store) }, methods)
  end,
}
