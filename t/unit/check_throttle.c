#include "unit.h"

#include "milter/clock.h"
#include "milter/throttle.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX "9007199254740992"

static const struct {
	const char *text, *error;
	uint64_t limit, period, max_burst;
	bool local;
} specs[] = {
	{ "100/h", NULL, 100, 3600, 100, false },
	{ "100/hr", NULL, 100, 3600, 100, false },
	{ "1/hour", NULL, 1, 3600, 1, false },
	{ "local:7/s", NULL, 7, 1, 7, true },
	{ "7/sec", NULL, 7, 1, 7, false },
	{ "7/second", NULL, 7, 1, 7, false },
	{ "7/m", NULL, 7, 60, 7, false },
	{ "7/min", NULL, 7, 60, 7, false },
	{ "7/minute", NULL, 7, 60, 7, false },
	{ "7/d", NULL, 7, 86400, 7, false },
	{ "7/day", NULL, 7, 86400, 7, false },
	{ "1_000/h", NULL, 1000, 3600, 1000, false },
	{ "1,000,000/h", NULL, 1000000, 3600, 1000000, false },
	{ "10/15s", NULL, 10, 15, 10, false },
	{ "10/2day", NULL, 10, 172800, 10, false },
	{ "10/366d", NULL, 10, 366 * 86400, 10, false },
	{ "10/s,max_burst=3", NULL, 10, 1, 3, false },
	{ "1,0/5min,max_burst=1_2", NULL, 10, 300, 12, false },
	{ "10/s,max_burst=0", NULL, 10, 1, 0, false },
	{ MAX "/s", NULL, THROTTLE_LIMIT_MAX, 1, THROTTLE_LIMIT_MAX, false },
	{ "", "expected 'limit/period', got ", 0, 0, 0, false },
	{ "100", "expected 'limit/period', got 100", 0, 0, 0, false },
	{ "local:5", "expected 'limit/period', got 5", 0, 0, 0, false },
	{ "100/seconds", "unknown period quantity seconds", 0, 0, 0, false },
	{ "100/", "unknown period quantity ", 0, 0, 0, false },
	{ "100/10", "unknown period quantity 10", 0, 0, 0, false },
	{ "100/H", "unknown period quantity H", 0, 0, 0, false },
	{ "100/1 h", "unknown period quantity 1 h", 0, 0, 0, false },
	{ "100/h ", "unknown period quantity h ", 0, 0, 0, false },
	{ "100/h,burst=1", "unknown period quantity h,burst=1", 0, 0, 0,
	    false },
	{ "100/0s", "invalid period 0s: ", 0, 0, 0, false },
	{ "100/367d", "invalid period 367d: ", 0, 0, 0, false },
	{ "100/99999999999999999999s", "invalid period 999", 0, 0, 0, false },
	{ "three/h", "invalid limit 'three'", 0, 0, 0, false },
	{ "/h", "invalid limit ''", 0, 0, 0, false },
	{ "_/h", "invalid limit '_'", 0, 0, 0, false },
	{ "-1/h", "invalid limit '-1'", 0, 0, 0, false },
	{ "1.5/h", "invalid limit '1.5'", 0, 0, 0, false },
	{ " 1/h", "invalid limit ' 1'", 0, 0, 0, false },
	{ "0/h", "invalid limit in 0/h", 0, 0, 0, false },
	{ MAX "0/s", "invalid limit '" MAX "0'", 0, 0, 0, false },
	{ "99999999999999999999999/s", "invalid limit '999", 0, 0, 0, false },
	{ "1/h,max_burst=", "invalid max_burst ''", 0, 0, 0, false },
	{ "1/h,max_burst=x", "invalid max_burst 'x'", 0, 0, 0, false },
	{ "1/h,max_burst=-1", "invalid max_burst '-1'", 0, 0, 0, false },
};

