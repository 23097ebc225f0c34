#include "json_read.h"

#include "xmalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The end of the string at p, which is a quote. */
static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && end - p > 1)
			p++;
	return p < end ? p + 1 : p;
}

/* Spaces for it; lines stay, and so do the places of errors. */
static char *
blank_until(char *p, const char *to)
{
	for (; p < to; p++)
		if (*p != '\n')
			*p = ' ';
	return p;
}

/* The end of a comment at p, or p where there is none. */
static const char *
comment_end(const char *p, const char *end)
{
	size_t n = (size_t)(end - p);
	const char *to;

	if (*p == '#' || (n > 1 && p[0] == '/' && p[1] == '/')) {
		to = memchr(p, '\n', n);
		return to != NULL ? to : end;
	}
	if (n > 1 && p[0] == '/' && p[1] == '*') {
		to = memmem(p + 2, n - 2, "*/", 2);
		return to != NULL ? to + 2 : p; /* an error, then */
	}
	return p;
}

/* The first comment, or NULL. */
static const char *
find_comment(const char *p, const char *end)
{
	while (p < end) {
		if (*p == '"')
			p = skip_string(p, end);
		else if (comment_end(p, end) > p)
			return p;
		else
			p++;
	}
	return NULL;
}

/* Most texts have none, and are not to be copied for it. */
static bool
may_have_comments(const char *text, size_t len)
{
	return memchr(text, '#', len) != NULL || memchr(text, '/', len) != NULL;
}

static void
strip(char *text, const char *end)
{
	const char *from = text;

	while ((from = find_comment(from, end)) != NULL)
		from =
		    blank_until(text + (from - text), comment_end(from, end));
}

static json_t *
load(const char *text, size_t len, json_error_t *why)
{
	return json_loadb(text, len,
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, why);
}

json_t *
json_read(const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *value;
	char *copy;

	if (may_have_comments(text, len) &&
	    find_comment(text, text + len) != NULL) {
		copy = xmemdup0(text, len);
		strip(copy, copy + len);
		value = load(copy, len, &why);
		free(copy);
	} else {
		value = load(text, len, &why);
	}
	if (value == NULL)
		err_set(err, "%s at line %d column %d", why.text, why.line,
		    why.column);
	return value;
}
