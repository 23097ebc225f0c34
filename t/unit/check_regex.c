#include "milter/clock.h"
#include "milter/regex.h"
#include "milter/regex_cache.h"
#include "milter/regex_replace.h"
#include "milter/str.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BYTES(s) s, sizeof(s) - 1
#define MB ((size_t)1024 * 1024)

static struct regex *
regex(const char *pattern, unsigned flags)
{
	struct err err;
	int number;
	struct regex *re =
	    regex_new(pattern, strlen(pattern), flags, &number, &err);

	ck_assert_msg(re != NULL, "%s: %s", pattern, err.msg);
	return re;
}

/* All matches with their groups: "(whole|one|two) (...)", or "!why". */
static void
find_all(struct str *out, const char *pattern, unsigned flags, const char *text,
    size_t text_len)
{
	struct regex *re = regex(pattern, flags);
	struct regex_search *s = regex_search_new(re, text, text_len, NULL);
	struct err err;
	int rc;

	while ((rc = regex_next(s, &err)) == 1) {
		for (unsigned i = 0; i < regex_groups(s); i++) {
			const char *group;
			size_t len;

			str_adds(out, i == 0 ? "(" : "|");
			if (regex_group(s, i, &group, &len))
				str_add(out, group, len);
			else
				str_addc(out, '-');
		}
		str_addc(out, ')');
	}
	if (rc < 0)
		str_addf(out, "!%s", err.msg);
	else
		ck_assert_int_eq(regex_next(s, &err), 0);
	regex_search_free(s);
	regex_free(re);
}

static const struct {
	const char *pattern;
	unsigned flags;
	const char *text;
	size_t len;
	const char *found;
} searches[] = {
	{ "b", 0, BYTES("abcb"), "(b)(b)" },
	{ "x", 0, BYTES("abc"), "" },
	{ "", 0, BYTES(""), "()" },
	{ "", 0, BYTES("ab"), "()()()" },
	{ "a*", 0, BYTES("baac"), "()(aa)()()" },
	{ "(a)|(b)", 0, BYTES("ab"), "(a|a)(b|-|b)" },
	{ "(?P<x>a)(?<y>b)?", 0, BYTES("aab"), "(a|a)(ab|a|b)" },
	{ "a\\Kb", 0, BYTES("ab"), "(b)" },
	{ "^RCPT TO:<(.*)@", 0, BYTES("RCPT TO:<a@b>"), "(RCPT TO:<a@|a)" },
	{ "(?i)ABC", 0, BYTES("abc"), "(abc)" },
	{ "a.c", 0, BYTES("a\0c"), "(a\0c)" },
	{ "a$", 0, BYTES("a\n"), "(a)" },
	{ "(?m)^a", 0, BYTES("a\na"), "(a)(a)" },
	/* bytes, unless characters are asked for */
	{ "\xc3\xbc", 0, BYTES("\xc3\xbc"), "(\xc3\xbc)" },
	{ "^.$", 0, BYTES("\xc3\xbc"), "" },
	{ "^.$", REGEX_UTF, BYTES("\xc3\xbc"), "(\xc3\xbc)" },
	{ "(*UTF8)^.$", 0, BYTES("\xc3\xbc"), "(\xc3\xbc)" },
	{ "(*UCP)(*UTF)\\w", 0, BYTES("-\xc3\xbc"), "(\xc3\xbc)" },
	{ "", REGEX_UTF, BYTES("\xc3\xbc"), "()()" },
	{ ".", 0, BYTES("\xff"), "(\xff)" },
	{ ".", REGEX_UTF, BYTES("\xff"), "(\xef\xbf\xbd)" },
	{ "\\j\\@", REGEX_LENIENT, BYTES("j@"), "(j@)" },
	{ "(?|(a)|(b))\\1", 0, BYTES("bb"), "(bb|b)" },
	{ "a|b|c", 0, BYTES("cba"), "(c)(b)(a)" },
	{ "(?x) a | b # c", 0, BYTES("ba"), "(b)(a)" },
	{ "(?<=a)b", 0, BYTES("bab"), "(b)" },
	{ "\\Ga", 0, BYTES("aaba"), "(a)(a)" },
	{ "(?:)*", 0, BYTES("a"), "()()" },
};

