#include "unit.h"

#include "milter/clock.h"
#include "milter/tick.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SOON (5 * CLOCK_MS)
#define NEVER (3600 * CLOCK_S)

/* Ticks that write down that they ran; the test waits for a count of them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ran[4096], n_ran, inside;
static bool gate_open = true;

struct one {
	struct tick tick;
	int number;
	enum tick_answer answer;
	atomic_int asked;
};

static enum tick_answer
take(struct tick *t)
{
	struct one *one = (struct one *)t;

	atomic_fetch_add(&one->asked, 1);
	return one->answer;
}

static void
run(struct tick *t)
{
	pthread_mutex_lock(&lock);
	inside++;
	pthread_cond_broadcast(&changed);
	while (!gate_open)
		pthread_cond_wait(&changed, &lock);
	inside--;
	ran[n_ran++] = ((struct one *)t)->number;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct one
make(int number)
{
	return (struct one){ .tick = { .take = take, .run = run },
		.number = number };
}

static void
wait_for(const int *what, int n)
{
	pthread_mutex_lock(&lock);
	while (*what < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
begin(void)
{
	n_ran = 0;
	gate_open = true;
}

START_TEST(in_the_order_of_their_times)
{
	static struct one last;
	static struct one many[1000];
	int64_t now = clock_mono();
	int order[1000];

	gate_open = false; /* one thread stands there, this is what it sees */
	for (int i = 0; i < 1000; i++) {
		many[i] = make(i);
		order[i] = (i * 7919) % 1000;
	}
	last = make(1000);
	for (int i = 0; i < 1000; i++)
		tick_put(
		    &many[order[i]].tick, now + NEVER + order[i] * CLOCK_MS);
	for (int i = 0; i < 1000; i += 2)
		ck_assert(tick_cancel(&many[i].tick));
	for (int i = 0; i < 1000; i += 2)
		ck_assert(!tick_cancel(&many[i].tick));
	for (int i = 1; i < 1000; i += 2)
		tick_put(&many[i].tick, now + i * 10000);
	tick_put(&last.tick, now + SOON);
	pthread_mutex_lock(&lock);
	gate_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	wait_for(&n_ran, 501);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(atomic_load(&many[i].asked), i % 2);
}
END_TEST

/* The latest put counts. */
START_TEST(moved_ticks)
{
	struct one a = make(1), b = make(2);

	tick_put(&a.tick, clock_mono() + NEVER);
	tick_put(&b.tick, clock_mono() + SOON);
	wait_for(&n_ran, 1);
	ck_assert_int_eq(ran[0], 2);
	tick_put(&b.tick, clock_mono() + NEVER);
	tick_put(&b.tick, clock_mono() + 2 * NEVER);
	ck_assert(tick_cancel(&b.tick));
	tick_put(&a.tick, clock_mono());
	wait_for(&n_ran, 2);
	ck_assert_int_eq(ran[1], 1);
	ck_assert(!tick_cancel(&a.tick));
}
END_TEST

static void
wait_until_asked(struct one *one, int times)
{
	while (atomic_load(&one->asked) < times)
		clock_sleep_until(clock_mono() + CLOCK_MS);
}

START_TEST(later_and_never)
{
	struct one later = make(1), never = make(2), other = make(3);

	later.answer = TICK_LATER;
	never.answer = TICK_NEVER;
	tick_put(&later.tick, clock_mono());
	tick_put(&never.tick, clock_mono());
	wait_until_asked(&later, 1);
	wait_until_asked(&never, 1);
	tick_put(&other.tick, clock_mono());
	wait_for(&n_ran, 1);
	ck_assert_int_eq(ran[0], 3);
	ck_assert(!tick_cancel(&never.tick));
	ck_assert_int_eq(atomic_load(&later.asked), 1);
	tick_stir();
	wait_until_asked(&later, 2);
	tick_put(&other.tick, clock_mono());
	wait_for(&n_ran, 2);
	ck_assert_int_eq(ran[1], 3);
	ck_assert_int_eq(atomic_load(&never.asked), 1);
	ck_assert(tick_cancel(&later.tick));
	later.answer = TICK_RUN;
	tick_put(&later.tick, clock_mono());
	wait_for(&n_ran, 3);
	ck_assert_int_eq(ran[2], 1);
}
END_TEST

/* As many as there are threads block beside each other; then others wait. */
START_TEST(blocked_runs)
{
	static struct one many[TICK_THREADS + 4];

	gate_open = false;
	for (int i = 0; i < TICK_THREADS + 4; i++) {
		many[i] = make(i);
		tick_put(&many[i].tick, clock_mono());
	}
	wait_for(&inside, TICK_THREADS);
	ck_assert_int_eq(inside, TICK_THREADS);
	ck_assert_int_eq(n_ran, 0);
	pthread_mutex_lock(&lock);
	gate_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	wait_for(&n_ran, TICK_THREADS + 4);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("tick", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, in_the_order_of_their_times);
	tcase_add_test(t, moved_ticks);
	tcase_add_test(t, later_and_never);
	tcase_add_test(t, blocked_runs);
	return s;
}

UNIT_MAIN(suite)
