#include "unit.h"

#include "milter/clock.h"
#include "milter/err.h"
#include "milter/halt.h"
#include "milter/mpsc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define FAR (clock_mono() + 3600 * CLOCK_S)

static struct mpsc_value
number(long n)
{
	return (struct mpsc_value){ .json = json_integer(n), .cost = 100 };
}

static void
put(struct mpsc *q, long n)
{
	struct mpsc_value v = number(n);

	ck_assert_int_eq(mpsc_put(q, &v), MPSC_OK);
	ck_assert_ptr_null(v.json);
}

static void
take(struct mpsc *q, long n)
{
	struct mpsc_value v = { 0 };

	ck_assert_int_eq(mpsc_take(q, &v), MPSC_OK);
	ck_assert_int_eq(json_integer_value(v.json), n);
	mpsc_value_fini(&v);
}

static void
refuse(struct mpsc *q, size_t cost, enum mpsc_answer why)
{
	struct mpsc_value v = { .json = json_true(), .cost = cost };

	ck_assert_int_eq(mpsc_put(q, &v), why);
	ck_assert_ptr_nonnull(v.json);
	mpsc_value_fini(&v);
}

static struct mpsc *
define(const char *name, size_t limit)
{
	struct err err;
	struct mpsc *q = mpsc_define(name, strlen(name), limit, &err);

	ck_assert_ptr_nonnull(q);
	return q;
}

START_TEST(first_in_first_out)
{
	struct mpsc *q = define("fifo", 0);
	struct mpsc_value v = { 0 };
	long in = 0, out = 0;

	ck_assert_int_eq(mpsc_take(q, &v), MPSC_EMPTY);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 3 + round * 7; i++)
			put(q, in++);
		for (int i = 0; i < 2 + round * 6; i++)
			take(q, out++);
		ck_assert_uint_eq(mpsc_len(q), (size_t)(in - out));
	}
	while (out < in)
		take(q, out++);
	ck_assert_uint_eq(mpsc_len(q), 0);
	ck_assert_ptr_eq(define("fifo", 1), q);
	put(q, 1);
	put(q, 2); /* the first definition had no limit */
	take(q, 1);
	take(q, 2);
}
END_TEST

START_TEST(limits)
{
	struct mpsc *two = define("two", 2), *any = define("any", 0);
	struct mpsc_value v;

	put(two, 1);
	put(two, 2);
	refuse(two, 1, MPSC_FULL);
	take(two, 1);
	put(two, 3);
	take(two, 2);
	take(two, 3);
	put(any, 1);
	refuse(any, MPSC_BYTES, MPSC_FULL);
	refuse(any, SIZE_MAX, MPSC_FULL);
	v = (struct mpsc_value){ .json = json_true(),
		.cost = MPSC_BYTES - 100 };
	ck_assert_int_eq(mpsc_put(any, &v), MPSC_OK);
	refuse(any, 1, MPSC_FULL);
	take(any, 1);
	ck_assert_int_eq(mpsc_take(any, &v), MPSC_OK);
	mpsc_value_fini(&v);
	v = (struct mpsc_value){ .json = json_true(), .cost = SIZE_MAX - 1 };
	ck_assert_int_eq(mpsc_put(any, &v), MPSC_OK);
	refuse(any, 1, MPSC_FULL);
	ck_assert_int_eq(mpsc_take(any, &v), MPSC_OK);
	mpsc_value_fini(&v);
	put(any, 4);
	take(any, 4);
}
END_TEST

static int freed;

static void
count_freed(void *objects)
{
	freed += *(int *)objects;
}

START_TEST(closed)
{
	struct mpsc *q = define("closed", 0);
	int one = 1;
	struct mpsc_value v = { json_true(), 1, &one, count_freed };

	ck_assert_int_eq(mpsc_put(q, &v), MPSC_OK);
	put(q, 2);
	ck_assert(!mpsc_is_closed(q));
	mpsc_close(q);
	ck_assert(mpsc_is_closed(q));
	refuse(q, 1, MPSC_CLOSED);
	mpsc_wait_room(q, 1, FAR); /* there is nothing to wait for */
	ck_assert_int_eq(mpsc_take(q, &v), MPSC_OK);
	ck_assert_ptr_eq(v.objects, &one);
	mpsc_value_fini(&v);
	mpsc_value_fini(&v);
	ck_assert_int_eq(freed, 1);
	take(q, 2);
	ck_assert_int_eq(mpsc_take(q, &v), MPSC_CLOSED);
	mpsc_wait_value(q, FAR);
}
END_TEST

