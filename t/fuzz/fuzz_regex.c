/*
 * flags, a pattern, a newline, what replaces it, a newline, the text
 *
 * Whatever the pattern, also as Rust writes it: it ends, it stays within the
 * text, and PCRE2's compiled patterns find what its interpreter finds.
 */
#include "fuzz.h"

#include "milter/regex.h"
#include "milter/regex_rust.h"

#include <stdlib.h>
#include <string.h>

static const struct regex_limits limits = { NULL, NULL, 50 * 1000000 };

struct input {
	unsigned flags;
	const char *pattern, *with, *text;
	size_t pattern_len, with_len, len;
};

static bool
split(struct input *in, const char *p, size_t n)
{
	const char *end = p + n, *first, *second;

	if (n == 0)
		return false;
	in->flags = (unsigned char)*p & (REGEX_UTF | REGEX_LENIENT);
	p++;
	first = memchr(p, '\n', (size_t)(end - p));
	if (first == NULL)
		return false;
	second = memchr(first + 1, '\n', (size_t)(end - first - 1));
	if (second == NULL)
		return false;
	in->pattern = p;
	in->pattern_len = (size_t)(first - p);
	in->with = first + 1;
	in->with_len = (size_t)(second - first - 1);
	in->text = second + 1;
	in->len = (size_t)(end - second - 1);
	return true;
}

static void
check_matches(struct regex *re, const struct input *in)
{
	struct regex_search *s =
	    regex_search_new(re, in->text, in->len, &limits);
	size_t all, len, n = 0;
	const char *begin = regex_text(s, &all), *at;
	struct err err;

	while (regex_next(s, &err) == 1) {
		must(++n <= 2 * all + 2);
		must(regex_group(s, 0, &at, &len));
		for (unsigned i = 0; i < regex_groups(s); i++)
			if (regex_group(s, i, &at, &len))
				must(at >= begin && at + len <= begin + all);
	}
	regex_search_free(s);
}

static long
replace(struct str *out, struct regex *re, const struct input *in)
{
	struct regex_search *s =
	    regex_search_new(re, in->text, in->len, &limits);
	struct err err;
	long n = regex_replace(out, re, s, in->with, in->with_len, -1, &err);

	regex_search_free(s);
	return n;
}

/* It may be refused, but is not taken for more than it is. */
static void
check_rust(const struct input *in)
{
	struct str pattern = { 0 }, out = { 0 };
	struct regex_search *s;
	struct regex *re = NULL;
	struct err err;
	int number;

	if (regex_rust_pattern(&pattern, in->pattern, in->pattern_len, &err) ==
	    0)
		re = regex_new(
		    str_c(&pattern), pattern.len, REGEX_RUST, &number, &err);
	if (re != NULL) {
		check_matches(re, in);
		s = regex_search_new(re, in->text, in->len, &limits);
		regex_replace_as(&out, re, s, regex_rust_expand, in->with,
		    in->with_len, 10, &err);
		regex_search_free(s);
	}
	regex_free(re);
	str_fini(&pattern);
	str_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct regex *re, *slow;
	struct str pattern = { 0 }, one = { 0 }, other = { 0 };
	struct err err;
	int number;
	long n;

	if (!regex_is_built_in() || !split(&in, (const char *)data, size))
		return 0;
	check_rust(&in);
	re = regex_new(in.pattern, in.pattern_len, in.flags, &number, &err);
	if (re == NULL)
		return 0;
	check_matches(re, &in);
	str_adds(&pattern, "(*NO_JIT)");
	str_add(&pattern, in.pattern, in.pattern_len);
	slow = regex_new(pattern.data, pattern.len, in.flags, &number, &err);
	must(slow != NULL);
	n = replace(&one, re, &in);
	if (n >= 0 && replace(&other, slow, &in) >= 0)
		must(one.len == other.len &&
		     memcmp(str_c(&one), str_c(&other), one.len) == 0);
	str_fini(&pattern);
	str_fini(&one);
	str_fini(&other);
	regex_free(re);
	regex_free(slow);
	return 0;
}
