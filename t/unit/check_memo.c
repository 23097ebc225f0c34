#include "unit.h"

#include "milter/clock.h"
#include "milter/memo.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS                                                                \
	{                                                                      \
		.ttl = 10 * CLOCK_S, .capacity = 100                           \
	}

static struct memo *
cache(const char *name, struct memo_options o)
{
	struct memo *m = memo_define(name, strlen(name), &o, NULL);

	ck_assert_ptr_nonnull(m);
	return m;
}

static struct memo_value *
done(struct memo_flight *f, struct memo_flight **mine, json_t *json,
    size_t cost, int64_t now)
{
	struct memo_result r = { .json = json, .cost = cost };

	return memo_done(f, mine, &r, now);
}

/* One call that finds n where nothing is known; what it is told. */
static int
ask(struct memo *m, const char *key, int n, int64_t now)
{
	struct memo_flight *mine = NULL, *f = NULL;
	struct memo_value *v = NULL;
	int got;

	switch (memo_ask(m, key, strlen(key), &mine, now, &v, &f)) {
	case MEMO_CALLER:
		v = done(f, &mine, json_integer(n), 8, now);
		break;
	case MEMO_VALUE:
		ck_assert_ptr_null(f);
		break;
	default:
		ck_abort_msg("nobody else is there");
	}
	got = (int)json_integer_value(memo_json(v));
	memo_value_unref(v);
	memo_flight_unref(f);
	ck_assert_ptr_null(mine);
	return got;
}

START_TEST(values_are_kept_for_their_time)
{
	struct memo *m = cache("time", (struct memo_options)OPTIONS);

	ck_assert_int_eq(ask(m, "k", 1, 0), 1);
	ck_assert_int_eq(ask(m, "k", 2, 0), 1);
	ck_assert_int_eq(ask(m, "other", 3, 0), 3);
	ck_assert_int_eq(ask(m, "", 4, 0), 4);
	ck_assert_int_eq(ask(m, "k", 5, 10 * CLOCK_S - 1), 1);
	ck_assert_int_eq(ask(m, "k", 6, 10 * CLOCK_S), 6);
	ck_assert_int_eq(ask(m, "k", 7, 20 * CLOCK_S - 1), 6);
	m = cache(
	    "ever", (struct memo_options){ .ttl = INT64_MAX, .capacity = 1 });
	ck_assert_int_eq(ask(m, "k", 1, 5), 1);
	ck_assert_int_eq(ask(m, "k", 2, INT64_MAX - 1), 1);
	m = cache("never", (struct memo_options){ .capacity = 1 });
	ck_assert_int_eq(ask(m, "k", 1, 5), 1);
	ck_assert_int_eq(ask(m, "k", 2, 5), 2);
}
END_TEST

START_TEST(caches_have_names)
{
	struct memo_options o = OPTIONS;
	struct memo *m = cache("name", o);
	struct err err;
	char name[32];

	ck_assert_int_eq(ask(m, "k", 1, 0), 1);
	ck_assert_ptr_eq(cache("name", o), m);
	ck_assert_int_eq(ask(m, "k", 2, 0), 1);
	ck_assert_int_eq(ask(cache("name 2", o), "k", 3, 0), 3);
	o.retry = true;
	ck_assert_ptr_eq(cache("name", o), m);
	ck_assert(memo_options(m).retry);
	ck_assert_int_eq(ask(m, "k", 4, 0), 4);
	for (int i = 0; i < MEMO_MAX; i++) {
		int n = snprintf(name, sizeof name, "many %d", i);

		m = memo_define(name, (size_t)n, &o, &err);
	}
	ck_assert_ptr_null(m);
	ck_assert_str_eq(err.msg, "there are 1024 caches already");
	ck_assert_ptr_nonnull(cache("name", o));
}
END_TEST

