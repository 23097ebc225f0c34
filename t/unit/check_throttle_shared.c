#include "policy.h"

#include "milter/metric.h"
#include "milter/redis.h"
#include "milter/throttle_shared.h"
#include "redis_server.h"

#ifdef HAVE_HIREDIS

#define FAR (clock_mono() + 60 * CLOCK_S)

static struct redis_server server;

static void
setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	redis_server_start(&server, NULL);
}

static void
teardown(void)
{
	policy_done();
	redis_server_stop(&server);
}

static struct throttle_shared *
open_url(const char *url, const char *on_error)
{
	json_t *json =
	    json_pack("{s:s, s:s}", "node", url, "milter_on_error", on_error);
	struct err err;
	struct throttle_shared *s = throttle_shared_get(json, &err);

	ck_assert_msg(s != NULL, "%s", err.msg);
	json_decref(json);
	return s;
}

/* "yes REMAINING" or "no", or "!error" */
static void
expect(struct throttle_shared *s, const char *text, const char *want)
{
	struct throttle_spec spec;
	struct throttle_answer a;
	struct err err;
	char got[2100];

	ck_assert_int_eq(throttle_parse(text, &spec, NULL), 0);
	if (throttle_shared_take(s, &spec, "n\r\n", 3, FAR, &a, &err) != 0)
		snprintf(got, sizeof got, "!%s", err.msg);
	else if (a.throttled)
		snprintf(got, sizeof got, "no");
	else
		snprintf(got, sizeof got, "yes %d", (int)a.remaining);
	ck_assert_msg(strncmp(got, want, strlen(want)) == 0,
	    "%s: expected %s, got %s", text, want, got);
}

START_TEST(counts_as_one_process_does)
{
	static const char *const specs[] = { "3/d", "10/h,max_burst=1",
		"7/366d", "9_007_199_254_740_992/d,max_burst=2",
		"1000000/d,max_burst=0", "1/d" };
	struct throttle_shared *s = open_url(server.url, "error");

	for (size_t i = 0; i < UNIT_N(specs); i++)
		for (int n = 0; n < 4; n++) {
			struct throttle_spec spec;
			struct throttle_answer a, b;
			struct err err;

			ck_assert_int_eq(
			    throttle_parse(specs[i], &spec, NULL), 0);
			if (spec.limit > 100 && n > 1)
				continue; /* there time matters */
			b = throttle_take(&spec, "same", 4, clock_mono());
			ck_assert_msg(throttle_shared_take(s, &spec, "same", 4,
					  FAR, &a, &err) == 0,
			    "%s", err.msg);
			if (spec.limit > 100)
				continue;
			ck_assert_msg(a.throttled == b.throttled &&
					  a.limit == b.limit &&
					  a.remaining == b.remaining,
			    "%s: %d", specs[i], n);
			ck_assert_msg(
			    (a.retry_after + CLOCK_S / 2) / (60 * CLOCK_S) ==
				    (b.retry_after + CLOCK_S / 2) /
					(60 * CLOCK_S) ||
				a.throttled,
			    "%s: %d", specs[i], n);
			ck_assert_int_eq(a.retry_after > 0, b.retry_after > 0);
		}
}
END_TEST

/* Dead, frozen, and back; a script that the server has forgotten. */
START_TEST(without_redis)
{
	struct throttle_shared *s = open_url(server.url, "fallback");
	long before = metric_get(METRIC_THROTTLES_WITHOUT);

	expect(s, "2/d", "yes 1");
	redis_server_kill(&server);
	expect(s, "2/d", "yes 1"); /* buckets of this process */
	expect(s, "2/d", "yes 0");
	expect(s, "2/d", "no");
	ck_assert_int_eq(metric_get(METRIC_THROTTLES_WITHOUT), before + 3);
	redis_server_run(&server, NULL);
	while (metric_get(METRIC_THROTTLES_WITHOUT) > before) {
		before = metric_get(METRIC_THROTTLES_WITHOUT);
		clock_sleep_until(clock_mono() + 20 * CLOCK_MS);
		expect(s, "9000/d", "yes");
	}
	expect(s, "2/d", "yes 1");
	expect(s, "2/d", "yes 0");
	kill(server.pid, SIGSTOP);
	expect(s, "3/d", "yes 2");
	kill(server.pid, SIGCONT);
}
END_TEST

