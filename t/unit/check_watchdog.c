#include "unit.h"

#include "milter/clock.h"
#include "milter/watchdog.h"

#include <pthread.h>

/* No test here knows how long anything takes: they wait for what must come. */

static enum watch_kill
spin_until_killed(struct watch *w)
{
	enum watch_kill why;

	while ((why = watch_killed(w)) == WATCH_FINE)
		;
	return why;
}

static enum watch_kill
sleep_until_killed(struct watch *w)
{
	enum watch_kill why;

	while ((why = watch_killed(w)) == WATCH_FINE)
		clock_sleep_until(clock_mono() + CLOCK_MS);
	return why;
}

START_TEST(cpu_limit)
{
	struct watch w = { 0 };

	watch_add(&w);
	watch_begin(&w, clock_mono() + 3600 * CLOCK_S, 10 * CLOCK_MS);
	ck_assert_int_eq(spin_until_killed(&w), WATCH_CPU);
	ck_assert_int_eq(watch_killed(&w), WATCH_CPU);
	watch_end(&w);
	/* the next stretch begins with nothing used */
	ck_assert_int_eq(watch_killed(&w), WATCH_FINE);
	watch_begin(&w, clock_mono() + 3600 * CLOCK_S, 3600 * CLOCK_S);
	ck_assert_int_eq(watch_killed(&w), WATCH_FINE);
	watch_end(&w);
	watch_remove(&w);
}
END_TEST

START_TEST(wall_deadline)
{
	struct watch w = { 0 };

	watch_add(&w);
	watch_begin(&w, clock_mono() + 10 * CLOCK_MS, 3600 * CLOCK_S);
	ck_assert_int_eq(sleep_until_killed(&w), WATCH_WALL);
	watch_end(&w);
	watch_begin(&w, clock_mono() - CLOCK_S, 3600 * CLOCK_S);
	ck_assert_int_eq(spin_until_killed(&w), WATCH_WALL);
	watch_end(&w);
	watch_remove(&w);
}
END_TEST

/* CPU that the thread used before, and time that it sleeps, do not count. */
START_TEST(only_the_stretch_counts)
{
	struct watch w = { 0 }, other = { 0 };

	watch_add(&w);
	watch_add(&other);
	watch_begin(&other, clock_mono() + 3600 * CLOCK_S, 200 * CLOCK_MS);
	spin_until_killed(&other);
	watch_end(&other);
	watch_begin(&w, clock_mono() + 3600 * CLOCK_S, 200 * CLOCK_MS);
	/* until the watchdog has looked a few times */
	watch_begin(&other, clock_mono() + 250 * CLOCK_MS, 3600 * CLOCK_S);
	ck_assert_int_eq(sleep_until_killed(&other), WATCH_WALL);
	ck_assert_int_eq(watch_killed(&w), WATCH_FINE);
	watch_end(&w);
	watch_end(&other);
	watch_remove(&other);
	watch_remove(&w);
}
END_TEST

/* A stretch is killed by its own limits alone, whatever its neighbours do. */
START_TEST(many_watches)
{
	struct watch w[20] = { 0 };

	for (int i = 0; i < 20; i++) {
		watch_add(&w[i]);
		watch_begin(&w[i],
		    clock_mono() + (i % 2 != 0 ? 0 : 3600 * CLOCK_S),
		    3600 * CLOCK_S);
	}
	for (int i = 1; i < 20; i += 2)
		ck_assert_int_eq(sleep_until_killed(&w[i]), WATCH_WALL);
	/* taken out in any order */
	for (int i = 0; i < 20; i += 3)
		watch_remove(&w[i]);
	for (int i = 0; i < 20; i++) {
		if (i % 2 == 0)
			ck_assert_int_eq(watch_killed(&w[i]), WATCH_FINE);
		watch_end(&w[i]);
		if (i % 3 != 0)
			watch_remove(&w[i]);
	}
}
END_TEST

static void *
short_stretches(void *arg)
{
	struct watch *w = arg;

	/* each well within its limit: none may be killed for another's sake */
	for (int i = 0; i < 200000; i++) {
		watch_begin(w, clock_mono() + 3600 * CLOCK_S, 60 * CLOCK_S);
		ck_assert_int_eq(watch_killed(w), WATCH_FINE);
		watch_end(w);
	}
	return NULL;
}

START_TEST(changing_threads)
{
	struct watch w = { 0 }, busy = { 0 };
	pthread_t thread;

	watch_add(&w);
	watch_add(&busy);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, short_stretches, &w);
		watch_begin(
		    &busy, clock_mono() + 3600 * CLOCK_S, 20 * CLOCK_MS);
		ck_assert_int_eq(spin_until_killed(&busy), WATCH_CPU);
		watch_end(&busy);
		pthread_join(thread, NULL);
	}
	watch_remove(&busy);
	watch_remove(&w);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("watchdog", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, cpu_limit);
	tcase_add_test(t, wall_deadline);
	tcase_add_test(t, only_the_stretch_counts);
	tcase_add_test(t, many_watches);
	tcase_add_test(t, changing_threads);
	return s;
}

UNIT_MAIN(suite)
