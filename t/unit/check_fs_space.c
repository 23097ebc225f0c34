#include "unit.h"

#include "milter/clock.h"
#include "milter/fs_space.h"

#include <pthread.h>
#include <string.h>

START_TEST(answers_are_kept_for_their_time)
{
	struct fs_space space = { 0 };
	struct err err;

	ck_assert_int_eq(fs_space_last("/", CLOCK_S, 5, &space, &err), 0);
	fs_space_ask("/", 5);
	ck_assert_int_eq(fs_space_last("/", CLOCK_S, 6, &space, &err), 1);
	ck_assert_uint_gt(space.kilobytes_total, 0);
	ck_assert_uint_le(space.kilobytes_available, space.kilobytes_total);
	ck_assert_uint_le(space.objects_available, space.objects_total);
	ck_assert_int_eq(
	    fs_space_last("/", CLOCK_S, 6 + CLOCK_S, &space, &err), 0);
}
END_TEST

START_TEST(errors_are_answers)
{
	struct fs_space space;
	struct err err;

	fs_space_ask("/nowhere", 5);
	ck_assert_int_eq(
	    fs_space_last("/nowhere", CLOCK_S, 5, &space, &err), -1);
	ck_assert_str_eq(err.msg, "/nowhere: No such file or directory");
}
END_TEST

static void *
work(void *arg)
{
	struct fs_space space;
	struct err err;

	for (int i = 0; i < 2000; i++) {
		fs_space_ask(arg, i);
		fs_space_last(arg, CLOCK_S, i, &space, &err);
	}
	return NULL;
}

START_TEST(threads_ask_together)
{
	static char root[] = "/", tmp[] = "/tmp";
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, i % 2 ? root : tmp);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("fs_space", &t);

	tcase_add_test(t, answers_are_kept_for_their_time);
	tcase_add_test(t, errors_are_answers);
	tcase_add_test(t, threads_ask_together);
	return s;
}

UNIT_MAIN(suite)
