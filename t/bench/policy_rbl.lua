-- policy_rbl.lua - what "make bench" measures: each client is looked up in a
-- block list that is 50 ms away
local kumo = require 'kumo'

kumo.on('init', function()
  kumo.milter.configure { event_timeout = '60s', dns_timeout = '30s' }
  kumo.dns.configure_resolver { name_servers = { '127.0.0.1:@PORT@' } }
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  local found = kumo.dns.rbl_lookup(conn_meta:get_meta('received_from'),
    'bl.example.net')
  if found then
    kumo.reject(550, '5.7.1 go away')
  end
end)
