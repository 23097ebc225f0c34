-- Everything of Momentum's API that a milter has no use for: it is there, can
-- be called with anything, and gives what is expected.
local msys = require 'msys'

local packages = [[
msys msys.core msys.extended.message msys.extended.vctx msys.extended.ac
msys.extended.message_routing msys.extended.httpsrv msys.db msys.datasource
msys.pcre msys.dumper msys.audit msys.audit_series msys.gauge_cache
msys.counter msys.cidr msys.timer msys.threadpool msys.os msys.base64 msys.qp
msys.idn msys.bounce msys.rfc3464 msys.av msys.http.client msys.httpclnt
msys.httpsrv msys.delivery msys.getopt msys.policyeditor msys.pbp msys.boot
msys.validate.opendkim msys.validate.dkim msys.validate.dk
msys.validate.dkim2 msys.sign.dk opendkim.dkim json xml curl thread
msys.strict msys.brightmail msys.cloudmark msys.commtouch msys.expurgate
msys.symantec_beik msys.gcm msys.apn msys.smpp msys.mobility msys.mms
strict
]]
for name in packages:gmatch('%S+') do
  local ok, why = pcall(require, name)
  assert(ok, name .. ': ' .. tostring(why))
  assert(type(why) == 'table', name .. ' gives a ' .. type(why))
end
assert(not pcall(require, 'msys.no_such_package'))

-- The function at "a.b.c"
local function find(path)
  local at = _G
  for part in path:gmatch('[^.]+') do
    at = at[part]
    assert(at ~= nil, path .. ' is not there')
  end
  return at
end

