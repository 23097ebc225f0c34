/*
 * Sessions through event.h, each with its policy, without any MTA: see
 * policy.h for the words.
 */
#include "policy.h"

#define MAIL "H:a.example M:<s@a.example> R:<r@b.example> D h:Subject=hi b:x E"
#define FINE "C -; H -; M -; R -; D -; E -"
#define DUE "421 mx.example.test disconnecting due to previous error!"
#define BROKEN "421 4.3.0 mx.example.test technical difficulties!"

static const struct row {
	const char *name, *config, *policy, *words, *expected;
} rows[] = {
	{ "no handler", "", "", "C " MAIL " Q", FINE },
	{ "handlers that say nothing", "",
	    "for _, e in ipairs{'connection_accepted', 'ehlo', 'mail_from',\n"
	    "  'rcpt_to', 'data', 'message_received', 'split_transaction'} do\n"
	    "  kumo.on('smtp_server_' .. e, function() end)\n"
	    "end\n"
	    "kumo.on('milter_data', function() end)",
	    "C " MAIL " M:<> A M:<x@y.example> Q", FINE "; M -; M -" },

	/* refusals at each stage */
	{ "reject at connect is told at MAIL, then over", "",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(554, '5.7.1 not you') end)",
	    "C H:a M:<a@b.example> H:a M:<a@b.example>",
	    "C -; H -; M 554 5.7.1 not you; H " DUE "; M " DUE },
	{ "421 at connect", "",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(421, 'go away') end)",
	    "C Q", "C 421 go away!" },
	{ "stage_reject = now", "stage_reject = 'now'",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(554, 'no') end)",
	    "C Q", "C 554 no" },
	{ "stage_reject = rcpt", "stage_reject = 'rcpt'",
	    "kumo.on('smtp_server_ehlo', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    "C H:a M:<> R:<a@b.example> M:<> R:<a@b.example>",
	    "C -; H -; M -; R 550 no; M -; R 550 no" },
	{ "refused HELO holds until a better one", "",
	    "kumo.on('smtp_server_ehlo', function(name)\n"
	    "  if name == 'bad' then kumo.reject(550, 'bad name') end end)",
	    "C H:bad M:<> M:<> H:good M:<>",
	    "C -; H -; M 550 bad name; M 550 bad name; H -; M -" },
	{ "mail, rcpt, data, eom", "",
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  if a.user == 'm' then kumo.reject(451, '4.7.1 later') end end)\n"
	    "kumo.on('smtp_server_rcpt_to', function(a)\n"
	    "  if a.user == 'r' then kumo.reject(550, 'no such') end end)\n"
	    "kumo.on('milter_data', function(cm)\n"
	    "  if cm:get_meta('ehlo_domain') == 'd' then\n"
	    "    kumo.reject(550, 'no data') end end)\n"
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  if m:get_first_named_header_value('Subject') == 'spam' then\n"
	    "    kumo.reject(554, 'a\\nb') end end)",
	    "C H:d M:<m@x.example> M:<n@x.example> R:<r@x.example> "
	    "R:<s@x.example> D E H:e M:<n@x.example> R:<s@x.example> D "
	    "h:Subject=spam b:x E M:<n@x.example> R:<s@x.example> D "
	    "h:Subject=ham E",
	    "C -; H -; M 451 4.7.1 later; M -; R 550 no such; R -; D -; "
	    "E 550 no data; H -; M -; R -; D -; E 554 5.0.0 a|b; M -; R -; D "
	    "-; "
	    "E -" },
	{ "data_reject = now", "data_reject = 'now'",
	    "kumo.on('milter_data', function() kumo.reject(550, 'no') end)",
	    "C H:a M:<> R:<a@b.example> D", "C -; H -; M -; R -; D 550 no" },
	{ "unknown command", "",
	    "kumo.on('milter_unknown_command', function(c)\n"
	    "  if c == 'EVIL x' then kumo.disconnect(421, 'bye ' .. c) end\n"
	    "end)",
	    "C U:NICE U:EVIL_x", "C -; U -; U 421 bye EVIL x!" },
	{ "percent signs are doubled for libmilter", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(550, '100% of it, 5%d') end)",
	    "C H:a M:<>", "C -; H -; M 550 5.0.0 100%% of it, 5%%d" },

	/* kumo.disconnect */
	{ "ForceDisconnect condemns", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(550, 'out') end)",
	    "C H:a M:<> M:<> R:<a@b.example>",
	    "C -; H -; M 550 out; M " DUE "; R " DUE },
	{ "force_disconnect = drop, Postfix", "force_disconnect = 'drop'",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(550, 'out') end)",
	    "C H:a M:<>", "C -; H -; M 521 out!" },
	{ "force_disconnect = drop, Sendmail", "force_disconnect = 'drop'",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(450, 'out') end)",
	    "CS H:a M:<>", "C -; H -; M 421 out!" },
	{ "If421 does not condemn", "",
	    "kumo.on('smtp_server_rcpt_to', function()\n"
	    "  kumo.disconnect(550, 'out', 'If421') end)",
	    "C H:a M:<> R:<a@b.example> M:<>",
	    "C -; H -; M -; R 550 out; M -" },
	{ "FollowWith421 in rcpt_to", "",
	    "kumo.on('smtp_server_rcpt_to', function()\n"
	    "  kumo.disconnect(550, 'out', 'FollowWith421') end)",
	    "C H:a M:<> R:<a@b.example> R:<c@b.example> D E M:<>",
	    "C -; H -; M -; R 550 out; R " DUE "; D " DUE "; E " DUE
	    "; M " DUE },
	{ "a condemned session gets no handler", "",
	    "local n = 0\n"
	    "kumo.on('smtp_server_mail_from', function() n = n + 1\n"
	    "  kumo.disconnect(550, 'call ' .. n) end)",
	    "C H:a M:<> M:<> Q @2 C H:a M:<>",
	    "C -; H -; M 550 call 1; M " DUE "; C -; H -; M 550 call 2" },
	{ "wrong how is a failure of the policy", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.disconnect(550, 'out', 'Now') end)",
	    "C H:a M:<>", "C -; H -; M " BROKEN },
	{ "a code that SMTP cannot refuse with", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(250, 'fine') end)",
	    "C H:a M:<>", "C -; H -; M " BROKEN },
	{ "disconnect at close and abort has no effect", "",
	    "kumo.on('milter_close', function() kumo.reject(421, 'x') end)",
	    "C H:a M:<> A M:<> Q", "C -; H -; M -; M -" },

	/* what pcall sees */
	{ "a caught reject is none", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  local ok, e = pcall(kumo.reject, 550, '5.1.1 x')\n"
	    "  assert(not ok and type(e) == 'userdata')\n"
	    "  assert(tostring(e):find('^550 5.1.1 x'))\n"
	    "end)",
	    "C H:a M:<>", "C -; H -; M -" },
	{ "raised again it is one", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  local ok, e = pcall(kumo.reject, 550, '5.1.1 x')\n"
	    "  error(e) end)\n"
	    "kumo.on('smtp_server_rcpt_to', function()\n"
	    "  assert(pcall(function()\n"
	    "    assert(pcall(kumo.reject, 551, 'y')) end)) end)",
	    "C H:a M:<> R:<a@b.example>", "C -; H -; M 550 5.1.1 x; R 551 y" },
	{ "through a coroutine of the policy's", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  coroutine.wrap(function() kumo.reject(550, 'w') end)() end)",
	    "C H:a M:<>", "C -; H -; M 550 w" },
	{ "from a sort comparator and a gsub callback", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  table.sort({3, 2, 1}, function()\n"
	    "    kumo.reject(550, 's') end) end)\n"
	    "kumo.on('smtp_server_ehlo', function(n)\n"
	    "  if n == 'g' then n:gsub('.', function()\n"
	    "    kumo.reject(550, 'g') end) end end)",
	    "C H:g M:<> H:a M:<>", "C -; H -; M 550 g; H -; M 550 s" },
	{ "its text alone is an ordinary error", "",
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  local _, e = pcall(kumo.reject, 550, 'x')\n"
	    "  error(tostring(e)) end)",
	    "C H:a M:<>", "C -; H -; M " BROKEN },

	/* on_error */
	{ "on_error = disconnect", "",
	    "kumo.on('smtp_server_mail_from', function() error 'x' end)",
	    "C H:a M:<>", "C -; H -; M " BROKEN },
	{ "on_error = tempfail", "on_error = 'tempfail'",
	    "kumo.on('smtp_server_mail_from', function() error {} end)",
	    "C H:a M:<> M:<>",
	    "C -; H -; M 451 4.3.0 mx.example.test technical difficulties; "
	    "M 451 4.3.0 mx.example.test technical difficulties" },
	{ "on_error = reject", "on_error = 'reject'",
	    "kumo.on('smtp_server_mail_from', function() error() end)",
	    "C H:a M:<>",
	    "C -; H -; M 554 5.3.0 mx.example.test technical difficulties" },
	{ "on_error = accept", "on_error = 'accept'",
	    "kumo.on('smtp_server_mail_from', function() local x = y.z end)\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('X-Seen', '1') m:nothing() end)",
	    "C " MAIL, FINE "{+X-Seen: 1}" },
	{ "a failure at connect closes at once", "",
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  error 'x' end)",
	    "C Q", "C " BROKEN },
	{ "a failure at the end of a message drops its edits", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('X-Seen', '1') error 'x' end)",
	    "C " MAIL, "C -; H -; M -; R -; D -; E " BROKEN },
	{ "failures at abort and close are only logged", "",
	    "kumo.on('milter_abort', function() error 'x' end)\n"
	    "kumo.on('milter_close', function() error 'x' end)",
	    "C H:a M:<> A M:<> Q", "C -; H -; M -; M -" },

	/* conn_meta */
	{ "what the connection brings", "",
	    "kumo.on('smtp_server_connection_accepted', function(cm)\n"
	    "  assert(cm:get_meta('ehlo_domain') == nil)\n"
	    "  for k, v in pairs{ reception_protocol = 'ESMTP',\n"
	    "    received_from = '192.0.2.7:40000', hostname =\n"
	    "    'mx.example.test', received_via = '192.0.2.1:25' } do\n"
	    "    assert(cm:get_meta(k) == v, k .. tostring(cm:get_meta(k)))\n"
	    "  end end)\n"
	    "kumo.on('smtp_server_ehlo', function(name, cm, ext)\n"
	    "  assert(cm:get_meta('ehlo_domain') == nil)\n"
	    "  assert(name == 'a.example' and ext[1] == 'PIPELINING')\n"
	    "end)\n"
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  kumo.reject(450, cm:get_meta('ehlo_domain')) end)",
	    "C H:a.example M:<>", "C -; H -; M 450 a.example" },
	{ "it lives from connect to close", "",
	    "kumo.on('smtp_server_connection_accepted', function(cm)\n"
	    "  cm:set_meta('t', {1, {a = 'b'}}) cm:set_meta('n', 0) end)\n"
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  local t = cm:get_meta('t') t[1] = 7\n"
	    "  cm:set_meta('n', cm:get_meta('n') + cm:get_meta('t')[1])\n"
	    "  if a.user == 'stop' then\n"
	    "    kumo.reject(450, cm:get_meta('n') .. t[2].a) end end)",
	    "C H:a M:<> A M:<> H:b M:<stop@x.example> Q @2 C H:a "
	    "M:<stop@x.example>",
	    "C -; H -; M -; M -; H -; M 450 4.0.0 3b; C -; H -; M 450 4.0.0 "
	    "1b" },
	{ "nil removes; functions are refused", "",
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  cm:set_meta('x', 1) cm:set_meta('x', nil)\n"
	    "  assert(cm:get_meta('x') == nil)\n"
	    "  assert(not pcall(cm.set_meta, cm, 'f', print))\n"
	    "  local t = {} t.t = t\n"
	    "  assert(not pcall(cm.set_meta, cm, 't', t))\n"
	    "  assert(not pcall(function() return cm.nothing end))\n"
	    "  assert(not pcall(cm.get_meta))\n"
	    "  local i = cm:auth_info()\n"
	    "  kumo.reject(450, i.peer_address .. #i.identities)\n"
	    "end)",
	    "C H:a M:<>", "C -; H -; M 450 4.0.0 192.0.2.70" },
	{ "the same object in every event", "",
	    "local k\n"
	    "kumo.on('smtp_server_ehlo', function(_, cm) k = cm end)\n"
	    "kumo.on('smtp_server_mail_from', function(_, cm)\n"
	    "  kumo.reject(450, tostring(k == cm)) end)",
	    "C H:a M:<>", "C -; H -; M 450 true" },
	{ "locals and upvalues live as long as the session", "",
	    "local calls = setmetatable({}, { __mode = 'k' })\n"
	    "kumo.on('smtp_server_mail_from', function(_, cm)\n"
	    "  collectgarbage() calls[cm] = (calls[cm] or 0) + 1\n"
	    "  kumo.reject(450, 'call ' .. calls[cm]) end)",
	    "C H:a M:<> M:<> @2 C H:b M:<> @1 M:<>",
	    "C -; H -; M 450 call 1; M 450 call 2; C -; H -; M 450 call 1; "
	    "M 450 call 3" },

	/* objects beyond their time */
	{ "conn_meta of a session that is over", "",
	    "local old\n"
	    "kumo.on('smtp_server_mail_from', function(_, cm)\n"
	    "  if not old then old = cm return end\n"
	    "  local ok, e = pcall(old.get_meta, old, 'x')\n"
	    "  kumo.reject(450, tostring(e)) end)",
	    "C H:a M:<> Q @2 C H:a M:<>",
	    "C -; H -; M -; C -; H -; "
	    "M 450 conn_meta used after its session ended" },
	{ "a message whose transaction is over", "",
	    "local old\n"
	    "kumo.on('smtp_server_data', function(m) old = m end)\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  if not old then return end\n"
	    "  local n = 0\n"
	    "  for _, f in ipairs{'id', 'sender', 'recipient', 'get_data',\n"
	    "    'recipient_list', 'get_all_headers'} do\n"
	    "    local ok, e = pcall(old[f], old)\n"
	    "    assert(not ok and e:find('message used after its'), e)\n"
	    "  end\n"
	    "  for _, f in ipairs{'get_meta', 'quarantine', 'set_meta',\n"
	    "    'get_first_named_header_value', 'append_header',\n"
	    "    'get_all_named_header_values', 'prepend_header',\n"
	    "    'remove_all_named_headers'} do\n"
	    "    local ok, e = pcall(old[f], old, 'a', 'b')\n"
	    "    assert(not ok and e:find('message used after its'), e)\n"
	    "  end\n"
	    "  kumo.reject(450, 'all raise') end)",
	    "C " MAIL " M:<> A M:<>",
	    FINE "; M 450 all raise; M 450 all raise" },
	{ "an address stays valid", "",
	    "local old\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  old = old or a\n"
	    "  kumo.reject(450, old.email .. ' ' .. old.user .. ' ' ..\n"
	    "    old.domain .. ' ' .. tostring(old)) end)",
	    "C H:a M:<\"a.b\"@X.example> Q @2 C H:a M:<>",
	    "C -; H -; M 450 \"a.b\"@x.example a.b x.example "
	    "\"a.b\"@x.example; C -; H -; M 450 \"a.b\"@x.example a.b "
	    "x.example \"a.b\"@x.example" },
	{ "the null sender", "",
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  kumo.reject(450, '[' .. a.user .. a.domain .. a.email .. ']')\n"
	    "end)",
	    "C H:a M:<>", "C -; H -; M 450 []" },

	/* parameters */
	{ "dynamic parameters", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function(l, cm)\n"
	    "  return { hostname = 'dyn.example', meta = { from = l },\n"
	    "    max_recipients_per_message = 1 } end)\n"
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  if a.user ~= '' then kumo.reject(450, cm:get_meta('hostname')\n"
	    "    .. ' ' .. cm:get_meta('from')) end end)",
	    "C H:a M:<x@y.example> M:<> R:<a@b.example> R:<c@b.example>",
	    "C -; H -; M 450 dyn.example 192.0.2.1:25; M -; R -; "
	    "R 452 4.5.3 too many recipients" },
	{ "an unknown dynamic parameter is a failure", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  return { hostnam = 'x' } end)",
	    "C", "C " BROKEN },
	{ "a parameter that no JSON can hold", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  return { meta = { f = print } } end)",
	    "C", "C " BROKEN },
	{ "reject from the parameters' handler", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  kumo.reject(421, 'full') end)\n"
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  error 'not to be called' end)",
	    "C", "C 421 full!" },
	{ "max_messages_per_connection", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  return { max_messages_per_connection = 2 } end)",
	    "C H:a M:<> R:<a@b.example> R:<b@b.example> R:<c@b.example> M:<> "
	    "R:<a@b.example>",
	    "C -; H -; M -; R -; R -; "
	    "R 452 4.5.3 too many recipients on this connection; M -; "
	    "R 421 4.5.3 too many recipients on this connection!" },

	/* get_listener_domain */
	{ "not enforced by default, but called", "",
	    "local seen = {}\n"
	    "kumo.on('get_listener_domain', function(d, l, cm)\n"
	    "  seen[#seen + 1] = d\n"
	    "  return kumo.make_listener_domain{ relay_to = false } end)\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  if a.user == 'show' then\n"
	    "    kumo.reject(450, table.concat(seen, ' ')) end end)",
	    "C H:a M:<x@s.example> R:<a@b.example> R:<b@b.example> "
	    "R:<a@c.example> M:<show@x.example>",
	    "C -; H -; M -; R -; R -; R -; "
	    "M 450 s.example b.example c.example" },
	{ "enforce_relay", "enforce_relay = true",
	    "kumo.on('get_listener_domain', function(d)\n"
	    "  if d == 'mine.example' then\n"
	    "    return kumo.make_listener_domain{ relay_to = true } end\n"
	    "  if d == 'oob.example' then\n"
	    "    return kumo.make_listener_domain{ log_oob = true } end\n"
	    "  if d == 'in.example' then return kumo.make_listener_domain{\n"
	    "    relay_from = { '192.0.2.0/24' } } end end)",
	    "C H:a M:<x@s.example> R:<a@mine.example> R:<a@other.example> "
	    "R:<a@oob.example> M:<x@in.example> R:<a@other.example>",
	    "C -; H -; M -; R -; R 550 5.7.1 relaying not permitted for "
	    "192.0.2.7:40000; R -; M -; R -" },
	{ "enforce_relay and relay_hosts", "enforce_relay = true",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  return { relay_hosts = { '192.0.2.0/28' } } end)",
	    "C H:a M:<> R:<a@mine.example>", "C -; H -; M -; R -" },
	{ "enforce_relay alone", "enforce_relay = true", "",
	    "C H:a M:<> R:<a@mine.example>",
	    "C -; H -; M -; R 550 5.7.1 relaying not permitted for "
	    "192.0.2.7:40000" },
	{ "kumo.reject in get_listener_domain is a failure", "",
	    "kumo.on('get_listener_domain', function()\n"
	    "  kumo.reject(550, 'no') end)",
	    "C H:a M:<> R:<a@mine.example>", "C -; H -; M -; R " BROKEN },

	/* smtp_server_rewrite_response */
	{ "rewritten", "",
	    "kumo.on('smtp_server_rewrite_response', function(st, r, cmd)\n"
	    "  if st == 550 then return 451, r .. '% [' .. cmd .. ']' end\n"
	    "end)\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  if a.user == 'x' then kumo.reject(550, '5.1.1 a%') end\n"
	    "  kumo.reject(452, 'as it is') end)",
	    "C H:a M:<x@y.example> M:<>",
	    "C -; H -; M 451 4.1.1 a%%%% [MAIL FROM:<x@y.example>]; "
	    "M 452 as it is" },
	{ "text alone; to 421", "",
	    "kumo.on('smtp_server_rewrite_response', function(st, r, cmd)\n"
	    "  if st == 550 then return nil, 'other' end\n"
	    "  return 421 end)\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  kumo.reject(a.user == 'x' and 550 or 451, 'text') end)",
	    "C H:a M:<x@y.example> M:<>",
	    "C -; H -; M 550 other; M 421 text!" },
	{ "a rewriter that fails is ignored", "",
	    "local how = 0\n"
	    "kumo.on('smtp_server_rewrite_response', function()\n"
	    "  how = how + 1\n"
	    "  if how == 1 then error 'x' end\n"
	    "  if how == 2 then return 250, 'fine' end\n"
	    "  kumo.reject(550, 'z') end)\n"
	    "kumo.on('smtp_server_mail_from', function(a)\n"
	    "  kumo.reject(450, 'text') end)",
	    "C H:a M:<> M:<> M:<>",
	    "C -; H -; M 450 text; M 450 text; M 450 text" },
	{ "held refusals are rewritten when they are told", "",
	    "kumo.on('smtp_server_rewrite_response', function(st, r, cmd)\n"
	    "  return st, cmd end)\n"
	    "kumo.on('smtp_server_connection_accepted', function()\n"
	    "  kumo.reject(550, 'x') end)",
	    "C H:a M:<x@y.example>",
	    "C -; H -; M 550 MAIL FROM:<x@y.example>" },

	/* order that MTAs do not keep */
	{ "RCPT without MAIL, end without MAIL", "",
	    "kumo.on('smtp_server_rcpt_to', function(a) end)\n"
	    "kumo.on('smtp_server_data', function(m) end)",
	    "C H:a R:<a@b.example> A E A A Q", "C -; H -; R -; E -" },
	{ "close in mid-message", "",
	    "kumo.on('smtp_server_data', function(m) end)",
	    "C H:a M:<> R:<a@b.example> D h:A=b b:x Q",
	    "C -; H -; M -; R -; D -" },
	{ "HELO ends the transaction", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  kumo.reject(450, m:sender().user .. #m:recipient_list()) end)",
	    "C H:a M:<one@x.example> R:<a@b.example> H:a "
	    "M:<two@x.example> R:<b@b.example> D E",
	    "C -; H -; M -; R -; H -; M -; R -; D -; E 450 two1" },
};

