#include "unit.h"

#include "milter/counter.h"
#include "milter/metric.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct counter *
open_one(const char *path)
{
	return counter_open(path, strlen(path));
}

START_TEST(one_number_for_each_path)
{
	struct counter *a = open_one("/a"), *b = open_one("/b");
	struct counter *again = open_one("/a");

	ck_assert_ptr_eq(a, again);
	ck_assert_int_eq(counter_add(a, 1), 1);
	ck_assert_int_eq(counter_add(again, 1024), 1025);
	ck_assert_int_eq(counter_add(b, -5), -5);
	counter_unref(again);
	counter_unref(a);
	a = open_one("/a"); /* it stays without a handle */
	ck_assert_int_eq(counter_read(a), 1025);
	counter_reset(a);
	ck_assert_int_eq(counter_read(a), 0);
	ck_assert_int_eq(counter_read(b), -5);
	counter_unref(a);
	counter_unref(b);
	ck_assert(counter_unlink("/a", 2));
	ck_assert(counter_unlink("/b", 2));
	ck_assert(!counter_unlink("/b", 2));
}
END_TEST

START_TEST(unlinked_handles_go_on)
{
	struct counter *old = open_one("/u"), *new;

	counter_add(old, 3);
	ck_assert(counter_unlink("/u", 2));
	ck_assert_int_eq(counter_add(old, 1), 4);
	new = open_one("/u");
	ck_assert_int_eq(counter_read(new), 0);
	counter_unref(old);
	counter_unref(new);
	counter_unref(NULL);
}
END_TEST

START_TEST(sums_stay_at_their_ends)
{
	struct counter *c = open_one("/end");

	counter_add(c, INT64_MAX);
	ck_assert_int_eq(counter_add(c, 1), INT64_MAX);
	counter_reset(c);
	counter_add(c, INT64_MIN);
	ck_assert_int_eq(counter_add(c, -1), INT64_MIN);
	counter_unref(c);
}
END_TEST

START_TEST(paths_are_bounded)
{
	char path[COUNTER_PATH_MAX] = { 0 };
	struct counter *first = open_one("/first"), *again;

	counter_add(first, 7);
	for (int i = 0; i < COUNTER_MAX; i++) {
		snprintf(path, sizeof path, "/many/%d", i);
		counter_unref(counter_open(path, strlen(path)));
	}
	ck_assert_int_ge(metric_get(METRIC_KEYS_DROPPED), 1);
	again = open_one("/first"); /* pushed out, made anew */
	ck_assert_int_eq(counter_read(again), 0);
	ck_assert_int_eq(counter_add(first, 1), 8);
	counter_unref(first);
	counter_unref(again);
	ck_assert(!counter_unlink("/many/0", 7));
	ck_assert(counter_unlink(path, strlen(path)));
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static void *
count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct counter *c = open_one("/threads"), *other;

		counter_add(c, 1);
		counter_unref(c);
		other = open_one("/comes/and/goes");
		counter_add(other, 1);
		if (i % 3 == 0)
			counter_unlink("/comes/and/goes", 15);
		counter_unref(other);
	}
	return NULL;
}

START_TEST(threads_count_together)
{
	pthread_t thread[THREADS];
	struct counter *c = open_one("/threads");

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, count, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(counter_read(c), THREADS * ROUNDS);
	counter_unref(c);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("counter", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, one_number_for_each_path);
	tcase_add_test(t, unlinked_handles_go_on);
	tcase_add_test(t, sums_stay_at_their_ends);
	tcase_add_test(t, paths_are_bounded);
	tcase_add_test(t, threads_count_together);
	return s;
}

UNIT_MAIN(suite)
