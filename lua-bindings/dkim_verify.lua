-- dkim_verify.lua - message:dkim_verify
--
-- Called once for each Lua state with the primitive of lb_dkim_verify.c.
-- Returns the method.

local native = ...

local error = error

-- message:dkim_verify([resolver]) -> array of tables
--   Which domains answer for the message as it stands now, changes of the
--   policy included?  One result for each DKIM-Signature, empty where there is
--   none; resolver: a name of kumo.dns.define_resolver.
--   -> { { method = "dkim", result = "pass", "permerror" or "temperror",
--   reason, props }, ... }, which add_authentication_results takes.  reason:
--   nil of those that pass, else what is wrong.  "temperror": the key cannot
--   be had now.  props: header.d, .i ("@" and d=), .a, .s, .c, .t and .x where
--   the signature has them, .b; and of those that pass, with a number:
--   policy.unsigned-body, bytes behind l=, policy.unsigned-from, From: fields
--   that are not signed; policy.testing = "y" says that the key has t=y.
--   Results of fields whose tags are wrong are first.  11 at the most, 20 s
--   or nine tenths of what the handler has left: then it is "temperror".
--   kumomta_quirks: keys that are not there or were revoked are "temperror",
--   h=, s= and t=s of keys do not count, nor an l= of more than the body has,
--   and there is no policy.* prop.
--   Raises on an unknown resolver and where the body's file cannot be read.
--   Events: smtp_server_data and later.  Waits: yes.  From: KumoMTA, RFC 6376.
return function(message, resolver)
  local results, why = native(message, resolver)
  if not results then
    error('message:dkim_verify: ' .. why, 2)
  end
  return results
end
