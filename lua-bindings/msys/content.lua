-- content.lua - ec_message: its body, its source, its text
--
-- Momentum keeps a message as it was on the wire, with CRLF.CRLF at its end,
-- and policies look for that end to put something before it.  Here it is no
-- part of the message; what replaces is shown it.

local _, native, host = ...

local methods = host.message_class.methods
local content, text_of = host.message_content, host.text_of
local pcre, mime = native.pcre, native.mime

local END = '\r\n.\r\n'

-- ---- patterns --------------------------------------------------------------

-- A pattern that is none matches nothing, and the log says so once.
local function complain(what, pattern, why, number)
  if native.load.is_first(what .. pattern) then
    host.log_warn(('%s: pattern %q: %s'):format(what, pattern, why))
  end
  return false, why, number
end

-- host.match(text, pattern, what) -> table as of msys.pcre.match, or false
function host.match(text, pattern, what)
  local found, why, number = pcre.match(text, pattern)
  if why then
    return complain(what, pattern, why, number)
  end
  return found or false
end

-- The end itself, as the manual's example looks for it, dots and all.
local is_end = { [END] = true, ['\r\n\\.\r\n'] = true }

local function replace_end(text, replacement)
  local new = pcre.replace(END, '\\A\r\n\\.\r\n\\z', replacement)
  return text:sub(1, -#END - 1) .. new, 1
end

-- host.replace(text, pattern, replacement, is_top, what) -> the new text, or
--   false.  is_top: the pattern is shown the end of the message, too.
function host.replace(text, pattern, replacement, is_top, what)
  local bare = text:sub(-2) ~= '\r\n'
  local how = pcre.replace
  if is_top then
    text = text .. (bare and END or '.\r\n')
    if is_end[pattern] then
      how = function(all, _, with)
        return replace_end(all, with)
      end
    end
  end
  local new, n, number = how(text, pattern, replacement)
  if not new then
    return complain(what, pattern, n, number)
  elseif n == 0 then
    return false
  end
  if is_top and new:sub(-#END) == END then
    new = new:sub(1, bare and -#END - 1 or -4)
  end
  return new
end

-- ---- source and body -------------------------------------------------------

-- The header block and the body of a message as text.
local function split(text)
  if text:sub(1, 2) == '\r\n' then
    return '', text:sub(3)
  end
  local stop = text:find('\r\n\r\n', 1, true)
  if not stop then
    return text, ''
  end
  return text:sub(1, stop + 1), text:sub(stop + 4)
end

local function set_data(data, text)
  data.message:set_data(text)
  host.message_changed(data)
end

local function set_body(data, body)
  set_data(data, split(data.message:get_data()) .. '\r\n' .. body)
end

-- Lines of the wire begin with a dot more if they begin with one.
local function stuff(text)
  return (('\n' .. text):gsub('\n%.', '\n..'):sub(2))
end

local function unstuff(text)
  return (('\n' .. text):gsub('\n%.%.', '\n.'):sub(2))
end

-- msg:body() -> the body as on the wire, without its end: in its transfer
--   encoding, lines that begin with a dot with one more
-- msg:body(text) -> the same of the new one
--   text: in that form, with CRLF.CRLF at its end, which is taken off.
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:body.
function methods:body(new)
  local data, message = content(self, 'msg:body')
  if new ~= nil then
    new = text_of(new, 'msg:body')
    if ('\r\n' .. new):sub(-#END) == END then
      new = new:sub(1, -4)
    elseif native.load.is_first('msg:body end') then
      host.log_warn('msg:body: the text does not end with CRLF.CRLF')
    end
    set_body(data, unstuff(new))
  end
  local _, body = split(message:get_data())
  return stuff(body)
end

-- msg:raw() -> the whole message, CRLF line ends
-- msg:raw(text) -> true: another one, headers and body
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:raw.
function methods:raw(new)
  local data, message = content(self, 'msg:raw')
  if new == nil then
    return message:get_data()
  end
  set_data(data, text_of(new, 'msg:raw'))
  return true
end

-- msg:body_match(pattern) -> table as of msys.pcre.match, or false
--   Of the body as it stands, in its transfer encoding.  A pattern that is
--   none: false, why, number.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:body_match.
function methods:body_match(pattern)
  local _, message = content(self, 'msg:body_match')
  local _, body = split(message:get_data())
  return host.match(body, text_of(pattern, 'msg:body_match'),
    'msg:body_match')
end

-- msg:raw_match(pattern) -> the same of headers and body
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:raw_match.
function methods:raw_match(pattern)
  local _, message = content(self, 'msg:raw_match')
  return host.match(message:get_data(), text_of(pattern, 'msg:raw_match'),
    'msg:raw_match')
end

-- msg:body_replace(pattern, replacement) -> true, or false without a match
--   Every match is replaced, as by msys.pcre.replace.  The pattern is shown
--   CRLF.CRLF at the end; "\r\n.\r\n" alone means that end.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:body_replace.
function methods:body_replace(pattern, replacement)
  local data, message = content(self, 'msg:body_replace')
  local _, body = split(message:get_data())
  local new, why, number = host.replace(body,
    text_of(pattern, 'msg:body_replace'),
    text_of(replacement, 'msg:body_replace'), true, 'msg:body_replace')
  if not new then
    return false, why, number
  end
  set_body(data, new)
  return true
end

-- msg:raw_replace(pattern, replacement) -> the same of headers and body
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:raw_replace.
function methods:raw_replace(pattern, replacement)
  local data, message = content(self, 'msg:raw_replace')
  local new, why, number = host.replace(message:get_data(),
    text_of(pattern, 'msg:raw_replace'),
    text_of(replacement, 'msg:raw_replace'), true, 'msg:raw_replace')
  if not new then
    return false, why, number
  end
  set_data(data, new)
  return true
end

-- ---- text ------------------------------------------------------------------

-- host.each_text(part): the text parts of a part, itself or what it holds
function host.each_text(part)
  local found = {}
  local function walk(one)
    if not mime.is_container(one) then
      if mime.info(one).is_text then
        found[#found + 1] = one
      end
      return
    end
    local child = mime.first(one)
    while child do
      walk(child)
      child = mime.next(child)
    end
  end
  walk(part)
  return ipairs(found)
end

-- host.text_match(part, pattern, what) -> table or false
function host.text_match(part, pattern, what)
  pattern = text_of(pattern, what)
  for _, one in host.each_text(part) do
    local found, why, number = host.match(one.body, pattern, what)
    if found or why then
      return found, why, number
    end
  end
  return false
end

-- host.text_replace(tree, part, pattern, replacement, what) -> boolean
function host.text_replace(tree, part, pattern, replacement, what)
  pattern, replacement = text_of(pattern, what), text_of(replacement, what)
  local done = false
  for _, one in host.each_text(part) do
    local new, why, number = host.replace(one.body, pattern, replacement,
      not mime.parent(one), what)
    if why then
      return false, why, number
    elseif new then
      host.set_text(tree, one, new)
      done = true
    end
  end
  return done
end

-- host.set_text(tree, part, text, type, charset, what)
--   type: nil: that of the part, of what is no text text/plain.
--   charset: nil or "": that of the part.  Raises on bad ones.
function host.set_text(tree, part, text, kind, charset, what)
  local headers = tree.owner and not mime.parent(part) and part.headers
  local before = headers and tostring(headers)
  if kind == nil and not mime.info(part).is_text then
    kind = 'text/plain'
  end
  local why = mime.set_text(part, text, kind, charset)
  if why then
    error(('%s: %s'):format(what, why), 3)
  end
  if headers and tostring(headers) ~= before
    and not headers:get_first_named('MIME-Version') then
    headers:append('MIME-Version', '1.0')
  end
end

-- msg:text() -> string in UTF-8, a table of them where the message has several
--   text parts, nil without one
-- msg:text(value [, type [, charset]]) -> true: the whole body is this text
--   value: UTF-8.  type: else that of the message, if it is a text, or
--   text/plain.  charset: else its own, or utf-8 where that does not do.
--   Raises on a type that is none and a charset that is not known.
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:text.
function methods:text(value, kind, charset)
  content(self, 'msg:text')
  local tree = host.message_tree(self)
  if value == nil then
    local texts = {}
    for i, part in host.each_text(tree.root) do
      texts[i] = part.body
    end
    return #texts > 1 and texts or texts[1]
  end
  host.set_text(tree, tree.root, text_of(value, 'msg:text'), kind, charset,
    'msg:text')
  host.tree_written(tree)
  return true
end

-- msg:text_match(pattern) -> table as of msys.pcre.match, or false
--   Of the text parts one after the other, decoded, in UTF-8.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:text_match.
function methods:text_match(pattern)
  content(self, 'msg:text_match')
  return host.text_match(host.message_tree(self).root, pattern,
    'msg:text_match')
end

-- msg:text_replace(pattern, replacement) -> true, or false without a match
--   In each text part; its charset and transfer encoding stay if they can say
--   the new text.  The text of a message without parts shows its end, as in
--   msg:body_replace().
--   Events: validate_data and later.  Waits: no.
--   From: Momentum msg:text_replace.
function methods:text_replace(pattern, replacement)
  content(self, 'msg:text_replace')
  local tree = host.message_tree(self)
  local done, why, number = host.text_replace(tree, tree.root, pattern,
    replacement, 'msg:text_replace')
  if done then
    host.tree_written(tree)
  end
  return done, why, number
end
