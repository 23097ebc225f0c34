-- policy_add.lua - what "make bench" measures: one field added to the message
local kumo = require 'kumo'

kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Checked', 'yes')
end)
