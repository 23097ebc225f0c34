-- stubs.lua - what Momentum has and a milter has no use for, or not yet
--
-- Runs behind the parts with the real functions and adds only what is not
-- there.  What means nothing in a milter accepts anything, says so once in
-- the life of the process and gives what Momentum would give for "nothing";
-- with the option strict it raises.  What this version does not have raises.
-- Events: any.  Waits: no.  From: Momentum.

local msys, _, host = ...

local rawget, rawset, error, type = rawget, rawset, error, type
local core = msys.core

-- A function that calls `give` for its results, if there is one.
local function stub(room, key, name, why, give)
  if rawget(room, key) == nil then
    rawset(room, key, function()
      host.notice(name, why)
      if give then
        return give()
      end
    end)
  end
end

-- functions: name -> what gives its results, or false
local function add(path, why, functions)
  local room = path == '' and msys or host.room(path)
  local prefix = path == '' and 'msys.' or 'msys.' .. path .. '.'
  for key, give in next, functions do
    stub(room, key, prefix .. key, why, give)
  end
end

-- The same for each further function of the package, whatever its name.
local function add_all(path, why, functions)
  add(path, why, functions or {})
  return setmetatable(host.room(path), {
    __index = function(room, key)
      if type(key) ~= 'string' or not key:find('^%l') then
        return nil
      end
      stub(room, key, 'msys.' .. path .. '.' .. key, why)
      return rawget(room, key)
    end,
  })
end

-- Not in this version: path is that of the package, or of a table of its own.
local function missing(room, prefix, names)
  for key in names:gmatch('%S+') do
    if rawget(room, key) == nil then
      rawset(room, key, function()
        error(prefix .. key .. ': not in this version of kumilter', 2)
      end)
    end
  end
end

-- Numbers from `first` on.
local function numbers(room, first, names)
  for name in names:gmatch('%S+') do
    if rawget(room, name) == nil then
      rawset(room, name, first)
    end
    first = first + 1
  end
end

-- One bit each.
local function bits(room, prefix, names)
  local bit = 1
  for name in names:gmatch('%S+') do
    rawset(room, prefix .. name, bit)
    bit = bit * 2
  end
end

local function values(...)
  local n, list = select('#', ...), { ... }
  return function()
    return unpack(list, 1, n)
  end
end

-- ---- the MTA's -------------------------------------------------------------

local DELIVERY = "delivery is the MTA's job"
local HTTP = 'there is no HTTP server'
local MOBILE = 'there are no mobile channels'

-- msys.registerControl(...)
--   No effect: there is no console.
--   Events: any.  Waits: no.  From: Momentum.

add('', 'there is no console', { registerControl = false })
-- msys.registerAuth(...)
--   No effect: AUTH happens in the MTA.
--   Events: any.  Waits: no.  From: Momentum.

add('', 'AUTH happens in the MTA', { registerAuth = false })
-- msys.runSieveScript(...) -> false, why
--   No effect: there is no Sieve.
--   Events: any.  Waits: no.  From: Momentum.

add('', 'there is no Sieve', {
  runSieveScript = values(false, 'there is no Sieve in kumilter'),
})
-- msys.core.dns_get_domain(...)
-- msys.core.mail_queue_delay_domain(...)
--   No effect: delivery is the MTA's job.
--   Events: any.  Waits: no.  From: Momentum.

add('core', DELIVERY, {
  dns_get_domain = false, mail_queue_delay_domain = false,
})
-- msys.core.dict_iter2(...)
-- msys.core.dict_next(...)
-- msys.core.dict_iter2_free(...)
--   No effect: there is no HTTP server.
--   Events: any.  Waits: no.  From: Momentum.

add('core', HTTP, {
  dict_iter2 = false, dict_next = false, dict_iter2_free = false,
})
-- msys.threadpool.count(...) -> 0
-- msys.threadpool.find(...)
-- msys.threadpool.stat(...)
--   No effect: threads come from libmilter.
--   Events: any.  Waits: no.  From: Momentum.

add('threadpool', 'threads come from libmilter', {
  count = values(0), find = false, stat = false,
})

local delivery = add_all('delivery', DELIVERY)
numbers(delivery, 0, 'DELIVERY_CONTINUE DELIVERY_DONE DELIVERY_SUCCESS '
  .. 'DELIVERY_TEMPFAILED DELIVERY_PERMFAILED DELIVERY_FAIL')
local no_status = values(delivery.DELIVERY_CONTINUE)
-- msys.httpclnt.http_status_classifier(...) -> DELIVERY_CONTINUE
--   No effect, as all other functions of msys.httpclnt, msys.delivery,
--   msys.adaptive and msys.httpsrv: delivery is the MTA's job.
--   Events: any.  Waits: no.  From: Momentum.

