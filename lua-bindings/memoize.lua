-- memoize.lua - kumo.memoize
--
-- Called once for each Lua state with
--   kumo    the module's table
--   native  see lb_memo.c

local kumo, native = ...
local error, pcall, tostring, type = error, pcall, tostring, type

-- Give what the function returned or raised to all who wait for it.
local function settle(lookup, ok, ...)
  if ok then
    local why = native.done(lookup, ...)
    if why then
      return false, why
    end
    return true, native.value(lookup)
  end
  local is_text, text = pcall(tostring, (...))
  if not is_text then
    text = '(error without text)'
  end
  native.fail(lookup, text)
  return false, text
end

local function try(cache, fn, ...)
  local lookup, kind = native.look(cache, ...)
  if kind == 'caller' then
    return settle(lookup, pcall(fn, ...))
  elseif kind == 'wait' then
    native.wait(lookup)
    local why = native.failure(lookup)
    if why then
      return false, why
    end
  end
  return true, native.value(lookup)
end

-- kumo.memoize(fn, { name =, ttl =, capacity =, invalidate_with_epoch =,
--                    populate_timeout =, retry_on_populate_timeout =,
--                    allow_stale_reads = }) -> function
--   The function calls fn unless what that returned for the same arguments is
--   known, from any Lua state.  nil is a result; several are one array;
--   tables are copies, and so is a map in them, though what it holds is there
--   once for all states.  What fn raises is raised as text and not kept.
--   Raises on unknown keys and values that do not fit, and when called on
--   arguments or results that are no JSON.
--   Events: any.  Waits: where another session's call for the same arguments
--   runs, and where fn does.  From: KumoMTA kumo.memoize.
function kumo.memoize(fn, options)
  if type(fn) ~= 'function' then
    error('kumo.memoize: a function expected, got ' .. type(fn), 2)
  elseif type(options) ~= 'table' then
    error('kumo.memoize: a table expected, got ' .. type(options), 2)
  end
  local cache, tries = native.define(options)
  return function(...)
    local ok, result
    for _ = 1, tries do
      ok, result = try(cache, fn, ...)
      if ok then
        return result
      end
    end
    error(result, 0)
  end
end
