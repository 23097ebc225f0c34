-- policy_envelope.lua - what "make bench" measures: sender and recipient
-- checked, nothing else asked for
local kumo = require 'kumo'

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  if sender.domain == 'blocked.example.com' then
    kumo.reject(550, '5.7.1 go away')
  end
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  if rcpt.email == 'nobody@example.org' then
    kumo.reject(550, '5.7.1 go away')
  end
end)
