/*
 * What Momentum's policies share beyond one Lua state: between sessions of
 * several states, across a reload, and locks that end with their handler.
 */
#include "policy.h"

#include "milter/clock.h"

#include <pthread.h>

#define HEAD "require 'msys.core' local core = msys.core "
#define MODULE(body)                                                           \
	"do local mod = {} " body " msys.registerModule('a', mod) end "
#define ON(callout, args, body)                                                \
	"function mod:" callout "(" args ") " body " end "
#define SAY(value)                                                             \
	"vctx:set_code(550, 'n' .. tostring(" value ")) "                      \
	"return core.VALIDATE_DONE "
#define CONT "return core.VALIDATE_CONT "
#define MAIL_(body) ON("validate_mailfrom", "str, ac, vctx", body)
#define RCPT_(body) ON("validate_rcptto", "msg, str, ac, vctx", body)
#define INIT(body) ON("init", "", body "return true ")

static void
use(const char *body, const char *timeout)
{
	char *text =
	    xasprintf("local kumo = require 'kumo' kumo.on('init', function() "
		      "kumo.milter.configure{states = 2, event_timeout = '%s', "
		      "audit = { '3600,1' }} end) " HEAD "%s",
		timeout, body);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(text);
	epoch_set_current(e);
}

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e =
	    policy_load("dofile('t/lua/msys_shared.lua')", 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
}
END_TEST

/* Two sessions are in two states. */
#define TWO "C H:a M:<a@a.example> @2 C H:a M:<a@a.example> "
#define BEGUN(a, b) "C -; H -; M " a "; C -; H -; M " b

