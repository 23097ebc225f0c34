#include "milter/text.h"
#include "unit.h"

#include <string.h>

#define BYTES(s) s, sizeof(s) - 1

/* ---- white space -------------------------------------------------------- */

static const struct {
	const char *text;
	size_t space; /* bytes */
} spaces[] = {
	{ "", 0 },
	{ "a", 0 },
	{ " a", 1 },
	{ "\t", 1 },
	{ "\n", 1 },
	{ "\v", 1 },
	{ "\f", 1 },
	{ "\r", 1 },
	{ "\x1f", 0 },
	{ "\xc2\x85", 2 },
	{ "\xc2\xa0", 2 },
	{ "\xc2\xa1", 0 },
	{ "\xc2", 0 },
	{ "\xe1\x9a\x80", 3 },
	{ "\xe1\x9a\x81", 0 },
	{ "\xe2\x80\x80", 3 },
	{ "\xe2\x80\x8a", 3 },
	{ "\xe2\x80\x8b", 0 }, /* zero width: none */
	{ "\xe2\x80\xa8", 3 },
	{ "\xe2\x80\xa9", 3 },
	{ "\xe2\x80\xaf", 3 },
	{ "\xe2\x81\x9f", 3 },
	{ "\xe2\x81\xa0", 0 },
	{ "\xe3\x80\x80", 3 },
	{ "\xe3\x80\x81", 0 },
	{ "\xe2\x80", 0 },
	{ "\xef\xbb\xbf", 0 },
};

START_TEST(space)
{
	const char *text = spaces[_i].text;

	ck_assert_msg(
	    text_space(text, strlen(text)) == spaces[_i].space, "row %d", _i);
}
END_TEST

static const struct {
	const char *text, *both, *start, *end;
} trims[] = {
	{ "", "", "", "" },
	{ "a", "a", "a", "a" },
	{ " a b ", "a b", "a b ", " a b" },
	{ " \t\r\n", "", "", "" },
	{ "\xc2\xa0x\xe3\x80\x80", "x", "x\xe3\x80\x80", "\xc2\xa0x" },
	{ "\xa0x\xa0", "\xa0x\xa0", "\xa0x\xa0", "\xa0x\xa0" },
	{ "x\xe2\x80\x80 \xe2\x80\x80", "x", "x\xe2\x80\x80 \xe2\x80\x80",
	    "x" },
};

static void
trims_to(const char *text, bool start, bool end, const char *expected)
{
	size_t n = strlen(text);
	const char *p = text;

	text_trim(&p, &n, start, end);
	ck_assert_msg(n == strlen(expected) && memcmp(p, expected, n) == 0,
	    "\"%s\": \"%.*s\"", text, (int)n, p);
}

START_TEST(trim)
{
	trims_to(trims[_i].text, true, true, trims[_i].both);
	trims_to(trims[_i].text, true, false, trims[_i].start);
	trims_to(trims[_i].text, false, true, trims[_i].end);
	trims_to(trims[_i].text, false, false, trims[_i].text);
}
END_TEST

static const struct {
	const char *text, *words, *ascii;
} texts[] = {
	{ "", "", "" },
	{ "  ", "", "" },
	{ " a  b ", "[a][b]", "[a][b]" },
	{ "a\vb\fc", "[a][b][c]", "[a\vb][c]" },
	{ "a\xc2\xa0"
	  "b\r\nc",
	    "[a][b][c]",
	    "[a\xc2\xa0"
	    "b][c]" },
	{ "\xe2\x80\x83x", "[x]", "[\xe2\x80\x83x]" },
};

static void
has_words(const char *text, bool ascii, const char *expected)
{
	struct str out = { 0 };
	size_t n = strlen(text), len;
	const char *word;

	while (text_next_word(&text, &n, ascii, &word, &len))
		str_addf(&out, "[%.*s]", (int)len, word);
	ck_assert_str_eq(str_c(&out), expected);
	str_fini(&out);
}

START_TEST(words)
{
	has_words(texts[_i].text, false, texts[_i].words);
	has_words(texts[_i].text, true, texts[_i].ascii);
}
END_TEST

/* ---- fields ------------------------------------------------------------- */

#define ALL ((size_t)-1)

