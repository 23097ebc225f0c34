-- msgpart.lua - ec_message_part: a message as a tree of its parts
--
-- A tree is { root, owner, objects, version }: root is kumo's MimePart, owner
-- the data of the message that it is of, nil of parts that are in none.  A
-- change is written to the message at once.  When the message was changed in
-- another way, the tree is read anew, and a part is what stands in its place.
-- The data of a part is { tree, part, source }.

local _, native, host = ...

local methods = host.message_class.methods
local content, text_of = host.message_content, host.text_of
local mime = native.mime
local parse = host.kumo.mimepart.parse

-- ---- trees -----------------------------------------------------------------

-- host.new_tree(root [, owner])
function host.new_tree(root, owner)
  return {
    root = root, owner = owner, objects = {},
    version = owner and owner.version,
  }
end

local function find(root, place)
  for n in place:gmatch('%d+') do
    root = root and mime.child(root, tonumber(n))
  end
  return root
end

local function sync(tree)
  local owner = tree.owner
  if not owner or tree.version == owner.version then
    return
  end
  local root, objects = owner.message:parse_mime(), {}
  for _, object in next, tree.objects do
    local data = host.data(object)
    local old = data.part
    data.part = old and mime.key(old) and find(root, old.id)
    if data.part then
      objects[mime.key(data.part)] = object
    end
  end
  tree.root, tree.objects, tree.version = root, objects, owner.version
end

-- The tree of a message's data, as long as somebody has a part of it: a
-- connection that waits for its next message keeps none.
local trees = setmetatable({}, { __mode = 'kv' })

-- host.message_tree(msg) -> its tree
function host.message_tree(msg)
  local data, message = content(msg, 'msg:mime')
  local tree = trees[data]
  if not tree then
    tree = host.new_tree(message:parse_mime(), data)
    trees[data] = tree
  end
  sync(tree)
  return tree
end

-- host.tree_written(tree): its parts were changed
function host.tree_written(tree)
  local owner = tree.owner
  if not owner then
    return
  end
  owner.message:set_data(tostring(tree.root))
  host.message_changed(owner)
  tree.version = owner.version
end

-- ---- objects ---------------------------------------------------------------

local class

local function wrap(tree, part)
  if not part then
    return nil
  end
  local key = mime.key(part)
  local object = tree.objects[key]
  if not object then
    object = host.new(class, { tree = tree, part = part })
    tree.objects[key] = object
  end
  return object
end

-- host.new_part(part [, source]) -> ec_message_part in no message
function host.new_part(part, source)
  local object = wrap(host.new_tree(part), part)
  host.data(object).source = source
  return object
end

local function check_there(data, what)
  sync(data.tree)
  if not data.part or not mime.key(data.part) then
    error(what .. ': the message has no such part any more', 4)
  end
  return data
end

local function use(data)
  return (check_there(data, 'msgpart'))
end

local function read(self, what)
  local data = host.check(self, class, what)
  return (check_there(data, what))
end

local function may_change(data, what)
  local tree = data.tree
  if tree.owner and not tree.writable then
    error(what .. ': the parts are read-only: msg:mime(false) gives those '
      .. 'that can be changed', 4)
  end
  return data
end

local function write(self, what)
  return may_change(read(self, what), what)
end

-- Is it the whole of a message?
local function is_top(data)
  return data.tree.owner and not mime.parent(data.part)
end

-- Objects of a part, and of those in it, are of its copy now.
local function move_objects(from, old, to, new)
  local key = mime.key(old)
  local object = from.objects[key]
  if object then
    local data = host.data(object)
    from.objects[key] = nil
    data.tree, data.part = to, new
    to.objects[mime.key(new)] = object
  end
  old, new = mime.first(old), mime.first(new)
  while old and new do
    move_objects(from, old, to, new)
    old, new = mime.next(old), mime.next(new)
  end
end

-- Out of its tree, into one of its own.
local function take_out(data)
  local tree, part = data.tree, data.part
  local copy = parse(mime.raw(part))
  move_objects(tree, part, host.new_tree(copy), copy)
  mime.unlink(part)
  host.tree_written(tree)
end

local function holds(data, other)
  if data.tree ~= other.tree then
    return false
  end
  local at = other.part
  while at do
    if mime.key(at) == mime.key(data.part) then
      return true
    end
    at = mime.parent(at)
  end
  return false
end

-- Puts child into the part that into() gives, with its place there.
local function put(child, parent, place, what)
  if holds(child, parent) then
    error(what .. ': a part cannot be put into itself', 2)
  elseif not mime.is_container(parent.part) then
    return false
  end
  if mime.parent(child.part) then
    may_change(child, what)
    take_out(child)
  end
  local copy = mime.insert(parent.part, place(), child.part)
  if not copy then
    return false
  end
  if not child.tree.owner then
    move_objects(child.tree, child.part, parent.tree, copy)
  end
  host.tree_written(parent.tree)
  return true
end