START_TEST(waits_end_in_time)
{
	struct mpsc *q = define("waits", 1);

	mpsc_wait_room(q, 1, FAR);
	mpsc_wait_value(q, clock_mono() + CLOCK_MS);
	put(q, 1);
	mpsc_wait_value(q, FAR);
	mpsc_wait_room(q, 1, clock_mono() + CLOCK_MS);
	mpsc_wait_room(q, SIZE_MAX, clock_mono() + CLOCK_MS);
	take(q, 1);
}
END_TEST

static struct halt halt;

static void *
wait_for_nothing(void *q)
{
	halt_take(&halt);
	mpsc_wait_value(q, FAR);
	halt_take(NULL);
	return NULL;
}

START_TEST(a_stop_wakes_who_waits)
{
	pthread_t thread;

	halt_init(&halt);
	pthread_create(&thread, NULL, wait_for_nothing, define("stop", 0));
	halt_ask(&halt);
	pthread_join(thread, NULL);
	halt_fini(&halt);
}
END_TEST

START_TEST(so_many_queues)
{
	struct err err;
	char name[16];
	int n = 0;

	do {
		snprintf(name, sizeof name, "many %d", n++);
	} while (mpsc_define(name, strlen(name), 0, &err) != NULL);
	ck_assert_int_gt(n, MPSC_MAX / 2);
	ck_assert_int_le(n, MPSC_MAX + 1);
	ck_assert_str_eq(err.msg, "there are 1024 queues already");
	ck_assert_ptr_nonnull(mpsc_define("many 0", 6, 0, &err));
}
END_TEST

/* ---- threads ------------------------------------------------------------ */

#define THREADS 4
#define EACH 5000

static struct mpsc *shared;
static atomic_long sum;

static void *
sender(void *arg)
{
	long from = *(int *)arg * EACH;

	for (long i = 0; i < EACH; i++) {
		struct mpsc_value v = number(from + i);

		while (mpsc_put(shared, &v) == MPSC_FULL)
			mpsc_wait_room(shared, v.cost, FAR);
	}
	return NULL;
}

/* What one sender sent comes in its order. */
static void *
receiver(void *arg)
{
	struct mpsc_value v = { 0 };
	long last[THREADS], n;
	enum mpsc_answer a;

	(void)arg;
	for (int i = 0; i < THREADS; i++)
		last[i] = -1;
	while ((a = mpsc_take(shared, &v)) != MPSC_CLOSED) {
		if (a == MPSC_EMPTY) {
			mpsc_wait_value(shared, FAR);
			continue;
		}
		n = (long)json_integer_value(v.json);
		must(n > last[n / EACH]);
		last[n / EACH] = n;
		atomic_fetch_add(&sum, n);
		mpsc_value_fini(&v);
	}
	return NULL;
}

START_TEST(many_senders_and_receivers)
{
	pthread_t in[THREADS], out[THREADS];
	int number_of[THREADS];
	const long all = (long)THREADS * EACH;

	shared = define("shared", 16);
	atomic_store(&sum, 0);
	for (int i = 0; i < THREADS; i++) {
		number_of[i] = i;
		pthread_create(&out[i], NULL, receiver, NULL);
		pthread_create(&in[i], NULL, sender, &number_of[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(in[i], NULL);
	mpsc_close(shared);
	for (int i = 0; i < THREADS; i++)
		pthread_join(out[i], NULL);
	ck_assert_int_eq(sum, all * (all - 1) / 2);
	ck_assert_uint_eq(mpsc_len(shared), 0);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("mpsc", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, first_in_first_out);
	tcase_add_test(t, limits);
	tcase_add_test(t, closed);
	tcase_add_test(t, waits_end_in_time);
	tcase_add_test(t, a_stop_wakes_who_waits);
	tcase_add_test(t, many_senders_and_receivers);
	tcase_add_test(t, so_many_queues);
	return s;
}

UNIT_MAIN(suite)
