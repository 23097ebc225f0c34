-- dkim.lua - msys.validate.opendkim and msys.validate.dkim: signatures,
-- verified and made

local msys, native, host = ...

local error, ipairs, pcall, select, tonumber, tostring, type =
  error, ipairs, pcall, select, tonumber, tostring, type
local verify, session = native.dkim.verify, native.session

local room, old = host.room('validate.opendkim'), host.room('validate.dkim')

-- ---- libopendkim's numbers -------------------------------------------------

local dkim = {}
local number = 0
for name in ('OK BADSIG NOSIG NOKEY CANTVRFY SYNTAX NORESOURCE INTERNAL '
  .. 'REVOKED INVALID NOTIMPLEMENT KEYFAIL CBREJECT CBINVALID CBTRYAGAIN '
  .. 'CBERROR'):gmatch '%S+' do
  dkim['DKIM_STAT_' .. name] = number
  number = number + 1
end
number = 1
for name in ('IGNORE PROCESSED PASSED TESTKEY NOSUBDOMAIN'):gmatch '%S+' do
  dkim['DKIM_SIGFLAG_' .. name] = number
  number = number * 2
end
host.package('opendkim.dkim', dkim)
rawset(_G, 'opendkim', rawget(_G, 'opendkim') or { dkim = dkim })

local OK, INVALID = dkim.DKIM_STAT_OK, dkim.DKIM_STAT_INVALID

-- What our reasons are in its words; the first that fits.
local stats = {
  { 'did not verify', dkim.DKIM_STAT_BADSIG },
  { 'key revoked', dkim.DKIM_STAT_REVOKED },
  { 'no key', dkim.DKIM_STAT_NOKEY },
  { 'key', dkim.DKIM_STAT_CANTVRFY },
}

local function stat_of(sig)
  if sig.result == 'pass' then
    return OK
  elseif sig.result == 'temperror' then
    return dkim.DKIM_STAT_KEYFAIL
  end
  for _, row in ipairs(stats) do
    if sig.reason:find(row[1], 1, true) then
      return row[2]
    end
  end
  return dkim.DKIM_STAT_SYNTAX
end

-- Of a message: that of the best of its signatures.
local function best_of(sigs)
  local stat = dkim.DKIM_STAT_NOSIG
  for i, sig in ipairs(sigs) do
    local one = stat_of(sig)
    if one == OK then
      return OK
    elseif i == 1 or one == dkim.DKIM_STAT_KEYFAIL then
      stat = one
    end
  end
  return stat
end

-- kumo's message of msg, or of the callout that runs
local function content(msg, what)
  if msg == nil then
    msg = host.need(what).msg
  end
  return (select(2, host.message_content(msg, what)))
end

local function signatures(msg, what)
  local sigs, why = verify(content(msg, what))
  if not sigs then
    error(what .. ': ' .. why, 3)
  end
  return sigs
end

-- ---- msys.validate.opendkim: reading ---------------------------------------

local handle = host.class('opendkim:DKIM', { methods = {} })
local siginfo = host.class('opendkim:DKIM_SIGINFO', { methods = {} })

-- msys.validate.opendkim.verify(msg) -> dkim, status
--   Verifies all signatures, 11 at the most.  status: DKIM_STAT_OK where one
--   is good, DKIM_STAT_NOSIG where there is none, else what is wrong: of
--   several DKIM_STAT_KEYFAIL, which another try may mend, or the first's.
--   Raises where the body's file cannot be read.
--   Events: validate_data and later.  Waits: yes.
--   From: Momentum msys.validate.opendkim.verify.
function room.verify(msg)
  local sigs = signatures(msg, 'msys.validate.opendkim.verify')
  return host.new(handle, { sigs = sigs }), best_of(sigs)
end

-- msys.validate.opendkim.get_num_sigs(dkim) -> integer, status
--   Events: any.  Waits: no.
--   From: Momentum msys.validate.opendkim.get_num_sigs.
function room.get_num_sigs(of)
  return #host.check(of, handle, 'msys.validate.opendkim.get_num_sigs').sigs, OK
end