START_TEST(search_row)
{
	struct str out = { 0 };

	find_all(&out, searches[_i].pattern, searches[_i].flags,
	    searches[_i].text, searches[_i].len);
	ck_assert_msg(strcmp(str_c(&out), searches[_i].found) == 0,
	    "%s: %s, expected %s", searches[_i].pattern, str_c(&out),
	    searches[_i].found);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *pattern;
	unsigned flags;
	int number;
	const char *why;
} mistakes[] = {
	{ "a(b", 0, 114, "missing closing parenthesis at byte 4" },
	{ "a[", 0, 106, "missing terminating ] for character class at byte 3" },
	{ "*", 0, 109,
	    "quantifier does not follow a repeatable item at byte 1" },
	{ "\\j", 0, 103, "unrecognized character follows \\ at byte 2" },
	{ "(*UTF8)(", 0, 114, "missing closing parenthesis at byte 9" },
	{ "\xff", REGEX_UTF, -23,
	    "UTF-8 error: illegal byte (0xfe or 0xff) at byte 1" },
	{ "\\C", REGEX_UTF, 183, "using \\C is disabled by the application" },
};

START_TEST(mistake_row)
{
	const char *pattern = mistakes[_i].pattern;
	struct err err = { "" };
	int number = 0;

	ck_assert_ptr_null(regex_new(
	    pattern, strlen(pattern), mistakes[_i].flags, &number, &err));
	ck_assert_int_eq(number, mistakes[_i].number);
	ck_assert_msg(
	    strncmp(err.msg, mistakes[_i].why, strlen(mistakes[_i].why)) == 0,
	    "%s: %s", pattern, err.msg);
}
END_TEST

START_TEST(patterns_are_bounded)
{
	size_t len = REGEX_PATTERN_MAX + 1;
	char *pattern = memset(xmalloc(len), 'a', len);
	struct err err;
	int number = 0;

	ck_assert_ptr_null(regex_new(pattern, len, 0, &number, &err));
	ck_assert_int_eq(number, 188);
	free(pattern);
}
END_TEST

/*
 * Each on a megabyte of such units, with HARD_TAIL behind it so that no letter
 * is missing that the pattern must have: most need ages in PCRE.
 */
#define HARD_TAIL "cbzx\n>"
#define ENDS "!too "

static const struct {
	const char *pattern, *unit, *found;
} hard[] = {
	{ "(a+)+b", "a", ENDS },
	{ "(a*)*$x", "a", ENDS },
	{ "(a|aa)+$x", "a", "!too much memory" },
	{ "^(?:a|b|ab)*z", "a", "!too much memory" },
	{ "a*b", "a", ENDS },
	{ "(?:(?=a*+)a)*b", "a", ENDS },
	{ "(?:(?=a*+)(?=a*+)(?=a*+)a?)*b", "a", ENDS },
	{ ".*.*.*zb", "a", ENDS },
	{ "<a.*?href[^>\n]*>", "<a href", ENDS },
	{ "(?s)quick.*?zzz", "quick aaaaaaa ", ENDS },
	{ "(?s)quick.*zzz", "quick aaaaaaa ", ENDS },
	{ "(a?){1000}a{1000}x", "a", ENDS },
	{ "(.)\\1*x", "a", ENDS },
	{ "\\G(a+)+b", "a", ENDS },
	{ "(?R)?a(?R)?b", "a",
	    "!nested recursion at the same subject position" },
	{ "(?s)^a.*?z", "a", "(aaa" }, /* a walk is no trouble */
	{ "(?i)(?:a{9}b|(?:[b-y]+ )+x|ccc|ddd|eee|fff|ggg|hhh)", "a", "" },
};

