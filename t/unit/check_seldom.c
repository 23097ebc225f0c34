#include "unit.h"

#include "milter/clock.h"
#include "milter/seldom.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define HOUR (3600 * CLOCK_S)

static bool
may(const char *name, int64_t interval)
{
	return seldom_may(name, strlen(name), interval);
}

START_TEST(once_in_the_interval)
{
	ck_assert(may("a", HOUR));
	ck_assert(!may("a", HOUR));
	ck_assert(!may("a", 0)); /* the first one said how long */
	ck_assert(may("b", 0));
	ck_assert(may("b", 0));
	ck_assert(may("c", CLOCK_MS));
	clock_sleep_until(clock_mono() + 2 * CLOCK_MS);
	ck_assert(may("c", HOUR));
	ck_assert(!may("c", HOUR));
}
END_TEST

START_TEST(the_earliest_is_forgotten)
{
	char name[32];

	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "late %d", i);
		ck_assert(may(name, 2 * HOUR));
	}
	ck_assert(may("early", HOUR)); /* for late 0 */
	ck_assert(!may("early", HOUR));
	ck_assert(may("another", 2 * HOUR)); /* for early */
	ck_assert(!may("late 1", HOUR));
	ck_assert(!may("late 255", HOUR));
	ck_assert(may("early", HOUR));
}
END_TEST

static atomic_int allowed;

static void *
ask_often(void *arg)
{
	for (int i = 0; i < 1000; i++)
		allowed += may(arg, HOUR);
	return NULL;
}

START_TEST(one_of_many_threads)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_often,
				     (void *)(uintptr_t) "threads"),
		    0);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(allowed, 1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("seldom", &tcase);

	tcase_add_test(tcase, once_in_the_interval);
	tcase_add_test(tcase, one_of_many_threads);
	tcase_add_test(tcase, the_earliest_is_forgotten); /* fills the table */
	return s;
}

UNIT_MAIN(suite)