add_all('httpclnt', DELIVERY, { http_status_classifier = no_status })
add_all('adaptive', DELIVERY)
numbers(add_all('httpsrv', HTTP), 1, 'DONE')

-- msys.apn.apn_status_classifier(...) -> DELIVERY_CONTINUE
-- msys.gcm.gcm_classify_error(...) -> DELIVERY_CONTINUE
-- msys.gcm.gcm_get_result_error_code(...) -> 0
--   No effect, as all other functions of msys.apn, msys.gcm, msys.smpp,
--   msys.mms, msys.xmpp, msys.mobility, msys.mstore and msys.aggregator: there
--   are no mobile channels.
--   Events: any.  Waits: no.  From: Momentum.

add_all('apn', MOBILE, { apn_status_classifier = no_status })
numbers(add_all('gcm', MOBILE, {
  gcm_classify_error = no_status,
  gcm_get_result_error_code = values(0),
}), 0, 'GCM_NO_ERROR GCM_MISSING_REGISTRATION GCM_INVALID_REGISTRATION '
  .. 'GCM_MISMATCH_SENDER_ID GCM_NOT_REGISTERED GCM_MESSAGE_TOO_BIG '
  .. 'GCM_INVALID_DATA_KEY GCM_INVALID_TTL GCM_UNAVAILABLE '
  .. 'GCM_INTERNAL_SERVER_ERROR GCM_INVALID_PACKAGE_NAME GCM_UNKNOW')
for _, path in ipairs {
  'smpp', 'mms', 'xmpp', 'mobility', 'mstore', 'aggregator',
} do
  add_all(path, MOBILE)
end
add_all('message_scope', 'Message Scope is a product of its own')

-- Reports of what could not be delivered.
local REPORTS = 'the MTA writes reports'
-- msys.bounce.classify(...) -> 1, 'BC_UNDETERMINED', 'Undetermined', ''
-- msys.bounce.classify_smtp_response(...) -> the same
--   No effect: there are no bounce rules.
--   Events: any.  Waits: no.  From: Momentum.

local undetermined = values(1, 'BC_UNDETERMINED', 'Undetermined', '')
add('bounce', 'there are no bounce rules', {
  classify = undetermined, classify_smtp_response = undetermined,
})
-- msys.rfc3464.compute_delivery_status(...) -> {}
-- msys.rfc3464.compute_delivery_status_string(...) -> ''
-- msys.rfc3464.send_mdn(...) -> 0
-- msys.rfc3464.create_mdn(...)
-- msys.rfc3464.extract_delivery_status(...)
--   No effect: the MTA writes reports.
--   Events: any.  Waits: no.  From: Momentum.

add('rfc3464', REPORTS, {
  compute_delivery_status = function()
    return {}
  end,
  compute_delivery_status_string = values(''),
  create_mdn = false,
  send_mdn = values(0),
  extract_delivery_status = false,
})
numbers(core, 1, 'FAILED DELAYED DELIVERED RELAYED EXPANDED')

-- ---- scanners --------------------------------------------------------------

local SCANNER = 'there is no such scanner'

local function no_score()
  return { score = 0 }
end

-- msys.brightmail.scan(...) -> 'inbox', true, '', ''
-- msys.cloudmark.score(...) -> { score = 0 }
-- msys.cloudmark.score_af(...) -> { score = 0 }
-- msys.cloudmark.analyze(...) -> { score = 0 }
-- msys.commtouch.diagnose(...) -> { class = 'Unknown', ... }
-- msys.symantec_beik.scan(...) -> 0, why, 1, ''
-- msys.expurgate.scan(...) -> TYPE_CLEAN, SUBTYPE_NORMAL, 'clean', 'normal'
--   No effect: there is no such scanner.
--   Events: any.  Waits: no.  From: Momentum.

add_all('brightmail', SCANNER, { scan = values('inbox', true, '', '') })
add_all('cloudmark', SCANNER, {
  score = no_score, score_af = no_score, analyze = no_score,
})
add_all('commtouch', SCANNER, {
  diagnose = function()
    return {
      class = 'Unknown', ['virus-threat'] = 'non-virus', ['ref-id'] = '',
    }
  end,
})
add_all('symantec_beik', SCANNER, {
  scan = values(0, 'there is no scanner', 1, ''),
})
local expurgate = add_all('expurgate', SCANNER)
numbers(expurgate, 0, 'TYPE_UNKNOWN TYPE_CLEAN TYPE_SUSPECT TYPE_SPAM '
  .. 'TYPE_BULK TYPE_DANGEROUS')
