#include "unit.h"

#include "milter/clock.h"
#include "milter/err.h"
#include "milter/halt.h"

#include <pthread.h>

#define FAR (clock_mono() + 3600 * CLOCK_S)

static struct halt halt;
static atomic_int begun;

/* A condition of its own, as rooms that wait have them. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
} door = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER };

static void
knock(void *arg)
{
	must(arg == &door);
	pthread_mutex_lock(&door.lock);
	pthread_cond_broadcast(&door.changed);
	pthread_mutex_unlock(&door.lock);
}

static void *
sleeper(void *arg)
{
	(void)arg;
	halt_take(&halt);
	atomic_fetch_add(&begun, 1);
	halt_nap(clock_mono(), FAR);
	must(halt_asked());
	halt_nap(clock_mono(), FAR); /* no more sleep */
	halt_take(NULL);
	must(!halt_asked());
	return NULL;
}

static void *
waiter(void *arg)
{
	(void)arg;
	halt_take(&halt);
	halt_watch(knock, &door);
	pthread_mutex_lock(&door.lock);
	atomic_fetch_add(&begun, 1);
	while (!door.open && !halt_asked())
		pthread_cond_wait(&door.changed, &door.lock);
	pthread_mutex_unlock(&door.lock);
	halt_unwatch();
	return NULL;
}

static void *(*const threads[])(void *) = { sleeper, waiter };

/* Also at the very moment in which it begins to wait: a hundred times. */
START_TEST(wakes_who_waits)
{
	pthread_t thread;

	for (int i = 0; i < 100; i++) {
		halt_init(&halt);
		atomic_store(&begun, 0);
		pthread_create(&thread, NULL, threads[_i], NULL);
		while (atomic_load(&begun) == 0)
			;
		halt_ask(&halt);
		pthread_join(thread, NULL);
		halt_fini(&halt);
	}
}
END_TEST

START_TEST(asked_before_it_began)
{
	pthread_t thread;

	halt_init(&halt);
	halt_ask(&halt);
	pthread_create(&thread, NULL, threads[_i], NULL);
	pthread_join(thread, NULL);
	halt_fini(&halt);
}
END_TEST

/* Who took none sleeps to the end, and watches nothing. */
START_TEST(other_threads_are_as_ever)
{
	int64_t until = clock_mono() + CLOCK_MS;

	ck_assert(!halt_asked());
	halt_watch(knock, NULL);
	halt_nap(clock_mono(), until);
	halt_unwatch();
	ck_assert_int_ge(clock_mono(), until);
	ck_assert_int_eq(halt_patience(7), 7);
	halt_init(&halt);
	halt_take(&halt);
	ck_assert_int_eq(halt_patience(7), HALT_NEVER);
	halt_nap(clock_mono(), clock_mono() + CLOCK_MS);
	ck_assert(!halt_asked());
	halt_take(NULL);
	halt_fini(&halt);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("halt", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, wakes_who_waits, 0, UNIT_N(threads));
	tcase_add_loop_test(t, asked_before_it_began, 0, UNIT_N(threads));
	tcase_add_test(t, other_threads_are_as_ever);
	return s;
}

UNIT_MAIN(suite)
