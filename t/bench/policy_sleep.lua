-- policy_sleep.lua - what "make bench" measures: a handler that waits
local kumo = require 'kumo'

kumo.on('smtp_server_mail_from', function(sender)
  kumo.sleep(0.05)
end)
