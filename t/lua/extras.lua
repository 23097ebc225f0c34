-- What the tests of conf/policy-extras share: sessions without a daemon.
package.path = 'conf/?.lua;' .. package.path

local kumo = require 'kumo'

local extras = {}

-- conn_meta of a client at that address, with more keys.
function extras.conn(ip, more)
  local meta = {
    received_from = ip and (ip:find(':', 1, true) and '[%s]:4711' or '%s:4711')
      :format(ip),
    received_via = '192.0.2.25:25',
    hostname = 'mx.example.net',
  }
  for key, value in pairs(more or {}) do
    meta[key] = kumo.json_encode(value)
  end
  for _, key in ipairs { 'received_from', 'received_via', 'hostname' } do
    if meta[key] and not (more and more[key]) then
      meta[key] = kumo.json_encode(meta[key])
    end
  end
  return {
    get_meta = function(_, key)
      return meta[key] and kumo.json_parse(meta[key])
    end,
    set_meta = function(_, key, value)
      meta[key] = value ~= nil and kumo.json_encode(value) or nil
    end,
  }
end

function extras.address(email)
  return {
    user = email:match '^(.*)@' or email, domain = email:match '@(.*)$' or '',
    email = email,
  }
end

-- What a refusal says, or nil; any other error goes on.
function extras.refusal(f, ...)
  local ok, err = pcall(f, ...)
  if ok then
    return nil
  end
  local text = tostring(err):gsub('\n.*', '')
  if type(err) == 'string' or not text:find '^%d%d%d ' then
    error(err, 0)
  end
  return text
end

-- check[method](check, ...) refuses with this text; nil: it does not.
function extras.says(expected, check, method, ...)
  local got = extras.refusal(check[method], check, ...)
  if got ~= expected then
    error(('expected: %s\ngot: %s'):format(tostring(expected), tostring(got)),
      2)
  end
end

function extras.same(got, expected)
  if got ~= expected then
    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)
  end
end

function extras.raises(why, f, ...)
  local ok, err = pcall(f, ...)
  if ok or not tostring(err):find(why, 1, true) then
    error(('got %s, expected %q'):format(ok and 'nothing' or tostring(err),
      why), 2)
  end
end

-- Run it with the clock so many seconds ahead.
function extras.later(seconds, f, ...)
  local time = os.time
  os.time = function(...)
    return time(...) + seconds
  end
  local ok, err = pcall(f, ...)
  os.time = time
  if not ok then
    error(err, 0)
  end
end

-- The parameters of a module are checked, and errors name it and the policy;
-- `free` takes any value.
function extras.checks_options(name, good, free)
  local module = require('policy-extras.' .. name)
  local function with(key, value)
    local copy = { [key] = value }
    for k, v in pairs(good) do
      if k ~= key then
        copy[k] = v
      end
    end
    return copy
  end
  module.new(good)
  extras.raises("policy-extras." .. name .. ": unknown option 'thresold'",
    module.new, with('thresold', 1))
  extras.raises('policy-extras.' .. name .. ': a table of options expected',
    module.new, 'x')
  for key in pairs(good) do
    if key ~= free then
      extras.raises(("policy-extras.%s: option '%s'"):format(name, key),
        module.new, with(key, print))
    end
  end
  local _, err = pcall(function()
    module.new { thresold = 1 }
  end)
  assert(tostring(err):find('^[^ ]*extras.lua:%d+: '), tostring(err))
end

return extras
