#include "unit.h"

#include "milter/clock.h"
#include "milter/duration.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define S CLOCK_S
#define H (3600 * S)
#define D (24 * H)

static const struct {
	const char *text;
	int64_t ns;
} good[] = {
	{ "0", 0 },
	{ " 0 ", 0 },
	{ "0s", 0 },
	{ "5 minutes", 300 * S },
	{ "1h30m", H + 1800 * S },
	{ "2min 2s", 122 * S },
	{ " 1 h\t2 m 3s ", H + 123 * S },
	{ "1s1s", 2 * S },
	{ "1s 1h", H + S },
	{ "7ns", 7 },
	{ "7nsec", 7 },
	{ "7us", 7000 },
	{ "7usec", 7000 },
	{ "7ms", 7 * CLOCK_MS },
	{ "7msec", 7 * CLOCK_MS },
	{ "7s", 7 * S },
	{ "7sec", 7 * S },
	{ "7second", 7 * S },
	{ "7seconds", 7 * S },
	{ "7secs", 7 * S },
	{ "1nanos 1micros 1millis", 1001001 },
	{ "1wk 1wks 1yr 1yrs", 14 * D + 2 * 31557600 * S },
	{ "7m", 420 * S },
	{ "7min", 420 * S },
	{ "7mins", 420 * S },
	{ "7minute", 420 * S },
	{ "7minutes", 420 * S },
	{ "7h", 7 * H },
	{ "7hr", 7 * H },
	{ "7hrs", 7 * H },
	{ "7hour", 7 * H },
	{ "7hours", 7 * H },
	{ "7d", 7 * D },
	{ "7day", 7 * D },
	{ "7days", 7 * D },
	{ "7w", 49 * D },
	{ "7week", 49 * D },
	{ "7weeks", 49 * D },
	{ "1M", 2630016 * S },
	{ "1month", 2630016 * S },
	{ "2months", 5260032 * S },
	{ "1y", 31557600 * S },
	{ "1year", 31557600 * S },
	{ "2years", 63115200 * S },
	{ "9223372036854775807ns", INT64_MAX },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "empty" },
	{ "  ", "empty" },
	{ "5", "unit" },
	{ "00", "unit" },
	{ "0 5", "unit" },
	{ "1h 5", "unit" },
	{ "s", "number" },
	{ "h1", "number" },
	{ "-1s", "number" },
	{ "+1s", "number" },
	{ "1.5h", "unit" },
	{ "1s,2s", "number" },
	{ "5 S", "unknown" },
	{ "5x", "unknown" },
	{ "5 sms", "unknown" },
	{ "5min\xc3\xbcten", "number" },
	{ "9223372036854775808ns", "large" },
	{ "99999999999999999999s", "large" },
	{ "300years", "large" },
	{ "9223372036854775807ns 1ns", "large" },
};

START_TEST(reads_durations)
{
	struct err err;
	int64_t ns = -1;

	ck_assert_msg(duration_parse(good[_i].text, &ns, &err) == 0, "%s: %s",
	    good[_i].text, err.msg);
	ck_assert_msg(
	    ns == good[_i].ns, "%s: %lld", good[_i].text, (long long)ns);
}
END_TEST

START_TEST(refuses_other_text)
{
	struct err err;
	int64_t ns = -1;

	ck_assert_msg(duration_parse(bad[_i].text, &ns, &err) == -1, "\"%s\"",
	    bad[_i].text);
	ck_assert_int_eq(ns, 0);
	ck_assert_msg(strstr(err.msg, bad[_i].why) != NULL, "\"%s\": %s",
	    bad[_i].text, err.msg);
}
END_TEST

static const struct {
	int64_t ns;
	const char *text;
} formats[] = {
	{ 0, "0s" },
	{ -5, "0s" },
	{ H + 123 * S, "1h 2m 3s" },
	{ 2 * D, "2days" },
	{ D, "1day" },
	{ 2630016 * S, "1month" },
	{ 5260032 * S, "2months" },
	{ 31557600 * S, "1year" },
	{ 2 * 31557600 * S + 3 * D, "2years 3days" },
	{ 1500 * CLOCK_MS, "1s 500ms" },
	{ 1, "1ns" },
	{ 1002003, "1ms 2us 3ns" },
	{ 7 * D, "7days" },
};

