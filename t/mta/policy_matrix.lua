-- The policy of test_matrix.py: which case a session is, and so what this
-- policy does to it and where, is in the client's address, 127.1.X.Y: case
-- X * 256 + Y of matrix_cases.lua, which the test writes beside this file.
--
-- The user "good" is spared, and so is a client that says HELO as "good.…":
-- with these a test sees how the session goes on after a refusal.

local kumo = require 'kumo'
local cases = require 'matrix_cases'

local function case_of(conn_meta)
  local x, y = conn_meta:get_meta('received_from'):match '^127%.1%.(%d+)%.(%d+):'
  return x and cases[x * 256 + y]
end

local function act(case)
  if case.mode == 'reject' then
    kumo.reject(case.code, case.text)
  end
  kumo.disconnect(case.code, case.text, case.mode)
end

local function at(stage, conn_meta)
  local case = case_of(conn_meta)
  if case and case.stage == stage then
    act(case)
  end
end

kumo.on('smtp_server_connection_accepted', function(conn_meta)
  at('connect', conn_meta)
end)

kumo.on('smtp_server_ehlo', function(domain, conn_meta)
  if not domain:match '^good%.' then
    at('helo', conn_meta)
  end
end)

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  conn_meta:set_meta('spared', sender.user == 'good')
  if sender.user ~= 'good' then
    at('mail', conn_meta)
  end
end)

kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  if rcpt.user ~= 'good' then
    at('rcpt', conn_meta)
  end
end)

kumo.on('milter_data', function(conn_meta)
  if not conn_meta:get_meta 'spared' then
    at('data', conn_meta)
  end
end)

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  if msg:sender().user ~= 'good' then
    at('eom', conn_meta)
  end
end)
