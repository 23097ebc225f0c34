/*
 * Messages, batches and what comes of them: see policy.h for the words.
 */
#include "policy.h"

#define OPEN "C H:a M:<s@a.example> "
#define ONE OPEN "R:<r@b.example> D "
#define TWO OPEN "R:<x@b.example> R:<y@c.example> D "
#define ONE_SAYS "C -; H -; M -; R -; D -; E "
#define TWO_SAYS "C -; H -; M -; R -; R -; D -; E "
#define DUE "421 mx.example.test disconnecting due to previous error!"
#define BROKEN "421 4.3.0 mx.example.test technical difficulties!"

static const struct row {
	const char *name, *config, *policy, *words, *expected;
} rows[] = {
	/* reading */
	{ "all that a message has", "",
	    "kumo.on('smtp_server_data', function(m, cm)\n"
	    "  assert(#m:id() == 32 and m:id():find('^%x+$'))\n"
	    "  assert(m:sender().email == 's@a.example')\n"
	    "  assert(m:recipient().email == 'r@b.example')\n"
	    "  assert(m:recipient_list()[1].domain == 'b.example')\n"
	    "  assert(m:get_data() == 'A: b\\r\\nX: 1\\r\\nx: 2\\r\\n\\r\\n'\n"
	    "    .. 'body')\n"
	    "  assert(m:get_first_named_header_value('X') == '1')\n"
	    "  assert(m:get_first_named_header_value('none') == nil)\n"
	    "  assert(#m:get_all_named_header_values('none') == 0)\n"
	    "  assert(table.concat(m:get_all_named_header_values('x'),\n"
	    "    ' ') == '1 2')\n"
	    "  local h = m:get_all_headers()\n"
	    "  assert(#h == 3 and h[3][1] == 'x' and h[3][2] == '2')\n"
	    "  assert(m:get_meta('received_from') == '192.0.2.7:40000')\n"
	    "  assert(not pcall(m.get_meta, nil, 'x'))\n"
	    "  assert(not pcall(m.append_header, m, 'a b', 'x'))\n"
	    "  assert(not pcall(m.append_header, m, 'a'))\n"
	    "  assert(not pcall(m.append_header, m, 'a', {}))\n"
	    "  assert(not pcall(m.quarantine, m))\n"
	    "  assert(not pcall(function() return m.nothing end))\n"
	    "  assert(not pcall(function() m.x = 1 end))\n"
	    "end)",
	    ONE "h:A=b h:X=1 h:x=2 b:bo b:dy E", ONE_SAYS "-" },
	{ "several recipients come as an array", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  assert(#m:recipient() == 2)\n"
	    "  assert(m:recipient()[2].email == 'y@c.example') end)",
	    TWO "E", TWO_SAYS "-" },
	{ "headers decoded", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  kumo.reject(550, m:get_first_named_header_value('S')) end)",
	    ONE "h:S==?utf-8?Q?caf=C3=A9?= E", ONE_SAYS "550 caf\xc3\xa9" },

	/* editing */
	{ "append, prepend, remove", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('X-Last', '1') m:prepend_header('X-Two', '2')\n"
	    "  m:prepend_header('X-One', '1')\n"
	    "  m:remove_all_named_headers('subject')\n"
	    "  m:remove_all_named_headers('none')\n"
	    "  assert(m:get_first_named_header_value('Subject') == nil)\n"
	    "  assert(m:get_all_headers()[1][1] == 'X-One') end)",
	    ONE "h:Subject=a h:B=c h:SUBJECT=b E",
	    ONE_SAYS
	    "-{-SUBJECT#2,-Subject#1,^X-Two: 2,^X-One: 1,+X-Last: 1}" },
	{ "what is added and removed again is no edit", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('X', '1') m:remove_all_named_headers('x')\n"
	    "end)",
	    ONE "E", ONE_SAYS "-" },
	{ "no line can be injected", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('X', 'a\\r\\nBcc: b\\n\\n.\\nc\\0d\\n e') end)",
	    ONE "E", ONE_SAYS "-{+X: a Bcc: b  . cd\n e}" },
	{ "a refused message loses its edits", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('X', '1') end)\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  kumo.reject(550, 'no') end)",
	    ONE "E", ONE_SAYS "550 no" },
	{ "edits of smtp_server_data reach message_received", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('X', '1') m:set_meta('k', 'v') end)\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  assert(m:get_meta('k') == 'v')\n"
	    "  m:append_header('Y', m:get_first_named_header_value('X'))\n"
	    "end)",
	    ONE "E", ONE_SAYS "-{+X: 1,+Y: 1}" },

	/* batches */
	{ "once for each recipient", "",
	    "local n = 0\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  n = n + 1 assert(#m:recipient_list() == 1)\n"
	    "  if n == 2 then kumo.reject(550, m:recipient().email) end end)",
	    TWO "E", TWO_SAYS "550 y@c.example" },
	{ "AllInOne", "batch_handling = 'AllInOne'",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  kumo.reject(550, 'all ' .. #m:recipient_list()) end)",
	    TWO "E", TWO_SAYS "550 all 2" },
	{ "BatchByDomain", "batch_handling = 'BatchByDomain'",
	    "local t = {}\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  t[#t + 1] = #m:recipient_list()\n"
	    "  if #t == 2 then kumo.reject(550, 'n ' .. table.concat(t))\n"
	    "  end end)",
	    OPEN "R:<a@b.example> R:<b@c.example> R:<c@B.example> D E",
	    "C -; H -; M -; R -; R -; R -; D -; E 550 n 21" },
	{ "ids differ, metadata is each one's own", "",
	    "local ids, seen = {}, 0\n"
	    "kumo.on('smtp_server_data', function(m) ids[m:id()] = true\n"
	    "  m:set_meta('k', 0) end)\n"
	    "kumo.on('smtp_server_message_received', function(m, cm)\n"
	    "  assert(not ids[m:id()]) ids[m:id()] = true\n"
	    "  assert(m:get_meta('k') == 0) m:set_meta('k', 1)\n"
	    "  assert(cm:get_meta('k') == nil) cm:set_meta('late', 1)\n"
	    "  assert(m:get_meta('late') == nil) end)",
	    TWO "E", TWO_SAYS "-" },
	{ "equal edits apply once", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('X', '1') end)",
	    TWO "h:A=b E", TWO_SAYS "-{+X: 1}" },
	{ "of unequal ones the first batch's", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('X', m:recipient().user) end)",
	    TWO "E", TWO_SAYS "-{+X: x}" },
	{ "any batch's quarantine", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  if m:recipient().user == 'y' then m:quarantine('why\\n') end\n"
	    "end)",
	    TWO "E", TWO_SAYS "-{q:why | }" },

	/* split_transaction */
	{ "split", "",
	    "local n = 0\n"
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return { { 'a@x.example', m:recipient_list()[1] },\n"
	    "    { m:recipient_list()[2] } } end)\n"
	    "kumo.on('smtp_server_message_received', function(m) n = n + 1\n"
	    "  assert(#m:recipient_list() == 3 - n) end)",
	    TWO "E", TWO_SAYS "-{>a@x.example}" },
	{ "split without message_received drops who is left out", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return { { m:recipient_list()[1] } } end)",
	    TWO "E", TWO_SAYS "-{<y@c.example}" },
	{ "split into nothing", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return {} end)",
	    TWO "E", TWO_SAYS "550 5.7.1 relaying not permitted" },
	{ "split with names", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return { one = m:recipient_list() } end)",
	    TWO "E", TWO_SAYS "-" },
	{ "split gives nil: as without it", "",
	    "kumo.on('smtp_server_split_transaction', function(m) end)\n"
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  kumo.reject(550, 'n ' .. #m:recipient_list()) end)",
	    TWO "E", TWO_SAYS "550 n 1" },
	{ "split into what are no addresses", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return { { 7, {} } } end)",
	    TWO "E", TWO_SAYS BROKEN },
	{ "split into a string", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return 'x' end)",
	    TWO "E", TWO_SAYS BROKEN },
	{ "split into strings", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  return { 'x@y.example' } end)",
	    TWO "E", TWO_SAYS BROKEN },
	{ "split that refuses", "",
	    "kumo.on('smtp_server_split_transaction', function(m)\n"
	    "  kumo.reject(451, 'later') end)",
	    TWO "E", TWO_SAYS "451 later" },

	/* discarding */
	{ "queue = null", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_meta('queue', 'null') end)",
	    TWO "E M:<> ", TWO_SAYS "discard; M -" },
	{ "queue = null for one batch drops its recipient", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  if m:recipient().user == 'x' then\n"
	    "    m:set_meta('queue', 'null') end end)",
	    TWO "E", TWO_SAYS "-{<x@b.example}" },
	{ "queue = null in smtp_server_data", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:set_meta('queue', 'null') end)",
	    TWO "E", TWO_SAYS "discard" },
	{ "queue = null from conn_meta", "",
	    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
	    "  cm:set_meta('queue', 'null') end)\n"
	    "kumo.on('smtp_server_message_received', function(m) end)",
	    TWO "E", TWO_SAYS "discard" },
	{ "another queue is none of ours", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:set_meta('queue', 'other') end)",
	    TWO "E", TWO_SAYS "-" },

	/* quarantine */
	{ "quarantine", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:quarantine('first') m:quarantine('looks odd') end)",
	    ONE "E", ONE_SAYS "-{q:looks odd}" },
	{ "quarantine without a reason", "",
	    "kumo.on('smtp_server_data', function(m) m:quarantine('') end)",
	    ONE "E", ONE_SAYS "-{q:held by policy}" },
	{ "a reject undoes it", "",
	    "kumo.on('smtp_server_data', function(m) m:quarantine('x')\n"
	    "  kumo.reject(550, 'no') end)",
	    ONE "E M:<>", ONE_SAYS "550 no; M -" },
	{ "a disconnect does not, and condemns", "",
	    "kumo.on('smtp_server_data', function(m) m:quarantine('x')\n"
	    "  kumo.disconnect(550, 'no') end)",
	    ONE "E M:<>", ONE_SAYS "-{q:x}; M " DUE },
	{ "the same in message_received", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:quarantine('x') m:append_header('X', '1')\n"
	    "  kumo.disconnect(421, 'no', 'FollowWith421') end)",
	    ONE "E M:<>", ONE_SAYS "-{+X: 1,q:x}; M " DUE },
	{ "a disconnect alone", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  kumo.disconnect(550, 'no') end)",
	    ONE "E M:<>", ONE_SAYS "550 no; M " DUE },

	/* sizes */
	{ "message_limit", "message_limit = 1024",
	    "kumo.on('smtp_server_data', function(m) error 'seen' end)",
	    ONE "B1000 h:Late=1 E M:<s@a.example> R:<r@b.example> D B2000 E",
	    ONE_SAYS BROKEN "; M -; R -; D -; E 552 5.3.4 message too big" },
	{ "the listener's limit", "",
	    "kumo.on('smtp_server_get_dynamic_parameters', function()\n"
	    "  return { max_message_size = 10 } end)\n"
	    "kumo.on('smtp_server_data', function(m) end)",
	    ONE "b:12345678901 E", ONE_SAYS "552 5.3.4 message too big" },
	{ "nobody looks at the content: it has no limit",
	    "message_limit = 1024",
	    "kumo.on('smtp_server_mail_from', function(m) end)", ONE "B2000 E",
	    ONE_SAYS "-" },

	/* the transaction's end */
	{ "second message of a session", "",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  m:append_header('N', #m:get_all_headers()) end)",
	    ONE "h:A=1 h:B=2 b:x E M:<> R:<q@b.example> D h:A=1 E",
	    ONE_SAYS "-{+N: 2}; M -; R -; D -; E -{+N: 1}" },
	{ "a failure of message_received, on_error = tempfail",
	    "on_error = 'tempfail'",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  m:append_header('A', 'b') error 'x' end)",
	    ONE "E",
	    ONE_SAYS "451 4.3.0 mx.example.test technical difficulties" },
	{ "a message sleeps, pcall and coroutines included", "",
	    "kumo.on('smtp_server_message_received', function(m)\n"
	    "  kumo.sleep(0.001) m:append_header('A', '1')\n"
	    "  pcall(kumo.sleep, 0.001) coroutine.wrap(function()\n"
	    "    kumo.sleep(0.001) m:append_header('B', '2') end)() end)",
	    ONE "E", ONE_SAYS "-{+A: 1,+B: 2}" },
};

