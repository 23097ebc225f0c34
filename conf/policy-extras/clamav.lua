-- clamav.lua - viruses that ClamAV finds
--
--   local clamav = require('policy-extras.clamav').new {
--     socket = '/run/clamav/clamd.ctl',
--   }
--   kumo.on('smtp_server_data', ... clamav:data(msg, conn_meta)
--
-- Asks clamd itself, by kumo.milter.clamd_scan, which KumoMTA does not have:
-- there, let Rspamd ask it, and name its symbols to policy-extras.rspamd.
-- Messages of everybody are looked at, of users and for postmaster, too.
--
--   socket      path of clamd's socket: '/run/clamav/clamd.ctl'.  Debian's can
--               be opened by all; elsewhere put the daemon's user into the
--               group of clamd
--   host, port  instead of it, where clamd listens on TCP
--   timeout     '30s'.  Less than the handler may take
--   action      'reject' (default), or 'quarantine': taken, and held in the
--               MTA's queue
--   max_size    larger messages are not looked at: 25 MB, in bytes.  It is to
--               be below clamd's StreamMaxLength, beyond which clamd fails
--   code        550
--   text        '5.7.1 this message has a virus: {virus}'
--   on_failure  when clamd does not answer: 'tempfail' (default) or 'pass'
--
-- msg:get_meta 'clamav' is 'clean', the name of a virus, or nil.

local kumo = require 'kumo'
local options = require 'policy-extras.options'
local site = require 'policy-extras.site'

local MODULE = 'policy-extras.clamav'

local methods = {}
methods.__index = methods

local function scan(o, msg)
  return kumo.milter.clamd_scan {
    data = msg, socket = o.socket, host = o.host, port = o.port,
    timeout = o.timeout,
  }
end

function methods:data(msg, conn_meta)
  local o = self.options
  if msg:size() > o.max_size then
    return
  end
  local ok, found = pcall(scan, o, msg)
  if not ok then
    site.failed(MODULE, found, o.on_failure)
    return
  end
  msg:set_meta('clamav', found.clean and 'clean' or found.virus)
  if found.clean then
    return
  end
  local text = o.text:gsub('{virus}', { ['{virus}'] = site.plain(found.virus) })
  if o.action == 'reject' then
    kumo.reject(o.code, text)
  end
  msg:quarantine(text)
end

return {
  new = function(given)
    local o = options(MODULE, given, {
      socket = { 'string?' },
      host = { 'string?' },
      port = { 'number?' },
      timeout = { 'duration', '30s' },
      action = { { 'reject', 'quarantine' }, 'reject' },
      max_size = { 'number', 25000000 },
      code = { 'code', 550 },
      text = { 'string', '5.7.1 this message has a virus: {virus}' },
      on_failure = { { 'pass', 'tempfail' }, 'tempfail' },
    })
    if not (kumo.milter and kumo.milter.clamd_scan) then
      error(MODULE .. ': needs kumo.milter.clamd_scan', 2)
    elseif o.socket and (o.host or o.port) then
      error(MODULE .. ': either a socket, or host and port', 2)
    end
    return setmetatable({ options = o }, methods)
  end,
}