START_TEST(session_goes_as_written)
{
	const struct row *r = &rows[_i];

	policy_use(r->config, r->policy);
	play_expect(r->words, r->expected, r->name);
	ck_assert_int_eq(event_sessions(), 0);
	policy_done();
}
END_TEST

START_TEST(needs_follow_the_handlers)
{
	static const struct {
		const char *event;
		struct event_needs needs;
	} asks[] = {
		{ "never_heard_of", { 0 } },
		{ "smtp_server_connection_accepted",
		    { .any = true, .connect_answers = true } },
		{ "smtp_server_get_dynamic_parameters",
		    { .any = true, .connect_answers = true } },
		{ "smtp_server_ehlo", { .any = true } },
		{ "smtp_server_rewrite_response", { .any = true } },
		{ "milter_data", { .any = true, .data = true } },
		{ "milter_unknown_command", { .any = true, .unknown = true } },
		{ "smtp_server_data", { .any = true, .content = true } },
		{ "smtp_server_message_received",
		    { .any = true, .content = true } },
		{ "milter_close", { .any = true } },
	};

	for (size_t i = 0; i < UNIT_N(asks); i++) {
		char *policy =
		    xasprintf("kumo.on('%s', function() end)", asks[i].event);
		struct session *s = session_new();
		struct event_needs n, want = asks[i].needs;

		policy_use("", policy);
		event_open(s);
		n = event_needs(s);
		ck_assert_msg(
		    n.any == want.any &&
			n.connect_answers == want.connect_answers &&
			n.data == want.data && n.unknown == want.unknown &&
			n.content == want.content && n.body == want.content,
		    "%s", asks[i].event);
		event_close(s);
		free(policy);
	}
	policy_done();
}
END_TEST

