-- macro.lua - msys.expandMacro: "%{vctx_conn:ehlo_domain}" in a text

local msys, native, host = ...

local session, text_of = native.session, host.text
local VCTX_CONN, VCTX_MESS = msys.core.VCTX_CONN, msys.core.VCTX_MESS
local PARTS_MAX = 1000
local NAME_MAX = 1024
local NAMES_MAX = 10 -- of one address, as RFC 7208 4.6.4 has it

-- ---- SPF -------------------------------------------------------------------

local function helo(record)
  return host.get(record, VCTX_CONN, 'ehlo_domain') or ''
end

-- Local part and domain of the sender; where there is none, those of RFC 7208.
local function sender(record)
  local domain = host.get(record, VCTX_MESS, 'mailfrom_domain') or ''
  local user = host.get(record, VCTX_MESS, 'mailfrom_localpart') or ''
  return user ~= '' and user or 'postmaster', domain ~= '' and domain
    or helo(record)
end

-- "2001:db8::1" -> array of its 8 groups as four hexadecimal digits each, or
-- nil for an IPv4 address.
local function groups_of(ip)
  local head, a, b, c, d = ip:match('^(.*:)(%d+)%.(%d+)%.(%d+)%.(%d+)$')
  if head then
    ip = ('%s%x:%x'):format(head, a * 256 + b, c * 256 + d)
  elseif not ip:find(':', 1, true) then
    return nil
  end
  local left, right = ip:match('^(.-)::(.*)$')
  local function list(text)
    local t = {}
    for group in text:gmatch('%x+') do
      t[#t + 1] = ('%04x'):format(tonumber(group, 16))
    end
    return t
  end
  local groups, rest = list(left or ip), list(right or '')
  for _ = 1, 8 - #groups - #rest do
    groups[#groups + 1] = '0000'
  end
  for _, group in ipairs(rest) do
    groups[#groups + 1] = group
  end
  return groups
end

-- The client as SPF has it: "192.0.2.1", also where that is mapped into IPv6,
-- or 32 digits with dots between them.
local function dotted(ip)
  local groups = groups_of(ip)
  if not groups then
    return ip, 'in-addr'
  end
  local digits = table.concat(groups)
  local mapped = digits:match('^' .. ('0'):rep(20) .. 'ffff(%x+)$')
  if mapped then
    return (mapped:gsub('%x%x', function(two)
      return tonumber(two, 16) .. '.'
    end):gsub('%.$', '')), 'in-addr'
  end
  return (digits:gsub('%x', '%0.'):gsub('%.$', '')), 'ip6'
end

local function has_address(name, ip, kind)
  local found = msys.dnsLookup(name, kind)
  for _, address in ipairs(found or {}) do
    if dotted(tostring(address)) == ip then
      return true
    end
  end
  return false
end

-- The client's name, of those that lead back to its address the one that is
-- nearest to the domain (RFC 7208 7.3); "unknown" if none does.
local function validated_name(ip, domain)
  local lookup = msys.dnsLookup
  local names = lookup and lookup(ip, 'PTR')
  local own, how = dotted(ip)
  local best, best_rank = 'unknown', 0
  for i, name in ipairs(names or {}) do
    if i > NAMES_MAX then
      break
    end
    name = tostring(name):gsub('%.$', '')
    local lower, d = name:lower(), domain:lower()
    local rank = lower == d and 3
      or lower:sub(-#d - 1) == '.' .. d and 2 or 1
    if rank > best_rank
      and has_address(name, own, how == 'ip6' and 'AAAA' or 'A') then
      best, best_rank = name, rank
    end
  end
  return best
end

local letters = {
  s = function(record)
    local user, domain = sender(record)
    return user .. '@' .. domain
  end,
  l = function(record)
    return (sender(record))
  end,
  o = function(record)
    return (select(2, sender(record)))
  end,
  i = function()
    return (dotted(session.peer() or ''))
  end,
  c = function()
    return (session.peer()) or ''
  end,
  v = function()
    return (select(2, dotted(session.peer() or '')))
  end,
  p = function(record)
    local ip = session.peer()
    return ip and validated_name(ip, (select(2, sender(record)))) or 'unknown'
  end,
  h = helo,
  r = function()
    return session.hostname() or 'unknown'
  end,
  t = function()
    return ('%.0f'):format(os.time())
  end,
}
letters.d = letters.o

-- "strong-bad", nil, true, "-" -> "bad.strong"
local function transform(value, keep, reverse, delimiters)
  local words, from = {}, 1
  for at = 1, #value + 1 do
    if at > #value or delimiters:find(value:sub(at, at), 1, true) then
      words[#words + 1] = value:sub(from, at - 1)
      from = at + 1
    end
  end
  local n = #words
  if reverse then
    for i = 1, math.floor(n / 2) do
      words[i], words[n + 1 - i] = words[n + 1 - i], words[i]
    end
  end
  return table.concat(words, '.', keep and keep < n and n - keep + 1 or 1)
end

local function escape_url(c)
  return ('%%%02X'):format(c:byte())
end

-- "d2r-" -> string; nil: it is no SPF macro.  A capital escapes for URLs.
local function spf(record, text)
  local letter, digits, r, delimiters = text:match(
    '^([slodipvhcrtSLODIPVHCRT])(%d*)([rR]?)([%.%-%+,/_=]*)$')
  local keep = tonumber(digits)
  if not letter or keep == 0 then
    return nil
  end
  if not record and letter:lower() ~= 't' then
    return ''
  end
  local value = letters[letter:lower()](record)
  if keep or r ~= '' or delimiters ~= '' then
    value = transform(value, keep, r ~= '',
      delimiters ~= '' and delimiters or '.')
  end
  if letter:find('%u') then
    value = value:gsub('[^%w%-%._~]', escape_url)
  end
  return value
end

-- ---- messages --------------------------------------------------------------

local function first_lines(text, n)
  local at = 0
  for _ = 1, n do
    at = text:find('\n', at + 1, true)
    if not at then
      return text
    end
  end
  return text:sub(1, at)
end

-- All of these end with CRLF, but for those of nothing.
local function ended(text)
  if text == nil or text == '' or text:sub(-2) == '\r\n' then
    return text or ''
  end
  return (text:gsub('[\r\n]$', '')) .. '\r\n'
end

-- The headers, each with its line end, and the body.
local function split(data)
  if data:sub(1, 2) == '\r\n' then
    return '', data:sub(3)
  end
  local at = data:find('\r\n\r\n', 1, true)
  if not at then
    return data, ''
  end
  return data:sub(1, at + 1), data:sub(at + 4)
end

local whole = {
  message = function(data)
    return data
  end,
  headers = function(data)
    return (split(data))
  end,
  body = function(data)
    return (select(2, split(data)))
  end,
}

local function nth_part(data, n, text_only, decoded)
  if n < 1 or n > PARTS_MAX then
    return ''
  end
  return native.text.part(data, n, text_only, decoded)
end

-- "body,10b" -> string; nil: there is no such macro.
local function rfc2822(record, text)
  local what, n, unit = text:match('^(%a+),?(%d*)(b?)$')
  local lines
  if not what then
    what, n, lines = text:match('^(text),(%d+),(%d+)$')
  end
  if not what or (n == '') ~= (not text:find(',', 1, true))
    or n == '' and unit ~= ''
    or not whole[what] and what ~= 'text' and (what ~= 'part' or n == '')
    or not whole[what] and unit == 'b' then
    return nil
  end
  if not record or not record.message or record.has_content == false then
    return ''
  end
  local data = record.message:get_data()
  n = tonumber(n)
  if whole[what] then
    local part = whole[what](data)
    return ended(n and (unit == 'b' and part:sub(1, n)
      or first_lines(part, n)) or part)
  elseif lines then
    return ended(first_lines(nth_part(data, n, true, true) or '',
      tonumber(lines)))
  end
  return ended(nth_part(data, n or 1, what == 'text', n == nil))
end

-- ---- all of it -------------------------------------------------------------

local months = { 'Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep',
  'Oct', 'Nov', 'Dec' }
local days = { 'Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat' }

-- In words of our own: strftime's are the locale's.
local function date()
  local t = os.date('!*t')
  return ('%s, %02d %s %04d %02d:%02d:%02d +0000'):format(days[t.wday], t.day,
    months[t.month], t.year, t.hour, t.min, t.sec)
end

local function context(which)
  return function(record, key)
    if key == '' then
      return nil
    end
    return record and host.get(record, which, key) or ''
  end
end

local namespaces = {
  vctx_conn = context(VCTX_CONN),
  vctx_mess = context(VCTX_MESS),
  spfv1 = spf,
  rfc2822 = rfc2822,
  rfc822 = function(_, what)
    return what == 'date' and date() or nil
  end,
}

local function value_of(record, name)
  local space, rest = name:match('^([%w_]+):(.*)$')
  if space then
    space = namespaces[space]
    return space and space(record, rest)
  end
  return spf(record, name)
end

-- msys.expandMacro(text) -> string
--   %{vctx_conn:KEY}, %{vctx_mess:KEY}: values of the dictionaries, "" for
--   those that are not set; %{spfv1:d2r} and, for short, %{d2r}: macros of SPF
--   (RFC 7208 7); %{rfc822:date}; %{rfc2822:message}, headers, body with ",N"
--   for lines or ",Nb" for bytes, text, "text,N", "text,N,M" and "part,N".
--   What is none of these stays as it is.  Outside a callout all but the date
--   are "".
--   Events: any.  Waits: for DNS in p, else no.  From: Momentum
--   msys.expandMacro.
function msys.expandMacro(text)
  text = text_of(text, 'msys.expandMacro')
  local record = host.session()
  local out, at = {}, 1
  while true do
    local from = text:find('%{', at, true)
    local to = from and text:find('}', from + 2, true)
    if not to then
      break
    end
    local value = to - from < NAME_MAX
      and value_of(record, text:sub(from + 2, to - 1))
    out[#out + 1] = text:sub(at, from - 1)
    if value then
      out[#out + 1], at = value, to + 1
    else -- there may be one inside it
      out[#out + 1], at = '%{', from + 2
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end
