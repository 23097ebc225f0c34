#include "unit.h"

#include "milter/clock.h"
#include "milter/ip_count.h"
#include "milter/metric.h"
#include "milter/series.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define S(seconds) ((int64_t)(seconds)*CLOCK_S)

static struct series *
define(const char *name, enum series_kind kind, int interval, int windows)
{
	struct err err;

	ck_assert_msg(series_define(name, kind, interval, windows, &err) >= 0,
	    "%s", err.msg);
	return series_find(name);
}

static struct series_key
key(enum series_kind kind, const char *text)
{
	struct series_key k = { .text = text, .len = strlen(text) };

	if (kind != SERIES_STRING)
		ck_assert_int_eq(ip_count_net(&k.net, text, NULL, NULL), 0);
	return k;
}

static void
add(struct series *s, const char *text, int64_t delta, int64_t now)
{
	struct series_key k = key(series_kind(s), text);

	series_add(s, &k, delta, now);
}

static int64_t
count(struct series *s, const char *text, int first, int last, int64_t now)
{
	struct series_key k = key(series_kind(s), text);

	return series_count(s, &k, first, last, now);
}

START_TEST(strings_by_window)
{
	struct series *s = define("strings", SERIES_STRING, 60, 3);

	add(s, "a", 1, S(600));
	add(s, "a", 2, S(659));
	add(s, "b", 4, S(659));
	add(s, "a", 8, S(660));
	ck_assert_int_eq(count(s, "a", 0, 0, S(661)), 8);
	ck_assert_int_eq(count(s, "a", 1, 1, S(661)), 3);
	ck_assert_int_eq(count(s, "a", 0, 1, S(661)), 11);
	ck_assert_int_eq(count(s, "b", 0, 1, S(661)), 4);
	ck_assert_int_eq(count(s, "c", 0, 9, S(661)), 0);
	ck_assert_int_eq(count(s, "a", 0, 9, S(660 + 3 * 60)), 8);
	ck_assert_int_eq(count(s, "a", 0, 9, S(660 + 4 * 60)), 0);
}
END_TEST

START_TEST(networks_by_window)
{
	struct series *four = define("four", SERIES_CIDR, 300, 12);
	struct series *six = define("six", SERIES_CIDR_IPV6, 300, 12);

	add(four, "192.0.2.1", 1, S(1000));
	add(four, "192.0.2.2", 2, S(1000));
	add(four, "2001:db8::1", 4, S(1000)); /* not its family */
	add(six, "2001:db8::1", 8, S(1000));
	add(six, "192.0.2.1", 16, S(1000));
	ck_assert_int_eq(count(four, "192.0.2.1", 0, 0, S(1000)), 1);
	ck_assert_int_eq(count(four, "192.0.2.1/24", 0, 0, S(1000)), 3);
	ck_assert_int_eq(count(four, "192.0.2.1/0", 0, 0, S(1000)), 3);
	ck_assert_int_eq(count(four, "::/0", 0, 0, S(1000)), 0);
	ck_assert_int_eq(count(six, "::/0", 0, 0, S(1000)), 8);
	ck_assert_int_eq(count(six, "0.0.0.0/0", 0, 0, S(1000)), 0);
}
END_TEST

START_TEST(items_are_removed)
{
	struct series *s = define("remove", SERIES_CIDR, 60, 1);
	struct series_key k = key(SERIES_CIDR, "192.0.2.1");

	add(s, "192.0.2.1", 1, S(1));
	add(s, "192.0.2.2", 1, S(1));
	ck_assert(series_remove(s, &k));
	ck_assert(!series_remove(s, &k));
	ck_assert_int_eq(count(s, "0.0.0.0/0", 0, 0, S(1)), 1);
	s = define("remove s", SERIES_STRING, 60, 1);
	k = key(SERIES_STRING, "x");
	ck_assert(!series_remove(s, &k));
	add(s, "x", 1, S(1));
	ck_assert(series_remove(s, &k));
	ck_assert_int_eq(count(s, "x", 0, 0, S(1)), 0);
}
END_TEST