START_TEST(the_oldest_go)
{
	struct memo *m = cache(
	    "old", (struct memo_options){ .ttl = CLOCK_S, .capacity = 2 });

	ask(m, "a", 1, 0);
	ask(m, "b", 1, 0);
	ask(m, "a", 1, 0);
	ask(m, "c", 1, 0);
	ck_assert_int_eq(ask(m, "a", 2, 0), 1);
	ck_assert_int_eq(ask(m, "b", 2, 0), 2);
	m = cache("none", (struct memo_options){ .ttl = CLOCK_S });
	ck_assert_int_eq(ask(m, "a", 1, 0), 1);
	ck_assert_int_eq(ask(m, "a", 2, 0), 2);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	struct memo *m = cache(
	    "bytes", (struct memo_options){ .ttl = CLOCK_S, .capacity = 1000 });
	struct memo_flight *mine = NULL, *f;
	struct memo_value *v;
	char key[16];

	for (int i = 0; i < 100; i++) {
		int n = snprintf(key, sizeof key, "%d", i);

		ck_assert_int_eq(
		    memo_ask(m, key, (size_t)n, &mine, 0, &v, &f), MEMO_CALLER);
		v = done(f, &mine, json_integer(i), (size_t)1 << 20, 0);
		memo_value_unref(v);
		memo_flight_unref(f);
	}
	ck_assert_int_eq(ask(m, "0", -1, 0), -1);
	ck_assert_int_eq(ask(m, "99", -1, 0), 99);
}
END_TEST

START_TEST(a_flight_is_for_all)
{
	struct memo *m = cache("flight", (struct memo_options)OPTIONS);
	struct memo_flight *a = NULL, *b = NULL, *f, *g, *h;
	struct memo_value *v = NULL, *w;
	char *why;

	ck_assert_int_eq(memo_ask(m, "k", 1, &a, 0, &v, &f), MEMO_CALLER);
	ck_assert_int_eq(memo_ask(m, "k", 1, &a, 0, &v, &g), MEMO_SELF);
	ck_assert_int_eq(memo_ask(m, "k", 1, &b, 0, &v, &g), MEMO_WAIT);
	ck_assert_int_eq(memo_ask(m, "l", 1, &b, 0, &v, &h), MEMO_CALLER);
	ck_assert_ptr_null(memo_wait(g, 0, &why));
	ck_assert_ptr_null(why);
	v = done(f, &a, json_integer(5), 8, 0);
	w = memo_wait(g, 0, &why);
	ck_assert_ptr_eq(v, w);
	memo_value_unref(v);
	memo_value_unref(w);
	memo_flight_unref(g);
	/* ended already */
	memo_fail(f, &a, "late");
	memo_flight_unref(f);
	ck_assert_int_eq(ask(m, "k", 6, 0), 5);
	/* what fails is not kept */
	memo_fail(h, &b, "no");
	memo_flight_unref(h);
	ck_assert_int_eq(ask(m, "l", 7, 0), 7);
}
END_TEST

START_TEST(who_is_ended_leaves_nobody_waiting)
{
	struct memo *m = cache("ended", (struct memo_options)OPTIONS);
	struct memo_flight *a = NULL, *b = NULL, *f, *f2, *g;
	struct memo_value *v;
	char *why;

	ck_assert_int_eq(memo_ask(m, "k", 1, &a, 0, &v, &f), MEMO_CALLER);
	ck_assert_int_eq(memo_ask(m, "l", 1, &a, 0, &v, &f2), MEMO_CALLER);
	ck_assert_int_eq(memo_ask(m, "k", 1, &b, 0, &v, &g), MEMO_WAIT);
	memo_release(&a);
	ck_assert_ptr_null(a);
	ck_assert_ptr_null(memo_wait(g, 0, &why));
	ck_assert_str_eq(why, "the handler that called it was ended");
	free(why);
	memo_flight_unref(f);
	memo_flight_unref(f2);
	memo_flight_unref(g);
	ck_assert_int_eq(ask(m, "k", 1, 0), 1);
}
END_TEST

START_TEST(a_flight_outlasts_its_cache)
{
	struct memo_options o = OPTIONS;
	struct memo *m = cache("redefined", o);
	struct memo_flight *a = NULL, *f;
	struct memo_value *v;

	ck_assert_int_eq(memo_ask(m, "k", 1, &a, 0, &v, &f), MEMO_CALLER);
	o.capacity = 7;
	cache("redefined", o);
	ck_assert_int_eq(ask(m, "k", 2, 0), 2);
	v = done(f, &a, json_integer(1), 8, 0);
	memo_value_unref(v);
	memo_flight_unref(f);
	ck_assert_int_eq(ask(m, "k", 3, 0), 2);
}
END_TEST