-- msys.validate.opendkim.get_sig(dkim [, number]) -> sig, status
--   number: from 0, the default, below get_num_sigs().  nil, DKIM_STAT_INVALID
--   where there is none of it.
--   Events: any.  Waits: no.  From: Momentum msys.validate.opendkim.get_sig.
function room.get_sig(of, n)
  local data = host.check(of, handle, 'msys.validate.opendkim.get_sig')
  local sig = data.sigs[(n == nil and 0 or tonumber(n) or -1) + 1]
  if not sig then
    return nil, INVALID
  end
  return host.new(siginfo, sig), OK
end

-- name -> what it gives of a signature, whose tags are without white space
local getters = {
  get_sig_domain = function(sig)
    return sig.tags.d
  end,
  get_sig_selector = function(sig)
    return sig.tags.s
  end,
  get_sig_signalg = function(sig)
    local a = sig.tags.a and sig.tags.a:lower()
    return (a == 'rsa-sha256' or a == 'rsa-sha1' or a == 'ed25519-sha256')
      and a or 'unknown'
  end,
  get_sig_keysize = function(sig)
    return sig.bits
  end,
  get_sig_errorstr = function(sig)
    return sig.reason or 'no error'
  end,
}

-- msys.validate.opendkim.get_sig_domain(sig) -> string, status
-- msys.validate.opendkim.get_sig_selector(sig) -> string, status
--   d= and s=, as written; nil, DKIM_STAT_SYNTAX where they are not there.
-- msys.validate.opendkim.get_sig_signalg(sig) -> string, status
--   "rsa-sha256", "rsa-sha1", "ed25519-sha256" or "unknown".
-- msys.validate.opendkim.get_sig_keysize(sig) -> integer, status
--   Bits of the key in the DNS; 0 where none was looked at.
-- msys.validate.opendkim.get_sig_errorstr(sig) -> string, status
--   What is wrong with it, or "no error".
--   Events: any.  Waits: no.  From: Momentum msys.validate.opendkim.
for name, get in next, getters do
  room[name] = function(sig)
    local value = get(host.check(sig, siginfo,
      'msys.validate.opendkim.' .. name))
    return value, value ~= nil and OK or dkim.DKIM_STAT_SYNTAX
  end
end

-- msys.validate.opendkim.get_sig_canons(sig) -> string, status, string
--   "simple" or "relaxed" of the headers; behind the status that of the body.
--   Events: any.  Waits: no.
--   From: Momentum msys.validate.opendkim.get_sig_canons.
function room.get_sig_canons(sig)
  local c = host.check(sig, siginfo, 'msys.validate.opendkim.get_sig_canons')
    .tags.c
  local header, body = (c or 'simple'):lower():match '^([^/]*)/?(.*)$'
  return header, OK, body ~= '' and body or 'simple'
end

-- msys.validate.opendkim.get_sig_flags(sig) -> integer, status
--   DKIM_SIGFLAG_PROCESSED where a key was tried, _PASSED, and of the key
--   _TESTKEY (t=y) and _NOSUBDOMAIN (t=s), in one sum.
--   Events: any.  Waits: no.
--   From: Momentum msys.validate.opendkim.get_sig_flags.
function room.get_sig_flags(sig)
  local data =
    host.check(sig, siginfo, 'msys.validate.opendkim.get_sig_flags')
  return (data.bits > 0 and dkim.DKIM_SIGFLAG_PROCESSED or 0)
    + (data.result == 'pass' and dkim.DKIM_SIGFLAG_PASSED or 0)
    + (data.testing and dkim.DKIM_SIGFLAG_TESTKEY or 0)
    + (data.strict and dkim.DKIM_SIGFLAG_NOSUBDOMAIN or 0), OK
end

-- msys.validate.opendkim.get_sig_hdrsigned(sig, header) -> boolean, status
--   Does h= name this header?
--   Events: any.  Waits: no.
--   From: Momentum msys.validate.opendkim.get_sig_hdrsigned.
function room.get_sig_hdrsigned(sig, header)
  local what = 'msys.validate.opendkim.get_sig_hdrsigned'
  local data = host.check(sig, siginfo, what)
  header = host.text_of(header, what):lower()
  for name in (data.tags.h or ''):lower():gmatch '[^:]+' do
    if name == header then
      return true, OK
    end
  end
  return false, OK