/* With PCRE2's compiler for patterns and without it. */
START_TEST(hard_pattern_ends)
{
	int row = _i / 2;
	size_t unit = strlen(hard[row].unit);
	char *text = xmalloc(MB), *pattern;
	struct str out = { 0 };
	int64_t before = clock_cpu(CLOCK_THREAD_CPUTIME_ID), used;

	pattern = xasprintf(
	    "%s%s", _i % 2 == 0 ? "" : "(*NO_JIT)", hard[row].pattern);
	for (size_t i = 0; i < MB; i++)
		text[i] = hard[row].unit[i % unit];
	memcpy(text + MB - strlen(HARD_TAIL), HARD_TAIL, strlen(HARD_TAIL));
	find_all(&out, pattern, 0, text, MB);
	used = clock_cpu(CLOCK_THREAD_CPUTIME_ID) - before;
	ck_assert_msg(
	    strncmp(str_c(&out), hard[row].found, strlen(hard[row].found)) == 0,
	    "%s: %.80s", pattern, str_c(&out));
	ck_assert_msg(used < 20 * CLOCK_S, "%s: %lld ms", pattern,
	    (long long)(used / CLOCK_MS));
	str_fini(&out);
	free(pattern);
	free(text);
}
END_TEST

static bool
soon_over(void *arg)
{
	int *left = arg;

	return --*left <= 0;
}

START_TEST(over_is_asked)
{
	struct regex *re = regex("(a+)+$x", 0);
	char *text = memset(xmalloc(MB), 'a', MB);
	struct err err;
	int left = 4;
	struct regex_limits limits = { soon_over, &left, 0 };
	struct regex_search *s = regex_search_new(re, text, MB, &limits);

	ck_assert_int_eq(regex_next(s, &err), -1);
	ck_assert_str_eq(err.msg, "interrupted");
	regex_search_free(s);
	regex_free(re);
	/* where there is much to do and nothing runs away */
	left = 4;
	re = regex("a*b", 0);
	s = regex_search_new(re, text, MB, &limits);
	ck_assert_int_eq(regex_next(s, &err), -1);
	ck_assert_str_eq(err.msg, "interrupted");
	regex_search_free(s);
	regex_free(re);
	free(text);
}
END_TEST

/* Many matches, each of them quick. */
START_TEST(time_is_that_of_all_matches)
{
	struct regex *re = regex("(*NO_JIT)(?:(a)|b)", 0);
	char *text = memset(xmalloc(16 * MB), 'a', 16 * MB);
	struct regex_limits limits = { NULL, NULL, CLOCK_MS };
	struct regex_search *s = regex_search_new(re, text, 16 * MB, &limits);
	struct err err;
	int rc;

	while ((rc = regex_next(s, &err)) == 1)
		;
	ck_assert_int_eq(rc, -1);
	ck_assert_str_eq(err.msg, "too long");
	regex_search_free(s);
	regex_free(re);
	free(text);
}
END_TEST

/* A place that is hard does not end a search: what is behind it counts. */
START_TEST(a_hard_place_is_passed)
{
	struct regex *re = regex("x(a+)+b|x(a+)+c|(*F)", 0);
	char *text = memset(xmalloc(100001), ' ', 100000);
	struct regex_search *s;
	struct err err;
	const char *match;
	size_t len;

	text[100000] = '\0';
	for (size_t at = 0; at < 90000; at += 1000)
		memcpy(text + at, "xaaaaaaaaaaa", 12);
	memcpy(text + 95000, "xaaaac", 6);
	s = regex_search_new(re, text, 100000, NULL);
	ck_assert_msg(regex_next(s, &err) == 1, "%s", err.msg);
	ck_assert(regex_group(s, 0, &match, &len));
	ck_assert_int_eq(match - text, 95000);
	ck_assert_uint_eq(len, 6);
	ck_assert(regex_group(s, 2, &match, &len));
	ck_assert_int_eq(regex_next(s, &err), 0);
	regex_search_free(s);
	regex_free(re);
	free(text);
}
END_TEST

