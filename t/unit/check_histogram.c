#include "unit.h"

#include "milter/clock.h"
#include "milter/histogram.h"

#include <string.h>

#define US INT64_C(1000)

static const struct {
	int64_t ns;
	int bucket;
} places[] = {
	{ -5, 0 },
	{ 0, 0 },
	{ 10 * US, 0 },
	{ 10 * US + 1, 1 },
	{ 20 * US, 1 },
	{ 999 * US, 6 },
	{ 1 * CLOCK_S, 15 },
	{ 50 * CLOCK_S, 20 },
	{ 50 * CLOCK_S + 1, 21 },
	{ INT64_MAX / 2, 21 },
};

START_TEST(each_time_has_its_bucket)
{
	struct histogram h;
	struct histogram_view v;

	memset(&h, 0, sizeof h);
	histogram_add(&h, places[_i].ns);
	v = histogram_read(&h);
	ck_assert_uint_eq(v.total, 1);
	ck_assert_msg(v.n[places[_i].bucket] == 1, "%lld ns: not in bucket %d",
	    (long long)places[_i].ns, places[_i].bucket);
	ck_assert_uint_eq(
	    v.sum, (uint64_t)(places[_i].ns > 0 ? places[_i].ns : 0));
}
END_TEST

START_TEST(bounds_grow)
{
	for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
		ck_assert_int_gt(histogram_bound(i), histogram_bound(i - 1));
}
END_TEST

START_TEST(parts)
{
	struct histogram h;
	struct histogram_view v;

	memset(&h, 0, sizeof h);
	v = histogram_read(&h);
	ck_assert_int_eq(histogram_part(&v, 0.5), 0);
	for (int i = 0; i < 90; i++)
		histogram_add(&h, 15 * US);
	for (int i = 0; i < 9; i++)
		histogram_add(&h, 3 * CLOCK_MS);
	histogram_add(&h, 3600 * CLOCK_S);
	v = histogram_read(&h);
	ck_assert_int_ge(histogram_part(&v, 0.5), 10 * US);
	ck_assert_int_le(histogram_part(&v, 0.5), 20 * US);
	ck_assert_int_eq(histogram_part(&v, 0.9), 20 * US);
	ck_assert_int_eq(histogram_part(&v, 0.99), 5 * CLOCK_MS);
	/* no bound above it */
	ck_assert_int_eq(histogram_part(&v, 1.0), 50 * CLOCK_S);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("histogram", &tc);

	tcase_add_loop_test(tc, each_time_has_its_bucket, 0, UNIT_N(places));
	tcase_add_test(tc, bounds_grow);
	tcase_add_test(tc, parts);
	return s;
}

UNIT_MAIN(suite)
