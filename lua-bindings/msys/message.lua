-- message.lua - ec_message: the message as Momentum's callouts see it

local _, _, host = ...

local methods, fields = {}, {}

local class = host.class('msys.core:_ec_message', {
  methods = methods,
  fields = fields,
})
host.message_class = class

-- host.message(record, message) -> ec_message of this callout
--   message: kumo's Message, or nil before MAIL.  One object for each.
function host.message(record, message)
  record.message = message
  record.has_content = record.phase ~= 'rcptto'
  local old = record.msg
  if old and host.data(old).message == message
    and host.data(old).transaction == record.transaction then
    return old
  end
  record.msg = host.new(class, {
    record = record, message = message, transaction = record.transaction,
  })
  return record.msg
end
