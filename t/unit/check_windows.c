#include "unit.h"

#include "milter/windows.h"

#define N 3

/* Counted "now+delta" one after the other, then asked. */
static const struct {
	const char *name;
	struct {
		int64_t now, delta;
	} add[4];
	int64_t now, first, last, sum;
} rows[] = {
	{ "one", { { 100, 1 } }, 100, 0, 0, 1 },
	{ "the current window alone", { { 100, 1 }, { 101, 2 } }, 101, 0, 0,
	    2 },
	{ "the one before", { { 100, 1 }, { 101, 2 } }, 101, 1, 1, 1 },
	{ "both", { { 100, 1 }, { 101, 2 } }, 101, 0, 1, 3 },
	{ "both, the other way round", { { 100, 1 }, { 101, 2 } }, 101, 1, 0,
	    3 },
	{ "time went on", { { 100, 1 } }, 102, 0, 0, 0 },
	{ "time went on, all", { { 100, 1 } }, 102, 0, 9, 1 },
	{ "too long ago", { { 100, 1 } }, 103, 0, 9, 0 },
	{ "the slot is used again", { { 100, 1 }, { 103, 2 } }, 103, 0, 9, 2 },
	{ "a jump", { { 100, 1 }, { 101, 1 }, { 1000, 5 } }, 1000, 0, 9, 5 },
	{ "a little late", { { 101, 1 }, { 100, 2 } }, 101, 1, 1, 2 },
	{ "far too late", { { 110, 1 }, { 100, 2 } }, 110, 0, 9, 1 },
	{ "the asker is behind", { { 101, 1 }, { 100, 2 } }, 100, 0, 0, 2 },
	{ "negative", { { 5, 1 }, { 5, -3 } }, 5, 0, 0, -2 },
	{ "the beginning of time", { { 0, 1 }, { 1, 1 } }, 1, 0, 9, 2 },
	{ "negative range", { { 5, 1 } }, 5, -9, -1, 0 },
	{ "stays at its end", { { 5, INT64_MAX }, { 5, 1 } }, 5, 0, 0,
	    INT64_MAX },
	{ "so does a sum", { { 5, INT64_MIN }, { 6, -1 } }, 6, 0, 1,
	    INT64_MIN },
};

START_TEST(sums_follow_the_windows)
{
	int64_t w[WINDOWS_LEN(N)] = { 0 };

	for (size_t i = 0; i < UNIT_N(rows[_i].add); i++)
		if (rows[_i].add[i].delta != 0)
			windows_add(
			    w, N, rows[_i].add[i].now, rows[_i].add[i].delta);
	ck_assert_msg(windows_sum(w, N, rows[_i].now, rows[_i].first,
			  rows[_i].last) == rows[_i].sum,
	    "%s", rows[_i].name);
}
END_TEST

START_TEST(parts_are_taken_off)
{
	int64_t all[WINDOWS_LEN(N)] = { 0 }, part[WINDOWS_LEN(N)] = { 0 };

	windows_add(all, N, 10, 5);
	windows_add(part, N, 9, 100); /* all has forgotten it */
	windows_add(part, N, 10, 2);
	windows_add(all, N, 12, 7);
	windows_subtract(all, part, N);
	ck_assert_int_eq(windows_sum(all, N, 12, 2, 2), 3);
	ck_assert_int_eq(windows_sum(all, N, 12, 0, 9), 10);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("windows", &t);

	tcase_add_loop_test(t, sums_follow_the_windows, 0, UNIT_N(rows));
	tcase_add_test(t, parts_are_taken_off);
	return s;
}

UNIT_MAIN(suite)
