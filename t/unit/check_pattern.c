/*
 * The matcher by itself.  t/lua/prelude_corpus.lua holds it against LuaJIT's,
 * which knows no zero bytes in patterns and cannot be interrupted: so here.
 */
#include "milter/pattern.h"
#include "t/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *pattern;
	size_t pattern_len;
	const char *subject;
	size_t subject_len;
	enum pattern_result want;
	int from, to;
	const char *error;
} rows[] = {
	{ TEXT(""), TEXT(""), PATTERN_MATCH, 0, 0, NULL },
	{ TEXT("b"), TEXT("abc"), PATTERN_MATCH, 1, 2, NULL },
	{ TEXT("x"), TEXT("abc"), PATTERN_NONE, 0, 0, NULL },
	{ TEXT("\0"), TEXT("a\0b"), PATTERN_MATCH, 1, 2, NULL },
	{ TEXT("\0*b"), TEXT("a\0\0b"), PATTERN_MATCH, 1, 4, NULL },
	{ TEXT("[\0x]+"), TEXT("a\0x\0"), PATTERN_MATCH, 1, 4, NULL },
	{ TEXT("[^\0]+"), TEXT("\0ab\0"), PATTERN_MATCH, 1, 3, NULL },
	{ TEXT("%z%\0"), TEXT("a\0\0"), PATTERN_MATCH, 1, 3, NULL },
	{ TEXT("a\0$"), TEXT("a\0a\0"), PATTERN_MATCH, 2, 4, NULL },
	{ TEXT("%b\0\1"), TEXT("a\0\0\1\1"), PATTERN_MATCH, 1, 5, NULL },
	{ TEXT("(\0.)%1"), TEXT("\0a\0b\0b"), PATTERN_MATCH, 2, 6, NULL },
	{ TEXT("%f[%a]%a+%f[%A]"), TEXT("1ab2"), PATTERN_MATCH, 1, 3, NULL },
	{ TEXT("%f[%z]"), TEXT("ab"), PATTERN_MATCH, 2, 2, NULL },
	{ TEXT("^a"), TEXT("a^a"), PATTERN_MATCH, 1, 3, NULL },
	{ TEXT("a.-b.-c$"), TEXT("abcabcc"), PATTERN_MATCH, 0, 7, NULL },
	{ TEXT("(a*(.)%w(%s*))"), TEXT("aaab  "), PATTERN_MATCH, 0, 4 + 2,
	    NULL },
	{ TEXT("x*)"), TEXT("y"), PATTERN_ERROR, 0, 0,
	    "invalid pattern capture" },
	{ TEXT("[a"), TEXT("y"), PATTERN_ERROR, 0, 0,
	    "malformed pattern (missing ']')" },
	{ TEXT("x[a"), TEXT("y"), PATTERN_NONE, 0, 0, NULL },
	{ TEXT("%"), TEXT("y"), PATTERN_ERROR, 0, 0,
	    "malformed pattern (ends with '%')" },
	{ TEXT("%b("), TEXT("y"), PATTERN_ERROR, 0, 0,
	    "malformed pattern (missing arguments to '%b')" },
	{ TEXT("%fa"), TEXT("y"), PATTERN_ERROR, 0, 0,
	    "missing '[' after '%f' in pattern" },
	{ TEXT("%1"), TEXT("y"), PATTERN_ERROR, 0, 0, "invalid capture index" },
	{ TEXT("(a%1)"), TEXT("a"), PATTERN_ERROR, 0, 0,
	    "invalid capture index" },
};

START_TEST(table_of_patterns)
{
	struct pattern m;
	enum pattern_result got;

	pattern_init(&m, rows[_i].pattern, rows[_i].pattern_len,
	    rows[_i].subject, rows[_i].subject_len);
	got = pattern_search(&m, 0);
	ck_assert_msg(got == rows[_i].want, "row %d \"%s\": got %d (%s)", _i,
	    rows[_i].pattern, got, m.error != NULL ? m.error : "");
	if (got == PATTERN_ERROR)
		ck_assert_str_eq(m.error, rows[_i].error);
	if (got != PATTERN_MATCH)
		return;
	ck_assert_msg(m.match - m.subject == rows[_i].from &&
			  m.stop - m.subject == rows[_i].to,
	    "row %d \"%s\": %d to %d", _i, rows[_i].pattern,
	    (int)(m.match - m.subject), (int)(m.stop - m.subject));
}
END_TEST

/* Classes against their definition, for all bytes. */
START_TEST(classes_are_ascii)
{
	static const char names[] = "acdglpsuwxz";

	for (int c = 0; c < 256; c++) {
		bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
		bool digit = c >= '0' && c <= '9', graph = c > 32 && c < 127;
		bool hex =
		    digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		bool alnum = upper || lower || digit;
		bool want[] = { upper || lower, c < 32 || c == 127, digit,
			graph, lower, graph && !alnum,
			c == ' ' || (c >= 9 && c <= 13), upper, alnum, hex,
			c == 0 };
		char subject = (char)c;

		for (int i = 0; names[i] != '\0'; i++) {
			char is[] = { '%', names[i] };
			char is_not[] = { '[', '%', names[i] & 0x5f, ']' };
			struct pattern m;

			pattern_init(&m, is, 2, &subject, 1);
			ck_assert_int_eq(pattern_match(&m, 0), want[i]);
			pattern_init(&m, is_not, 4, &subject, 1);
			ck_assert_int_eq(pattern_match(&m, 0), !want[i]);
		}
	}
}
END_TEST