numbers(expurgate, 0, 'SUBTYPE_NORMAL SUBTYPE_CLEAN_EMPTY '
  .. 'SUBTYPE_CLEAN_ALMOST_EMPTY SUBTYPE_CLEAN_EMPTY_BODY '
  .. 'SUBTYPE_CLEAN_BOUNCE SUBTYPE_BULK_ADV SUBTYPE_BULK_PORN '
  .. 'SUBTYPE_DANGEROUS_VIRUS SUBTYPE_DANGEROUS_ATTACHMENT '
  .. 'SUBTYPE_DANGEROUS_CODE SUBTYPE_DANGEROUS_IFRAME '
  .. 'SUBTYPE_DANGEROUS_OUTBREAK SUBTYPE_SUSPECT_URL '
  .. 'SUBTYPE_SUSPECT_URL_COUNT SUBTYPE_SUSPECT_MAIL_COUNT '
  .. 'SUBTYPE_SUSPECT_SENDER')
for i = 1, 9 do
  numbers(expurgate, 15 + i, 'SUBTYPE_SUSPECT_USER' .. i)
end
-- Momentum's own example refuses what is neither clean nor bulk.
add('expurgate', SCANNER, {
  scan = values(expurgate.TYPE_CLEAN, expurgate.SUBTYPE_NORMAL, 'clean',
    'normal'),
})

local av = host.room('av')
numbers(av, 0, 'EC_AV_CLEAN EC_AV_INFECTED EC_AV_ERROR EC_AV_UNSCANNABLE '
  .. 'EC_AV_NO_ENGINE EC_AV_NAME_TOO_LONG EC_AV_PART_IS_CONTAINER '
  .. 'EC_AV_NOT_SUITABLE_FOR_STREAMING')
local no_engine = values(av.EC_AV_NO_ENGINE, '', '', av.EC_AV_NO_ENGINE)
-- msys.av.engines() -> {}
-- msys.av.scan(...) -> EC_AV_NO_ENGINE, '', '', EC_AV_NO_ENGINE
-- msys.av.scan_part(...) -> the same
--   No effect: none of Momentum's virus scanners is there; one that is has
--   kumo.milter.clamd_scan.
--   Events: any.  Waits: no.  From: Momentum.

add('av', 'this version has no virus scanner', {
  engines = function()
    return {}
  end,
  scan = no_engine,
  scan_part = no_engine,
})

-- ---- not in this version ---------------------------------------------------

-- msys.validate.dk.get_responsible_domain(...)
-- msys.validate.dk.sign(...)
-- msys.sign.dk.get_responsible_domain(...)
-- msys.sign.dk.sign(...)
--   No effect: DomainKeys are history.
--   Events: any.  Waits: no.  From: Momentum.

local SIGNATURES = 'DomainKeys are history'
for _, path in ipairs { 'validate.dk', 'sign.dk' } do
  add(path, SIGNATURES, { get_responsible_domain = false, sign = false })
end
-- msys.validate.dkim.reflect(...)
-- msys.validate.dkim2.verify(...)
-- msys.validate.dkim2.sign(...)
--   Raises: not in this version.
--   Events: any.  Waits: no.  From: Momentum.

missing(host.room('validate.dkim'), 'msys.validate.dkim.', 'reflect')
missing(host.room('validate.dkim2'), 'msys.validate.dkim2.', 'verify sign')

-- curl.new(...)
-- curl.escape(...)
-- curl.unescape(...)
--   Raises: not in this version.
--   Events: any.  Waits: no.  From: Momentum.

-- xml.parsexml(...)
--   Raises: not in this version.
--   Events: any.  Waits: no.  From: Momentum.

local curl, xml = {}, {}
missing(curl, 'curl.', 'new escape unescape')
missing(xml, 'xml.', 'parsexml')
host.package('curl', curl)
host.package('xml', xml)

-- ---- numbers of what is not there ------------------------------------------

numbers(core, 1, 'EC_AUTH_OK EC_AUTH_FAIL EC_AUTH_ERROR')
numbers(core, 1, 'EC_MIME_TE_7BIT EC_MIME_TE_8BIT EC_MIME_TE_BASE64 '
  .. 'EC_MIME_TE_QUOTED_PRINTABLE')
numbers(core, 1, 'ECTP_COMPLETE_CALLBACK ECTP_COMPLETE_CALLBACK_SCHED')
bits(core, 'SIEVEREQ_', 'MSG ENV_FROM ENV_TO AC 550_OK PHASE_CONNECT '
  .. 'PHASE_EHLO PHASE_MAILFROM PHASE_RCPTTO PHASE_DATA PHASE_SPOOL '
  .. 'PHASE_EACH_RCPT DNS_LOOKUP_OK MSG_BODY PHASE_ACCEPT')
