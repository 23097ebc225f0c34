-- session.lua - sessions as a test plays them, replies, messages
--
-- Called with the functions of test_native.c and those of expect.lua.  Gives
-- open(spec), a session that is greeted.

local native, expect = ...

local fail, show, same, differ =
  expect.fail, expect.show, expect.same, expect.differ

-- replies --------------------------------------------------------------------

local Reply = {}
Reply.__index = Reply

local function new_reply(session, answer)
  local texts = {}
  for i, line in ipairs(answer.lines) do
    texts[i] = line:sub(5)
  end
  answer.text = table.concat(texts, '\n')
  answer.session = session
  return setmetatable(answer, Reply)
end

function Reply:__tostring()
  return #self.lines > 0 and table.concat(self.lines, '\n') or '(no reply)'
end

local function reply_differs(self, code, text)
  fail('reply: expected %s%s, got %s%s', tostring(code),
    text and ' ' .. text or '', tostring(self):gsub('\n', ' | '),
    self.closes and ' (closes)' or '')
end

-- reply:expect(code[, text])
function Reply:expect(code, text)
  if self.code ~= code or (text and self.text ~= text) then
    reply_differs(self, code, text)
  end
  return self
end

-- reply:match(code, pattern)
function Reply:match(code, pattern)
  if self.code ~= code or not self.text:find(pattern) then
    reply_differs(self, code, pattern)
  end
  return self
end

function Reply:expect_closed()
  if not self.closes then
    fail('expected that the connection closes, got %s and it is open',
      (tostring(self)))
  end
  return self
end

function Reply:expect_open()
  if self.closes then
    fail('expected that the connection stays open, got %s and it closed',
      (tostring(self)))
  end
  return self
end

-- messages -------------------------------------------------------------------

local Message = {}
Message.__index = Message

local function bare(address)
  return (address:gsub('^<(.*)>$', '%1'))
end

local function new_message(result)
  result.sender = bare(result.sender)
  for i, address in ipairs(result.recipients) do
    result.recipients[i] = bare(address)
  end
  result.meta = result.meta or {}
  return setmetatable(result, Message)
end