START_TEST(the_same_terms_keep_the_counts)
{
	struct series *s = define("again", SERIES_STRING, 60, 3);
	struct err err;

	add(s, "a", 1, S(1));
	ck_assert_int_eq(series_define("again", SERIES_STRING, 60, 3, &err), 0);
	ck_assert_ptr_eq(series_find("again"), s);
	ck_assert_int_eq(count(s, "a", 0, 0, S(1)), 1);
	ck_assert_int_eq(series_define("again", SERIES_CIDR, 60, 3, &err), 1);
	ck_assert_int_eq(series_kind(s), SERIES_CIDR);
	ck_assert_int_eq(series_define("again", SERIES_STRING, 60, 3, &err), 1);
	ck_assert_int_eq(count(s, "a", 0, 0, S(1)), 0);
	ck_assert_ptr_null(series_find("unknown"));
}
END_TEST

START_TEST(terms_have_limits)
{
	char name[32];
	struct err err;
	int rc = 0;

	ck_assert_int_eq(series_define("x", SERIES_STRING, 0, 3, &err), -1);
	ck_assert_int_eq(series_define("x", SERIES_STRING, 60, 0, &err), -1);
	ck_assert_int_eq(
	    series_define("x", SERIES_STRING, 60, 10001, &err), -1);
	for (int i = 0; i < SERIES_MAX + 1 && rc >= 0; i++) {
		snprintf(name, sizeof name, "series %d", i);
		rc = series_define(name, SERIES_CIDR, 60, 3, &err);
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_str_eq(err.msg, "there are 64 series already");
}
END_TEST

START_TEST(keys_for_ever_are_bounded)
{
	struct series *s = define("keys", SERIES_STRING, 1, 100);
	struct series *ips = define("ips", SERIES_CIDR, 1, 100);
	char text[32];

	for (int i = 0; i < 50000; i++) {
		snprintf(text, sizeof text, "key %d", i);
		add(s, text, 1, S(1));
		snprintf(
		    text, sizeof text, "10.%d.%d.1", i >> 8 & 255, i & 255);
		add(ips, text, 1, S(1));
	}
	ck_assert_int_gt(metric_get(METRIC_KEYS_DROPPED), 10000);
	ck_assert_int_eq(count(s, "key 0", 0, 0, S(1)), 0);
	ck_assert_int_eq(count(s, "key 49999", 0, 0, S(1)), 1);
	ck_assert_int_eq(count(ips, "10.0.0.1", 0, 0, S(1)), 0);
	ck_assert_int_eq(count(ips, text, 0, 0, S(1)), 1);
	ck_assert_int_lt(count(ips, "0.0.0.0/0", 0, 0, S(1)),
	    (int64_t)(SERIES_BYTES / 1000));
}
END_TEST

#define THREADS 4
#define ROUNDS 5000

static void *
work(void *arg)
{
	struct series *s = arg;
	struct err err;

	for (int i = 0; i < ROUNDS; i++) {
		add(s, i % 2 ? "192.0.2.1" : "192.0.2.2", 1, S(i % 3));
		count(s, "192.0.2.0/24", 0, 3, S(i % 3));
		series_define("threads", SERIES_CIDR, 3600, 3, &err);
	}
	return NULL;
}

START_TEST(threads_count_together)
{
	struct series *s = define("threads", SERIES_CIDR, 3600, 3);
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, s);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(
	    count(s, "192.0.2.0/24", 0, 0, S(1)), THREADS * ROUNDS);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("series", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, strings_by_window);
	tcase_add_test(t, networks_by_window);
	tcase_add_test(t, items_are_removed);
	tcase_add_test(t, the_same_terms_keep_the_counts);
	tcase_add_test(t, keys_for_ever_are_bounded);
	tcase_add_test(t, threads_count_together);
	tcase_add_test(t, terms_have_limits);
	return s;
}

UNIT_MAIN(suite)
