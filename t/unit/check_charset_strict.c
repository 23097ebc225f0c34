#include "milter/charset_strict.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *charset, *bytes;
	const char *text; /* NULL: no character of it */
} decodes[] = {
	{ "iso-8859-1", "\xa9", "\xc2\xa9" },
	{ "ISO-8859-1", "\x80", "\xe2\x82\xac" }, /* windows-1252 */
	{ "utf-8", "gr\xc3\xbc", "gr\xc3\xbc" },
	{ "utf-8", "a\xff", NULL },
	{ "utf-8", "\xe2\x82", NULL },
	{ "utf-8", "\xed\xa0\x80", NULL },
	{ "us-ascii", "abc", "abc" },
	{ "us-ascii", "\x80", NULL },
	{ "shift_jis", "\x93\xfa", "\xe6\x97\xa5" },
	{ "shift_jis", "\x93", NULL },
	{ "iso-2022-jp", "\x1b$BF|\x1b(B", "\xe6\x97\xa5" },
	{ "koi8-r", "", "" },
	{ "windows-1258", "a", "a" },
};

START_TEST(decode_row)
{
	struct str out = { 0 };
	struct err err = { "" };
	const char *charset = decodes[_i].charset;
	int rc;

	str_adds(&out, "x");
	rc = charset_decode(&out, charset, strlen(charset), decodes[_i].bytes,
	    strlen(decodes[_i].bytes), &err);
	ck_assert_msg(
	    (rc == 0) == (decodes[_i].text != NULL), "row %d: %s", _i, err.msg);
	ck_assert_str_eq(str_c(&out) + 1, rc == 0 ? decodes[_i].text : "");
	str_fini(&out);
}
END_TEST

static const struct {
	const char *charset, *text;
	const char *bytes; /* with what cannot be said left out */
	bool is_all;       /* nothing was */
} encodes[] = {
	{ "iso-8859-1", "\xc2\xa9", "\xa9", true },
	{ "windows-1252", "\xe2\x82\xac", "\x80", true },
	{ "iso-8859-2",
	    "a\xe2\x82\xac"
	    "b",
	    "ab", false },
	{ "us-ascii",
	    "a\xc3\xbc"
	    "b",
	    "ab", false },
	{ "utf-8", "a\xc3\xbc", "a\xc3\xbc", true },
	{ "utf-8",
	    "a\xff\xff"
	    "b",
	    "ab", false },
	{ "utf-8", "a\xe2\x82", "a", false },
	{ "iso-2022-jp", "\xe6\x97\xa5", "\x1b$BF|\x1b(B", true },
	{ "shift_jis", "\xe6\x97\xa5", "\x93\xfa", true },
	{ "koi8-r", "", "", true },
};

START_TEST(encode_row)
{
	struct str out = { 0 };
	struct err err = { "" };
	const char *charset = encodes[_i].charset;
	size_t len = strlen(charset), n = strlen(encodes[_i].text);
	int rc;

	rc =
	    charset_encode(&out, charset, len, encodes[_i].text, n, true, &err);
	ck_assert_msg(rc == 0, "row %d: %s", _i, err.msg);
	ck_assert_str_eq(str_c(&out), encodes[_i].bytes);
	str_clear(&out);
	rc = charset_encode(
	    &out, charset, len, encodes[_i].text, n, false, &err);
	ck_assert_msg((rc == 0) == encodes[_i].is_all, "row %d", _i);
	ck_assert_uint_eq(
	    out.len, encodes[_i].is_all ? strlen(encodes[_i].bytes) : 0);
	str_fini(&out);
}
END_TEST

START_TEST(unknown_names)
{
	static const char *const names[] = { "", "x-klingon", "utf-8//translit",
		"ibm1364" };
	struct str out = { 0 };

	for (size_t i = 0; i < UNIT_N(names); i++) {
		size_t len = strlen(names[i]);

		ck_assert_int_eq(
		    charset_decode(&out, names[i], len, "a", 1, NULL), -1);
		ck_assert_int_eq(
		    charset_encode(&out, names[i], len, "a", 1, true, NULL),
		    -1);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

/* Longer than the buffer in between. */
START_TEST(long_texts)
{
	struct str in = { 0 }, out = { 0 }, back = { 0 };

	for (int i = 0; i < 20000; i++)
		str_adds(&in, i % 3 == 0 ? "\xe6\x97\xa5" : "a");
	ck_assert_int_eq(
	    charset_encode(&out, "euc-jp", 6, str_c(&in), in.len, false, NULL),
	    0);
	ck_assert_int_eq(
	    charset_decode(&back, "euc-jp", 6, str_c(&out), out.len, NULL), 0);
	ck_assert_str_eq(str_c(&back), str_c(&in));
	str_fini(&in);
	str_fini(&out);
	str_fini(&back);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("charset_strict", &tcase);

	tcase_add_loop_test(tcase, decode_row, 0, UNIT_N(decodes));
	tcase_add_loop_test(tcase, encode_row, 0, UNIT_N(encodes));
	tcase_add_test(tcase, unknown_names);
	tcase_add_test(tcase, long_texts);
	return s;
}

UNIT_MAIN(suite)
