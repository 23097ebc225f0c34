#include "milter/date.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text, *date; /* NULL: none */
} rows[] = {
	{ "Thu, 7 Jul 1994 17:15:49 -0400", "1994-07-07T21:15:49Z" },
	{ "7 Jul 1994 17:15 +0000", "1994-07-07T17:15:00Z" },
	{ "Tue,  4 Mar 2025 09:11:58 +0100 (CET)", "2025-03-04T08:11:58Z" },
	{ "Thu, 02 Jul 26 18:55:38 UTC", "2026-07-02T18:55:38Z" },
	{ " (a (b\\) c) d)\r\n\tMon , 1\r\n Jan(x)2001 1 : 02 : 03 +0530 ",
	    "2000-12-31T19:32:03Z" },
	{ "Monday 1 january 2001 00:00:00 Z", "2001-01-01T00:00:00Z" },
	/* years */
	{ "1 Jan 49 00:00 GMT", "2049-01-01T00:00:00Z" },
	{ "1 Jan 50 00:00 GMT", "1950-01-01T00:00:00Z" },
	{ "1 Jan 101 00:00 GMT", "2001-01-01T00:00:00Z" },
	{ "1 Jan 1900 00:00 GMT", "1900-01-01T00:00:00Z" },
	{ "1 Jan 1899 00:00 GMT", NULL },
	{ "31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z" },
	{ "31 Dec 9999 23:59:59 -0100", NULL },
	{ "1 Jan 10000 00:00 GMT", NULL },
	{ "1 Jan 5 00:00 GMT", NULL },
	/* zones */
	{ "1 Jun 2020 12:00 EDT", "2020-06-01T16:00:00Z" },
	{ "1 Jun 2020 12:00 pst", "2020-06-01T20:00:00Z" },
	{ "1 Jun 2020 12:00 CEST", "2020-06-01T12:00:00Z" },
	{ "1 Jun 2020 12:00 A", "2020-06-01T12:00:00Z" },
	{ "1 Jun 2020 12:00 -0000", "2020-06-01T12:00:00Z" },
	{ "1 Jun 2020 12:00", "2020-06-01T12:00:00Z" },
	{ "1 Jun 2020 12:00 +2359", "2020-05-31T12:01:00Z" },
	{ "1 Jun 2020 12:00 +2400", NULL },
	{ "1 Jun 2020 12:00 +0060", NULL },
	{ "1 Jun 2020 12:00 +100", NULL },
	{ "1 Jun 2020 12:00 +01000", NULL },
	{ "1 Jun 2020 12:00 + 0100", NULL },
	{ "1 Jun 2020 12:00 0100", NULL },
	{ "1 Jun 2020 12:00 GMT GMT", NULL },
	/* days and times */
	{ "29 Feb 2024 00:00 Z", "2024-02-29T00:00:00Z" },
	{ "29 Feb 2023 00:00 Z", NULL },
	{ "29 Feb 1900 00:00 Z", NULL },
	{ "0 Jan 2023 00:00 Z", NULL },
	{ "31 Apr 2023 00:00 Z", NULL },
	{ "31 Dec 2016 23:59:60 Z", "2017-01-01T00:00:00Z" },
	{ "1 Jan 2023 23:59:61 Z", NULL },
	{ "1 Jan 2023 24:00 Z", NULL },
	{ "1 Jan 2023 00:60 Z", NULL },
	{ "1 Jan 2023 00:0 Z", NULL },
	{ "1 Jan 2023 00:00: Z", NULL },
	{ "1 Sept 2023 00:00 Z", "2023-09-01T00:00:00Z" },
	{ "1 Se 2023 00:00 Z", NULL },
	{ "1 Janx 2023 00:00 Z", NULL },
	/* no dates */
	{ "", NULL },
	{ "Thu, ", NULL },
	{ "(", NULL },
	{ "1 Jan 2023", NULL },
	{ "2023-01-01T00:00:00Z", NULL },
	{ "1 Jan 2023 00:00 Z (never", "2023-01-01T00:00:00Z" },
	{ "1 Jan 2023 00:00 Z)", NULL },
};

START_TEST(row)
{
	const char *text = rows[_i].text;
	char date[DATE_SIZE] = "";
	int64_t at;
	int got = date_parse(text, strlen(text), &at);

	if (got == 0)
		got = date_write(date, at);
	ck_assert_msg(got == (rows[_i].date != NULL ? 0 : -1),
	    "\"%s\": got %d %s", text, got, date);
	if (got == 0)
		ck_assert_msg(strcmp(date, rows[_i].date) == 0,
		    "\"%s\": got %s", text, date);
}
END_TEST

/* A NUL is a byte as others are, and none behind len is read. */
START_TEST(len_counts)
{
	static const char text[] = "1 Jan 2023 00:00\0 Z";
	int64_t at;

	ck_assert_int_eq(date_parse(text, sizeof text - 1, &at), -1);
	ck_assert_int_eq(date_parse(text, 16, &at), 0);
	ck_assert_int_eq(date_parse(text, 15, &at), -1);
}
END_TEST

static const int64_t far[] = { INT64_MIN, INT64_MAX, -30610224001LL,
	253402300800LL };

START_TEST(years_of_four_digits)
{
	char date[DATE_SIZE];

	ck_assert_int_eq(date_write(date, far[_i]), -1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("date", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, len_counts);
	tcase_add_loop_test(tcase, years_of_four_digits, 0, UNIT_N(far));
	return s;
}

UNIT_MAIN(suite)
