-- api.lua - man/kumilter-api.3lua has all that is there, and nothing else
--
-- Run by check_api.c as a policy.

local names = dofile 't/lua/api_walk.lua'
local written, wrong = {}, {}

for line in io.lines 'man/kumilter-api.3lua' do
  local name = line:match '^%.\\" ([%w_:.]+)$'
  if name then
    written[name] = true
    if not names[name] then
      wrong[#wrong + 1] = name .. ' is in the manual and not in Lua'
    end
  end
end
for name in next, names do
  if not written[name] then
    wrong[#wrong + 1] = name .. ' has no comment that says how it is called'
  end
end
table.sort(wrong)
assert(names['kumo.on'] and names['Message:get_meta'] and names['Mpsc:send']
  and names['msys.core:_validate_context:set_code'], 'the walk is too short')
assert(#wrong == 0, '\n' .. table.concat(wrong, '\n'))
