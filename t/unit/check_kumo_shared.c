/*
 * What KumoMTA's policies share beyond one Lua state: between sessions of two
 * states and across a reload, and the waits that hold no state.
 */
#include "policy.h"

#include "milter/clock.h"

#include <pthread.h>

#define ON(event, args, body)                                                  \
	"kumo.on('" event "', function(" args ") " body " end) "
#define MAIL(body) ON("smtp_server_mail_from", "sender, cm", body)
#define RCPT(body) ON("smtp_server_rcpt_to", "rcpt, cm", body)
#define DATA(body) ON("smtp_server_data", "msg, cm", body)
#define SAY(value) "kumo.reject(550, 'n' .. tostring(" value ")) "

static void
use(const char *body, int states, const char *timeout)
{
	char *text =
	    xasprintf("local kumo = require 'kumo' kumo.on('init', function() "
		      "kumo.milter.configure{states = %d, event_timeout = "
		      "'%s'} end) %s",
		states, timeout, body);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(text);
	epoch_set_current(e);
}

static const char *const files[] = {
	"t/lua/kumo_throttle.lua",
	"t/lua/kumo_memoize.lua",
	"t/lua/kumo_counter_series.lua",
	"t/lua/kumo_mpsc.lua",
};

START_TEST(lua_file_runs)
{
	char *text = xasprintf("dofile('%s')", files[_i]);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
	free(text);
}
END_TEST

/* Two sessions are in two states. */
#define TWO "C H:a M:<a@a.example> @2 C H:a M:<a@a.example> "
#define BEGUN(a, b) "C -; H -; M " a "; C -; H -; M " b

/* f(...) says how often it was called, in its state. */
#define COUNT "local n = 0 "
#define MEMO(name, more)                                                       \
	"local f = kumo.memoize(function() if fails then error('x') end "      \
	"n = n + 1 return n end, { name = '" name "', ttl = '1h', "            \
	"capacity = 9" more " }) "

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "throttles",
	    "local t = kumo.make_throttle('two', '1/d') " MAIL(
		SAY("t:throttle().throttled")),
	    TWO, BEGUN("550 nfalse", "550 ntrue") },
	{ "a throttle made in the handler",
	    MAIL(SAY("kumo.make_throttle('made', '3/d'):throttle().remaining")),
	    TWO, BEGUN("550 n2", "550 n1") },
	{ "a message is not delayed",
	    "local t = kumo.make_throttle('delay', '1/d') " DATA(
		"local a = t:delay_message_if_throttled(msg) " SAY(
		    "tostring(a) .. "
		    "tostring(t:delay_message_if_throttled(msg))")),
	    "C H:a M:<a@a.example> R:<r@b.example> D E",
	    "C -; H -; M -; R -; D -; E 550 nfalsetrue" },
	{ "a bump, of what goes with the epoch and what does not",
	    COUNT "local g = kumo.memoize(function() n = n + 1 return n end, "
		  "{ name = 'bump g', ttl = '1h', capacity = 9, "
		  "invalidate_with_epoch = true }) "
		  "kumo.bump_config_epoch() " MEMO("bump f", "")
		      MAIL("local a = g() .. f() .. g() .. f() "
			   "kumo.bump_config_epoch() " SAY(
			       "a .. ' ' .. g() .. f() .. g()")),
	    "C H:a M:<a@a.example>", "C -; H -; M 550 n1212 323" },
	{ "memoized results",
	    COUNT MEMO("m1", "") MAIL(SAY("f(sender.domain)")), TWO,
	    BEGUN("550 n1", "550 n1") },
	{ "what fails is not kept",
	    COUNT MEMO("m2", "")
		MAIL("fails = sender.user == 'b' " SAY("pcall(f, 1)")),
	    "C H:a M:<b@a.example> @2 C H:a M:<a@a.example>",
	    BEGUN("550 nfalse", "550 ntrue") },
	{ "an object is no argument",
	    COUNT MEMO("m3", "") MAIL(SAY("pcall(f, sender)")),
	    "C H:a M:<a@a.example>", "C -; H -; M 550 nfalse" },
	{ "a rejection inside is an error",
	    "local f = kumo.memoize(function() kumo.reject(550, 'no') end, "
	    "{ name = 'm4', ttl = 9, capacity = 9 }) " MAIL("f()"),
	    "C H:a M:<a@a.example>",
	    "C -; H -; M 421 4.3.0 mx.example.test technical difficulties!" },
	{ "a handler that is ended leaves nobody waiting",
	    "local f = kumo.memoize(function(s) if s then kumo.sleep(9) end "
	    "return 'done' end, { name = 'm5', ttl = 9, capacity = 9 }) " MAIL(
		SAY("f(sender.user ~= 'b')")) RCPT(SAY("f(false)")),
	    "C H:a M:<a@a.example> @2 C H:a M:<b@a.example>",
	    BEGUN("421 4.3.0 mx.example.test technical difficulties!",
		"550 ndone") },
	{ "a memoized map",
	    "local f = kumo.memoize(function() local m = "
	    "kumo.domain_map.new() m['a.example'] = "
	    "kumo.make_throttle('map', '9/d'):throttle().remaining return "
	    "{ m } end, { name = 'm6', ttl = 9, capacity = 9 }) " MAIL(
		"local m = f()[1] local was = m[sender.domain] "
		"m[sender.domain] = 0 " SAY("was")),
	    TWO, BEGUN("550 n8", "550 n8") },
	{ "a throttle's wait that would be too long is not begun",
	    "local t = kumo.make_throttle('end', '1/d') t:throttle() " MAIL(
		"t:sleep_if_throttled() " SAY("'too late'")),
	    "C H:a M:<a@a.example>",
	    "C -; H -; M 451 4.4.5 too much at once, try again later" },
	{ "and that can be caught",
	    "local t = kumo.make_throttle('catch', '1/d') t:throttle() " MAIL(
		"local ok, why = pcall(t.sleep_if_throttled, t) " SAY(
		    "tostring(ok) .. ' ' .. tostring(why)")),
	    "C H:a M:<a@a.example>",
	    "C -; H -; M 550 nfalse 451 4.4.5 too much at once, try again "
	    "later" },
	{ "and raised again",
	    "local t = kumo.make_throttle('again', '1/d') t:throttle() " MAIL(
		"local ok, why = pcall(t.sleep_if_throttled, t) error(why)"),
	    "C H:a M:<a@a.example>",
	    "C -; H -; M 451 4.4.5 too much at once, try again later" },
};

