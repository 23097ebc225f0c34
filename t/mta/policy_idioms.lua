-- The policy of test_idioms.py: how policies for KumoMTA are usually written,
-- in one of them.  Nothing in here is kumilter's own.

local kumo = require 'kumo'

-- Partners: what they may do is found at connect and used much later.
local partners = {
  ['127.5.0.1'] = { name = 'north', quota = 2 },
  ['127.5.0.2'] = { name = 'south', quota = 1 },
}
local banned = { ['127.5.0.66'] = true }

-- Recipients: a reply for those that are not served.
local mailboxes = {
  ['left@example.net'] = { 550, '5.1.1 nobody of that name any more' },
  ['full@example.net'] = { 452, '4.2.2 mailbox full' },
}

local function client_of(conn_meta)
  return (conn_meta:get_meta 'received_from'):match '^(.*):%d+$'
end

kumo.on('smtp_server_connection_accepted', function(conn_meta)
  local client = client_of(conn_meta)
  if banned[client] then
    kumo.disconnect(421, 'not from ' .. client)
  end
  conn_meta:set_meta('partner', partners[client])
end)

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  if domain == conn_meta:get_meta 'hostname' then
    kumo.reject(550, '5.7.1 that name is taken')
  end
  if not domain:find('.', 1, true) and domain:sub(1, 1) ~= '[' then
    kumo.reject(554, '5.5.2 a whole name, please')
  end
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  -- Bounces come from nowhere and have to pass.
  conn_meta:set_meta('is_bounce', sender.email == '')
  if sender.email ~= '' and sender.domain:find '%.invalid$' then
    conn_meta:set_meta('objection', sender.domain)
  else
    conn_meta:set_meta('objection', nil)
  end
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  -- RFC 5321, 4.5.1: postmaster hears everybody.
  if rcpt.user:lower() == 'postmaster' then
    return
  end
  local reply = mailboxes[rcpt.email:lower()]
  if reply then
    kumo.reject(table.unpack(reply))
  end
  local objection = conn_meta:get_meta 'objection'
  if objection then
    kumo.reject(550, string.format('5.7.1 no mail from %s', objection))
  end
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local partner = conn_meta:get_meta 'partner'
  local count = (conn_meta:get_meta 'count' or 0) + 1
  conn_meta:set_meta('count', count)
  if partner and count > partner.quota then
    kumo.disconnect(451, '4.7.1 ' .. partner.name .. ' had its share',
      'FollowWith421')
  end
  msg:remove_all_named_headers 'X-Partner'
  msg:append_header('X-Partner', partner and partner.name or 'none')
  msg:prepend_header('X-Seen', string.format('%s as %s, for <%s>%s',
    client_of(conn_meta), conn_meta:get_meta 'ehlo_domain',
    msg:recipient().email,
    conn_meta:get_meta 'is_bounce' and ', a bounce' or ''))
  if msg:get_first_named_header_value 'Subject' == nil then
    kumo.reject(554, '5.6.0 a subject is asked for')
  end
end)