static const struct {
	const char *on_error, *expected;
} rows[] = {
	{ "allow", "yes 1" },
	{ "throttled", "no" },
	{ "error", "!Redis at /no/such: No such file" },
};

START_TEST(on_error_row)
{
	char *url = xasprintf("unix:///no/such?db=%d", _i);
	struct throttle_shared *s = open_url(url, rows[_i].on_error);

	expect(s, "1/d", rows[_i].expected);
	expect(s, "1/d",
	    rows[_i].expected[0] == '!' ? "!throttles: Redis is away"
					: rows[_i].expected);
	free(url);
}
END_TEST

static const struct redis_line cell[] = {
	{ "COMMAND INFO CL.THROTTLE", "*1\r\n*1\r\n$11\r\ncl.throttle\r\n" },
	{ "CL.THROTTLE lua-user-throttle-n\r\n:5:5:60 4 5 60 1",
	    "*5\r\n:1\r\n:5\r\n:0\r\n:12\r\n:60\r\n" },
	{ NULL, NULL },
};

START_TEST(redis_cell_is_used)
{
	struct redis_fake f;
	struct throttle_spec spec;
	struct throttle_answer a;
	struct err err;
	char url[64];

	redis_fake_bind(&f);
	redis_fake_start(&f, cell);
	snprintf(url, sizeof url, "redis://127.0.0.1:%d", f.port);
	ck_assert_int_eq(throttle_parse("5/min", &spec, NULL), 0);
	ck_assert_msg(throttle_shared_take(open_url(url, "error"), &spec,
			  "n\r\n", 3, FAR, &a, &err) == 0,
	    "%s", err.msg);
	ck_assert(a.throttled);
	ck_assert_uint_eq(a.limit, 5);
	ck_assert_int_eq(a.retry_after, 12 * CLOCK_S);
	ck_assert_int_eq(a.reset_after, 60 * CLOCK_S);
	redis_fake_stop(&f);
}
END_TEST

/*
 * Answers that no throttle gives, by the first letter of its name: the server
 * is away then, and nobody passes because of them.
 */
static const struct redis_line odd_cell[] = {
	{ "COMMAND INFO CL.THROTTLE", "*1\r\n*1\r\n$11\r\ncl.throttle\r\n" },
	{ "CL.THROTTLE lua-user-throttle-a", "*0\r\n" },
	{ "CL.THROTTLE lua-user-throttle-b", "+OK\r\n" },
	{ "CL.THROTTLE lua-user-throttle-c",
	    "*5\r\n$1\r\n0\r\n:5\r\n:4\r\n:-1\r\n:60\r\n" },
	{ "CL.THROTTLE lua-user-throttle-d",
	    "*5\r\n:0\r\n:5\r\n:-4\r\n:-1\r\n:60\r\n" },
	{ "CL.THROTTLE lua-user-throttle-e",
	    "*5\r\n:0\r\n:5\r\n:4\r\n:-1\r\n:9223372036854775807\r\n" },
	{ "CL.THROTTLE lua-user-throttle-f",
	    "*5\r\n:1\r\n:5\r\n:0\r\n:9223372036854775807\r\n:60\r\n" },
	{ NULL, NULL },
};
static const struct redis_line odd_script[] = {
	{ "COMMAND INFO CL.THROTTLE", "*1\r\n*-1\r\n" },
	{ "SCRIPT LOAD", "$3\r\nabc\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-a", "*0\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-b", ":0\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-c", "*3\r\n:0\r\n:1\r\n+x\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-d", "*3\r\n:0\r\n:-1\r\n:0\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-e",
	    "*3\r\n:0\r\n:9223372036854775807\r\n:0\r\n" },
	{ "EVALSHA abc 1 kumilter-throttle-f",
	    "*3\r\n:0\r\n:1\r\n:9223372036854775807\r\n" },
	{ NULL, NULL },
};
static const struct {
	const struct redis_line *lines;
	const char *asks; /* before the name */
} odd[] = {
	{ odd_cell, "lua-user-throttle-" },
	{ odd_script, "kumilter-throttle-" },
};