-- What a call gives, as text: each value with its type.
local function show(...)
  local out = {}
  for i = 1, select('#', ...) do
    local value = select(i, ...)
    if type(value) == 'table' then
      local fields = {}
      for k, v in pairs(value) do
        fields[#fields + 1] = k .. '=' .. tostring(v)
      end
      table.sort(fields)
      out[i] = '{' .. table.concat(fields, ',') .. '}'
    else
      out[i] = type(value) == 'string' and '"' .. value .. '"'
        or tostring(value)
    end
  end
  return table.concat(out, ' ')
end

local gives = {
  ['msys.registerControl'] = '',
  ['msys.registerAuth'] = '',
  ['msys.runSieveScript'] = 'false "there is no Sieve in kumilter"',
  ['msys.snmpTrap'] = '',
  ['msys.core.dns_get_domain'] = '',
  ['msys.core.mail_queue_delay_domain'] = '',
  ['msys.core.dict_iter2'] = '',
  ['msys.core.dict_next'] = '',
  ['msys.core.dict_iter2_free'] = '',
  ['msys.threadpool.count'] = '0',
  ['msys.threadpool.find'] = '',
  ['msys.threadpool.stat'] = '',
  ['msys.validate.dk.get_responsible_domain'] = '',
  ['msys.validate.dk.sign'] = '',
  ['msys.sign.dk.sign'] = '',
  ['msys.bounce.classify'] = '1 "BC_UNDETERMINED" "Undetermined" ""',
  ['msys.bounce.classify_smtp_response'] =
    '1 "BC_UNDETERMINED" "Undetermined" ""',
  ['msys.rfc3464.compute_delivery_status'] = '{}',
  ['msys.rfc3464.compute_delivery_status_string'] = '""',
  ['msys.rfc3464.create_mdn'] = '',
  ['msys.rfc3464.send_mdn'] = '0',
  ['msys.rfc3464.extract_delivery_status'] = '',
  ['msys.av.engines'] = '{}',
  ['msys.av.scan'] = '4 "" "" 4',
  ['msys.av.scan_part'] = '4 "" "" 4',
  ['msys.brightmail.scan'] = '"inbox" true "" ""',
  ['msys.cloudmark.score'] = '{score=0}',
  ['msys.cloudmark.score_af'] = '{score=0}',
  ['msys.cloudmark.analyze'] = '{score=0}',
  ['msys.cloudmark.add_af_data'] = '',
  ['msys.cloudmark.set_af_mode_discard'] = '',
  ['msys.cloudmark.set_af_mode_keep'] = '',
  ['msys.cloudmark.set_af_mode_movemsg'] = '',
  ['msys.cloudmark.set_af_msi_address'] = '',
  ['msys.commtouch.diagnose'] =
    '{class=Unknown,ref-id=,virus-threat=non-virus}',
  ['msys.symantec_beik.scan'] = '0 "there is no scanner" 1 ""',
  ['msys.expurgate.scan'] = '1 0 "clean" "normal"',
  ['msys.delivery.ob_get_current_message'] = '',
  ['msys.httpclnt.http_status_classifier'] = '0',
  ['msys.httpsrv.register'] = '',
  ['msys.apn.apn_status_classifier'] = '0',
  ['msys.gcm.gcm_classify_error'] = '0',
  ['msys.gcm.gcm_get_result_error_code'] = '0',
  ['msys.adaptive.registerRules'] = '',
  ['msys.mstore.load'] = '',
  ['msys.smpp.whatever'] = '',
  ['msys.mms.whatever'] = '',
  ['msys.xmpp.whatever'] = '',
  ['msys.mobility.whatever'] = '',
  ['msys.aggregator.whatever'] = '',
  ['msys.message_scope.query'] = '',
  ['msys.message_scope.query_static'] = '',
  ['msys.message_scope.gen_thread_id'] = '',
  ['msys.policyeditor.set_binding'] = 'false',
  ['msys.policyeditor.set_binding_group'] = 'false',
  ['msys.policyeditor.get_binding_domain_failure_rate'] = 'false',
}
for name, want in pairs(gives) do
  local f = find(name)
  for _ = 1, 2 do -- the first call says so, the next ones do not
    local got = show(f({}, 7, print, nil, 'x'))
    assert(got == want, name .. ' gives ' .. got)
  end
  assert(show(f()) == want, name)
end
assert(show(msys.config('get', 'max_outbound_connections')) == 'nil ""')
assert(show(msys.config('set', 'a', 'b')) == 'nil "there is nothing to set"')
assert(msys.smpp[1] == nil and msys.smpp.CONSTANT == nil)

-- what will come raises, and says that it is the version
local missing = [[
msys.validate.dkim.reflect msys.validate.dkim2.verify
msys.validate.dkim2.sign
curl.new curl.escape curl.unescape xml.parsexml
]]
for name in missing:gmatch('%S+') do
  local ok, why = pcall(find(name), {})
  assert(not ok and why:find(name .. ': not in this version of kumilter', 1,
    true), tostring(why))
end

-- numbers
local numbers = [[
core.VALIDATE_CONT core.VALIDATE_DONE core.VALIDATE_AGAIN core.VCTX_CONN
core.VCTX_MESS core.ECMESS_CTX_CONN core.ECMESS_CTX_MESS core.EC_MSG_ENV_FROM
core.EC_MSG_ENV_TO core.EC_MSG_ENV_COMPLETE core.P_ESMTP core.P_MM7
core.P_SMPP core.EC_AUTH_OK core.EC_AUTH_FAIL core.EC_AUTH_ERROR
core.EC_MIME_TE_7BIT core.EC_MIME_TE_8BIT core.EC_MIME_TE_BASE64
core.EC_MIME_TE_QUOTED_PRINTABLE core.O_RDONLY core.O_RDWR core.O_RDRW
core.O_WRONLY core.O_CREAT core.O_APPEND core.O_BINARY
core.ECTP_COMPLETE_CALLBACK core.ECTP_COMPLETE_CALLBACK_SCHED core.FAILED
core.DELAYED core.DELIVERED core.RELAYED core.EXPANDED core.SIEVEREQ_MSG
core.SIEVEREQ_ENV_FROM core.SIEVEREQ_ENV_TO core.SIEVEREQ_AC
core.SIEVEREQ_550_OK core.SIEVEREQ_PHASE_CONNECT core.SIEVEREQ_PHASE_EHLO
core.SIEVEREQ_PHASE_MAILFROM core.SIEVEREQ_PHASE_RCPTTO
core.SIEVEREQ_PHASE_DATA core.SIEVEREQ_PHASE_SPOOL
core.SIEVEREQ_PHASE_EACH_RCPT core.SIEVEREQ_DNS_LOOKUP_OK
core.SIEVEREQ_MSG_BODY core.SIEVEREQ_PHASE_ACCEPT core.LOG_ERR core.LOG_WARNING
core.LOG_INFO core.LOG_DEBUG LOG_WARNING av.EC_AV_CLEAN av.EC_AV_INFECTED
av.EC_AV_ERROR av.EC_AV_UNSCANNABLE av.EC_AV_NO_ENGINE av.EC_AV_NAME_TOO_LONG
av.EC_AV_PART_IS_CONTAINER av.EC_AV_NOT_SUITABLE_FOR_STREAMING httpsrv.DONE
delivery.DELIVERY_CONTINUE delivery.DELIVERY_DONE delivery.DELIVERY_SUCCESS
delivery.DELIVERY_TEMPFAILED delivery.DELIVERY_PERMFAILED
delivery.DELIVERY_FAIL gcm.GCM_NO_ERROR gcm.GCM_NOT_REGISTERED
expurgate.TYPE_UNKNOWN expurgate.TYPE_SPAM expurgate.SUBTYPE_NORMAL
expurgate.SUBTYPE_SUSPECT_USER1 expurgate.SUBTYPE_SUSPECT_USER9
]]
for name in numbers:gmatch('%S+') do
  assert(type(find('msys.' .. name)) == 'number', name)
end
assert(msys.core.SIEVEREQ_PHASE_ACCEPT == 2 ^ 14)
assert(msys.expurgate.SUBTYPE_SUSPECT_USER9 == 24)
local dkim = require 'opendkim.dkim'
assert(dkim.DKIM_STAT_OK == 0 and dkim.DKIM_STAT_CBERROR == 15)
assert(dkim.DKIM_SIGFLAG_NOSUBDOMAIN == 16)

msys.log(msys.core.LOG_ERR, 'a', 1)
msys.log(msys.LOG_WARNING, 'b')
msys.log(nil, nil)
