#include "unit.h"

#include "milter/clock.h"
#include "milter/err.h"
#include "milter/mutual.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

START_TEST(one_run_holds_it)
{
	struct mutual *m = mutual_named("a", 1), *again = mutual_named("a", 1);
	struct mutual *other = mutual_named("b", 1);
	struct mutual_held *mine = NULL, *theirs = NULL;

	ck_assert_ptr_eq(m, again);
	ck_assert_ptr_ne(m, other);
	ck_assert(!mutual_unlock(m, &mine));
	ck_assert_int_eq(mutual_lock(m, &mine, false, 0), MUTUAL_OK);
	ck_assert_int_eq(mutual_lock(m, &theirs, false, 0), MUTUAL_BUSY);
	ck_assert_int_eq(mutual_lock(other, &theirs, false, 0), MUTUAL_OK);
	ck_assert_int_eq(
	    mutual_lock(m, &theirs, false, clock_mono() + CLOCK_MS),
	    MUTUAL_BUSY);
	ck_assert_int_eq(mutual_lock(m, &mine, false, 0), MUTUAL_MINE);
	ck_assert(!mutual_unlock(m, &theirs));
	ck_assert(mutual_unlock(m, &mine));
	ck_assert_int_eq(mutual_lock(m, &theirs, false, 0), MUTUAL_OK);
	mutual_unref(m);
	mutual_unref(again);
	mutual_unref(other);
	mutual_unref(NULL);
	ck_assert_int_eq(mutual_release(&theirs), 2);
	ck_assert_int_eq(mutual_release(&mine), 0);
}
END_TEST

START_TEST(recursive_locks_are_counted)
{
	struct mutual *m = mutual_new();
	struct mutual_held *mine = NULL, *theirs = NULL;

	ck_assert_int_eq(mutual_lock(m, &mine, true, 0), MUTUAL_OK);
	ck_assert_int_eq(mutual_lock(m, &mine, true, 0), MUTUAL_OK);
	ck_assert(mutual_unlock(m, &mine));
	ck_assert_int_eq(mutual_lock(m, &theirs, true, 0), MUTUAL_BUSY);
	ck_assert(mutual_unlock(m, &mine));
	ck_assert(!mutual_unlock(m, &mine));
	ck_assert_int_eq(mutual_lock(m, &theirs, true, 0), MUTUAL_OK);
	mutual_unref(m); /* what is held lives on */
	ck_assert_int_eq(mutual_release(&theirs), 1);
}
END_TEST

START_TEST(a_run_holds_so_many)
{
	struct mutual_held *mine = NULL;
	char name[32];
	int n = 0;

	for (;; n++) {
		struct mutual *m;
		enum mutual_result r;

		snprintf(name, sizeof name, "lock %d", n);
		m = mutual_named(name, strlen(name));
		r = mutual_lock(m, &mine, false, 0);
		mutual_unref(m);
		if (r != MUTUAL_OK) {
			ck_assert_int_eq(r, MUTUAL_TOO_MANY);
			break;
		}
	}
	ck_assert_int_eq(n, MUTUAL_HELD_MAX);
	ck_assert_int_eq(mutual_release(&mine), MUTUAL_HELD_MAX);
}
END_TEST

#define THREADS 4
#define ROUNDS 3000

static int inside, total;

static void *
work(void *arg)
{
	struct mutual_held *held = NULL;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct mutual *m = mutual_named("t", 1);

		must(mutual_lock(m, &held, false,
			 clock_mono() + 60 * CLOCK_S) == MUTUAL_OK);
		mutual_unref(m);
		must(inside++ == 0);
		total++;
		inside--;
		if (i % 2) {
			m = mutual_named("t", 1);
			must(mutual_unlock(m, &held));
			mutual_unref(m);
		} else {
			must(mutual_release(&held) == 1);
		}
	}
	return NULL;
}

START_TEST(threads_exclude_each_other)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(total, THREADS * ROUNDS);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("mutual", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, one_run_holds_it);
	tcase_add_test(t, recursive_locks_are_counted);
	tcase_add_test(t, a_run_holds_so_many);
	tcase_add_test(t, threads_exclude_each_other);
	return s;
}

UNIT_MAIN(suite)
