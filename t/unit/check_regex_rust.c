#include "milter/regex_rust.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

static const struct {
	const char *rust, *pcre2; /* NULL: refused */
} patterns[] = {
	{ "", "" },
	{ "a(b|c)*?[d-f]$", "a(b|c)*?[d-f]$" },
	{ "(?P<n>a)(?<m>b)(?:c)(?=d)", "(?P<n>a)(?<m>b)(?:c)(?=d)" },
	{ "\\d\\(\\[\\\\[", NULL },
	{ "\\[[\\]]", "\\[[\\]]" },
	{ "[]a]", "[\\]a]" },
	{ "[^]a]", "[^\\]a]" },
	{ "[--a]", "[\\-\\-a]" },
	{ "[a-]", "[a-]" },
	{ "[]", NULL },
	{ "[a", NULL },
	{ "[[", NULL },
	{ "[a&&b]", "(?:(?=[b])[a])" },
	{ "[a--b&&c]", "(?:(?=[c])(?:(?![b])[a]))" },
	{ "[^a&&b]", "(?:(?!(?:(?=[b])[a]))(?s:.))" },
	{ "[a[b]c]", "(?:[ac]|[b])" },
	{ "[[a][^b]]", "(?:[a]|[^b])" },
	{ "[^[a]]", "(?:(?![a])(?s:.))" },
	{ "[&&a]", NULL },
	{ "[a--]", NULL },
	{ "[a~~b]", NULL },
	{ "[a&b]", "[a&b]" },
	{ "[[:digit:]x]", "[0-9x]" },
	{ "[[:^digit:]]", NULL },
	{ "\\u00e9\\u{e9}\\U000000e9", "\\x{00e9}\\x{e9}\\x{000000e9}" },
	{ "\\u00", NULL },
	{ "\\h[\\h\\H]", "[0-9A-Fa-f][0-9A-Fa-f\\x00-/:-@G-`g-\\x{10ffff}]" },
	{ "\\v\\<\\>[\\<]", "\\x0b\\b(?=\\w)\\b(?<=\\w)[<]" },
	{ "\\b{start}\\b", "\\b(?=\\w)\\b" },
	{ "\\pL\\p{L}\\p{Letter}\\P{^Number}", "\\pL\\p{L}\\p{L}\\P{^N}" },
	{ "\\p{", "\\p{" }, /* PCRE2 says what is missing */
	{ "\\p", "\\p" },
	{ "a{,3}b{2,}c{4", "a{0,3}b{2,}c{4" },
	{ "{,}", "{,}" },
	{ "(?i)a(?-s:b)(?u)(?x-i: c #[\n d)", "(?i)a(?-s:b)(?)(?x-i: c \n d)" },
	{ "(?x)[ a\tb ]", "(?x)[ab]" },
	{ "a(?#[)b", "ab" },
	{ "(?#", NULL },
	{ "(?R)", NULL },
	{ "(?-u)", NULL },
	{ "(?Ri)", NULL },
	{ "(?C)", NULL },
	{ "(*FAIL)", NULL },
	{ "\\Qa", NULL },
	{ "\\", NULL },
	{ "(", "(" },
	{ "(?", "(?" },
	{ "(?i", "(?i" },
};

START_TEST(pattern_is_translated)
{
	struct str out = { 0 };
	struct err err;
	int rc = regex_rust_pattern(
	    &out, patterns[_i].rust, strlen(patterns[_i].rust), &err);

	if (patterns[_i].pcre2 == NULL) {
		ck_assert_msg(
		    rc == -1, "%s: %s", patterns[_i].rust, str_c(&out));
		ck_assert_msg(strstr(err.msg, " at byte ") != NULL, "%s: %s",
		    patterns[_i].rust, err.msg);
	} else {
		ck_assert_msg(rc == 0, "%s: %s", patterns[_i].rust, err.msg);
		ck_assert_str_eq(str_c(&out), patterns[_i].pcre2);
	}
	str_fini(&out);
}
END_TEST

