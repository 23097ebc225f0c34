/*
 * dry_run: what handlers decide is told, and the mail goes on.
 */
#include "policy.h"

#define ALL "dry_run = true"
#define ONLY(events) "dry_run = { " events " }"
#define WHOLE                                                                  \
	"C H:a M:<s@a.example> R:<r@b.example> R:<x@b.example> "               \
	"h:From=s@a.example h:X-A=1 b:text E Q"
#define PASSES "C -; H -; M -; R -; R -; E -"
#define REFUSE "function() kumo.reject(550, '5.7.1 no') end"
#define END "C -; H -; M -; R -; R -; E "
#define DISCONNECT "function() kumo.disconnect(451, 'go', 'FollowWith421') end"

/* counts: refused, discarded, quarantined, edited */
static const struct {
	const char *options, *handlers, *words, *expected;
	int counts[4];
} rows[] = {
	{ ALL, "on('smtp_server_mail_from', " REFUSE ")", WHOLE, PASSES,
	    { 1, 0, 0, 0 } },
	{ ALL,
	    "for _, e in ipairs { 'connection_accepted', 'ehlo', 'mail_from', "
	    "'rcpt_to', 'data', 'message_received' } do "
	    "on('smtp_server_' .. e, " DISCONNECT ") end",
	    WHOLE, PASSES, { 8, 0, 0, 0 } },
	{ ALL, "on('smtp_server_mail_from', function() error 'x' end)", WHOLE,
	    PASSES, { 1, 0, 0, 0 } },
	{ ALL,
	    "on('smtp_server_get_dynamic_parameters', function() return 7 "
	    "end)",
	    WHOLE, PASSES, { 1, 0, 0, 0 } },
	{ ALL " , event_timeout = '50ms'",
	    "on('smtp_server_rcpt_to', function() while true do end end)",
	    "C H:a M:<s@a.example> R:<r@b.example> Q", "C -; H -; M -; R -",
	    { 1, 0, 0, 0 } },
	{ ALL, "on('smtp_server_unknown_command', print)", "C U:VRFY_x Q",
	    "C -; U -", { 0, 0, 0, 0 } },
	{ ALL, "on('milter_unknown_command', " REFUSE ")", "C U:VRFY_x Q",
	    "C -; U -", { 1, 0, 0, 0 } },
	/* what an earlier handler did is there for a later one */
	{ ALL,
	    "on('smtp_server_data', function(msg) msg:set_meta('a', 7) "
	    "msg:prepend_header('X-B', '2') end) "
	    "on('smtp_server_message_received', function(msg) "
	    "kumo.reject(550, msg:get_meta 'a' .. "
	    "msg:get_first_named_header_value 'X-B') end)",
	    WHOLE, PASSES, { 2, 0, 0, 1 } },
	{ ALL,
	    "on('smtp_server_data', function(msg) "
	    "msg:prepend_header('X-B', '2') msg:remove_all_named_headers 'X-A' "
	    "end)",
	    WHOLE, PASSES, { 0, 0, 0, 1 } },
	{ ALL, "on('smtp_server_data', function(msg) msg:quarantine 'why' end)",
	    WHOLE, PASSES, { 0, 0, 1, 1 } },
	{ ALL,
	    "on('smtp_server_message_received', function(msg) "
	    "msg:set_meta('queue', 'null') end)",
	    WHOLE, PASSES, { 0, 1, 0, 0 } },
	{ ALL ", message_limit = 1024",
	    "on('smtp_server_data', function(msg) kumo.reject(550, 'seen') "
	    "end)",
	    "C M:<s@a.example> R:<r@b.example> "
	    "b:0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123 "
	    "E Q",
	    "C -; M -; R -; E -", { 1, 0, 0, 0 } },
	{ ALL ", enforce_relay = true",
	    "on('get_listener_domain', function() return "
	    "kumo.make_listener_domain { relay_to = false } end)",
	    WHOLE, PASSES, { 2, 0, 0, 0 } },
	/* one event: all others are obeyed */
	{ ONLY("'smtp_server_rcpt_to'"),
	    "on('smtp_server_rcpt_to', " REFUSE ") "
	    "on('smtp_server_mail_from', function(a) if a.user == 'bad' then "
	    "kumo.reject(550, 'bad') end end)",
	    "C M:<bad@a.example> M:<s@a.example> R:<r@b.example> Q",
	    "C -; M 550 bad; M -; R -", { 1, 0, 0, 0 } },
	{ ONLY("'smtp_server_message_received'"),
	    "on('smtp_server_data', function(msg) "
	    "msg:prepend_header('X-B', '2') end) "
	    "on('smtp_server_message_received', function(msg) "
	    "msg:prepend_header('X-C', '3') msg:set_recipient 'z@b.example' "
	    "msg:set_sender 'q@b.example' end)",
	    WHOLE, END "-{^X-B: 2}", { 0, 0, 0, 2 } },
	{ ONLY("'smtp_server_data'"),
	    "on('smtp_server_data', function(msg) "
	    "msg:prepend_header('X-B', '2') msg:set_meta('a', 7) end) "
	    "on('smtp_server_message_received', function(msg) "
	    "msg:prepend_header('X-C', msg:get_meta 'a' .. tostring("
	    "msg:get_first_named_header_value 'X-B')) end)",
	    WHOLE, END "-{^X-C: 7nil}", { 0, 0, 0, 1 } },
	{ ONLY("'smtp_server_data'"),
	    "on('smtp_server_data', function(msg) "
	    "msg:set_meta('queue', 'null') msg:quarantine 'x' end)",
	    WHOLE, PASSES, { 0, 1, 0, 0 } },
	{ ONLY("'smtp_server_split_transaction'"),
	    "on('smtp_server_split_transaction', function(msg) "
	    "return { { msg:recipient_list()[1] } } end) "
	    "on('smtp_server_message_received', function(msg) "
	    "msg:append_header('X-R', msg:recipient().user) end)",
	    "C M:<s@a.example> R:<r@b.example> h:From=s@a.example E Q",
	    "C -; M -; R -; E -{+X-R: r}", { 0, 0, 0, 0 } },
	/* shares */
	{ "dry_run_share = 100", "on('smtp_server_mail_from', " REFUSE ")",
	    WHOLE, PASSES, { 1, 0, 0, 0 } },
	{ "dry_run_share = 0", "on('smtp_server_mail_from', " REFUSE ")",
	    "C M:<s@a.example> Q", "C -; M 550 5.7.1 no", { 0, 0, 0, 0 } },
	{ "dry_run = false", "on('smtp_server_mail_from', " REFUSE ")",
	    "C M:<s@a.example> Q", "C -; M 550 5.7.1 no", { 0, 0, 0, 0 } },
};

