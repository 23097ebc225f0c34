-- How long things live: parts keep their trees, and much of it is collected
local kumo = require 'kumo'

local text = 'Content-Type: multipart/mixed; boundary=x\n\n'
  .. ('--x\nContent-Type: text/plain\n\nhello\n'):rep(20)
  .. '--x--\n'

-- a part outlives the variable of its root, and a HeaderMap outlives that
local function part()
  return kumo.mimepart.parse(text):get_simple_structure().text_part
end
local p = part()
local h = part().headers
collectgarbage()
collectgarbage()
assert(p.body == 'hello\n')
assert(h:content_type().value == 'text/plain')
p.body = 'other'
assert(tostring(p):find 'other')
local iter = part().headers:iter()
collectgarbage()
assert(iter().name == 'Content-Type' and iter() == nil)

-- trees that nobody keeps do not add up: their memory is Lua's business, too
local big = 'Subject: x\n\n' .. ('y'):rep(1024 * 1024)
for _ = 1, 300 do
  local m = kumo.mimepart.parse(big)
  m.body = big
end