START_TEST(captures_are_text_and_positions)
{
	struct pattern m;
	const char *text;
	size_t len;

	pattern_init(&m, TEXT("()(b(c))d"), TEXT("abcd"));
	ck_assert_int_eq(pattern_search(&m, 0), PATTERN_MATCH);
	ck_assert_uint_eq(m.captures, 3);
	ck_assert_int_eq(
	    pattern_capture(&m, 0, &text, &len), PATTERN_CAPTURE_POSITION);
	ck_assert_uint_eq(len, 1);
	ck_assert_int_eq(
	    pattern_capture(&m, 1, &text, &len), PATTERN_CAPTURE_TEXT);
	ck_assert_mem_eq(text, "bc", 2);
	ck_assert_uint_eq(len, 2);
	ck_assert_int_eq(
	    pattern_capture(&m, 2, &text, &len), PATTERN_CAPTURE_TEXT);
	ck_assert_mem_eq(text, "c", 1);
	ck_assert_int_eq(
	    pattern_capture(&m, 3, &text, &len), PATTERN_CAPTURE_BAD);
	ck_assert_str_eq(m.error, "invalid capture index");

	pattern_init(&m, TEXT("(b"), TEXT("abcd"));
	ck_assert_int_eq(pattern_search(&m, 0), PATTERN_MATCH);
	ck_assert_int_eq(
	    pattern_capture(&m, 0, &text, &len), PATTERN_CAPTURE_BAD);
	ck_assert_str_eq(m.error, "unfinished capture");

	pattern_init(&m, TEXT("b."), TEXT("abcd"));
	ck_assert_int_eq(pattern_search(&m, 0), PATTERN_MATCH);
	ck_assert_int_eq(
	    pattern_capture(&m, 0, &text, &len), PATTERN_CAPTURE_TEXT);
	ck_assert_mem_eq(text, "bc", 2);
}
END_TEST

static bool
at_third(void *arg)
{
	return ++*(int *)arg == 3;
}

/* Each would run for minutes at least. */
START_TEST(long_work_is_interrupted)
{
	static const char *const patterns[] = {
		"a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?"
		"a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"b",
		".-.-.-.-b",
		".*.*.*.*b",
		"[ab]-[ab]-[ab]-c%f[b]",
		"(.-)(.-)(.-)%3%2%1b",
		"%w*%w*%w*%W",
	};
	static char subject[20000];
	struct pattern m;

	memset(subject, 'a', sizeof(subject));
	for (size_t i = 0; i < UNIT_N(patterns); i++) {
		size_t len = i == 0 ? 40 : sizeof(subject);
		int asked = 0;

		pattern_init(
		    &m, patterns[i], strlen(patterns[i]), subject, len);
		m.over = at_third;
		m.arg = &asked;
		ck_assert_msg(pattern_search(&m, 0) == PATTERN_ERROR,
		    "pattern %zu came to an end", i);
		ck_assert_str_eq(m.error, "interrupted");
		ck_assert_int_eq(asked, 3);
	}
}
END_TEST

static bool
count(void *arg)
{
	++*(long *)arg;
	return false;
}

/* Scans inside one step are steps, too. */
START_TEST(scans_are_paid_for)
{
	static char subject[1 << 20];
	static const char *const patterns[] = { "%b()", "(%(*)x", "%(+%)",
		"[^x]*y", ".-x" };
	struct pattern m;

	memset(subject, '(', sizeof(subject));
	for (size_t i = 0; i < UNIT_N(patterns); i++) {
		long asked = 0;

		pattern_init(&m, patterns[i], strlen(patterns[i]), subject,
		    sizeof(subject));
		m.over = count;
		m.arg = &asked;
		ck_assert_int_eq(pattern_match(&m, 0), PATTERN_NONE);
		ck_assert_msg(
		    m.steps < 0 || asked > 0, "pattern %zu was free", i);
	}
}
END_TEST

START_TEST(depth_is_bounded)
{
	char pattern[2 * PATTERN_DEPTH + 8], subject[PATTERN_DEPTH + 8];
	struct pattern m;

	memset(subject, 'a', sizeof(subject));
	for (int n = PATTERN_DEPTH - 1; n <= PATTERN_DEPTH + 1; n++) {
		for (int i = 0; i < n; i++)
			memcpy(pattern + 2 * i, "a?", 2);
		pattern[2 * n] = '$';
		pattern_init(
		    &m, pattern, (size_t)(2 * n + 1), subject, (size_t)n);
		if (n <= PATTERN_DEPTH) {
			ck_assert_int_eq(pattern_match(&m, 0), PATTERN_MATCH);
			continue;
		}
		ck_assert_int_eq(pattern_match(&m, 0), PATTERN_ERROR);
		ck_assert_str_eq(m.error, "pattern too complex");
	}
}
END_TEST

START_TEST(plain_is_what_find_may_search_for)
{
	ck_assert(pattern_is_plain(TEXT("")));
	ck_assert(pattern_is_plain(TEXT("user@example,com\0]){}")));
	for (const char *c = "^$*+?.([%-"; *c != '\0'; c++) {
		char pattern[] = { 'a', *c, 'b' };

		ck_assert_msg(!pattern_is_plain(pattern, 3), "%c", *c);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("pattern", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, table_of_patterns, 0, UNIT_N(rows));
	tcase_add_test(tcase, classes_are_ascii);
	tcase_add_test(tcase, captures_are_text_and_positions);
	tcase_add_test(tcase, long_work_is_interrupted);
	tcase_add_test(tcase, scans_are_paid_for);
	tcase_add_test(tcase, depth_is_bounded);
	tcase_add_test(tcase, plain_is_what_find_may_search_for);
	return s;
}

UNIT_MAIN(suite)
