#include "unit.h"

#include "milter/str.h"

#include <string.h>

START_TEST(zero_is_empty_and_valid)
{
	struct str s = { 0 };

	ck_assert_str_eq(str_c(&s), "");
	str_clear(&s);
	ck_assert_str_eq(str_c(&s), "");
	str_add(&s, NULL, 0);
	ck_assert_str_eq(str_c(&s), "");
	ck_assert_uint_eq(s.len, 0);
	str_fini(&s);
	str_fini(&s);
}
END_TEST

START_TEST(adds_bytes_text_and_formats)
{
	struct str s = { 0 };

	str_adds(&s, "a");
	str_add(&s, "b\0c", 3);
	str_addc(&s, 'd');
	str_addf(&s, "%d%s", 42, "");
	str_addf(&s, "%s", "");
	ck_assert_uint_eq(s.len, 7);
	ck_assert_mem_eq(s.data, "ab\0cd42", 8); /* a NUL behind it */
	str_clear(&s);
	ck_assert_uint_eq(s.len, 0);
	ck_assert_str_eq(str_c(&s), "");
	str_fini(&s);
	ck_assert_ptr_null(s.data);
}
END_TEST

/* Lengths around those at which memory grows. */
static const size_t lengths[] = { 1, 62, 63, 64, 65, 127, 128, 129, 4095, 4096,
	100000 };

START_TEST(grows)
{
	size_t n = lengths[_i];
	struct str one = { 0 }, all = { 0 }, form = { 0 };

	for (size_t i = 0; i < n; i++)
		str_addc(&one, (char)('a' + i % 26));
	str_add(&all, one.data, one.len);
	str_addf(&form, "%s", str_c(&one));
	ck_assert_msg(one.len == n && strlen(str_c(&one)) == n,
	    "%zu: length %zu", n, one.len);
	ck_assert_msg(strcmp(str_c(&all), str_c(&one)) == 0 &&
			  strcmp(str_c(&form), str_c(&one)) == 0,
	    "%zu: the ways to add differ", n);
	str_fini(&one);
	str_fini(&all);
	str_fini(&form);
}
END_TEST

START_TEST(reserve_keeps_what_is_there)
{
	struct str s = { 0 };

	str_reserve(&s, 0);
	ck_assert_str_eq(s.data, "");
	str_adds(&s, "keep");
	str_reserve(&s, 10000);
	ck_assert_str_eq(s.data, "keep");
	ck_assert_uint_gt(s.cap, 10004);
	str_fini(&s);
}
END_TEST

START_TEST(take_hands_the_bytes_over)
{
	struct str s = { 0 };
	char *text;

	text = str_take(&s); /* even of nothing */
	ck_assert_str_eq(text, "");
	free(text);
	str_adds(&s, "mine");
	text = str_take(&s);
	ck_assert_str_eq(text, "mine");
	ck_assert_ptr_null(s.data);
	ck_assert_uint_eq(s.len, 0);
	str_adds(&s, "again");
	ck_assert_str_eq(str_c(&s), "again");
	free(text);
	str_fini(&s);
}
END_TEST

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *text;
	size_t len;
	const char *shown;
} printable[] = {
	{ TEXT(""), "" },
	{ TEXT("plain text ~"), "plain text ~" },
	{ TEXT("a\nb"), "a | b" },
	{ TEXT("a\tb"), "a b" },
	{ TEXT("a\r\nb"), "a\\x0d | b" },
	{ TEXT("a\0b"), "a\\x00b" },
	{ TEXT("\033[31m"), "\\x1b[31m" },
	{ TEXT("\177"), "\\x7f" },
	{ TEXT("\xc3\xa9"), "\xc3\xa9" },
	{ TEXT("\xe2\x82\xac"), "\xe2\x82\xac" },
	{ TEXT("\xf0\x9f\x9a\xab"), "\xf0\x9f\x9a\xab" },
	{ TEXT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
	{ TEXT("\xff"), "\\xff" },
	{ TEXT("\x80z"), "\\x80z" },
	{ TEXT("\xc3"), "\\xc3" },                   /* cut short */
	{ TEXT("\xe2\x82"), "\\xe2\\x82" },          /* cut short */
	{ TEXT("\xc0\x80"), "\\xc0\\x80" },          /* overlong NUL */
	{ TEXT("\xc1\xbf"), "\\xc1\\xbf" },          /* overlong */
	{ TEXT("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf" }, /* overlong */
	{ TEXT("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf" },
	{ TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80" }, /* surrogate */
	{ TEXT("\xed\x9f\xbf"), "\xed\x9f\xbf" },    /* the last before */
	{ TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80" },
	{ TEXT("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80" },
	{ TEXT("\xc2\x85"), "\\xc2\\x85" }, /* C1 control */
	{ TEXT("\xc2\xa0"), "\xc2\xa0" },
	{ TEXT("a\xc3(b"), "a\\xc3(b" },
};

START_TEST(printable_is_safe_in_a_log)
{
	struct str s = { 0 };
	/* of the exact size, for the sanitizer */
	char *copy = malloc(printable[_i].len + (printable[_i].len == 0));

	memcpy(copy, printable[_i].text, printable[_i].len);
	str_adds(&s, "<");
	str_add_printable(&s, copy, printable[_i].len);
	ck_assert_msg(strcmp(str_c(&s) + 1, printable[_i].shown) == 0,
	    "row %d: \"%s\" instead of \"%s\"", _i, str_c(&s) + 1,
	    printable[_i].shown);
	free(copy);
	str_fini(&s);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("str", &t);

	tcase_add_test(t, zero_is_empty_and_valid);
	tcase_add_test(t, adds_bytes_text_and_formats);
	tcase_add_loop_test(t, grows, 0, UNIT_N(lengths));
	tcase_add_test(t, reserve_keeps_what_is_there);
	tcase_add_test(t, take_hands_the_bytes_over);
	tcase_add_loop_test(
	    t, printable_is_safe_in_a_log, 0, UNIT_N(printable));
	return s;
}

UNIT_MAIN(suite)