/* Who began with a policy ends with it; new sessions have the new one. */
START_TEST(sessions_keep_their_epoch)
{
	static const char says[] =
	    "kumo.on('smtp_server_mail_from', function()\n"
	    "  kumo.reject(450, '%s') end)";
	struct play p = { 0 };
	char *first = xasprintf(says, "first");
	char *second = xasprintf(says, "second");

	policy_use("", first);
	play_on(&p, "C H:a M:<>");
	policy_use("", second);
	play_on(&p, "M:<> @2 C H:a M:<> @1 M:<>");
	policy_done();
	play_on(&p, "M:<> @2 M:<>");
	ck_assert_str_eq(str_c(&p.out),
	    "C -; H -; M 450 first; M 450 first; C -; H -; M 450 second; "
	    "M 450 first; M 450 first; M 450 second");
	play_over(&p);
	free(first);
	free(second);
}
END_TEST

/*
 * Each error that LuaJIT throws past C functions leaves them on TSan's own
 * stack, which grows without end.
 */
#ifdef __SANITIZE_THREAD__
#define MANY 300
#else
#define MANY 10000
#endif

/* A state is shared; what one session leaves behind does not pile up. */
START_TEST(nothing_is_left_of_many_sessions)
{
	struct epoch *e;
	struct state *st;
	size_t used = 0;

	policy_use("",
	    "kumo.on('smtp_server_connection_accepted', function(cm)\n"
	    "  cm:set_meta('x', { 1, 2 }) end)\n"
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  if a.user == 'e' then error('x') end\n"
	    "  if a.user == 'r' then kumo.reject(450, 'r') end end)\n"
	    "kumo.on('smtp_server_data', function(m) m:id() end)\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('X-A', 'b') end)");
	e = epoch_current();
	st = e->state[0];
	log_open(LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	for (int i = 0; i < MANY; i++) {
		struct play p = { 0 };

		/* each failure is a line in the log: in some alone */
		play_on(
		    &p, i % 100 == 99
			    ? "C H:a M:<r@a.example> M:<e@a.example>"
			    : "C H:a M:<r@a.example> M:<s@a.example> "
			      "R:<a@b.example> R:<c@b.example> D h:A=b b:x E "
			      "M:<s@a.example> R:<a@b.example> A");
		play_over(&p);
		if (i == MANY / 10 || i == MANY - 1) {
			ck_assert(state_lock(st, INT64_MAX));
			lua_gc(st->L, LUA_GCCOLLECT, 0);
			lua_gc(st->L, LUA_GCCOLLECT, 0);
			if (i == MANY / 10)
				used = lmem_used(&st->mem);
			else
				ck_assert_uint_le(
				    lmem_used(&st->mem), used + 4096);
			ck_assert_uint_eq(st->n_graves, 0);
			state_unlock(st);
		}
	}
	ck_assert_int_eq(atomic_load(&st->n_sessions), 0);
	epoch_unref(e);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("event", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, session_goes_as_written, 0, UNIT_N(rows));
	tcase_add_test(t, needs_follow_the_handlers);
	tcase_add_test(t, sessions_keep_their_epoch);
	tcase_add_test(t, nothing_is_left_of_many_sessions);
	return s;
}

UNIT_MAIN(suite)
