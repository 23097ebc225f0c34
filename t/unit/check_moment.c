#include "milter/moment.h"
#include "unit.h"

#include <string.h>
#include <time.h>

static const struct {
	const char *text;
	int64_t s;
	int32_t ns;
} dates[] = {
	{ "1970-01-01T00:00:00Z", 0, 0 },
	{ "2026-08-01T12:00:00+00:00", 1785585600, 0 },
	{ "2026-08-01t12:00:00.5z", 1785585600, 500000000 },
	{ "2026-08-01 14:00:00.123456789999+02:00", 1785585600, 123456789 },
	{ "2026-08-01T11:30:00-00:30", 1785585600, 0 },
	{ "2016-12-31T23:59:60Z", 1483228800, 0 },
	{ "2024-02-29T00:00:00Z", 1709164800, 0 },
	{ "0000-01-01T00:00:00Z", -62167219200, 0 },
	{ "9999-12-31T23:59:59Z", 253402300799, 0 },
	{ "1969-12-31T23:59:59.25Z", -1, 250000000 },
};

static const char *const no_dates[] = { "", "2026", "2026-08-01",
	"2026-08-01T12:00:00", "2026-8-01T12:00:00Z", "2026-13-01T12:00:00Z",
	"2023-02-29T12:00:00Z", "2026-08-01T24:00:00Z", "2026-08-01T12:60:00Z",
	"2026-08-01T12:00:61Z", "2026-08-01T12:00:00.Z",
	"2026-08-01T12:00:00+0200", "2026-08-01T12:00:00+24:00",
	"2026-08-01T12:00:00Zx", "-026-08-01T12:00:00Z", "2026-08-00T12:00:00Z",
	"2026-08-01X12:00:00Z" };

START_TEST(parse)
{
	struct moment m;

	ck_assert_msg(moment_parse_rfc3339(
			  &m, dates[_i].text, strlen(dates[_i].text)) == 0,
	    "%s", dates[_i].text);
	ck_assert_msg(
	    m.s == dates[_i].s, "%s: %lld", dates[_i].text, (long long)m.s);
	ck_assert_int_eq(m.ns, dates[_i].ns);
}
END_TEST

START_TEST(refuse)
{
	struct moment m;

	ck_assert_msg(
	    moment_parse_rfc3339(&m, no_dates[_i], strlen(no_dates[_i])) == -1,
	    "%s", no_dates[_i]);
}
END_TEST

/* As the C library counts. */
START_TEST(fields)
{
	for (int64_t at = INT64_C(-62135596800); at < INT64_C(253402300800);
	     at += 86400 * 13 + 4711) {
		time_t t = (time_t)at;
		struct moment m;
		struct tm tm;

		gmtime_r(&t, &tm);
		ck_assert_int_eq(
		    moment_of_fields(&m, tm.tm_year + 1900, tm.tm_mon + 1,
			tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec),
		    0);
		ck_assert_int_eq(m.s, at);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("moment", &tcase);

	tcase_add_loop_test(tcase, parse, 0, UNIT_N(dates));
	tcase_add_loop_test(tcase, refuse, 0, UNIT_N(no_dates));
	tcase_add_test(tcase, fields);
	return s;
}

UNIT_MAIN(suite)