static const struct {
	const char *name, *policy, *words, *expected;
} rows[] = {
	{ "counters",
	    MODULE(INIT("msys.counter.reset('/n') ") MAIL_(
		"msys.counter.inc('/n') " SAY("msys.counter.read('/n')"))),
	    TWO, BEGUN("550 n1", "550 n2") },
	{ "a handle from the top level",
	    "local ct = msys.counter.open('/m') msys.counter.reset(ct) " MODULE(
		MAIL_("msys.counter.add(ct, 5) " SAY("msys.counter.read(ct)"))),
	    TWO, BEGUN("550 n5", "550 n10") },
	{ "a series by client, the accept construct as its key",
	    MODULE(INIT("msys.audit_series.define('c1', 'cidr', 3600, 6) ")
		    MAIL_("msys.audit_series.add('c1', ac) " SAY(
			"msys.audit_series.count('c1') .. "
			"msys.audit_series.count('c1', '/24') .. "
			"msys.audit_series.count('c1', {key = ac, endv = 5})"
			".. msys.audit_series.count('c1', '10.0.0.0/8')"))),
	    TWO, BEGUN("550 n1110", "550 n2220") },
	{ "a series of strings needs its key",
	    MODULE(INIT("msys.audit_series.define('s1', 'string', 3600, 6) ")
		    MAIL_("msys.audit_series.add('s1', ac) " CONT)),
	    TWO,
	    BEGUN("421 mx.example.test temporary issue, please retry your "
		  "message later!",
		"421 mx.example.test temporary issue, please retry your "
		"message later!") },
	{ "gauges",
	    MODULE(INIT("msys.gauge_cache.define('g1', 10, 3600) ")
		    MAIL_("msys.gauge_cache.inc('g1', str) " SAY(
			"msys.gauge_cache.get('g1', str)"))),
	    TWO, BEGUN("550 n1", "550 n2") },
	{ "networks, the client by default",
	    MODULE(INIT("local p = os.tmpname() local f = io.open(p, 'w') "
			"f:write('192.0.2.0/24 :9:x\\n') f:close() "
			"msys.cidr.define('net', { type = 'rbldnsd', "
			"source = p }) os.remove(p) ")
		    MAIL_(SAY("msys.cidr.query('net')"))),
	    TWO, BEGUN("550 n127.0.0.9", "550 n127.0.0.9") },
	{ "shared values",
	    "msys.shareUnset('v') " MODULE(
		MAIL_("local was = msys.shareGet('v') "
		      "msys.shareSet('v', 'seen') " SAY("was"))),
	    TWO, BEGUN("550 nnil", "550 nseen") },
	{ "open sessions",
	    MODULE(MAIL_(SAY("ac:inbound_session_count() .. "
			     "ac:inbound_session_count('/24', 'SMTP') .. "
			     "ac:inbound_session_count(nil, 'Control') .. "
			     "ac:inbound_session_count('10.0.0.0/8') .. "
			     "ac:pbp_inbound_session_count_service('SMTP', "
			     "'/0') .. "
			     "msys.audit.inbound_session_count('/32')"))),
	    TWO " Q @1 M:<a@a.example>",
	    BEGUN("550 n110011", "550 n220022") "; M 550 n110011" },
	{ "windows of connections, messages and refusals",
	    "msys.audit.connections('7200,1', '::/0') " MODULE(
		RCPT_("if str:find('no@') then " SAY(
		    "1") "end "
			 "if str:find('ask@') then " SAY(
			     "msys.audit.connections('7200,1') .. "
			     "msys.audit.receptions('7200,1', '/24') .. "
			     "msys.audit.rejections('7200,1', "
			     "{ startv = 0, endv = 1 })") "end " CONT)),
	    "C H:a M:<a@a.example> R:<no@b.example> R:<r@b.example> D E "
	    "M:<a@a.example> R:<r@b.example> D E M:<a@a.example> "
	    "R:<ask@b.example> R:<ask@b.example> Q",
	    "C -; H -; M -; R 550 n1; R -; D -; E -; M -; R -; D -; E -; M -; "
	    "R 550 n121; R 550 n122" },
	{ "a lock is given back at the end of its event",
	    MODULE(MAIL_("msys.lock('l') " SAY("1"))), TWO,
	    BEGUN("550 n1", "550 n1") },
	{ "what it raises can be caught, and is of the policy's line",
	    MODULE(MAIL_("msys.lock('p') local ok, why = pcall(function() "
			 "msys.lock('p') end) " SAY(
			     "tostring(ok) .. why:match('init.lua:%d+:.*')"))),
	    "C H:a M:<a@a.example>",
	    "C -; H -; M 550 nfalseinit.lua:1: msys.lock: this handler holds "
	    "the lock already: it would wait for ever" },
	{ "also where its handler fails",
	    MODULE(MAIL_("msys.lock('l') msys.lock('l') ")), TWO,
	    BEGUN("421 mx.example.test temporary issue, please retry your "
		  "message later!",
		"421 mx.example.test temporary issue, please retry your "
		"message later!") },
	{ "also where an error's __tostring takes it",
	    MODULE(MAIL_(
		"if str:find('bad') then error(setmetatable({}, "
		"{ __tostring = function() msys.lock('s') "
		"return 'x' end })) end " SAY("(pcall(msys.lock, 's'))"))),
	    "C H:a M:<bad@a.example> @2 C H:a M:<a@a.example>",
	    BEGUN("421 mx.example.test temporary issue, please retry your "
		  "message later!",
		"550 ntrue") },
	{ "a later event does not hold it",
	    "local m = require('thread').mutex() " MODULE(
		MAIL_("m:lock() " CONT) RCPT_(SAY("m:unlock()"))),
	    "C H:a M:<a@a.example> R:<r@b.example> Q",
	    "C -; H -; M -; R 550 nfalse" },
};