static const struct {
	const char *text, *sep;
	size_t limit;
	const char *fields, *from_end;
} splits[] = {
	{ "a,b,,c", ",", ALL, "[a][b][][c]", "[c][][b][a]" },
	{ "", ",", ALL, "[]", "[]" },
	{ ",", ",", ALL, "[][]", "[][]" },
	{ "abc", ",", ALL, "[abc]", "[abc]" },
	{ "a--b--c", "--", ALL, "[a][b][c]", "[c][b][a]" },
	{ "aaa", "aa", ALL, "[][a]", "[][a]" },
	{ "aXbX", "X", ALL, "[a][b][]", "[][b][a]" },
	{ "a,b,c", ",", 2, "[a][b,c]", "[c][a,b]" },
	{ "a,b,c", ",", 1, "[a,b,c]", "[a,b,c]" },
	{ "a,b,c", ",", 0, "", "" },
	{ "a,b,c", ",", 3, "[a][b][c]", "[c][b][a]" },
	{ "a,b,c", ",", 9, "[a][b][c]", "[c][b][a]" },
	{ "abc", "", ALL, "[][a][b][c][]", "[][c][b][a][]" },
	{ "", "", ALL, "[][]", "[][]" },
	{ "abc", "", 2, "[][abc]", "[][abc]" },
	{ "abc", "", 3, "[][a][bc]", "[][c][ab]" },
	{ "\xc3\xbcx\xe2\x82\xac\xf0\x9f\x8d\x89", "", ALL,
	    "[][\xc3\xbc][x][\xe2\x82\xac][\xf0\x9f\x8d\x89][]",
	    "[][\xf0\x9f\x8d\x89][\xe2\x82\xac][x][\xc3\xbc][]" },
	{ "a\xff", "", ALL, "[][a][\xff][]", "[][\xff][a][]" },
	{ "ab", "abc", ALL, "[ab]", "[ab]" },
};

static void
splits_into(int row, bool reversed, const char *expected)
{
	size_t n = strlen(splits[row].text), m = strlen(splits[row].sep);
	char text[64], sep[8];
	struct text_split split = { text, n, sep, m, splits[row].limit,
		reversed, false };
	struct str out = { 0 };
	const char *field;
	size_t len;

	memcpy(text, splits[row].text, n);
	memcpy(sep, splits[row].sep, m);
	if (reversed) {
		text_reverse(text, splits[row].text, n);
		text_reverse(sep, splits[row].sep, m);
	}
	while (text_split_next(&split, &field, &len)) {
		size_t from = (size_t)(field - text);

		str_addc(&out, '[');
		str_add(&out,
		    reversed ? splits[row].text + (n - from - len) : field,
		    len);
		str_addc(&out, ']');
	}
	ck_assert_msg(strcmp(str_c(&out), expected) == 0,
	    "\"%s\" at \"%s\": %s, expected %s", splits[row].text,
	    splits[row].sep, str_c(&out), expected);
	str_fini(&out);
}

START_TEST(split)
{
	splits_into(_i, false, splits[_i].fields);
	splits_into(_i, true, splits[_i].from_end);
}
END_TEST

/* ---- lines -------------------------------------------------------------- */

static const struct {
	const char *text;
	size_t soft, hard;
	const char *wrapped;
} wraps[] = {
	{ "", 10, 15, "" },
	{ " \r\n ", 10, 15, "" },
	{ "one", 10, 15, "one" },
	{ "  one   two ", 10, 15, "one two" },
	{ "four words of text", 10, 15, "four words\r\n\tof text" },
	{ "morning everyone", 10, 15, "morning\r\n\teveryone" },
	{ "a abcdefghij", 10, 15, "a\r\n\tabcdefghij" },
	{ "a abcdefghijklmnop b", 10, 15, "a\r\n\tabcdefghijklmno\r\n\tp b" },
	{ "abcdef", 2, 3, "abc\r\n\tdef" },
	{ "abcdef g", 2, 3, "abc\r\n\tdef\r\n\tg" },
	{ "ab c", 0, 0, "a\r\n\tb\r\n\tc" },
	{ "a\vb", 10, 15, "a\vb" },
	{ "a\xc2\xa0", 10, 15, "a" },
};

START_TEST(wrap)
{
	struct str out = { 0 };

	str_adds(&out, " ");
	text_wrap(&out, wraps[_i].text, strlen(wraps[_i].text), wraps[_i].soft,
	    wraps[_i].hard);
	ck_assert_str_eq(str_c(&out) + 1, wraps[_i].wrapped);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("text", &tcase);

	tcase_add_loop_test(tcase, space, 0, UNIT_N(spaces));
	tcase_add_loop_test(tcase, trim, 0, UNIT_N(trims));
	tcase_add_loop_test(tcase, words, 0, UNIT_N(texts));
	tcase_add_loop_test(tcase, split, 0, UNIT_N(splits));
	tcase_add_loop_test(tcase, wrap, 0, UNIT_N(wraps));
	return s;
}

UNIT_MAIN(suite)
