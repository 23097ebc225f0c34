#include "unit.h"

#include "milter/clock.h"
#include "milter/gauge.h"
#include "milter/metric.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define S(seconds) ((int64_t)(seconds)*CLOCK_S)

static struct gauge *
define(const char *name, int max, int ttl)
{
	struct err err;

	ck_assert_msg(
	    gauge_define(name, max, S(ttl), &err) == 0, "%s", err.msg);
	return gauge_find(name);
}

static int64_t
get(struct gauge *g, const char *key, int64_t now)
{
	return gauge_get(g, key, strlen(key), now);
}

static int64_t
add(struct gauge *g, const char *key, int64_t delta, int64_t now)
{
	return gauge_add(g, key, strlen(key), delta, now);
}

START_TEST(numbers_live_from_their_last_change)
{
	struct gauge *g = define("g", 10, 60);

	ck_assert_int_eq(get(g, "a", S(0)), 0);
	ck_assert_int_eq(add(g, "a", 1, S(0)), 1);
	ck_assert_int_eq(add(g, "a", 1, S(30)), 2);
	ck_assert_int_eq(get(g, "a", S(89)), 2); /* asking is no change */
	ck_assert_int_eq(get(g, "a", S(90)), 0);
	ck_assert_int_eq(add(g, "a", -1, S(90)), -1);
	define("g", 10, 0); /* for ever */
	ck_assert_int_eq(get(g, "a", S(1000000)), -1);
	ck_assert(gauge_remove(g, "a", 1));
	ck_assert(!gauge_remove(g, "a", 1));
	ck_assert_int_eq(get(g, "a", S(90)), 0);
}
END_TEST

START_TEST(the_oldest_is_pushed_out)
{
	struct gauge *g = define("lru", 2, 60);

	add(g, "a", 1, S(0));
	add(g, "b", 2, S(0));
	add(g, "a", 1, S(1));
	get(g, "b", S(1));
	add(g, "c", 3, S(1));
	ck_assert_int_eq(get(g, "a", S(1)), 2);
	ck_assert_int_eq(get(g, "b", S(1)), 0);
	ck_assert_int_eq(get(g, "c", S(1)), 3);
	define("lru", 1, 60); /* defined again: smaller */
	ck_assert_int_eq(get(g, "a", S(1)), 0);
	ck_assert_int_eq(get(g, "c", S(1)), 3);
	define("lru", 1, 1);
	ck_assert_int_eq(get(g, "c", S(2)), 0);
}
END_TEST

START_TEST(terms_have_limits)
{
	char name[32];
	struct err err;
	int rc = 0;

	ck_assert_int_eq(gauge_define("x", 0, S(1), &err), -1);
	ck_assert_int_eq(gauge_define("x", 1, -1, &err), -1);
	ck_assert_ptr_null(gauge_find("x"));
	for (int i = 0; i < GAUGE_MAX + 1 && rc == 0; i++) {
		snprintf(name, sizeof name, "gauge %d", i);
		rc = gauge_define(name, 1, S(1), &err);
	}
	ck_assert_str_eq(err.msg, "there are 64 caches already");
}
END_TEST

START_TEST(keys_for_ever_are_bounded)
{
	struct gauge *g = define("keys", 1000000000, 1000);
	char key[GAUGE_KEY_MAX] = { 0 };

	for (int i = 0; i < 40000; i++) {
		snprintf(key, sizeof key, "%d", i);
		gauge_add(g, key, sizeof key, 1, S(1));
	}
	ck_assert_int_gt(metric_get(METRIC_KEYS_DROPPED), 10000);
	ck_assert_int_eq(gauge_get(g, key, sizeof key, S(1)), 1);
	snprintf(key, sizeof key, "%d", 1000);
	ck_assert_int_eq(gauge_get(g, key, sizeof key, S(1)), 0);
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static void *
work(void *arg)
{
	struct gauge *g = arg;

	for (int i = 0; i < ROUNDS; i++) {
		add(g, "same", 1, S(1));
		add(g, i % 2 ? "x" : "y", 1, S(1));
		get(g, "x", S(1));
	}
	return NULL;
}

START_TEST(threads_count_together)
{
	struct gauge *g = define("threads", 100, 1000);
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, g);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(get(g, "same", S(1)), THREADS * ROUNDS);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("gauge", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, numbers_live_from_their_last_change);
	tcase_add_test(t, the_oldest_is_pushed_out);
	tcase_add_test(t, keys_for_ever_are_bounded);
	tcase_add_test(t, threads_count_together);
	tcase_add_test(t, terms_have_limits);
	return s;
}

UNIT_MAIN(suite)