-- ---- methods ---------------------------------------------------------------

local part = {}

local function part_header(data, name, values, mode)
  local headers = data.part.headers
  if mode == 'prepend' then
    for i = #values, 1, -1 do
      headers:prepend(name, values[i])
    end
    return
  end
  if mode == 'replace' then
    headers:remove_all_named(name)
  end
  for _, value in ipairs(values) do
    headers:append(name, value)
  end
end

-- msgpart:header(name) -> array of the values, decoded to UTF-8
-- msgpart:header(name, nil) -> boolean: deletes all, was there one
-- msgpart:header(name, value [, mode]) -> true: as msg:header()
--   Raises on a name that is none, on other modes, and where the parts are
--   read-only.
--   Events: any.  Waits: no.  From: Momentum msgpart:header.
function part:header(name, ...)
  local data = read(self, 'msgpart:header')
  local found = {}
  name = text_of(name, 'msgpart:header')
  for header in data.part.headers:iter(name) do
    found[#found + 1] = header.unstructured
  end
  if select('#', ...) == 0 then
    return found
  end
  may_change(data, 'msgpart:header')
  local value, mode = ...
  local values = {}
  if value == nil then
    mode = 'replace'
  else
    values, mode = host.header_values(value, mode, 'msgpart:header')
  end
  if is_top(data) then
    host.set_header(data.tree.owner.message, name, values, mode)
    host.message_changed(data.tree.owner)
  else
    part_header(data, name, values, mode)
    host.tree_written(data.tree)
  end
  return value ~= nil or #found > 0
end

-- msgpart:address_header(name [, component]) -> array: as msg:address_header()
--   Events: any.  Waits: no.  From: Momentum msgpart:address_header.
function part:address_header(name, component)
  return host.addresses(read(self, 'msgpart:address_header').part, name,
    component, 'msgpart:address_header')
end

-- msgpart:content_type() -> { mimetype=, charset=, encoding=, is_attachment=,
--   filename= }
--   What is not said is text/plain, us-ascii (of text) and 7bit; filename is
--   nil then.  is_attachment: it has a name, or says that it is one.
--   Events: any.  Waits: no.  From: Momentum msgpart:content_type.
function part:content_type()
  local info = mime.info(read(self, 'msgpart:content_type').part)
  return {
    mimetype = (info.mimetype or 'text/plain'):lower(),
    charset = info.charset or info.is_text and 'us-ascii' or nil,
    encoding = (info.encoding or '7bit'):lower(),
    is_attachment = info.is_attachment,
    filename = info.filename,
  }
end

-- msgpart:text() -> string, decoded, a text in UTF-8; nil without content, or
--   of one that holds parts
-- msgpart:text(value [, type [, charset]]) -> true: as msg:text()
--   Events: any.  Waits: no.  From: Momentum msgpart:text.
function part:text(value, kind, charset)
  if value == nil then
    local data = read(self, 'msgpart:text')
    local text = data.part.body
    return text ~= '' and text or nil
  end
  local data = write(self, 'msgpart:text')
  host.set_text(data.tree, data.part, text_of(value, 'msgpart:text'), kind,
    charset, 'msgpart:text')
  host.tree_written(data.tree)
  return true
end

-- msgpart:body_match(pattern), msgpart:raw_match(pattern),
-- msgpart:text_match(pattern) -> table or false: as of msg
--   Events: any.  Waits: no.  From: Momentum msgpart:body_match.
function part:body_match(pattern)
  local what = 'msgpart:body_match'
  return host.match(mime.content(read(self, what).part),
    text_of(pattern, what), what)
end

function part:raw_match(pattern)
  local what = 'msgpart:raw_match'
  return host.match(mime.raw(read(self, what).part), text_of(pattern, what),
    what)
end

function part:text_match(pattern)
  local what = 'msgpart:text_match'
  return host.text_match(read(self, what).part, pattern, what)
end

local function replace(self, what, get, set, pattern, replacement)
  local data = write(self, what)
  local new, why, number = host.replace(get(data.part),
    text_of(pattern, what), text_of(replacement, what), is_top(data), what)
  if not new then
    return false, why, number
  end
  set(data.part, new)
  host.tree_written(data.tree)
  return true
end

-- msgpart:body_replace(pattern, replacement), msgpart:raw_replace(...),
-- msgpart:text_replace(...) -> true, or false without a match: as of msg
--   Raise where the parts are read-only.
--   Events: any.  Waits: no.  From: Momentum msgpart:body_replace.
function part:body_replace(pattern, replacement)
  return replace(self, 'msgpart:body_replace', mime.content, mime.set_content,
    pattern, replacement)
end

function part:raw_replace(pattern, replacement)
  return replace(self, 'msgpart:raw_replace', mime.raw, mime.set_raw, pattern,
    replacement)
end

function part:text_replace(pattern, replacement)
  local data = write(self, 'msgpart:text_replace')
  local done, why, number = host.text_replace(data.tree, data.part, pattern,
    replacement, 'msgpart:text_replace')
  if done then
    host.tree_written(data.tree)
  end
  return done, why, number
end

-- msgpart:addFirstChild(child), msgpart:addLastChild(child) -> boolean
--   child: a part; one that is in a tree is taken out of it; of the top of a
--   message a copy is put.  false: this one is no container, or there are too
--   many parts or levels.  Raise on a part that holds this one, and where the
--   parts are read-only.
--   Events: any.  Waits: no.  From: Momentum msgpart:addFirstChild.
function part:addFirstChild(child)
  local data = write(self, 'msgpart:addFirstChild')
  return put(read(child, 'msgpart:addFirstChild'), data, function()
    return 0
  end, 'msgpart:addFirstChild')
end

function part:addLastChild(child)
  local data = write(self, 'msgpart:addLastChild')
  return put(read(child, 'msgpart:addLastChild'), data, function()
    return 2 ^ 30
  end, 'msgpart:addLastChild')
end

local function put_beside(self, other, what, further)
  local child, beside = read(self, what), write(other, what)
  local above = mime.parent(beside.part)
  if not above then
    return false
  end
  if child.part == beside.part then
    return true
  end
  local parent = host.data(wrap(beside.tree, above))
  return put(child, parent, function()
    return mime.place(beside.part) + further
  end, what)
end

-- msgpart:insertAfter(other), msgpart:insertBefore(other) -> boolean
--   This part goes into the tree of the other one, beside it.  false: the
--   other one is the top of its tree.  Else as msgpart:addFirstChild().
--   Events: any.  Waits: no.  From: Momentum msgpart:insertAfter.
function part:insertAfter(other)
  return put_beside(self, other, 'msgpart:insertAfter', 1)
end

function part:insertBefore(other)
  return put_beside(self, other, 'msgpart:insertBefore', 0)
end

-- msgpart:unlink()
--   Takes it and what it holds out of the message.  It may be put elsewhere.
--   Raises for the top of a message, and where the parts are read-only.
--   Events: any.  Waits: no.  From: Momentum msgpart:unlink.
function part:unlink()
  local data = write(self, 'msgpart:unlink')
  if is_top(data) then
    error('msgpart:unlink: the top part cannot be unlinked', 2)
  elseif mime.parent(data.part) then
    take_out(data)
  end
end

-- ---- fields ----------------------------------------------------------------

-- msgpart.parts -> the first part that it holds, or nil
-- msgpart.next -> the next part of the same parent, or nil
-- msgpart.parent -> the part that holds it, nil of the top
-- msgpart.thread -> the next one in the order of the message, or nil
-- msgpart.body -> its content as it stands; it may be set
-- msgpart.body_start, msgpart.body_end
--   0, and how many bytes its body has.  Set, of a part that msg:makePart()
--   made, they say which bytes of what that was given are the body; of
--   others that raises.
--   Events: any.  Waits: no.  From: Momentum ec_message_part.

local fields, setters = {}, {}

function fields.parts(data)
  return wrap(use(data).tree, mime.first(data.part))
end

function fields.next(data)
  return wrap(use(data).tree, mime.next(data.part))
end

function fields.parent(data)
  return wrap(use(data).tree, mime.parent(data.part))
end

-- The next one in the order of the message.
function fields.thread(data)
  local at = use(data).part
  local found = mime.first(at)
  while at and not found do
    found, at = mime.next(at), mime.parent(at)
  end
  return wrap(data.tree, found)
end

function fields.body(data)
  return mime.content(use(data).part)
end

function setters.body(data, value)
  may_change(use(data), 'msgpart.body')
  data.source = text_of(value, 'msgpart.body')
  mime.set_content(data.part, data.source)
  host.tree_written(data.tree)
end

function fields.body_start()
  return 0
end

function fields.body_end(data)
  return #mime.content(use(data).part)
end

-- Where its body is in what msg:makePart() was given.
local function cut(data, key, value)
  may_change(use(data), 'msgpart.' .. key)
  if not data.source then
    error(('msgpart.%s: only of a part that msg:makePart() made'):format(key),
      4)
  end
  data[key] = tonumber(value) or 0
  mime.set_content(data.part, data.source:sub((data.body_start or 0) + 1,
    data.body_end or -1))
  host.tree_written(data.tree)
end

function setters.body_start(data, value)
  cut(data, 'body_start', value)
end

function setters.body_end(data, value)
  cut(data, 'body_end', value)
end

class = host.class('msys.core:_ec_message_part', {
  methods = part, fields = fields, setters = setters,
})
host.part_class = class

-- msg:mime([readonly]) -> msgpart, the top of the message
--   readonly: true: its parts cannot be changed.
--   Events: validate_data and later.  Waits: no.  From: Momentum msg:mime.
function methods:mime(readonly)
  content(self, 'msg:mime')
  local tree = host.message_tree(self)
  tree.writable = tree.writable or not readonly
  return wrap(tree, tree.root)
end
