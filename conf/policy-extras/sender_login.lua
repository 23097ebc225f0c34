-- sender_login.lua - who logged in writes under a name of his own
--
--   local sender_login = require('policy-extras.sender_login').new {
--     users = { ann = { 'ann@example.net', '@ann.example' } },
--     domains = { 'example.net' },
--   }
--   kumo.on('smtp_server_mail_from', ... sender_login:mail_from(sender, ...)
--   kumo.on('smtp_server_rcpt_to', ... sender_login:rcpt_to(rcpt, conn_meta)
--   kumo.on('smtp_server_data', ... sender_login:data(msg, conn_meta)
--
-- The sender of the envelope, each author in From: and the address in Sender:
-- have to be the user's.
--
--   users       authn_id -> array of addresses, of domains such as
--               '@example.net', or '*' for all; or a function(authn_id) that
--               gives such an array, or nil
--   domains     domains of ours: who did not log in and is not trusted
--               (policy-extras.site) may not use them as sender of the
--               envelope, and with `from` not in From: either
--   from        true.  Mailing lists send our users' mail back with our From:;
--               false, where these are wanted
--   null_sender may who logged in send with <>, as read receipts are: true
--   separator   'user+anything' is 'user': '+'; '' is none
--   code        550
--   on_failure  when the function fails: 'tempfail' (default) or 'pass'
--
-- A user whose authn_id is an address has that one, too.  Names are compared
-- without regard to case.  A message without a From: that can be read is
-- refused, of those who logged in.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.sender_login'
local KEY = 'extras_sender_login'

local methods = {}
methods.__index = methods

local function set_of(addresses)
  local set = {}
  for _, address in ipairs(addresses or {}) do
    set[address:lower()] = true
  end
  return set
end

-- What the user may use; nil: that is not known.
local function owned(self, user)
  local o = self.options
  local addresses = o.users
  if type(addresses) == 'function' then
    local ok, found = pcall(addresses, user)
    if not ok then
      site.failed(MODULE, found, o.on_failure)
      return nil
    end
    addresses = found
  else
    addresses = addresses[user:lower()]
  end
  local set = set_of(addresses)
  if user:find('@', 1, true) then
    set[user:lower()] = true
  end
  return set
end

local function is_owned(self, set, user, domain)
  local separator = self.options.separator
  user, domain = user:lower(), domain:lower()
  if set['*'] or set['@' .. domain] or set[user .. '@' .. domain] then
    return true
  end
  local at = separator ~= '' and user:find(separator, 2, true)
  return at and set[user:sub(1, at - 1) .. '@' .. domain] or false
end

-- The sender is judged when a recipient is there: for postmaster it does not
-- matter.
local function envelope_problem(self, sender, conn_meta)
  local o, login = self.options, conn_meta:get_meta 'authn_id'
  if login then
    if sender.domain == '' and sender.user == '' then
      return not o.null_sender and '5.7.1 a sender is needed'
    end
    local set = owned(self, login)
    return set and not is_owned(self, set, sender.user, sender.domain)
      and '5.7.1 that sender is not yours'
  elseif o.domains[sender.domain:lower()]
    and not site.is_trusted(conn_meta) then
    return '5.7.1 log in to send as ' .. sender.domain
  end
end

function methods:mail_from(sender, conn_meta)
  conn_meta:set_meta(KEY, envelope_problem(self, sender, conn_meta) or '')
end

function methods:rcpt_to(rcpt, conn_meta)
  local problem = conn_meta:get_meta(KEY)
  if not problem then
    error(MODULE .. ': call mail_from() in smtp_server_mail_from', 2)
  end
  if problem ~= '' and not site.is_exempt(rcpt) then
    kumo.reject(self.options.code, problem)
  end
end

-- All addresses in headers of this name; nil: they cannot be read.
local function addresses(msg, name)
  if #msg:get_all_named_header_values(name) > 1 then
    return nil
  end
  local ok, list = pcall(function()
    local header = msg:get_address_header(name)
    local found = {}
    for i, entry in ipairs(header and header.list or {}) do
      found[i] = { user = entry.user, domain = entry.domain }
    end
    return found
  end)
  return ok and list or nil
end

local function header_problem(self, msg, set)
  local from = addresses(msg, 'From')
  local sender = addresses(msg, 'Sender')
  if not from or not from[1] or not sender then
    return '5.6.0 a From: that can be read is needed'
  end
  for name, list in pairs { From = from, Sender = sender } do
    for _, each in ipairs(list) do
      if not is_owned(self, set, each.user, each.domain) then
        return ('5.7.1 %s@%s in %s: is not yours'):format(
          site.plain(each.user), site.plain(each.domain), name)
      end
    end
  end
end

-- In a From: that cannot be read, or several, any mention of a domain counts.
local function stranger_problem(self, msg)
  local text = '5.7.1 log in to write as '
  local list = addresses(msg, 'From')
  for _, each in ipairs(list or {}) do
    if self.options.domains[each.domain:lower()] then
      return text .. each.domain:lower()
    end
  end
  local all = list and ''
    or table.concat(msg:get_all_named_header_values 'From', ' '):lower()
  for domain in pairs(self.options.domains) do
    if all:find('@' .. domain, 1, true) then
      return text .. domain
    end
  end
end

function methods:data(msg, conn_meta)
  local login, problem = conn_meta:get_meta 'authn_id', nil
  if login then
    local set = owned(self, login)
    problem = set and header_problem(self, msg, set)
  elseif self.options.from and not site.is_trusted(conn_meta) then
    problem = stranger_problem(self, msg)
  end
  if problem and not site.all_exempt(msg) then
    kumo.reject(self.options.code, problem)
  end
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      users = { 'any', {} },
      domains = { 'names', {} },
      from = { 'boolean', true },
      null_sender = { 'boolean', true },
      separator = { 'string', '+' },
      code = { 'code', 550 },
      on_failure = { { 'pass', 'tempfail' }, 'tempfail' },
    })
    if type(o.users) == 'table' then
      local users = {}
      for user, list in pairs(o.users) do
        if type(list) ~= 'table' then
          error(("%s: option 'users': %s: expected an array of addresses")
            :format(MODULE, tostring(user)), 2)
        end
        users[user:lower()] = list
      end
      o.users = users
    elseif type(o.users) ~= 'function' then
      error(MODULE .. ": option 'users': expected a table or a function", 2)
    end
    return setmetatable({ options = o }, methods)
  end,
}
