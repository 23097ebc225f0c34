#include "json_read.h"

#include "xmalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The end of the string at p, which is a quote. */
static char *
skip_string(char *p, const char *end)
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

static void
strip(char *p, const char *end)
{
	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
		} else {
			const char *to = comment_end(p, end);

			p = to > p ? blank_until(p, to) : p + 1;
		}
	}
}

json_t *
json_read(const char *text, size_t len, struct err *err)
{
	char *copy = xmemdup0(text, len);
	json_error_t why;
	json_t *value;

	strip(copy, copy + len);
	value = json_loadb(copy, len,
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);
	free(copy);
	if (value == NULL)
		err_set(err, "%s at line %d column %d", why.text, why.line,
		    why.column);
	return value;
}