#define POLICY                                                                 \
	"local kumo = require 'kumo' local on = kumo.on "                      \
	"on('init', function() kumo.milter.configure { %s } end) %s"

static void
counts(long *now)
{
	static const enum metric of[] = { METRIC_DRY_REFUSED,
		METRIC_DRY_DISCARDED, METRIC_DRY_QUARANTINED,
		METRIC_DRY_EDITED };

	for (size_t i = 0; i < UNIT_N(of); i++)
		now[i] = metric_get(of[i]);
}

START_TEST(row)
{
	char *text = xasprintf(POLICY, rows[_i].options, rows[_i].handlers);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);
	long before[4], after[4], refused = metric_get(METRIC_REFUSED);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	counts(before);
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].handlers);
	counts(after);
	for (int i = 0; i < 4; i++)
		ck_assert_msg(after[i] - before[i] == rows[_i].counts[i],
		    "%s: count %d is %ld, not %d", rows[_i].handlers, i,
		    after[i] - before[i], rows[_i].counts[i]);
	if (strcmp(rows[_i].expected, PASSES) == 0)
		ck_assert_int_eq(metric_get(METRIC_REFUSED), refused);
	epoch_set_current(NULL);
	free(text);
}
END_TEST

/* Momentum's modules: nothing of them is obeyed, or what one stage does. */
#define MODULE                                                                 \
	"do require 'msys.core' local core, mod = msys.core, {} "              \
	"function mod:validate_rcptto(msg, str, ac, vctx) "                    \
	"vctx:set_code(550, 'rcpt') return core.VALIDATE_DONE end "            \
	"function mod:validate_data(msg, ac, vctx) "                           \
	"msg:header('X-B', '2') return core.VALIDATE_CONT end "                \
	"function mod:validate_data_spool_each_rcpt(msg, ac, vctx) "           \
	"vctx:disconnect(550, 'each') return core.VALIDATE_DONE end "          \
	"msys.registerModule('a', mod) end"

