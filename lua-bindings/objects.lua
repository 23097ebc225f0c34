-- objects.lua - objects that accept everything
--
-- Returns make_object(params): stands in for the configuration objects and
-- helpers of a delivering MTA, which a milter has no use for.  A table whose
-- fields are those of params; asking for a field that is not there gives a
-- function that accepts anything and returns another such object, so a policy
-- written for them loads and runs.

local function make_object(params)
  local object = {}
  if type(params) == 'table' then
    for k, v in next, params do
      object[k] = v
    end
  end
  return setmetatable(object, {
    __index = function(_, key)
      if type(key) ~= 'string' then
        return nil
      end
      return function()
        return make_object()
      end
    end,
    __call = function()
      return nil
    end,
    __tostring = function()
      return 'object without effect in a milter'
    end,
  })
end

return make_object