-- message:headers(name) -> all values, in order
function Message:headers(name)
  local values = {}
  for _, field in ipairs(self.fields) do
    if field[1]:lower() == name:lower() then
      values[#values + 1] = field[2]
    end
  end
  return values
end

-- message:header(name) -> the first value, or nil
function Message:header(name)
  return self:headers(name)[1]
end

-- message:expect_header(name[, value]): without a value there must be none.
function Message:expect_header(name, value)
  local values = self:headers(name)
  if value == nil and #values > 0 then
    differ(name, nil, values[1])
  end
  for _, one in ipairs(values) do
    if one == value then
      return self
    end
  end
  if value ~= nil then
    differ(name, value, #values > 1 and values or values[1])
  end
  return self
end

function Message:match_header(name, pattern)
  for _, one in ipairs(self:headers(name)) do
    if one:find(pattern) then
      return self
    end
  end
  fail('%s: expected what fits %s, got %s', name, (show(pattern)),
    (show(self:headers(name))))
end

function Message:expect_recipients(...)
  local want = type(...) == 'table' and ... or { ... }
  local got = { unpack(self.recipients) }
  want = { unpack(want) }
  table.sort(want)
  table.sort(got)
  if not same(want, got) then
    differ('recipients', want, got)
  end
  return self
end

local function field_check(name, what)
  return function(self, want)
    if not same(self[name], want) then
      differ(what or name, want, self[name])
    end
    return self
  end
end

Message.expect_sender = field_check 'sender'
Message.expect_quarantine = field_check 'quarantine'
Message.expect_body = field_check 'body'

function Message:expect_discarded()
  if not self.discarded then
    fail 'expected that the message is dropped, and it is not'
  end
  return self
end

function Message:match_body(pattern)
  if not self.body:find(pattern) then
    fail('body: expected what fits %s, got %s', (show(pattern)),
      (show(self.body)))
  end
  return self
end

function Message:expect_meta(key, value)
  if not same(self.meta[key], value) then
    differ('metadata ' .. key, value, self.meta[key])
  end
  return self
end

-- sessions -------------------------------------------------------------------

local Session = {}
Session.__index = Session

-- session:command(line) -> reply
function Session:command(line)
  if not self.sim:is_open() then
    fail('%s: the connection is closed', line)
  end
  self.reply = new_reply(self, self.sim:command(line))
  return self.reply
end

function Session:ehlo(name)
  return self:command('EHLO ' .. name)
end

function Session:helo(name)
  return self:command('HELO ' .. name)
end

local function address_command(verb)
  return function(self, address, parameters)
    if address:sub(1, 1) ~= '<' then
      address = '<' .. address .. '>'
    end
    return self:command(verb .. address
      .. (parameters and ' ' .. parameters or ''))
  end
end

Session.mail = address_command 'MAIL FROM:'
Session.rcpt = address_command 'RCPT TO:'

for _, verb in ipairs { 'data', 'rset', 'noop', 'quit' } do
  Session[verb] = function(self)
    return self:command(verb:upper())
  end
end

-- session:content(text) -> reply: after DATA.
function Session:content(text)
  if not (self.reply and self.reply.wants_content) then
    fail('content comes after DATA and its 354, not after %s',
      tostring(self.reply))
  end
  self.reply = new_reply(self, self.sim:content(text))
  return self.reply
end

local function headers_of(m)
  local lines = {}
  for _, field in ipairs(m.headers or {}) do
    lines[#lines + 1] = field[1] .. ': ' .. field[2]
  end
  local names = {}
  for name in pairs(m.headers or {}) do
    if type(name) == 'string' then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = name .. ': ' .. m.headers[name]
  end
  if #lines == 0 then
    lines = { 'Subject: test' }
  end
  return table.concat(lines, '\r\n') .. '\r\n'
end

local function text_of(m)
  return m.data or headers_of(m) .. '\r\n' .. (m.body or 'test\r\n')
end

-- session:send{ from =, to =, headers =, body =, data = } -> the last reply
-- A whole message, up to the first refusal that ends it.
function Session:send(m)
  local to = type(m.to) == 'table' and m.to or { m.to or 'rcpt@example.net' }
  local any, last = false, self:mail(m.from or 'sender@example.org')
  if last.code ~= 250 then
    return last
  end
  for _, address in ipairs(to) do
    last = self:rcpt(address)
    any = any or last.code == 250
    if last.closes then
      return last
    end
  end
  if not any then
    return last
  end
  last = self:data()
  if last.code ~= 354 then
    return last
  end
  return self:content(text_of(m))
end

-- session:message() -> what would be delivered of the last message
function Session:message()
  local result = self.sim:result()
  if not result then
    fail 'no message has come to its end'
  end
  return new_message(result)
end

function Session:is_open()
  return self.sim:is_open()
end

function Session:expect_closed()
  if self.sim:is_open() then
    fail('expected that the connection is closed, and it is open after %s',
      tostring(self.reply))
  end
  return self
end

function Session:expect_open()
  if not self.sim:is_open() then
    fail('expected that the connection is open, and it closed after %s',
      tostring(self.reply))
  end
  return self
end

-- session:meta(key): of conn_meta
function Session:meta(key)
  local meta = self.sim:meta()
  return key == nil and meta or meta[key]
end

function Session:expect_meta(key, value)
  local got = self:meta(key)
  if not same(got, value) then
    differ('conn_meta ' .. key, value, got)
  end
  return self
end

-- session:drop(): the client is gone.
function Session:drop()
  self.sim:close()
end

return function(spec)
  local s = setmetatable({ sim = native.open(spec) }, Session)
  s.reply = new_reply(s, s.sim:greet())
  s.greeting = s.reply
  return s
end