end

-- msys.validate.opendkim.get_sig_identity(dkim, sig) -> string, status
--   i=, or "@" and d= where it has none.
--   Events: any.  Waits: no.
--   From: Momentum msys.validate.opendkim.get_sig_identity.
function room.get_sig_identity(of, sig)
  local what = 'msys.validate.opendkim.get_sig_identity'
  if of ~= nil then
    host.check(of, handle, what)
  end
  local tags = host.check(sig, siginfo, what).tags
  if not tags.i and not tags.d then
    return nil, dkim.DKIM_STAT_SYNTAX
  end
  return tags.i or '@' .. tags.d, OK
end

-- ---- msys.validate.opendkim: signing ---------------------------------------

-- What RFC 6376, 5.4.1 has, and From: first.
local HEADERS = 'From:Reply-To:Subject:Date:To:Cc:Resent-Date:Resent-From:'
  .. 'Resent-To:Resent-Cc:In-Reply-To:References:MIME-Version:Content-Type:'
  .. 'Content-Transfer-Encoding:List-Id:List-Help:List-Unsubscribe:'
  .. 'List-Subscribe:List-Post:List-Owner:List-Archive'

local function list_of(names)
  local list, has_from = {}, false
  for name in (type(names) == 'table' and table.concat(names, ':') or names)
    :gmatch '[^:,%s]+' do
    list[#list + 1] = name
    has_from = has_from or name:lower() == 'from'
  end
  if not has_from then
    table.insert(list, 1, 'From')
  end
  return list
end

local function canon(value)
  value = tostring(value or 'relaxed'):lower()
  return value == 'simple' and 'Simple' or value == 'relaxed' and 'Relaxed'
    or error('header_canon, body_canon: "simple" or "relaxed" expected', 0)
end

local function key_of(o)
  if o.keybuf ~= nil then
    local text = tostring(o.keybuf)
    return { key_data = text:find('-----BEGIN', 1, true) and text
      or msys.base64.decode((text:gsub('%s', ''))) }
  end
  return tostring(o.keyfile or error('keyfile or keybuf is missing', 0))
end

local ignored = { identity = true, body_length_limit = true }

local function signer_of(o)
  local digest = tostring(o.digest or 'rsa-sha256'):lower()
  if digest ~= 'rsa-sha256' and digest ~= 'sha256' then
    error('digest: only rsa-sha256 is still accepted (RFC 8301)', 0)
  end
  for key in next, o do
    if ignored[key] then
      host.notice('msys.validate.opendkim.sign: ' .. key,
        'no signature of ours has it')
    end
  end
  return host.kumo.dkim.rsa_sha256_signer {
    domain = tostring(o.signing_domain or o.base_domain
      or error('signing_domain or base_domain is missing', 0)),
    selector = tostring(o.selector or error('selector is missing', 0)),
    headers = list_of(o.headerlist or HEADERS),
    header_canonicalization = canon(o.header_canon),
    body_canonicalization = canon(o.body_canon),
    key = key_of(o),
  }
end

local function signing(what)
  return function(msg, _, options)
    if type(options) ~= 'table' then
      error(what .. ': a table of options expected', 2)
    end
    local message = content(msg, what)
    local ok, why = pcall(function()
      message:dkim_sign(signer_of(options))
    end)
    if not ok then
      error(what .. ': ' .. tostring(why), 2)
    end
    return OK
  end
end

-- msys.validate.opendkim.sign(msg, vctx, options) -> DKIM_STAT_OK
--   options: signing_domain or base_domain, selector, keyfile (a path) or
--   keybuf (PEM, or what stands between its lines); header_canon and
--   body_canon: "simple" or "relaxed", the default; digest: "rsa-sha256";
--   headerlist: names with ":" between, or an array; From is always signed.
--   identity and body_length_limit have no effect.  Raises on what is missing
--   or does not fit, and on a key that cannot be used.
--   Events: validate_data and later, core_final_validation.  Waits: yes.
--   From: Momentum msys.validate.opendkim.sign.
room.sign = signing('msys.validate.opendkim.sign')

-- ---- msys.validate.dkim ----------------------------------------------------

-- msys.validate.dkim.sign(msg, vctx, options): as that of opendkim
--   Events: validate_data and later, core_final_validation.  Waits: yes.
--   From: Momentum 3 msys.validate.dkim.sign.
old.sign = signing('msys.validate.dkim.sign')

local STATUS = { pass = 1, fail = 2, neutral = 3, temperror = 4, permerror = 5 }
local status_text = {}
for text, n in next, STATUS do
  status_text[n] = text
end

local function item_of(sig)
  local result = sig.result
  if result == 'permerror' and stat_of(sig) == dkim.DKIM_STAT_BADSIG then
    result = 'fail' -- as RFC 8601 has it
  end
  return {
    status = STATUS[result],
    diagnostic = sig.reason or 'good signature',
    query = sig.tags.q or 'dns/txt',
    algorithm = sig.tags.a,
  }
end

-- msys.validate.dkim.get_verify_results([vctx]) -> integer, table
--   How many signatures the message has, 11 at the most, and what was found
--   of them, for verify_results_get_item().
--   Events: validate_data and later.  Waits: yes.
--   From: Momentum 3 msys.validate.dkim.get_verify_results.
function old.get_verify_results()
  local sigs = signatures(nil, 'msys.validate.dkim.get_verify_results')
  local results = { ref = tostring(session.record().id) }
  for i, sig in ipairs(sigs) do
    results[i] = item_of(sig)
  end
  return #sigs, results
end

local function need(results, what)
  if type(results) ~= 'table' then
    error('No verification results to get ' .. what, 3)
  end
  return results
end

-- msys.validate.dkim.verify_results_get_count(results) -> integer
--   Events: any.  Waits: no.  From: Momentum 3 msys.validate.dkim.
function old.verify_results_get_count(results)
  return #need(results, 'a count from')
end

-- msys.validate.dkim.verify_results_get_item(results, number) -> table
--   number: from 0.  -> { status = for verify_status_to_string(), diagnostic =
--   what is wrong or "good signature", query = "dns/txt", algorithm = a= }.
--   Raises without results and past their end.
--   Events: any.  Waits: no.  From: Momentum 3 msys.validate.dkim.
function old.verify_results_get_item(results, n)
  need(results, 'item from')
  n = tonumber(n)
  if not n then
    error('Index value not specified', 2)
  elseif not results[n + 1] then
    error('Index value is greater than the number of verification results', 2)
  end
  return results[n + 1]
end

-- msys.validate.dkim.verify_status_to_string(status) -> string
--   "pass", "fail", "neutral", "temperror" or "permerror", as in
--   Authentication-Results; "none" for a number that is no status.
--   Raises without one.  Events: any.  Waits: no.
--   From: Momentum 3 msys.validate.dkim.
function old.verify_status_to_string(status)
  if status == nil then
    error('No status code is passed in', 2)
  end
  return status_text[tonumber(status)] or 'none'
end

-- msys.validate.dkim.get_domains([msg [, vctx]]) -> array of strings
--   The d= of good signatures, each once, in small letters.
--   Events: validate_data and later.  Waits: yes.
--   From: Momentum 3 msys.validate.dkim.get_domains.
function old.get_domains(msg)
  local domains, seen = {}, {}
  for _, sig in ipairs(signatures(msg, 'msys.validate.dkim.get_domains')) do
    local d = sig.result == 'pass' and sig.tags.d:lower()
    if d and not seen[d] then
      seen[d] = true
      domains[#domains + 1] = d
    end
  end
  return domains
end

-- msys.validate.dkim.get_responsible_domain([msg [, vctx]]) -> string, or nil
--   The domain of Sender:, else of From:, where that is one address.
--   Events: validate_data and later.  Waits: no.
--   From: Momentum 3 msys.validate.dkim.get_responsible_domain.
function old.get_responsible_domain(msg)
  local message = content(msg, 'msys.validate.dkim.get_responsible_domain')
  for _, name in ipairs { 'Sender', 'From' } do
    local ok, domain = pcall(function()
      return message:get_address_header(name).domain
    end)
    if ok then
      return domain
    end
  end
end

return msys
