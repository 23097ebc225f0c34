-- accept.lua - the accept construct: the connection, as validate_* sees it

local msys, native, host = ...

local core = msys.core
local session = native.session

-- sockaddr.ip, sockaddr.port: a string and a number, of ac.remote_addr
--   Events: all callouts with an accept construct.  Waits: no.
--   From: Momentum sockaddr.
--
-- tostring() of it gives "ip:port", and "ip.port" for IPv6, where the
-- vendor's own policies look for a "." behind the address
local address_class = host.class('msys.core:_sockaddr', {
  fields = {
    ip = function(data)
      return data.ip
    end,
    port = function(data)
      return data.port
    end,
  },
  meta = {
    __tostring = function(self)
      return host.data(self).text
    end,
    __concat = function(a, b)
      return tostring(a) .. tostring(b)
    end,
    __eq = function(a, b)
      return host.data(a).text == host.data(b).text
    end,
  },
})

-- host.peer_text(record) -> "ip:port", or "" where it is no IP address
function host.peer_text(record)
  return record.meta:get_meta('received_from') or ''
end

local function remote_addr(record)
  if not record.remote_addr then
    local ip, port = session.peer()
    record.remote_addr = host.new(address_class, {
      text = ip and ip:find(':', 1, true) and ip .. '.' .. port
        or host.peer_text(record),
      ip = ip or '', port = port or 0,
    })
  end
  return record.remote_addr
end

core.AF_UNSPEC, core.AF_UNIX, core.AF_INET, core.AF_INET6 = 0, 1, 2, 10

-- msys.core.ec_sockaddr_family(addr) -> msys.core.AF_INET, AF_INET6 or, of no
--   IP address, AF_UNSPEC
--   Events: any.  Waits: no.  From: Momentum (C), used in its policies.
function core.ec_sockaddr_family(addr)
  local ip = host.check(addr, address_class, 'ec_sockaddr_family').ip
  return ip:find(':', 1, true) and core.AF_INET6
    or ip ~= '' and core.AF_INET or core.AF_UNSPEC
end

local id_class = host.class('msys.core:_message_id', {
  meta = {
    __tostring = function(self)
      return host.data(self).text
    end,
    __concat = function(a, b)
      return tostring(a) .. tostring(b)
    end,
    __eq = function(a, b)
      return host.data(a).text == host.data(b).text
    end,
  },
})

-- host.id(hex) -> message_id: "C0/00-02000-BE2CB9A4" of any hex digits
function host.id(hex)
  local digits = (('0'):rep(17) .. hex:upper():gsub('%X', '')):sub(-17)
  return host.new(id_class, {
    text = digits:sub(1, 2) .. '/' .. digits:sub(3, 4) .. '-'
      .. digits:sub(5, 9) .. '-' .. digits:sub(10, 17),
  })
end

-- host.conn_id(record) -> message_id of the connection
function host.conn_id(record)
  record.conn_id = record.conn_id or host.id(record.id)
  return record.conn_id
end

local why = 'the MTA writes the EHLO reply'
local methods = {}

-- ac:esmtp_capability_add(name), ac:esmtp_capability_remove(name): no effect
--   Events: any.  Waits: no.  From: Momentum ac:esmtp_capability_add.
host.stub(methods, 'esmtp_capability_add', 'ac:esmtp_capability_add', why)
host.stub(methods, 'esmtp_capability_remove', 'ac:esmtp_capability_remove',
  why)

-- ac.remote_addr, ac.protocol, ac.conn_id
--   Events: all callouts with an accept construct.  Waits: no.
--   From: Momentum accept construct.
host.accept_class = host.class('msys.core:_accept_construct', {
  methods = methods,
  fields = {
    remote_addr = remote_addr,
    protocol = function()
      return core.P_ESMTP
    end,
    conn_id = host.conn_id,
  },
})

-- msys.core.accept_construct_get_message_construct(ac) -> { ctx = vctx,
--   message = msg, of which there is one from validate_rcptto on }
--   Events: all callouts with an accept construct.  Waits: no.
--   From: Momentum (C), used in hooks of TLS.
function core.accept_construct_get_message_construct(ac)
  local record = host.check(ac, host.accept_class,
    'accept_construct_get_message_construct')
  local messages, rcpts, accepted = session.counts()
  return {
    ctx = record.vctx,
    message = record.msg,
    connection_message_count = messages,
    connection_rcpt_count = rcpts,
    message_rcpt_count = accepted,
  }
end
