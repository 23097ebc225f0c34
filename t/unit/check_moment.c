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
		struct moment_fields f;
		struct moment m;
		struct tm tm;

		gmtime_r(&t, &tm);
		ck_assert_int_eq(
		    moment_of_fields(&m, tm.tm_year + 1900, tm.tm_mon + 1,
			tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec),
		    0);
		ck_assert_int_eq(m.s, at);
		moment_fields(&f, &m);
		ck_assert(f.year == tm.tm_year + 1900 &&
			  f.month == tm.tm_mon + 1 && f.day == tm.tm_mday &&
			  f.hour == tm.tm_hour && f.minute == tm.tm_min &&
			  f.second == tm.tm_sec && f.weekday == tm.tm_wday &&
			  f.yearday == tm.tm_yday + 1);
	}
}
END_TEST

/* Each day of many years, as strftime(3) has it. */
START_TEST(formats_of_c)
{
	static const char *const formats[] = { "%Y-%m-%d %H:%M:%S",
		"%a %A %b %B %h %p %P", "%C %y %e %j %k %l %I", "%u %w", "%U",
		"%W", "%V", "%G", "%g", "%D %F %R %T %r", "%c", "%x %X",
		"%% %t %n", "%-d %_d %-H %_M %-j %_m" };

	for (int64_t at = INT64_C(-5000000000); at < INT64_C(6000000000);
	     at += 86400 + 137) {
		time_t t = (time_t)at;
		struct moment m = { at, 0 };
		struct tm tm;

		gmtime_r(&t, &tm);
		for (size_t i = 0; i < UNIT_N(formats); i++) {
			struct str out = { 0 };
			char expected[128];

			strftime(expected, sizeof expected, formats[i], &tm);
			moment_format(&out, &m, formats[i], strlen(formats[i]));
			ck_assert_msg(strcmp(str_c(&out), expected) == 0,
			    "%s of %lld: %s, expected %s", formats[i],
			    (long long)at, str_c(&out), expected);
			str_fini(&out);
		}
	}
}
END_TEST

static const struct {
	int64_t s;
	int32_t ns;
	const char *format, *out;
} others[] = {
	{ 946782245, 0, "%H:%M:%S%", "03:04:05%" },
	{ 946782245, 0, "%Q%", "%Q%" },
	{ 946782245, 0, "%-Q %_", "%-Q %_" },
	{ 946782245, 0, "%v", " 2-Jan-2000" },
	{ 946782245, 0, "%z %Z %:z %::z %:::z %#z",
	    "+0000 UTC +00:00 +00:00:00 +00 +00" },
	{ 946782245, 0, "%s", "946782245" },
	{ 946782245, 0, "%+", "2000-01-02T03:04:05+00:00" },
	{ 946782245, 0, "%f %.f|%3f %.3f", "000000000 |000 .000" },
	{ 946782245, 5000000, "%f %.f %3f %.3f", "005000000 .005 005 .005" },
	{ 946782245, 5000, "%.f %6f %.6f", ".000005 000005 .000005" },
	{ 946782245, 5, "%.f %9f %.9f %.4f",
	    ".000000005 000000005 .000000005 %.4f" },
	{ 946782245, 0, "%0e %0k", "02 03" },
	{ 946782245, 0, "", "" },
	{ -62167219201, 0, "%Y", "-0001" },
	{ -62167219200, 0, "%Y", "0000" },
};

START_TEST(formats_of_chrono)
{
	struct moment m = { others[_i].s, others[_i].ns };
	struct str out = { 0 };

	moment_format(&out, &m, others[_i].format, strlen(others[_i].format));
	ck_assert_str_eq(str_c(&out), others[_i].out);
	str_fini(&out);
}
END_TEST

static const struct {
	int64_t s;
	int32_t ns;
	const char *text, *rfc3339, *rfc2822;
} written[] = {
	{ 946782245, 0, "2000-01-02 03:04:05 UTC", "2000-01-02T03:04:05+00:00",
	    "Sun, 2 Jan 2000 03:04:05 +0000" },
	{ 0, 500000000, "1970-01-01 00:00:00.500 UTC",
	    "1970-01-01T00:00:00.500+00:00", "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ -1, 1000, "1969-12-31 23:59:59.000001 UTC",
	    "1969-12-31T23:59:59.000001+00:00",
	    "Wed, 31 Dec 1969 23:59:59 +0000" },
	{ 253402300799, 1, "9999-12-31 23:59:59.000000001 UTC",
	    "9999-12-31T23:59:59.000000001+00:00",
	    "Fri, 31 Dec 9999 23:59:59 +0000" },
};

START_TEST(writes)
{
	struct moment m = { written[_i].s, written[_i].ns }, again;
	struct str out = { 0 };

	moment_write(&out, &m);
	ck_assert_str_eq(str_c(&out), written[_i].text);
	str_clear(&out);
	moment_write_rfc2822(&out, &m);
	ck_assert_str_eq(str_c(&out), written[_i].rfc2822);
	str_clear(&out);
	moment_write_rfc3339(&out, &m);
	ck_assert_str_eq(str_c(&out), written[_i].rfc3339);
	ck_assert_int_eq(moment_parse_rfc3339(&again, str_c(&out), out.len), 0);
	ck_assert(again.s == m.s && again.ns == m.ns);
	str_fini(&out);
}
END_TEST

START_TEST(sums)
{
	struct moment m, last = { 253402300799, 999999999 };
	struct span half = { -1, 500000000 }, d;
	struct str out = { 0 };

	ck_assert_int_eq(moment_add(&m, &(struct moment){ 0, 0 }, half), 0);
	ck_assert(m.s == -1 && m.ns == 500000000);
	d = moment_since(&(struct moment){ 0, 0 }, &m);
	ck_assert(d.s == 0 && d.ns == 500000000);
	d = span_negate(half);
	ck_assert(d.s == 0 && d.ns == 500000000);
	ck_assert_int_eq(span_add(&d, d, d), 0);
	ck_assert(d.s == 1 && d.ns == 0);
	ck_assert_int_eq(moment_add(&m, &last, (struct span){ 0, 1 }), -1);
	ck_assert_int_eq(moment_add(&m, &last,
			     (struct span){ INT64_C(-9000000000000000), 0 }),
	    -1);
	d.s = INT64_C(9000000000000000);
	ck_assert_int_eq(span_add(&d, d, d), -1);
	ck_assert_int_eq(span_write(&out, half), -1);
	ck_assert_int_eq(span_write(&out, (struct span){ 3723, 1000000 }), 0);
	ck_assert_str_eq(str_c(&out), "1h 2m 3s 1ms");
	str_clear(&out);
	span_write(&out, (struct span){ INT64_C(31557600) * 1000 + 1, 0 });
	ck_assert_str_eq(str_c(&out), "1000years 1s");
	str_clear(&out);
	span_write(&out, (struct span){ INT64_C(31557600) * 1000, 0 });
	ck_assert_str_eq(str_c(&out), "1000years");
	str_fini(&out);
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
	tcase_add_test(tcase, formats_of_c);
	tcase_add_loop_test(tcase, formats_of_chrono, 0, UNIT_N(others));
	tcase_add_loop_test(tcase, writes, 0, UNIT_N(written));
	tcase_add_test(tcase, sums);
	return s;
}

UNIT_MAIN(suite)
