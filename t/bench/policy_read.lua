-- policy_read.lua - what "make bench" measures: one field of the message read
local kumo = require 'kumo'

kumo.on('smtp_server_message_received', function(msg)
  local subject = msg:get_first_named_header_value('Subject')
  if subject == 'blocked' then
    kumo.reject(550, '5.7.1 go away')
  end
end)