START_TEST(writes_durations)
{
	struct str out = { 0 };
	int64_t again;

	duration_format(&out, formats[_i].ns);
	ck_assert_str_eq(str_c(&out), formats[_i].text);
	ck_assert_int_eq(duration_parse(str_c(&out), &again, NULL), 0);
	ck_assert_int_eq(again, formats[_i].ns > 0 ? formats[_i].ns : 0);
	str_fini(&out);
}
END_TEST

START_TEST(writing_then_reading_changes_nothing)
{
	struct str out = { 0 };
	int64_t ns, again;

	srand((unsigned)_i);
	for (int round = 0; round < 2000; round++) {
		ns = ((int64_t)rand() << 32 ^ (int64_t)rand() << 8) >>
		     rand() % 60;
		str_clear(&out);
		duration_format(&out, ns);
		ck_assert_msg(duration_parse(str_c(&out), &again, NULL) == 0 &&
				  again == ns,
		    "%lld: %s", (long long)ns, str_c(&out));
	}
	str_fini(&out);
}
END_TEST

static const struct {
	const char *text;
	size_t size;
} sizes[] = {
	{ "0", 0 },
	{ "1234", 1234 },
	{ "17b", 17 },
	{ "512k", 512 * 1024 },
	{ "512K", 512 * 1024 },
	{ "1KB", 1024 },
	{ "1kib", 1024 },
	{ "64MB", 64 << 20 },
	{ "64 MiB", 64 << 20 },
	{ " 64m ", 64 << 20 },
	{ "1GiB", 1 << 30 },
	{ "3g", (size_t)3 << 30 },
	{ "2T", (size_t)2 << 40 },
	{ "18446744073709551615", SIZE_MAX },
};

static const char *const no_sizes[] = { "", " ", "MB", "-1", "+1", "1.5MB",
	"1MBB", "1XB", "1iB", "1 2", "1M2", "1k k", "1MiBs", "1M\xff",
	"18446744073709551616", "18014398509481984k", "99999999999999999999T",
	"0x10", "1@", "1P" };

START_TEST(reads_sizes)
{
	struct err err;
	size_t size = 1;

	ck_assert_msg(size_parse(sizes[_i].text, &size, &err) == 0, "%s: %s",
	    sizes[_i].text, err.msg);
	ck_assert_msg(size == sizes[_i].size, "%s: %zu", sizes[_i].text, size);
}
END_TEST

START_TEST(refuses_other_sizes)
{
	struct err err = { "" };
	size_t size = 1;

	ck_assert_msg(size_parse(no_sizes[_i], &size, &err) == -1, "\"%s\"",
	    no_sizes[_i]);
	ck_assert_uint_eq(size, 0);
	ck_assert(strstr(err.msg, "is no size") != NULL);
}
END_TEST

START_TEST(any_bytes_are_survived)
{
	static const char alphabet[] = "0123459 smhdwMykKGBib\t.-\xff";
	char text[24];
	int64_t ns;
	size_t size;

	srand((unsigned)_i);
	for (int round = 0; round < 50000; round++) {
		size_t n = (size_t)rand() % sizeof text;

		for (size_t i = 0; i < n; i++)
			text[i] = rand() % 8 == 0
				      ? (char)rand()
				      : alphabet[(size_t)rand() %
						 (sizeof alphabet - 1)];
		text[n] = '\0';
		if (duration_parse(text, &ns, NULL) == 0)
			ck_assert_int_ge(ns, 0);
		(void)size_parse(text, &size, NULL);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("duration", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, reads_durations, 0, UNIT_N(good));
	tcase_add_loop_test(t, refuses_other_text, 0, UNIT_N(bad));
	tcase_add_loop_test(t, writes_durations, 0, UNIT_N(formats));
	tcase_add_loop_test(t, writing_then_reading_changes_nothing, 1, 6);
	tcase_add_loop_test(t, reads_sizes, 0, UNIT_N(sizes));
	tcase_add_loop_test(t, refuses_other_sizes, 0, UNIT_N(no_sizes));
	tcase_add_loop_test(t, any_bytes_are_survived, 1, 6);
	return s;
}

UNIT_MAIN(suite)
