-- map_file.lua - kumo.milter.domain_map_file, cidr_map_file and
-- regex_set_map_file
--
-- Called once for each Lua state with the kumo module and the primitives of
-- lb_map_file.c.

local kumo, begin, wait, take = ...

local error, pairs, type = error, pairs, type

-- kumo.milter.domain_map_file(path) -> map as of kumo.domain_map.new
-- kumo.milter.cidr_map_file(path) -> map as of kumo.cidr.make_map
-- kumo.milter.regex_set_map_file(path) -> map as of kumo.regex_set_map.new
--   path: of a regular file of lines "key" or "key value", as
--   kumilter-data(7) has them.  Values are strings, or true.  Of two equal keys
--   the later line counts.
--   While the file does not change, all states and policies have one map.
--   Raises where the file cannot be read, naming the line that is wrong.
--   Events: any, and while loading.  Waits: yes, without holding the state.
--   From: kumilter.
local classes = {
  domain_map_file = 'kumo.DomainMap',
  cidr_map_file = 'kumo.CidrMap',
  regex_set_map_file = 'kumo.RegexSetMap',
}

for name, class in pairs(classes) do
  local what = 'kumo.milter.' .. name .. ': '

  kumo.milter[name] = function(path)
    if type(path) ~= 'string' or path:find('\0', 1, true) then
      error(what .. 'a path expected, got ' .. (type(path) == 'string'
        and 'one with a NUL' or type(path)), 2)
    end
    local load = begin(class, path)
    local why = wait(load)
    if why then
      error(what .. why, 2)
    end
    return take(load)
  end
end