START_TEST(states_share)
{
	use(rows[_i].policy, 2, "1s");
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

START_TEST(a_reload_keeps_values)
{
	static const char policy[] =
	    "local t = kumo.make_throttle('reload', '5/d') "
	    "local epoch = os.tmpname() os.remove(epoch) " /* another each */
	    "local function e() return epoch end "
	    "local f = kumo.memoize(e, { name = 'r', ttl = 9, capacity = 9 }) "
	    "local g = kumo.memoize(e, { name = 's', ttl = 9, capacity = 9, "
	    "invalidate_with_epoch = true }) " MAIL(
		"local same = f() == g() " SAY(
		    "t:throttle().remaining .. tostring(same)"));

	use(policy, 1, "60s");
	play_expect(
	    "C H:a M:<a@a.example>", "C -; H -; M 550 n4true", "before");
	use(policy, 1, "50s");
	play_expect(
	    "C H:a M:<a@a.example>", "C -; H -; M 550 n3false", "after");
	policy_done();
}
END_TEST

/* ---- waiting ------------------------------------------------------------ */

#define THREADS 8

static void *
one_session(void *expected)
{
	struct play p = { 0 };

	play_on(&p, "C H:a M:<a@a.example> R:<r@b.example> Q");
	if (strcmp(str_c(&p.out), expected) != 0)
		fprintf(stderr, "%s\n", str_c(&p.out));
	must(strcmp(str_c(&p.out), expected) == 0);
	play_over(&p);
	return NULL;
}

static void
all_at_once(const char *expected)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, one_session, (void *)expected);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* In one state: each waits for its turn, and all of them get it. */
START_TEST(a_throttle_holds_no_state)
{
	use("local t = kumo.make_throttle('wait', '200/s,max_burst=0') " MAIL(
		"for i = 1, 5 do t:sleep_if_throttled() end "
		"cm:set_meta('x', 1) ") RCPT(SAY("cm:get_meta('x')")),
	    1, "60s");
	all_at_once("C -; H -; M -; R 550 n1");
	policy_done();
}
END_TEST

/* One calls, all others wait for it without the state, and all hear of it. */
START_TEST(a_call_is_for_all_who_wait)
{
	use("local f = kumo.memoize(function() kumo.sleep(0.05) "
	    "return kumo.make_throttle('calls', '99/d'):throttle().remaining "
	    "end, { name = 'flight', ttl = '1h', capacity = 9 }) " MAIL(
		"cm:set_meta('x', f()) ") RCPT(SAY("cm:get_meta('x')")),
	    1, "60s");
	all_at_once("C -; H -; M -; R 550 n98");
	policy_done();
}
END_TEST

/* Each answers the one before it: all but one wait, in one state. */
START_TEST(who_receives_holds_no_state)
{
	use("local q = kumo.mpsc.define('turn') " MAIL(
		"if not cm:get_meta('x') and "
		"kumo.make_throttle('turn', '1/d'):throttle().remaining == 0 "
		"then q:try_send(0) end "
		"local n = q:recv() q:send(n + 1) cm:set_meta('x', n) ")
		RCPT(SAY("cm:get_meta('x') >= 0")),
	    1, "60s");
	all_at_once("C -; H -; M -; R 550 ntrue");
	policy_done();
}
END_TEST

/* A full queue is drained by other sessions of the state that waits. */
START_TEST(who_sends_holds_no_state)
{
	use("local q = kumo.mpsc.define('full', 1) " MAIL("q:send(2) ")
		RCPT("q:recv() " SAY("q:len() <= 1")),
	    1, "60s");
	all_at_once("C -; H -; M -; R 550 ntrue");
	policy_done();
}
END_TEST

/* The event's time ends a wait, and nothing is lost by it. */
START_TEST(a_wait_that_ends_takes_nothing)
{
	use("local q = kumo.mpsc.define('late') " MAIL(
		"if sender.user == 'put' then q:send('x') end " SAY(
		    "q:recv()")),
	    2, "100ms");
	log_set_level(LOG_LEVEL_ERROR);
	play_expect("C M:<s@a.example> Q",
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!",
	    "nothing comes");
	play_expect("C M:<put@a.example> Q", "C -; M 550 nx", "then");
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("kumo_shared", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lua_file_runs, 0, UNIT_N(files));
	tcase_add_loop_test(t, states_share, 0, UNIT_N(rows));
	tcase_add_test(t, a_reload_keeps_values);
	tcase_add_test(t, a_throttle_holds_no_state);
	tcase_add_test(t, a_call_is_for_all_who_wait);
	tcase_add_test(t, who_receives_holds_no_state);
	tcase_add_test(t, who_sends_holds_no_state);
	tcase_add_test(t, a_wait_that_ends_takes_nothing);
	return s;
}

UNIT_MAIN(suite)