static bool
was_asked(struct redis_fake *f, const char *key)
{
	bool yes;

	pthread_mutex_lock(&f->lock);
	yes = strstr(str_c(&f->seen), key) != NULL;
	pthread_mutex_unlock(&f->lock);
	return yes;
}

START_TEST(odd_answers_are_none)
{
	struct throttle_spec spec;
	struct throttle_shared *s;
	struct throttle_answer a;
	struct redis_fake f;
	struct err err;
	char url[64];

	redis_fake_bind(&f);
	redis_fake_start(&f, odd[_i].lines);
	snprintf(url, sizeof url, "redis://127.0.0.1:%d", f.port);
	s = open_url(url, "error");
	ck_assert_int_eq(throttle_parse("5/min", &spec, NULL), 0);
	for (char name[] = "a"; name[0] <= 'f'; name[0]++) {
		char *key = xasprintf("%s%s:", odd[_i].asks, name);

		do { /* after a failure it is left alone for a while */
			ck_assert_msg(throttle_shared_take(s, &spec, name, 1,
					  FAR, &a, &err) == -1,
			    "%s: %d", key, a.throttled);
			clock_sleep_until(clock_mono() + 5 * CLOCK_MS);
		} while (!was_asked(&f, key));
		free(key);
	}
	redis_fake_stop(&f);
}
END_TEST

#define INIT                                                                   \
	"local kumo = require 'kumo' kumo.on('init', function() "              \
	"kumo.configure_redis_throttles { node = '%s' } %s end) "              \
	"local t = kumo.make_throttle('lua', '2/d') "                          \
	"kumo.on('smtp_server_mail_from', function() "                         \
	"kumo.reject(550, 'n' .. tostring(t:throttle().remaining)) end)"

static struct epoch *
load(const char *url, const char *more, struct err *err)
{
	char *text = xasprintf(INIT, url, more);
	struct epoch *e = policy_load(text, 2, err);

	free(text);
	return e;
}

START_TEST(policies)
{
	struct err err;
	struct epoch *e;

	ck_assert_ptr_null(load("unix:///no/such", "", &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "No such file"));
	ck_assert_ptr_null(load(server.url,
	    "kumo.configure_redis_throttles { node = 'redis://h' }", &err));
	ck_assert_ptr_nonnull(
	    strstr(err.msg, "redis already configured for throttles"));
	/* a policy that is loaded again goes on */
	for (int i = 1; i >= 0; i--) {
		e = load(server.url, "", &err);
		ck_assert_msg(e != NULL, "%s", err.msg);
		epoch_set_current(e);
		play_expect("C M:<s@a.example>",
		    i == 1 ? "C -; M 550 n1" : "C -; M 550 n0", "a reload");
	}
}
END_TEST

START_TEST(lua_file_runs)
{
	char *text =
	    xasprintf("assert(loadfile('t/lua/kumo_redis_throttles.lua'))('%s')"
		      " local kumo = require 'kumo' "
		      "kumo.on('smtp_server_mail_from', function() "
		      "local _, why = pcall(kumo.configure_redis_throttles, "
		      "{ node = '%s' }) kumo.reject(550, why) end)",
		server.url, server.url);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect("C M:<s@a.example>",
	    "C -; M 550 kumo.configure_redis_throttles: call it in "
	    "kumo.on('init', ...)",
	    "not while a policy runs");
	free(text);
}
END_TEST

#endif

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("throttle_shared", &t);

#ifdef HAVE_HIREDIS
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, counts_as_one_process_does);
	tcase_add_test(t, without_redis);
	tcase_add_loop_test(t, on_error_row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, odd_answers_are_none, 0, UNIT_N(odd));
	tcase_add_test(t, redis_cell_is_used);
	tcase_add_test(t, policies);
	tcase_add_test(t, lua_file_runs);
#endif
	return s;
}

UNIT_MAIN(suite)