/* "B1000": that many bytes of body. */
static void
play_all(struct play *p, const char *words)
{
	char *copy = xstrdup(words), *rest, *w;

	for (w = strtok_r(copy, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		if (w[0] == 'B') {
			size_t n = (size_t)atoi(w + 1);
			char *body = xcalloc(1, n + 1);

			memset(body, 'x', n);
			event_body(p->s[p->at], body, n);
			free(body);
		} else {
			play_on(p, w);
		}
	}
	free(copy);
}

START_TEST(message_goes_as_written)
{
	const struct row *r = &rows[_i];
	struct play p = { 0 };

	policy_use(r->config, r->policy);
	play_all(&p, r->words);
	ck_assert_msg(strcmp(str_c(&p.out), r->expected) == 0,
	    "%s\nplayed   %s\nexpected %s\ngot      %s", r->name, r->words,
	    r->expected, str_c(&p.out));
	play_over(&p);
	policy_done();
}
END_TEST

/*
 * A large message that a small state cannot hold is a failure of the handler
 * each time, and what was prepared for it is freed: the process does not grow.
 */
START_TEST(large_messages_leave_nothing)
{
	size_t n = 8 << 20;
	char *body = xcalloc(1, n + 1);
	long before = 0;

	memset(body, 'x', n);
	policy_use("memory_limit = '4MB', on_error = 'tempfail'",
	    "kumo.on('smtp_server_data', function(m)\n"
	    "  pcall(m.get_data, m) kumo.reject(550, #m:get_data()) end)");
	for (int i = 0; i < 40; i++) {
		struct play p = { 0 };
		long resident = 0;
		FILE *f;

		play_on(&p, ONE "h:A=b");
		event_body(p.s[0], body, n);
		play_on(&p, "E");
		ck_assert_str_eq(str_c(&p.out), ONE_SAYS
		    "451 4.3.0 mx.example.test technical difficulties");
		play_over(&p);
		f = fopen("/proc/self/statm", "re");
		ck_assert_int_eq(fscanf(f, "%*d %ld", &resident), 1);
		fclose(f);
		if (i == 4)
			before = resident;
		/* 560 MB would leak; ASan keeps 256 MB of what is freed */
		ck_assert_msg(i < 4 || resident < before + 300 * 256,
		    "%ld pages, %ld pages", before, resident);
	}
	policy_done();
	free(body);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("event_message", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, message_goes_as_written, 0, UNIT_N(rows));
	tcase_add_test(t, large_messages_leave_nothing);
	return s;
}

UNIT_MAIN(suite)
