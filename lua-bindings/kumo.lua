-- kumo.lua - the parts of the kumo module that are better written in Lua
--
-- Called once for each Lua state with
--   kumo         the module's table
--   notice       notice(name, text): say once that name has no effect
--   make_object  see objects.lua

local kumo, notice, make_object = ...

-- require -------------------------------------------------------------------
-- Source text only (bytecode is not verified and can crash the VM); a module
-- that is not found is looked for among KumoMTA's delivery helpers below.

local function search_file(name)
  local path, why = package.searchpath(name, package.path)
  if not path then
    return why
  end
  local chunk, err = loadfile(path, 't')
  if not chunk then
    error(("error loading module '%s' from file '%s':\n\t%s"):format(
      name, path, err), 0)
  end
  return chunk
end

-- KumoMTA's helpers that only concern delivery, with what stands in for them
-- where its policy-extras folder is not on the path.
local helpers = {
  ['policy-extras.queue'] = "queueing is the MTA's job",
  ['policy-extras.shaping'] = "delivery is the MTA's job",
  ['policy-extras.sources'] = "delivery is the MTA's job",
  ['policy-extras.rollup'] = "delivery is the MTA's job",
  ['policy-extras.log_hooks'] = 'there are no delivery events to hook',
  ['policy-extras.docker_utils'] = 'not needed in a milter',
}

-- Helpers of the reception side: harmless, but their work is not done.
local reception = {
  ['policy-extras.listener_domains'] =
    'relaying is decided by the MTA; put KumoMTA\'s policy-extras on the '
    .. 'path to have it',
  ['policy-extras.dkim_sign'] =
    'nothing is signed; put KumoMTA\'s policy-extras on the path to have it',
}

local function search_helper(name)
  local why = helpers[name]
  if why then
    return function()
      notice(name, why)
      return make_object()
    end
  end
  why = reception[name]
  if why then
    return function()
      notice(name, why)
      -- setup{} gives the handler that the policy registers or calls
      return {
        setup = function()
          return function() end
        end,
      }
    end
  end
  local part = kumo[name:match '^kumo%.(.+)$']
  if type(part) == 'table' then
    return function()
      return part
    end
  end
  return "\n\tno stand-in for '" .. name .. "' in kumilter"
end

local searchers = package.loaders
searchers[2] = search_file
searchers[#searchers + 1] = search_helper
package.searchers = searchers
