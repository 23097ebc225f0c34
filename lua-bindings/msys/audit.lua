-- audit.lua - msys.audit and msys.os: what clients do; room in file systems

local msys, native, host = ...

local error, math, tonumber, tostring, type = error, math, tonumber,
  tostring, type

host.room('audit')
host.room('os')
local A = native.audit

A.begin() -- a policy of Momentum's loads: its sessions are counted

-- connections, receptions and rejections
local function sum(kind, monitor, options)
  if type(options) ~= 'table' then
    options = { cidr = options }
  end
  if options.cluster then
    host.notice('msys.audit: cluster', 'there is no cluster')
  end
  return A.sum(kind, host.plain(monitor), host.key(options.cidr),
    options.startv or 0, options.endv or 0)
end

-- msys.audit.connections(monitor [, cidr or { startv=0, endv=0, cidr= }])
--   -> number of sessions that began
--   monitor: "60,1": windows of 60 seconds, the current one and 1 before.  It
--   counts from its first use, or from the load of a policy with
--   kumo.milter.configure{ audit = { "60,1" } }.  cidr: "address",
--   "address/mask" or "/mask" for the client's network; by default the client.
--   startv to endv: windows, 0 being the current one.
--   Raises on a monitor of another form and beyond 8 of them.
--   Events: any.  Waits: no.  From: Momentum msys.audit.connections.
function msys.audit.connections(monitor, options)
  return sum('connections', monitor, options)
end

-- msys.audit.receptions(monitor [, cidr or options])
--   -> number of messages that passed the milter
--   Events: any.  Waits: no.  From: Momentum msys.audit.receptions.
function msys.audit.receptions(monitor, options)
  return sum('receptions', monitor, options)
end

-- msys.audit.rejections(monitor [, cidr or options])
--   -> number of replies by which the milter refused, temporary ones, too
--   Events: any.  Waits: no.  From: Momentum msys.audit.rejections.
function msys.audit.rejections(monitor, options)
  return sum('rejections', monitor, options)
end

-- msys.audit.inbound_session_count([cidr [, service]]) -> number
--   Sessions that are open now, of the client or of a network: "/24",
--   "address/mask", "address".  Counted are those that this milter sees; of
--   services other than "SMTP" there are none.
--   Events: any.  Waits: no.  From: Momentum
--   msys.audit.inbound_session_count.
function msys.audit.inbound_session_count(cidr, service)
  if service ~= nil and tostring(service) ~= 'SMTP' then
    return 0
  end
  return A.sessions(host.key(cidr))
end

-- ac:inbound_session_count([cidr [, service]]) -> number
--   As msys.audit.inbound_session_count.
--   Events: all callouts with an accept construct.  Waits: no.
--   From: Momentum ac:inbound_session_count.
function host.accept_class.methods.inbound_session_count(_, cidr, service)
  return msys.audit.inbound_session_count(cidr, service)
end

-- ac:pbp_inbound_session_count_service(service, cidr) -> number
--   As msys.audit.inbound_session_count, the arguments the other way round.
--   Events: all callouts with an accept construct.  Waits: no.
--   From: Momentum's default policy.
function host.accept_class.methods.pbp_inbound_session_count_service(_,
    service, cidr)
  return msys.audit.inbound_session_count(cidr, service)
end

-- ---- file systems ----------------------------------------------------------

local DEFAULT = 60 -- seconds

local record_class = host.class('msys.os:_statvfs_record', {})

-- msys.os.statvfs_subscribe(path, interval) -> record
--   interval: seconds for which a snapshot counts as fresh; 0: 60.
--   Events: any.  Waits: no.  From: Momentum msys.os.statvfs_subscribe.
function msys.os.statvfs_subscribe(path, interval)
  if type(path) ~= 'string' then
    error('msys.os.statvfs_subscribe: a path expected, got ' .. type(path), 2)
  end
  interval = tonumber(interval) or 0
  return host.new(record_class, {
    path = path, interval = interval > 0 and interval or DEFAULT,
  })
end

-- msys.os.statvfs_read(record) -> { version=, kilobytes_available=,
--   kilobytes_total=, objects_available=, objects_total= }, or nil, reason
--   Asks the file system where the last answer is older than the interval.
--   A path is taken for its record, too.
--   Events: any.  Waits: yes.  From: Momentum msys.os.statvfs_read.
function msys.os.statvfs_read(record)
  if type(record) == 'string' then
    record = msys.os.statvfs_subscribe(record, 0)
  end
  local d = host.check(record, record_class, 'msys.os.statvfs_read')
  return native.space.read(d.path, math.min(d.interval, 3600))
end
