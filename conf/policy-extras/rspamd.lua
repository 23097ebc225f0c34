-- rspamd.lua - what Rspamd says of a message
--
--   local rspamd = require('policy-extras.rspamd').new {
--     url = 'http://127.0.0.1:11333',
--   }
--   kumo.on('smtp_server_data', ... rspamd:data(msg, conn_meta)
--
-- Asks a normal worker of Rspamd (/checkv2), with the client, the envelope and
-- the user, and does what it answers:
--
--   reject           refuse, with its text if it has one
--   soft reject      451, the same
--   greylist         `greylist`, if there is one, is asked for this message
--   rewrite subject  its subject, or `subject` in front of the old one
--   add header       X-Spam: Yes; so too for rewrite subject
--   quarantine       held in the MTA's queue, where there is kumo.milter;
--                    X-Spam: Yes
--   discard          taken and dropped
--   anything else    nothing
--
-- and adds and removes the headers that it asks for, DKIM-Signature among them.
-- Each message that was looked at has X-Spam-Score; what comes with X-Spam,
-- X-Spam-Score or X-Spam-Symbols already, has them no more.  A message for
-- exempt recipients only (policy-extras.site) is marked, not refused.
--
--   url         'http://127.0.0.1:11333'
--   timeout     how long it may take: '20s'.  Less than the handler may
--   scan        'strangers' (default) or 'all': also our own and who logged in
--   reject      false: mark what would be refused (true)
--   symbols     name in X-Spam-Symbols what was found (false)
--   subject     '*** SPAM *** '
--   viruses     symbols of its antivirus module, such as 'CLAM_VIRUS': refused
--               whatever the action is, for everybody: an array, empty
--   greylist    a check of policy-extras.greylist
--   headers     a table of further headers for Rspamd, such as Settings-ID
--   max_size    larger messages are not looked at: 10 MB, in bytes
--   code        550
--   text        '5.7.1 this looks like spam', where Rspamd has no text
--   on_failure  without an answer that can be used: 'pass' (default) or
--               'tempfail'
--
-- msg:get_meta 'rspamd' is { action =, score =, required =, symbols = array }.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.rspamd'
local OURS = { 'X-Spam', 'X-Spam-Score', 'X-Spam-Symbols' }

-- the question ----------------------------------------------------------------

-- What a client says goes into a header of HTTP.
local function fit(text)
  return (tostring(text):gsub('[%c]', ''):sub(1, 1000))
end

local function add_headers(request, o, msg, conn_meta)
  local function header(name, value)
    if value and value ~= '' then
      request:header(name, fit(value))
    end
  end
  local name = conn_meta:get_meta 'extras_ptr'
  header('IP', site.client(conn_meta))
  header('Hostname', name and name.status == 'confirmed' and name.name)
  header('Helo', conn_meta:get_meta 'ehlo_domain')
  header('User', conn_meta:get_meta 'authn_id')
  header('MTA-Name', conn_meta:get_meta 'hostname')
  header('Queue-Id', kumo.milter and msg:queue_id())
  header('From', '<' .. msg:sender().email .. '>')
  for _, rcpt in ipairs(msg:recipient_list()) do
    header('Rcpt', '<' .. rcpt.email .. '>')
  end
  for key, value in pairs(o.headers) do
    header(key, value)
  end
end

-- Its answer as a table; raises where there is none.
local function ask(self, msg, conn_meta, text)
  local o = self.options
  self.client = self.client or kumo.http.build_client {
    timeout = ('%dms'):format(o.timeout * 1000),
  }
  local request = self.client:post(o.url:gsub('/+$', '') .. '/checkv2')
  add_headers(request, o, msg, conn_meta)
  local response = request:body(text):send()
  if not response:status_is_success() then
    error('it answers with status ' .. response:status_code(), 0)
  end
  local answer = kumo.serde.json_parse(response:text())
  if type(answer) ~= 'table' or type(answer.action) ~= 'string' then
    error('its answer has no action', 0)
  end
  return answer
end

-- what is done ----------------------------------------------------------------

local function is_text(value)
  return type(value) == 'string' and value ~= ''
end

-- A value of its milter block is a string, { value =, order = }, or several.
local function add_header(msg, name, value)
  if type(value) == 'string' then
    msg:append_header(name, value)
  elseif type(value) == 'table' and value.value then
    if value.order == 0 or value.order == 1 then
      msg:prepend_header(name, tostring(value.value))
    else
      msg:append_header(name, tostring(value.value))
    end
  elseif type(value) == 'table' then
    for _, each in ipairs(value) do
      add_header(msg, name, each)
    end
  end
end

local function table_of(value)
  return type(value) == 'table' and value or {}
end

local function change_headers(msg, answer)
  local milter = table_of(answer.milter)
  for name in pairs(table_of(milter.remove_headers)) do
    msg:remove_all_named_headers(name)
  end
  for name, value in pairs(table_of(milter.add_headers)) do
    add_header(msg, name, value)
  end
  local signature = answer['dkim-signature']
  for _, each in ipairs(type(signature) == 'table' and signature
    or { signature }) do
    msg:prepend_header('DKIM-Signature', tostring(each))
  end
end

local function rewrite_subject(o, msg, answer)
  local old = msg:get_first_named_header_value 'Subject' or ''
  local new = is_text(answer.subject) and answer.subject or o.subject .. old
  msg:remove_all_named_headers 'Subject'
  msg:append_header('Subject', site.plain(new), true)
end

local function names_of(answer)
  local names = {}
  for name in pairs(table_of(answer.symbols)) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function mark(o, msg, answer, is_spam)
  if is_spam then
    msg:append_header('X-Spam', 'Yes')
  end
  msg:append_header('X-Spam-Score', ('%.2f / %.2f'):format(
    tonumber(answer.score) or 0, tonumber(answer.required_score) or 0))
  if o.symbols then
    msg:append_header('X-Spam-Symbols',
      site.plain(table.concat(names_of(answer), ', ')), true)
  end
end

local function text_of(answer, default)
  local text = table_of(answer.messages).smtp_message
  if not is_text(text) then
    return default
  end
  text = site.plain(text)
  return text:find '^[245]%.%d+%.%d+ ' and text or '5.7.1 ' .. text
end

local function refuse_viruses(o, answer)
  for _, symbol in ipairs(o.viruses) do
    local found = table_of(answer.symbols)[symbol]
    if found then
      local name = table_of(table_of(found).options)[1]
      kumo.reject(o.code, '5.7.1 this message has a virus'
        .. (is_text(name) and ': ' .. site.plain(name) or ''))
    end
  end
end

local spam = {
  ['reject'] = true, ['rewrite subject'] = true, ['add header'] = true,
  ['quarantine'] = true, ['discard'] = true,
}

local actions = {
  ['reject'] = function(o, _, answer)
    if o.reject then
      kumo.reject(o.code, text_of(answer, o.text))
    end
  end,
  ['soft reject'] = function(_, _, answer)
    local text = text_of(answer, '4.7.1 try again later, please')
    kumo.reject(451, (text:gsub('^5', '4')))
  end,
  ['greylist'] = function(o, msg, _, conn_meta)
    if o.greylist then
      o.greylist:message(msg, conn_meta)
    end
  end,
  ['rewrite subject'] = function(o, msg, answer)
    rewrite_subject(o, msg, answer)
  end,
  ['quarantine'] = function(_, msg, answer)
    if kumo.milter then
      msg:quarantine(text_of(answer, 'Rspamd'))
    end
  end,
  ['discard'] = function(_, msg)
    msg:set_meta('queue', 'null')
  end,
}

-- For whom nothing may be lost.
local refusing = { ['reject'] = true, ['soft reject'] = true,
  ['greylist'] = true, ['discard'] = true, ['quarantine'] = true }

local methods = {}
methods.__index = methods

local function is_too_large(o, msg)
  return kumo.milter and msg:size() > o.max_size
end

function methods:data(msg, conn_meta)
  local o = self.options
  if o.scan ~= 'all' and site.is_trusted(conn_meta) then
    return
  end
  for _, name in ipairs(OURS) do
    msg:remove_all_named_headers(name)
  end
  local text = not is_too_large(o, msg) and msg:get_data()
  if not text or #text > o.max_size then
    return
  end
  local ok, answer = pcall(ask, self, msg, conn_meta, text)
  if not ok then
    site.failed(MODULE, answer, o.on_failure)
    return
  end
  msg:set_meta('rspamd', {
    action = answer.action, score = tonumber(answer.score),
    required = tonumber(answer.required_score), symbols = names_of(answer),
  })
  refuse_viruses(o, answer)
  local act = actions[answer.action]
  if act and not (refusing[answer.action] and site.all_exempt(msg)) then
    act(o, msg, answer, conn_meta)
  end
  local changed, why = pcall(change_headers, msg, answer)
  if not changed then
    site.complain(MODULE .. ': a header that it wants', tostring(why))
  end
  mark(o, msg, answer, spam[answer.action])
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      url = { 'string', 'http://127.0.0.1:11333' },
      timeout = { 'duration', '20s' },
      scan = { { 'strangers', 'all' }, 'strangers' },
      reject = { 'boolean', true },
      symbols = { 'boolean', false },
      subject = { 'string', '*** SPAM *** ' },
      viruses = { 'table', {} },
      greylist = { 'table?' },
      headers = { 'table', {} },
      max_size = { 'number', 10000000 },
      code = { 'code', 550 },
      text = { 'string', '5.7.1 this looks like spam' },
      on_failure = { { 'pass', 'tempfail' }, 'pass' },
    })
    if not kumo.http then
      error(MODULE .. ': needs kumo.http', 2)
    end
    return setmetatable({ options = o }, methods)
  end,
}
