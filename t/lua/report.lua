-- Message: parse_rfc3464 and parse_rfc5965
local kumo = require 'kumo'

local function same(got, expected)
  if got ~= expected then
    error(('got %q, expected %q'):format(tostring(got), tostring(expected)), 2)
  end
end

local function use(msg, name)
  local f = assert(io.open('t/data/report/' .. name .. '.eml', 'rb'))
  msg:set_data((f:read('*a'):gsub('\r?\n', '\r\n')))
  f:close()
end

local function keys(t)
  local list = {}
  for key in pairs(t) do
    list[#list + 1] = tostring(key)
  end
  table.sort(list)
  return table.concat(list, ' ')
end

local function delivery(msg)
  use(msg, 'postfix')
  local r = msg:parse_rfc3464()
  same(keys(r), 'original_message per_message per_recipient')
  same(keys(r.per_message), 'arrival_date extensions original_envelope_id reporting_mta')
  same(r.per_message.reporting_mta.mta_type, 'dns')
  same(r.per_message.reporting_mta.name, 'mx.a.example')
  same(r.per_message.arrival_date, '2025-03-04T08:11:58Z')
  same(r.per_message.extensions['x-postfix-queue-id'][1], '4Z6XyQ0wz2')
  same(#r.per_recipient, 2)
  same(getmetatable(r.per_recipient), false) -- an array
  local one = r.per_recipient[1]
  same(one.final_recipient.recipient, 'one@b.example')
  same(one.original_recipient.recipient_type, 'rfc822')
  same(one.action, 'failed')
  same(one.status.class .. one.status.subject .. one.status.detail, '511')
  same(one.status.comment, nil)
  same(one.diagnostic_code.diagnostic,
    '550 5.1.1 <one@b.example>: Recipient address rejected: no such user here')
  same(keys(one.extensions), '')
  same(r.original_message,
    'From: sender@a.example\nTo: alias@b.example, two@c.example\nSubject: lunch\n\n')
  same(msg:parse_rfc5965(), nil)
end

local function feedback(msg)
  use(msg, 'arf')
  local r = msg:parse_rfc5965()
  same(r.feedback_type, 'abuse')
  same(r.incidents, 12)
  same(r.original_rcpto_to[2], 'other@b.example')
  same(r.supplemental_trace.tenant.id, 7)
  same(r.supplemental_trace['_@_'], nil)
  same(r.extensions['removal-recipient'][1], 'to@b.example')
  same(msg:parse_rfc3464(), nil)
  use(msg, 'arf_odd')
  r = msg:parse_rfc5965()
  same(#r.reported_uri, 0)
  same(getmetatable(r.reported_uri), false)
  same(r.original_mail_from, '')
end

-- What kumo.apply_supplemental_trace_header writes comes back.
local function trace(msg)
  msg:set_data 'Subject: x\r\n\r\nbody\r\n'
  msg:set_meta('tenant', { name = ('n'):rep(2000), list = { 1, 2 } })
  kumo.apply_supplemental_trace_header(msg, {
    header_name = 'X-Ref',
    include_meta_names = { 'tenant' },
  })
  msg:set_data('Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n'
    .. '--b\r\nContent-Type: message/feedback-report\r\n\r\nVersion: 1\r\n'
    .. '--b\r\nContent-Type: message/rfc822\r\n\r\n' .. msg:get_data() .. '--b--\r\n')
  local got = msg:parse_rfc5965().supplemental_trace
  same(got.recipient, 'r@b.example')
  same(#got.tenant.name, 2000)
  same(got.tenant.list[2], 2)
end

local function nothing(msg)
  for _, data in ipairs { '', 'a', '\r\n', 'Content-Type: multipart/report\r\n\r\n',
    'Content-Type: multipart/report; boundary=b\r\n\r\n--b--\r\n', ('\0\255'):rep(99) } do
    msg:set_data(data)
    same(select('#', msg:parse_rfc3464()), 1)
    same(msg:parse_rfc3464(), nil)
    same(msg:parse_rfc5965(), nil)
  end
  same(pcall(msg.parse_rfc3464), false) -- no message
  same(pcall(msg.parse_rfc5965, {}), false)
end

kumo.on('smtp_server_message_received', function(msg)
  delivery(msg)
  feedback(msg)
  trace(msg)
  nothing(msg)
  kumo.reject(550, 'all is well')
end)