static const struct {
	const char *options, *expected;
} modules[] = {
	{ ALL, PASSES },
	{ ONLY("'validate_rcptto'"), END "550 each" },
	{ ONLY("'validate_rcptto', 'validate_data_spool_each_rcpt'"),
	    END "-{+X-B: 2}" },
	{ ONLY("'validate_rcptto', 'validate_data', "
	       "'validate_data_spool_each_rcpt'"),
	    PASSES },
};

START_TEST(module)
{
	char *text = xasprintf(POLICY, modules[_i].options, MODULE);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect(WHOLE, modules[_i].expected, modules[_i].options);
	epoch_set_current(NULL);
	free(text);
}
END_TEST

static const struct {
	const char *options, *why;
} misuse[] = {
	{ "dry_run = 7", "dry_run: \"7\" is no event of a session" },
	{ "dry_run = { 'smtp_server_rcpt' }",
	    "dry_run: \"smtp_server_rcpt\" is no event of a session" },
	{ "dry_run = { 1 }", "dry_run[1]: string expected, got number" },
	{ "dry_run = 'yes'", "dry_run: \"yes\" is no event of a session" },
	{ "dry_run_share = 101", "dry_run_share: 101 is out of range" },
	{ "dry_run_share = '10%'", "dry_run_share: \"10%\" is not 0 to 100" },
};

START_TEST(refused_option)
{
	char *text = xasprintf(POLICY, misuse[_i].options, "");
	struct err err;

	ck_assert(policy_load(text, 1, &err) == NULL);
	ck_assert_msg(strstr(err.msg, misuse[_i].why) != NULL, "%s", err.msg);
	free(text);
}
END_TEST

/* The same client is on the same side each time; others are on the other. */
START_TEST(shares_are_of_clients)
{
	static const char text[] =
	    "local kumo = require 'kumo' kumo.on('init', function() "
	    "kumo.milter.configure { dry_run_share = 50 } end) "
	    "kumo.on('smtp_server_connection_accepted', print)";
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);
	int dry = 0;

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	for (unsigned i = 0; i < 200; i++) {
		bool first = false;

		for (int again = 0; again < 2; again++) {
			struct session *s = session_new();
			struct sockaddr_in in = { .sin_family = AF_INET,
				.sin_addr.s_addr = htonl(0xc0000200 + i),
				.sin_port = htons((uint16_t)(1000 + again)) };
			struct reply r = { 0 };

			memcpy(&s->peer, &in, sizeof in);
			event_connect(s, &r);
			reply_fini(&r);
			if (again == 0)
				first = s->dry;
			else
				ck_assert(s->dry == first);
			dry += s->dry;
			event_close(s);
		}
	}
	ck_assert_int_gt(dry, 100);
	ck_assert_int_lt(dry, 300);
	epoch_set_current(NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("event_dry", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, module, 0, UNIT_N(modules));
	tcase_add_loop_test(t, refused_option, 0, UNIT_N(misuse));
	tcase_add_test(t, shares_are_of_clients);
	return s;
}

UNIT_MAIN(suite)
