#include "unit.h"

#include "milter/encoded_word.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *text, *charset;
	char encoding;
	const char *bytes; /* NULL: the word does not decode */
	size_t len;        /* 0: there is no word */
} words[] = {
	{ "=?utf-8?Q?a?=", "utf-8", 'q', "a", 13 },
	{ "=?utf-8?q?a_b=5F?= more", "utf-8", 'q', "a b_", 18 },
	{ "=?UTF-8*de-AT?B?YWI=?==?x?Q?y?=", "UTF-8", 'b', "ab", 22 },
	{ "=?x-any?b?YWI?=", "x-any", 'b', "ab", 15 },
	{ "=?a?Q?"
	  "?=",
	    "a", 'q', "", 8 },
	{ "=?a?B?=?=", "a", 'b', "", 9 },
	{ "=?a?B?Y?=", "a", 'b', "", 9 }, /* six bits are no byte */
	{ "=?a?Q?=4?=", "a", 'q', "=4", 10 },
	{ "=?a?B?Y=WI?=", "a", 'b', NULL, 12 },
	{ "=?a?B?Y_WI?=", "a", 'b', NULL, 12 },
	{ "=?a?Q?b ?=", "", 0, NULL, 0 },
	{ "=?a?Q?b\x7f?=", "", 0, NULL, 0 },
	{ "=?a?Q?b\xc3\xbc?=", "", 0, NULL, 0 },
	{ "=?a?Q?b?c?=", "", 0, NULL, 0 },
	{ "=?a?C?b?=", "", 0, NULL, 0 },
	{ "=?a?QQ?b?=", "", 0, NULL, 0 },
	{ "=?a/b?Q?b?=", "", 0, NULL, 0 },
	{ "=?a b?Q?b?=", "", 0, NULL, 0 },
	{ "=?*de?Q?b?=", "", 0, NULL, 0 },
	{ "=?a?Q?b?", "", 0, NULL, 0 },
	{ "=?a?Q", "", 0, NULL, 0 },
	{ "?a?Q?b?=", "", 0, NULL, 0 },
	{ "", "", 0, NULL, 0 },
	{ "=?0123456789012345678901234567890123456789012345678901234567890123"
	  "?Q?a?=",
	    "", 0, NULL, 0 },
};

START_TEST(words_are_found_and_decoded)
{
	const char *text = words[_i].text;
	struct str out = { 0 };
	struct encoded_word w;
	bool found = encoded_word_scan(&w, text, strlen(text));

	ck_assert_msg(found == (words[_i].len != 0), "%s", text);
	if (!found)
		return;
	ck_assert_str_eq(w.charset, words[_i].charset);
	ck_assert_int_eq(w.encoding, words[_i].encoding);
	ck_assert_uint_eq(w.len, words[_i].len);
	str_adds(&out, "[");
	ck_assert_msg(
	    encoded_word_decode(&out, &w) == (words[_i].bytes != NULL), "%s",
	    text);
	ck_assert_str_eq(
	    str_c(&out) + 1, words[_i].bytes != NULL ? words[_i].bytes : "");
	str_fini(&out);
}
END_TEST

/* Cut anywhere, a word is none. */
START_TEST(a_part_of_a_word_is_none)
{
	static const char text[] = "=?utf-8*en?B?4oKs?=";
	struct encoded_word w;

	for (size_t n = 0; n < sizeof text - 1; n++)
		ck_assert_msg(!encoded_word_scan(&w, text, n), "%zu", n);
	ck_assert(encoded_word_scan(&w, text, sizeof text - 1));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("encoded_word", &t);

	tcase_add_loop_test(t, words_are_found_and_decoded, 0, UNIT_N(words));
	tcase_add_test(t, a_part_of_a_word_is_none);
	return s;
}

UNIT_MAIN(suite)
