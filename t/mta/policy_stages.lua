-- The policy of stages.py: something happens at one stage of a session.
--
-- What happens is in the local part of the address, where it happens in the
-- domain: <451-force@mail.test>, <bug@rcpt.test>; a HELO name
-- spin.helo.test; a client's address that settings.at_connect names.

local kumo = require 'kumo'
local settings = require 'settings'

local hows = {
  force = 'ForceDisconnect', follow = 'FollowWith421', if421 = 'If421',
}

local acts = {
  bug = function() local list = {}; return list.none.field end,
  spin = function() while true do end end,
  sleep = function() kumo.sleep(600) end,
  memory = function()
    local hoard = {}
    for i = 1, math.huge do
      hoard[i] = ('x'):rep(4096) .. i
    end
    return hoard
  end,
}

local function act(what)
  if acts[what] then
    acts[what]()
  end
  local code, how = what:match '^(%d%d%d)%-(%w+)$'
  if how == 'reject' then
    kumo.reject(tonumber(code), 'no thank you')
  elseif how then
    kumo.disconnect(tonumber(code), 'no thank you', hows[how])
  end
end

local function at(stage, what, domain)
  if domain == stage .. '.test' then
    act(what)
  end
end

kumo.on('init', function()
  kumo.milter.configure(settings.options)
end)

kumo.on('smtp_server_connection_accepted', function(conn_meta)
  local client = conn_meta:get_meta('received_from'):match '^[%d.]+'
  local what = settings.at_connect[client]
  if what then
    act(what)
  end
end)

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  at('helo', domain:match '^([%w-]+)%.(.+)$')
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  conn_meta:set_meta('user', sender.user)
  conn_meta:set_meta('domain', sender.domain)
  at('mail', sender.user, sender.domain)
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  at('rcpt', rcpt.user, rcpt.domain)
end)

kumo.on('milter_data', function(conn_meta)
  at('data', conn_meta:get_meta 'user', conn_meta:get_meta 'domain')
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  at('eom', msg:sender().user, msg:sender().domain)
end)
