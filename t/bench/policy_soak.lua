-- policy_soak.lua - what "make soak" runs a million messages through: a bit
-- of everything that makes garbage or holds memory for a session
local kumo = require 'kumo'

kumo.on('smtp_server_connection_accepted', function(conn_meta)
  conn_meta:set_meta('first', { count = 0, from = 'somewhere' })
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local first = conn_meta:get_meta('first')
  first.count = first.count + 1
  conn_meta:set_meta('first', first)
  conn_meta:set_meta('sender', sender.email:lower())
  local serial = tonumber(sender.user:match('^user(%d+)'))
  if serial % 50 == 7 then
    kumo.reject(450, '4.7.1 this one is refused')
  end
end)

kumo.on('smtp_server_rcpt_to', function(rcpt)
  local ok, err = pcall(kumo.reject, 550, 'swallowed')
  assert(not ok and tostring(err):find('swallowed'))
end)

kumo.on('smtp_server_data', function(msg, conn_meta)
  msg:set_meta('subject', msg:get_first_named_header_value('Subject'))
  msg:prepend_header('X-Sender', conn_meta:get_meta('sender'))
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  msg:set_meta('size', #msg:get_data())
  msg:append_header('X-Size', tostring(msg:get_meta('size')))
  msg:append_header('X-Count', tostring(conn_meta:get_meta('first').count))
  msg:remove_all_named_headers('X-Load')
end)
