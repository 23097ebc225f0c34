#include "unit.h"

#include "milter/clock.h"
#include "milter/count_series.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct count_series *
series(const char *name, int buckets, int64_t initial)
{
	struct count_series *s = count_series_define(
	    name, strlen(name), buckets, 10, initial, 100 * CLOCK_S, NULL);

	ck_assert_ptr_nonnull(s);
	return s;
}

static int64_t
sum(struct count_series *s, int64_t seconds, int64_t now)
{
	return count_series_sum(s, seconds * CLOCK_S, now * CLOCK_S);
}

START_TEST(buckets_come_and_go)
{
	struct count_series *s = series("go", 3, 5);

	ck_assert_int_eq(sum(s, 999, 100), 5);
	count_series_add(s, 2, 109 * CLOCK_S);
	ck_assert_int_eq(sum(s, 1, 109), 7);
	count_series_add(s, 1, 110 * CLOCK_S);
	ck_assert_int_eq(sum(s, 0, 110), 0);
	ck_assert_int_eq(sum(s, 10, 110), 1);
	ck_assert_int_eq(sum(s, 11, 110), 8);
	ck_assert_int_eq(sum(s, 30, 129), 8);
	ck_assert_int_eq(sum(s, 30, 130), 1);
	ck_assert_int_eq(sum(s, 30, 140), 0);
}
END_TEST

START_TEST(never_below_nothing)
{
	struct count_series *s = series("below", 2, 0);

	count_series_add(s, -3, 100 * CLOCK_S);
	ck_assert_int_eq(sum(s, 99, 100), 0);
	count_series_add(s, 5, 100 * CLOCK_S);
	count_series_add(s, -3, 100 * CLOCK_S);
	ck_assert_int_eq(sum(s, 99, 100), 2);
	count_series_add(s, -3, 110 * CLOCK_S);
	ck_assert_int_eq(sum(s, 99, 110), 2);
	count_series_set(s, 7, 110 * CLOCK_S);
	count_series_set(s, 4, 110 * CLOCK_S);
	ck_assert_int_eq(sum(s, 99, 110), 6);
}
END_TEST

START_TEST(series_have_names)
{
	struct count_series *s = series("name", 2, 1);
	struct err err;
	char name[32];

	count_series_add(s, 1, 100 * CLOCK_S);
	ck_assert_ptr_eq(series("name", 2, 9), s);
	ck_assert_int_eq(sum(s, 99, 100), 2);
	ck_assert_ptr_eq(series("name", 3, 9), s);
	ck_assert_int_eq(sum(s, 99, 100), 9);
	for (int i = 0; i < COUNT_SERIES_MAX; i++) {
		int n = snprintf(name, sizeof name, "many %d", i);

		s = count_series_define(name, (size_t)n, 1, 1, 0, 0, &err);
	}
	ck_assert_ptr_null(s);
	ck_assert_str_eq(err.msg, "there are 1024 series already");
}
END_TEST

static void *
work(void *s)
{
	for (int i = 0; i < 10000; i++)
		count_series_add(s, 1, 100 * CLOCK_S);
	return NULL;
}

START_TEST(threads_share)
{
	struct count_series *s = series("threads", 9, 0);
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, s);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(sum(s, 1, 100), 40000);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("count_series", &t);

	tcase_add_test(t, buckets_come_and_go);
	tcase_add_test(t, never_below_nothing);
	tcase_add_test(t, threads_share);
	tcase_add_test(t, series_have_names); /* the last: it makes them all */
	return s;
}

UNIT_MAIN(suite)