START_TEST(a_cut_pattern_is_read_to_its_end)
{
	const char *whole = patterns[_i].rust;

	for (size_t n = 0; n <= strlen(whole); n++) {
		char *copy = xmalloc(n + 1); /* a read behind it is seen */
		struct str out = { 0 };

		memcpy(copy, whole, n);
		(void)regex_rust_pattern(&out, copy, n, NULL);
		str_fini(&out);
		free(copy);
	}
}
END_TEST

START_TEST(classes_in_classes_are_bounded)
{
	struct str deep = { 0 }, out = { 0 };
	struct err err;

	for (int i = 0; i < 60000; i++)
		str_addc(&deep, '[');
	ck_assert_int_eq(
	    regex_rust_pattern(&out, deep.data, deep.len, &err), -1);
	ck_assert_str_eq(err.msg, "classes nested too deep at byte 51");
	str_fini(&deep);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *pattern, *text, *with;
	long max;
	const char *result;
} replacements[] = {
	{ "(?<n>a)(b)?", "ab a", "[$n$2]", 9, "[ab] [a]" },
	{ "(?<n>a)(b)?", "ab a", "[$n$2]", 1, "[ab] a" },
	{ "(?<n>a)(b)?", "ab a", "[$n$2]", 0, "ab a" },
	{ "a", "a", "$", 9, "$" },
	{ "a", "a", "$$$$", 9, "$$" },
	{ "a", "a", "${", 9, "${" },
	{ "a", "a", "${}", 9, "${}" },
	{ "a", "a", "${0", 9, "${0" },
	{ "a", "a", "${0}0$0-$00", 9, "a0a-a" },
	{ "a", "a", "$99999999999999999999", 9, "" },
	{ "a", "a", "$0a", 9, "" },
	{ "a", "a", "$\xc3\xa9", 9, "$\xc3\xa9" },
	{ "", "ab", "-", 9, "-a-b-" },
	{ "(?<_1>a)", "a", "$_1", 9, "a" },
};

START_TEST(replacement_is_made)
{
	struct err err;
	struct str out = { 0 };
	int number;
	struct regex *re = regex_new(replacements[_i].pattern,
	    strlen(replacements[_i].pattern), REGEX_RUST, &number, &err);
	struct regex_search *s;

	ck_assert_msg(re != NULL, "%s", err.msg);
	s = regex_search_new(
	    re, replacements[_i].text, strlen(replacements[_i].text), NULL);
	ck_assert_int_ge(
	    regex_replace_as(&out, re, s, regex_rust_expand,
		replacements[_i].with, strlen(replacements[_i].with),
		replacements[_i].max, &err),
	    0);
	ck_assert_str_eq(str_c(&out), replacements[_i].result);
	regex_search_free(s);
	regex_free(re);
	str_fini(&out);
}
END_TEST

static void *
search_often(void *arg)
{
	struct err err;

	for (int i = 0; i < 500; i++) {
		struct regex_search *s =
		    regex_search_new(arg, "aaaaaaaaaaaaaaaaaaaac", 21, NULL);

		must(regex_next(s, &err) == 1);
		must(regex_next(s, &err) == 0);
		regex_search_free(s);
	}
	return NULL;
}

START_TEST(threads_share_a_pattern)
{
	pthread_t thread[4];
	struct err err;
	int number;
	struct regex *re =
	    regex_new("(?<n>\\w)c", 9, REGEX_RUST, &number, &err);

	ck_assert_msg(re != NULL, "%s", err.msg);
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, search_often, re) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(thread[i], NULL) == 0);
	regex_free(re);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("regex_rust", &tcase);

	tcase_add_loop_test(tcase, pattern_is_translated, 0, UNIT_N(patterns));
	tcase_add_loop_test(
	    tcase, a_cut_pattern_is_read_to_its_end, 0, UNIT_N(patterns));
	tcase_add_test(tcase, classes_in_classes_are_bounded);
	if (!regex_is_built_in())
		return s;
	tcase_add_loop_test(
	    tcase, replacement_is_made, 0, UNIT_N(replacements));
	tcase_add_test(tcase, threads_share_a_pattern);
	return s;
}

UNIT_MAIN(suite)