START_TEST(specs_are_read)
{
	struct throttle_spec s;
	struct err err = { "" };
	int rc = throttle_parse(specs[_i].text, &s, &err);

	if (specs[_i].error != NULL) {
		ck_assert_msg(rc != 0, "%s", specs[_i].text);
		ck_assert_msg(strncmp(err.msg, specs[_i].error,
				  strlen(specs[_i].error)) == 0,
		    "%s: %s", specs[_i].text, err.msg);
		return;
	}
	ck_assert_msg(rc == 0, "%s: %s", specs[_i].text, err.msg);
	ck_assert_msg(s.limit == specs[_i].limit &&
			  s.period == specs[_i].period &&
			  s.max_burst == specs[_i].max_burst &&
			  s.local == specs[_i].local,
	    "%s", specs[_i].text);
}
END_TEST

static struct throttle_spec
spec(const char *text)
{
	struct throttle_spec s;

	ck_assert_int_eq(throttle_parse(text, &s, NULL), 0);
	return s;
}

/* a: allowed, r: refused, a dot: a second later */
static const struct {
	const char *spec, *story;
} stories[] = {
	{ "3/3s", "aaar" },
	{ "3/3s", "aaar.ar.ar...aaar" },
	{ "3/3s", "a.a.a.a.a.aaar" },
	{ "1/s", "ar.ar..ar" },
	{ "1/10s", "ar........r.r.ar" },
	{ "10/10s,max_burst=1", "aar.ar.ar..aar" },
	{ "10/10s,max_burst=0", "ar.ar..ar" },
	{ "2/2s,max_burst=9", "aar.ar..aar" },
	{ "2/4s", "aar.r.ar.r.ar" },
	/* a third of a second: three of them are exactly one */
	{ "3/s", "aaar.aaar.aaar" },
	{ "7/s,max_burst=0", "ar.ar.ar.ar.ar.ar.ar.ar" },
};

START_TEST(rates_are_kept)
{
	struct throttle_spec s = spec(stories[_i].spec);
	int64_t now = 1000 * CLOCK_S;
	char name[32];

	snprintf(name, sizeof name, "story %d", _i);
	for (const char *c = stories[_i].story; *c != '\0'; c++) {
		struct throttle_answer a;

		if (*c == '.') {
			now += CLOCK_S;
			continue;
		}
		a = throttle_take(&s, name, strlen(name), now);
		ck_assert_msg(a.throttled == (*c == 'r'), "%s: %s: at %s",
		    stories[_i].spec, stories[_i].story, c);
		ck_assert_int_eq(a.throttled, a.retry_after > 0);
		ck_assert_msg(
		    !a.throttled || a.remaining == 0, "%s", stories[_i].spec);
	}
}
END_TEST

START_TEST(answers_are_exact)
{
	struct throttle_spec s = spec("3/10s,max_burst=1");
	int64_t now = 5 * CLOCK_S, third = 10 * CLOCK_S / 3 + 1;
	struct throttle_answer a = throttle_look(&s, "exact", 5, now);

	ck_assert(!a.throttled);
	a = throttle_take(&s, "exact", 5, now);
	ck_assert_uint_eq(a.limit, 2);
	ck_assert_uint_eq(a.remaining, 1);
	ck_assert_int_eq(a.reset_after, third);
	ck_assert_int_eq(a.retry_after, 0);
	a = throttle_take(&s, "exact", 5, now);
	ck_assert_uint_eq(a.remaining, 0);
	ck_assert_int_eq(a.reset_after, 20 * CLOCK_S / 3 + 1);
	a = throttle_take(&s, "exact", 5, now + 1);
	ck_assert(a.throttled);
	ck_assert_int_eq(a.retry_after, third - 1);
	a = throttle_take(&s, "exact", 5, now + 1 + a.retry_after - 1);
	ck_assert(a.throttled);
	ck_assert_int_eq(a.retry_after, 1);
	a = throttle_take(&s, "exact", 5, now + third);
	ck_assert(!a.throttled);
	/* a clock that another thread read before is no harm */
	ck_assert(throttle_take(&s, "exact", 5, now).throttled);
}
END_TEST