START_TEST(stale_values_bridge_a_flight)
{
	struct memo_options o = OPTIONS;
	struct memo_flight *a = NULL, *f;
	struct memo_value *v;
	struct memo *m;

	o.stale = true;
	m = cache("stale", o);
	ck_assert_int_eq(ask(m, "k", 1, 0), 1);
	ck_assert_int_eq(
	    memo_ask(m, "k", 1, &a, 10 * CLOCK_S, &v, &f), MEMO_CALLER);
	ck_assert_int_eq(ask(m, "k", 2, 10 * CLOCK_S), 1);
	v = done(f, &a, json_integer(3), 8, 10 * CLOCK_S);
	memo_value_unref(v);
	memo_flight_unref(f);
	ck_assert_int_eq(ask(m, "k", 2, 10 * CLOCK_S), 3);
}
END_TEST

static atomic_int calls, waits;

static void *
work(void *arg)
{
	struct memo *m = arg;
	char key[16], *why;

	for (int i = 0; i < 3000; i++) {
		int n = snprintf(key, sizeof key, "%d", i / 3);
		struct memo_flight *mine = NULL, *f = NULL;
		struct memo_value *v = NULL;

		switch (memo_ask(m, key, (size_t)n, &mine, 0, &v, &f)) {
		case MEMO_CALLER:
			atomic_fetch_add(&calls, 1);
			v = done(f, &mine, json_integer(i / 3), 8, 0);
			break;
		case MEMO_WAIT:
			atomic_fetch_add(&waits, 1);
			v = memo_wait(f, INT64_MAX, &why);
			break;
		default:
			break;
		}
		must(json_integer_value(memo_json(v)) == i / 3);
		memo_value_unref(v);
		memo_flight_unref(f);
	}
	return NULL;
}

START_TEST(threads_share_one_call)
{
	struct memo *m = cache("threads",
	    (struct memo_options){ .ttl = CLOCK_S, .capacity = 1000 });
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, m);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(atomic_load(&calls), 1000);
	/* and so small a cache that values go while they are read */
	m = cache(
	    "threads", (struct memo_options){ .ttl = CLOCK_S, .capacity = 2 });
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, m);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

static void
keep_numbers(void *arg, const struct memo_numbers *n)
{
	if (strcmp(n->name, "of \n\\ each") == 0)
		*(struct memo_numbers *)arg = *n;
}

START_TEST(numbers_of_each_cache)
{
	struct memo_options o = OPTIONS;
	struct memo *m = cache("of \n\\ each", o);
	struct memo_flight *mine = NULL, *f, *g = NULL;
	struct memo_value *v = NULL;
	struct memo_numbers n = { .name = NULL };

	ask(m, "k", 1, 0);
	ask(m, "k", 2, 0);
	ck_assert_int_eq(memo_ask(m, "e", 1, &mine, 0, &v, &f), MEMO_CALLER);
	{
		struct memo_flight *theirs = NULL;

		ck_assert_int_eq(
		    memo_ask(m, "e", 1, &theirs, 0, &v, &g), MEMO_WAIT);
	}
	memo_fail(f, &mine, "x");
	memo_flight_unref(f);
	memo_flight_unref(g);
	memo_each(keep_numbers, &n);
	ck_assert_ptr_nonnull(n.name);
	ck_assert_uint_eq(n.hits, 1);
	ck_assert_uint_eq(n.misses, 2);
	ck_assert_uint_eq(n.waits, 1);
	ck_assert_uint_eq(n.failures, 1);
	ck_assert_uint_eq(n.evicted, 0);
	ck_assert_uint_eq(n.entries, 1);
	ck_assert_uint_gt(n.bytes, 0);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("memo", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, values_are_kept_for_their_time);
	tcase_add_test(t, the_oldest_go);
	tcase_add_test(t, bytes_are_bounded);
	tcase_add_test(t, a_flight_is_for_all);
	tcase_add_test(t, who_is_ended_leaves_nobody_waiting);
	tcase_add_test(t, a_flight_outlasts_its_cache);
	tcase_add_test(t, stale_values_bridge_a_flight);
	tcase_add_test(t, numbers_of_each_cache);
	tcase_add_test(t, threads_share_one_call);
	tcase_add_test(t, caches_have_names); /* the last: it makes them all */
	return s;
}

UNIT_MAIN(suite)