START_TEST(states_share)
{
	use(rows[_i].policy, "60s");
	play_expect(rows[_i].words, rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

START_TEST(a_reload_keeps_values)
{
	static const char policy[] = MODULE(
	    INIT("msys.audit_series.define('r', 'string', 3600, 6) "
		 "msys.gauge_cache.define('r', 10, 3600) "
		 "msys.cidr.define('r', 'empty') ")
		MAIL_("msys.counter.inc('/r') msys.audit_series.add('r', 'k') "
		      "msys.gauge_cache.inc('r', 'k') "
		      "local v = (msys.shareGet('r') or 0) + 1 "
		      "msys.shareSet('r', v) " SAY(
			  "msys.counter.read('/r') .. "
			  "msys.audit_series.count('r', 'k') .. "
			  "msys.gauge_cache.get('r', 'k') .. v")));

	use(policy, "60s");
	play_expect("C H:a M:<a@a.example>", "C -; H -; M 550 n1111", "before");
	use(policy, "50s");
	play_expect("C H:a M:<a@a.example>", "C -; H -; M 550 n2222", "after");
	policy_done();
}
END_TEST

/* ---- waiting ------------------------------------------------------------ */

#define THREADS 8

static void *
one_session(void *arg)
{
	struct play p = { 0 };

	(void)arg;
	for (int i = 0; i < 10; i++) {
		play_on(&p, "C H:a M:<a@a.example> Q");
		must(strcmp(str_c(&p.out), "C -; H -; M 550 ntrue") == 0);
		play_over(&p);
	}
	return NULL;
}

/* Who sleeps with the lock is alone, whatever state the others are in. */
START_TEST(waiting_holds_no_state)
{
	pthread_t thread[THREADS];

	use("local kumo = require 'kumo' msys.shareSet('in', 0) " MODULE(MAIL_(
		"msys.lock('w') "
		"local n = msys.shareGet('in') msys.shareSet('in', n + 1) "
		"kumo.sleep(0.001) "
		"local ok = n == 0 and msys.shareGet('in') == 1 "
		"msys.shareSet('in', 0) msys.unlock('w') " SAY("ok"))),
	    "60s");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, one_session, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	policy_done();
}
END_TEST

static void *
hold(void *arg)
{
	play_on(arg, "C H:a M:<hold@a.example> Q");
	return NULL;
}

/* The event's time ends the wait for a lock, and the lock of a handler. */
START_TEST(waiting_ends_at_the_deadline)
{
	struct play holder = { 0 }, p = { 0 };
	pthread_t thread;

	use("local kumo = require 'kumo' msys.shareUnset('held') " MODULE(MAIL_(
		"if str:find('hold') then msys.lock('d') "
		"msys.shareSet('held', true) kumo.sleep(100) end "
		"while not msys.shareGet('held') do kumo.sleep(0.001) end "
		"local ok, why = pcall(table.sort, {1, 2}, function() "
		"msys.lock('d') end) " SAY("ok"))),
	    "300ms");
	log_set_level(LOG_LEVEL_ERROR);
	pthread_create(&thread, NULL, hold, &holder);
	/* inside sort Lua cannot yield, so the state waits: until its time is
	 * up, or for the lock that the holder's end gives back */
	for (int i = 0; i < 2; i++) {
		play_on(&p, "C H:a M:<a@a.example> Q");
		ck_assert_msg(strstr(str_c(&p.out), "; M 421") != NULL ||
				  strstr(str_c(&p.out), "; M 550 n") != NULL,
		    "%s", str_c(&p.out));
		play_over(&p);
	}
	pthread_join(thread, NULL);
	ck_assert_str_eq(str_c(&holder.out),
	    "C -; H -; M 421 mx.example.test temporary issue, please retry "
	    "your message later!");
	play_expect("C H:a M:<a@a.example> Q", "C -; H -; M 550 ntrue",
	    "the lock is free again");
	play_over(&holder);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("msys_shared", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, lua_file_runs);
	tcase_add_loop_test(t, states_share, 0, UNIT_N(rows));
	tcase_add_test(t, a_reload_keeps_values);
	tcase_add_test(t, waiting_holds_no_state);
	tcase_add_test(t, waiting_ends_at_the_deadline);
	return s;
}

UNIT_MAIN(suite)