/* No drift: each as soon as it may be, and one more would be too much. */
START_TEST(nothing_adds_up)
{
	struct throttle_spec s = spec("7/s,max_burst=1");
	int64_t now = CLOCK_S;

	ck_assert(!throttle_take(&s, "drift", 5, now).throttled);
	for (int i = 0; i < 700000; i++) {
		struct throttle_answer a = throttle_take(&s, "drift", 5, now);

		ck_assert(!a.throttled);
		ck_assert(throttle_take(&s, "drift", 5, now).throttled);
		now = CLOCK_S + (CLOCK_S * (i + 1) + 6) / 7;
	}
	ck_assert_int_eq(now, 100001 * CLOCK_S);
}
END_TEST

START_TEST(the_largest_fit)
{
	struct throttle_spec s = spec(MAX "/366d");
	struct throttle_answer a = throttle_take(&s, "large", 5, INT64_MAX - 1);

	ck_assert(!a.throttled);
	ck_assert_uint_eq(a.limit, THROTTLE_LIMIT_MAX);
	ck_assert_uint_eq(a.remaining, THROTTLE_LIMIT_MAX - 1);
	s = spec("1/366d");
	a = throttle_take(&s, "large", 5, 0);
	ck_assert(!a.throttled);
	a = throttle_take(&s, "large", 5, 0);
	ck_assert_int_eq(a.retry_after, 366 * 86400 * CLOCK_S);
}
END_TEST

START_TEST(buckets_are_apart)
{
	struct throttle_spec s = spec("1/d"), other = spec("1/2d"),
			     burst = spec("1/d,max_burst=2");

	ck_assert(!throttle_take(&s, "n", 1, CLOCK_S).throttled);
	ck_assert(throttle_take(&s, "n", 1, CLOCK_S).throttled);
	ck_assert(!throttle_take(&other, "n", 1, CLOCK_S).throttled);
	ck_assert(!throttle_take(&burst, "n", 1, CLOCK_S).throttled);
	ck_assert(!throttle_take(&s, "n\0", 2, CLOCK_S).throttled);
	ck_assert(!throttle_take(&s, "", 0, CLOCK_S).throttled);
	ck_assert(throttle_take(&s, "", 0, CLOCK_S).throttled);
	s.local = true; /* there is no other place, so it is the same */
	ck_assert(throttle_take(&s, "n", 1, CLOCK_S).throttled);
}
END_TEST

START_TEST(buckets_are_bounded)
{
	struct throttle_spec s = spec("1/d");
	char name[THROTTLE_NAME_MAX] = "";
	int again = 0;

	ck_assert(!throttle_take(&s, "used", 4, CLOCK_S).throttled);
	for (int i = 0; i < 2 * THROTTLE_MAX; i++) {
		int n = snprintf(name, sizeof name, "%d", i);

		throttle_take(&s, name, (size_t)n, CLOCK_S);
		if (i % 1000 == 0)
			ck_assert(
			    throttle_take(&s, "used", 4, CLOCK_S).throttled);
	}
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(name, sizeof name, "%d", i);

		again += !throttle_take(&s, name, (size_t)n, CLOCK_S).throttled;
	}
	ck_assert_int_eq(again, 1000);
	for (int i = 0; i < 100000; i++) {
		memcpy(name, &i, sizeof i);
		throttle_take(&s, name, sizeof name, CLOCK_S);
	}
}
END_TEST

static atomic_int allowed;

static void *
work(void *arg)
{
	const struct throttle_spec *s = arg;
	char name[16];

	for (int i = 0; i < 20000; i++) {
		int n = snprintf(name, sizeof name, "t%d", i % 10);

		if (!throttle_take(s, name, (size_t)n, CLOCK_S).throttled)
			atomic_fetch_add(&allowed, 1);
	}
	return NULL;
}

START_TEST(threads_share)
{
	struct throttle_spec s = spec("500/d");
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, &s);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(atomic_load(&allowed), 5000);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("throttle", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, specs_are_read, 0, UNIT_N(specs));
	tcase_add_loop_test(t, rates_are_kept, 0, UNIT_N(stories));
	tcase_add_test(t, answers_are_exact);
	tcase_add_test(t, nothing_adds_up);
	tcase_add_test(t, the_largest_fit);
	tcase_add_test(t, buckets_are_apart);
	tcase_add_test(t, buckets_are_bounded);
	tcase_add_test(t, threads_share);
	return s;
}

UNIT_MAIN(suite)
