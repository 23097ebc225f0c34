#include "unit.h"

#include "milter/err.h"
#include "milter/share.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static bool
set_text(const char *key, const char *text, size_t len)
{
	struct share_value v = {
		.kind = SHARE_STRING, .text = (char *)text, .len = len
	};

	return share_set(key, strlen(key), &v);
}

START_TEST(values_are_shared)
{
	struct share_value v = { .kind = SHARE_NUMBER, .number = 1.5 };

	ck_assert_int_eq(share_get("k", 1).kind, SHARE_NONE);
	share_unset("k", 1);
	ck_assert(share_set("k", 1, &v));
	ck_assert_double_eq(share_get("k", 1).number, 1.5);
	v = (struct share_value){ .kind = SHARE_BOOLEAN, .boolean = true };
	ck_assert(share_set("k", 1, &v));
	ck_assert(share_get("k", 1).boolean);
	ck_assert(set_text("k", "a\0b", 3));
	v = share_get("k", 1);
	ck_assert_uint_eq(v.len, 3);
	ck_assert_int_eq(memcmp(v.text, "a\0b", 4), 0);
	free(v.text);
	share_unset("k", 1);
	ck_assert_int_eq(share_get("k", 1).kind, SHARE_NONE);
}
END_TEST

START_TEST(values_are_bounded)
{
	char *text = xcalloc(1, SHARE_VALUE_MAX + 1), key[32];
	char *long_key = xcalloc(1, SHARE_KEY_MAX + 2);
	struct share_value v;

	memset(long_key, 'k', SHARE_KEY_MAX + 1);
	ck_assert(!set_text("big", text, SHARE_VALUE_MAX + 1));
	ck_assert(!set_text(long_key, text, 1));
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "big %d", i);
		ck_assert(set_text(key, text, SHARE_VALUE_MAX));
	}
	ck_assert_int_eq(share_get("big 0", 5).kind, SHARE_NONE);
	v = share_get("big 99", 6);
	ck_assert_uint_eq(v.len, SHARE_VALUE_MAX);
	free(v.text);
	for (int i = 0; i < 2 * SHARE_MAX; i++) {
		snprintf(key, sizeof key, "small %d", i);
		ck_assert(set_text(key, "x", 1));
	}
	ck_assert_int_eq(share_get("small 0", 7).kind, SHARE_NONE);
	free(text);
	free(long_key);
}
END_TEST

static void *
work(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		struct share_value v;

		set_text("t", arg, 3);
		v = share_get("t", 1);
		must(v.kind == SHARE_NONE || strcmp(v.text, "one") == 0 ||
		     strcmp(v.text, "two") == 0);
		free(v.text);
		if (i % 10 == 0)
			share_unset("t", 1);
	}
	return NULL;
}

START_TEST(threads_see_whole_values)
{
	static char one[] = "one", two[] = "two";
	pthread_t thread[2];

	pthread_create(&thread[0], NULL, work, one);
	pthread_create(&thread[1], NULL, work, two);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	share_unset("t", 1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("share", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, values_are_shared);
	tcase_add_test(t, values_are_bounded);
	tcase_add_test(t, threads_see_whole_values);
	return s;
}

UNIT_MAIN(suite)
