#include "regex_replace.h"

#include <string.h>

struct expansion {
	struct str *out;
	const struct regex *re;
	const struct regex_search *s;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static void
add_group(struct expansion *x, unsigned group)
{
	const char *text;
	size_t len;

	if (regex_group(x->s, group, &text, &len))
		str_add(x->out, text, len);
}

/* All groups of that name; of those one at most has a part in the match. */
static void
add_named(struct expansion *x, const char *name, size_t len)
{
	const char *known;
	unsigned group;

	for (unsigned i = 0; (known = regex_name(x->re, i, &group)) != NULL;
	     i++)
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			add_group(x, group);
}

/* Bytes of "{12}" or "{name}" at p, or 0. */
static size_t
braced(struct expansion *x, const char *p, size_t n)
{
	unsigned group = 0;
	size_t i = 1, digits = 0;

	if (n < 3 || *p != '{')
		return 0;
	for (; i < n && i < 40 && is_word(p[i]); i++)
		if (is_digit(p[i]) && digits == i - 1 && digits < 5) {
			group = group * 10 + (unsigned)(p[i] - '0');
			digits++;
		}
	if (i == 1 || i == n || p[i] != '}')
		return 0;
	if (digits == i - 1)
		add_group(x, group);
	else
		add_named(x, p + 1, i - 1);
	return i + 1;
}

/* Bytes of the number at p, which is one of a group, or 0. */
static size_t
numbered(struct expansion *x, const char *p, size_t n)
{
	unsigned group, two;

	if (n == 0 || !is_digit(*p))
		return 0;
	group = (unsigned)(*p - '0');
	if (n > 1 && is_digit(p[1])) {
		two = group * 10 + (unsigned)(p[1] - '0');
		if (two <= regex_count(x->re)) {
			add_group(x, two);
			return 2;
		}
	}
	add_group(x, group);
	return 1;
}

/* What stands behind the sign at p[-1]: its bytes, or 0 if nothing does. */
static size_t
reference(struct expansion *x, const char *p, size_t n)
{
	size_t len = numbered(x, p, n);

	if (len > 0)
		return len;
	if (p[-1] == '$')
		return braced(x, p, n);
	if (n == 0 || (*p != '$' && *p != '\\'))
		return 0;
	str_addc(x->out, *p);
	return 1;
}

static void
expand(struct str *out, const struct regex *re, const struct regex_search *s,
    const char *with, size_t len)
{
	struct expansion x = { out, re, s };
	const char *end = with + len, *p = with;

	while (p < end) {
		size_t plain = 0, n;

		while (p + plain < end && p[plain] != '$' && p[plain] != '\\')
			plain++;
		str_add(out, p, plain);
		p += plain;
		if (p == end)
			break;
		p++;
		n = reference(&x, p, (size_t)(end - p));
		if (n == 0)
			str_addc(out, p[-1]);
		p += n;
	}
}

long
regex_replace_as(struct str *out, struct regex *re, struct regex_search *s,
    regex_expand *as, const char *with, size_t with_len, long max,
    struct err *err)
{
	const char *match = NULL, *done;
	size_t len, match_len = 0;
	long n = 0;
	int rc = 0;

	done = regex_text(s, &len);
	while (n != max && (rc = regex_next(s, err)) == 1) {
		regex_group(s, 0, &match, &match_len);
		str_add(out, done, (size_t)(match - done));
		as(out, re, s, with, with_len);
		len -= (size_t)(match + match_len - done);
		done = match + match_len;
		n++;
		if (out->len > REGEX_RESULT_MAX)
			return err_set(err, "a result of more than %zu MB",
			    REGEX_RESULT_MAX >> 20);
	}
	if (rc < 0)
		return -1;
	str_add(out, done, len);
	return n;
}

long
regex_replace(struct str *out, struct regex *re, struct regex_search *s,
    const char *with, size_t with_len, long max, struct err *err)
{
	return regex_replace_as(out, re, s, expand, with, with_len, max, err);
}
