-- string.lua - ec_string: text that C code writes into

local msys, _, host = ...

local data = host.data

local class
class = host.class('msys.core:_ec_string', {
  methods = {
    -- ec_string:write(text [, length]): appends text, or its first bytes
    --   Events: any.  Waits: no.  From: Momentum ec_string.
    write = function(self, text, length)
      local d = host.check(self, class, 'ec_string:write')
      text = tostring(text)
      if length ~= nil then
        text = text:sub(1, math.max(0, tonumber(length) or 0))
      end
      d.text = d.text .. text
    end,
    -- ec_string:set(text): replaces its text
    --   Events: any.  Waits: no.  From: Momentum ec_string.
    set = function(self, text)
      host.check(self, class, 'ec_string:set').text = tostring(text)
    end,
  },
  meta = {
    __tostring = function(self)
      return data(self).text
    end,
    __len = function(self)
      return #data(self).text
    end,
    __eq = function(a, b)
      return data(a).text == data(b).text
    end,
    __concat = function(a, b)
      return tostring(a) .. tostring(b)
    end,
  },
})

-- msys.core.string_new() -> an empty ec_string
--   Events: any.  Waits: no.  From: Momentum msys.core.string_new.
function msys.core.string_new()
  return host.new(class, { text = '' })
end