/* Thousands of words, more than the form that counts has room for. */
START_TEST(a_list_of_words_is_fast)
{
	struct str pattern = { 0 };
	char *text = xmalloc(MB);
	struct regex_limits limits = { NULL, NULL, 20 * CLOCK_S };
	struct regex_search *s;
	struct regex *re;
	struct err err;

	str_adds(&pattern, "(?i)\\b(?:none");
	for (int i = 0; i < 2500; i++)
		str_addf(&pattern, "|%cword%d", 'a' + i % 26, i);
	str_adds(&pattern, ")\\b");
	re = regex(pattern.data, 0);
	for (size_t i = 0; i < MB; i++)
		text[i] = "the quick brown fox "[i % 20];
	memcpy(text + MB - 10, " DWORD29 ", 9);
	s = regex_search_new(re, text, MB, &limits);
	ck_assert_msg(regex_next(s, &err) == 1, "%s", err.msg);
	ck_assert_int_eq(regex_next(s, &err), 0);
	regex_search_free(s);
	regex_free(re);
	str_fini(&pattern);
	free(text);
}
END_TEST

START_TEST(names_have_numbers)
{
	struct regex *re = regex("(?<b>x)(y)(?P<a>z)", 0);
	unsigned group;

	ck_assert_uint_eq(regex_count(re), 3);
	ck_assert_str_eq(regex_name(re, 0, &group), "a");
	ck_assert_uint_eq(group, 3);
	ck_assert_str_eq(regex_name(re, 1, &group), "b");
	ck_assert_uint_eq(group, 1);
	ck_assert_ptr_null(regex_name(re, 2, &group));
	regex_free(re);
}
END_TEST

