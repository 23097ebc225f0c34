#include "milter/regex_set.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct regex_limits limits;

static const struct {
	const char *patterns[4];  /* each is its own value */
	const char *text, *value; /* NULL: none, "!...": why it failed */
} rows[] = {
	{ { NULL }, "a", NULL },
	{ { "a" }, "cab", "a" },
	{ { "^a" }, "cab", NULL },
	{ { "b", "a" }, "ab", "a" },
	{ { "a", "a." }, "ab", "a" },
	{ { "a.", "x" }, "ab", "a." },
	{ { "" }, "", "" },
	{ { "(?i)\xc3\xa9" }, "\xc3\x89", "(?i)\xc3\xa9" },
	{ { "(a+)+$" }, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	    "!too " },
};

static struct regex_set *
make(int row)
{
	struct regex_set *set = regex_set_new();
	struct err err;

	for (int i = 0; i < 4 && rows[row].patterns[i] != NULL; i++) {
		const char *pattern = rows[row].patterns[i];

		ck_assert_msg(regex_set_add(set, pattern, strlen(pattern),
				  pattern, strlen(pattern), &err) == 0,
		    "%s", err.msg);
	}
	regex_set_done(set);
	return set;
}

START_TEST(pattern_is_found)
{
	struct regex_set *set = make(_i);
	const char *value = NULL, *expected = rows[_i].value;
	struct err err;
	size_t len;
	int rc = regex_set_lookup(set, rows[_i].text, strlen(rows[_i].text),
	    &limits, &value, &len, &err);

	if (expected != NULL && *expected == '!') {
		ck_assert_int_eq(rc, -1);
		/* or "too long", on a slow machine */
		ck_assert_ptr_eq(strstr(err.msg, expected + 1), err.msg);
	} else {
		ck_assert_msg(rc == (expected != NULL), "row %d", _i);
		if (rc == 1)
			ck_assert_str_eq(value, expected);
	}
	ck_assert_uint_gt(regex_set_size(set), 0);
	regex_set_free(set);
}
END_TEST

START_TEST(bad_patterns_and_too_many)
{
	struct regex_set *set = regex_set_new();
	struct err err;

	ck_assert_int_eq(regex_set_add(set, "(", 1, "", 0, &err), -1);
	ck_assert_int_eq(regex_set_add(set, "(?R)", 4, "", 0, &err), -1);
	for (int i = 0; i < REGEX_SET_MAX; i++)
		must(regex_set_add(set, "a", 1, "", 0, &err) == 0);
	ck_assert_int_eq(regex_set_add(set, "a", 1, "", 0, &err), -1);
	ck_assert_str_eq(err.msg, "more than 10000 patterns");
	regex_set_free(set);
	regex_set_free(NULL);
}
END_TEST

static void *
look_up(void *arg)
{
	const char *value;
	size_t len;

	for (int i = 0; i < 1000; i++) {
		must(regex_set_lookup(
			 arg, "ab", 2, &limits, &value, &len, NULL) == 1);
		must(strcmp(value, "a") == 0);
	}
	return NULL;
}

START_TEST(threads_look_up)
{
	struct regex_set *set = make(3);
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, look_up, set) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(thread[i], NULL) == 0);
	regex_set_free(set);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("regex_set", &tcase);

	if (!regex_is_built_in())
		return s;
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, pattern_is_found, 0, UNIT_N(rows));
	tcase_add_test(tcase, bad_patterns_and_too_many);
	tcase_add_test(tcase, threads_look_up);
	return s;
}

UNIT_MAIN(suite)
