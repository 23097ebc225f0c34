-- arc_seal.lua - message:arc_seal
--
-- Called once for each Lua state with the primitives of lb_arc_seal.c.
-- Returns the method.

local native = ...

local error = error

-- message:arc_seal(signer, serv_id, results [, resolver])
--   Verifies the chain of the message as it came and adds a set to it, for
--   the message as it stands: prepends ARC-Authentication-Results,
--   ARC-Message-Signature and ARC-Seal.
--   signer: of kumo.dkim.rsa_sha256_signer; its headers are what the signature
--   covers, but for Authentication-Results and ARC's own.  serv_id: string,
--   the name of this host.  results: array, as add_authentication_results
--   takes it.  resolver: a name of kumo.dns.define_resolver.
--   A chain that fails gets a seal with cv=fail that covers its own set alone,
--   none with kumomta_quirks, where that is verified as it stands, too.
--   Nothing is added to a chain whose newest seal says cv=fail, nor a 51st
--   set.
--   To be called last: what the policy changes afterwards is not sealed.
--   Raises on what does not fit, on an unknown resolver, and where the body's
--   file cannot be read.
--   Events: smtp_server_data and later.  Waits: yes.  From: KumoMTA, RFC 8617.
return function(message, signer, serv_id, results, resolver)
  local job = native.job(message, signer, serv_id, results, resolver)
  local why = native.run(job)
  if why then
    error('arc_seal: ' .. why, 2)
  end
  native.put(message, job)
end