static const struct {
	const char *pattern, *text, *with, *result;
	long n;
} replacements[] = {
	{ "b", "abcb", "x", "axcx", 2 },
	{ "b", "abcb", "", "ac", 2 },
	{ "x", "abc", "y", "abc", 0 },
	{ "", "ab", "-", "-a-b-", 3 },
	{ "a*", "baac", "-", "-b--c-", 4 },
	{ "(.)(.)", "abcd", "$2$1", "badc", 2 },
	{ "(.)(.)", "abcd", "\\2\\1", "badc", 2 },
	{ "(.)", "ab", "<$0>", "<a><b>", 2 },
	{ "(.)", "ab", "${1}0", "a0b0", 2 },
	{ "(.)", "a", "$10", "a0", 1 },
	{ "(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "0123456789", "$10$1", "90", 1 },
	{ "(?<n>.)", "ab", "[${n}]", "[a][b]", 2 },
	{ "(a)|(b)", "ab", "[$1$2]", "[a][b]", 2 },
	{ "(a)", "a", "$2 ${2} ${none}.", "  .", 1 },
	{ "a", "a", "$ $x ${ ${} ${x \\n $", "$ $x ${ ${} ${x \\n $", 1 },
	{ "a", "a", "\\$1 \\\\1 \\", "$1 \\1 \\", 1 },
	{ "\\r\\n\\.\\r\\n$", "x\r\n.\r\n", "--\r\n.\r\n", "x--\r\n.\r\n", 1 },
};

START_TEST(replace_row)
{
	const char *text = replacements[_i].text, *with = replacements[_i].with;
	struct regex *re = regex(replacements[_i].pattern, 0);
	struct regex_search *s = regex_search_new(re, text, strlen(text), NULL);
	struct str out = { 0 };
	struct err err;
	long n = regex_replace(&out, re, s, with, strlen(with), -1, &err);

	ck_assert_msg(n == replacements[_i].n &&
			  strcmp(str_c(&out), replacements[_i].result) == 0,
	    "%s, %s, %s: %s (%ld)", replacements[_i].pattern, text, with,
	    str_c(&out), n);
	str_fini(&out);
	regex_search_free(s);
	regex_free(re);
}
END_TEST

START_TEST(results_are_bounded)
{
	char *text = memset(xmalloc(MB), 'a', MB);
	struct regex *re = regex(".{1000}", 0);
	struct regex_limits limits = { NULL, NULL, 60 * CLOCK_S };
	struct regex_search *s = regex_search_new(re, text, MB, &limits);
	struct str out = { 0 }, with = { 0 };
	struct err err;

	for (int i = 0; i < 200; i++)
		str_adds(&with, "$0");
	ck_assert_int_eq(
	    regex_replace(&out, re, s, with.data, with.len, -1, &err), -1);
	ck_assert_str_eq(err.msg, "a result of more than 128 MB");
	str_fini(&out);
	str_fini(&with);
	regex_search_free(s);
	regex_free(re);
	free(text);
}
END_TEST

/* ---- the cache ---------------------------------------------------------- */

static struct regex *
cached(const char *pattern, unsigned flags)
{
	struct err err;
	int number;
	struct regex *re =
	    regex_cached(pattern, strlen(pattern), flags, &number, &err);

	ck_assert_msg(re != NULL, "%s", err.msg);
	return re;
}

START_TEST(a_pattern_is_compiled_once)
{
	struct regex *a = cached("once", 0), *b = cached("once", 0);
	struct regex *utf = cached("once", REGEX_UTF);

	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_ne(a, utf);
	regex_free(a);
	regex_free(b);
	regex_free(utf);
}
END_TEST

START_TEST(the_cache_is_bounded)
{
	struct regex *first = cached("first", 0), *again;
	struct err err;
	int number;
	size_t bytes;

	for (int i = 0; i < 2 * REGEX_CACHE_MAX; i++) {
		char *pattern = xasprintf("pattern %d", i);

		regex_free(cached(pattern, 0));
		regex_free(cached("often", 0));
		free(pattern);
	}
	ck_assert_uint_eq(regex_cache_count(&bytes), REGEX_CACHE_MAX);
	ck_assert_uint_lt(bytes, REGEX_CACHE_BYTES);
	again = cached("first", 0);
	ck_assert_ptr_ne(first, again); /* it went; ours lives */
	ck_assert_uint_eq(regex_count(first), 0);
	regex_free(first);
	regex_free(again);
	for (int i = 0; i < 40; i++) {
		char *pattern =
		    xasprintf("%d(?:(?:abcdefghij|[^x]y{3}){100}|z+){20}", i);

		regex_free(
		    regex_cached(pattern, strlen(pattern), 0, &number, &err));
		regex_cache_count(&bytes);
		ck_assert_uint_le(bytes, REGEX_CACHE_BYTES);
		free(pattern);
	}
}
END_TEST

/* Its second form is made by several at once. */
static void
use_hard(void)
{
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacb";
	struct regex *re = cached("(a+)+b", 0);
	struct regex_search *s =
	    regex_search_new(re, text, sizeof text - 1, NULL);
	struct err err;

	ck_assert_int_eq(regex_next(s, &err), -1);
	regex_search_free(s);
	regex_free(re);
}

static void *
use_many(void *arg)
{
	(void)arg;
	use_hard();
	for (int i = 0; i < 2000; i++) {
		char *pattern = xasprintf("(a%d)|b", i * 7 % 500);
		struct regex *re = cached(pattern, 0);
		struct regex_search *s = regex_search_new(re, "xxb", 3, NULL);
		struct err err;

		ck_assert_int_eq(regex_next(s, &err), 1);
		regex_search_free(s);
		regex_free(re);
		free(pattern);
	}
	return NULL;
}

START_TEST(threads_share_the_cache)
{
	pthread_t thread[4];

	for (size_t i = 0; i < UNIT_N(thread); i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, use_many, NULL), 0);
	for (size_t i = 0; i < UNIT_N(thread); i++)
		pthread_join(thread[i], NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("regex", &tcase);

	if (!regex_is_built_in()) {
		printf("SKIP: built without PCRE2\n");
		return s;
	}
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, search_row, 0, UNIT_N(searches));
	tcase_add_loop_test(tcase, mistake_row, 0, UNIT_N(mistakes));
	tcase_add_test(tcase, patterns_are_bounded);
	tcase_add_loop_test(tcase, hard_pattern_ends, 0, 2 * UNIT_N(hard));
	tcase_add_test(tcase, over_is_asked);
	tcase_add_test(tcase, time_is_that_of_all_matches);
	tcase_add_test(tcase, a_hard_place_is_passed);
	tcase_add_test(tcase, a_list_of_words_is_fast);
	tcase_add_test(tcase, names_have_numbers);
	tcase_add_loop_test(tcase, replace_row, 0, UNIT_N(replacements));
	tcase_add_test(tcase, results_are_bounded);
	tcase_add_test(tcase, a_pattern_is_compiled_once);
	tcase_add_test(tcase, the_cache_is_bounded);
	tcase_add_test(tcase, threads_share_the_cache);
	return s;
}

UNIT_MAIN(suite)
