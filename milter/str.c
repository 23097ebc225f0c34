#include "str.h"

#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
str_reserve(struct str *s, size_t more)
{
	size_t want = s->len + more + 1;
	size_t cap = s->cap != 0 ? s->cap : 64;

	if (want <= s->cap)
		return;
	while (cap < want)
		cap *= 2;
	s->data = xrealloc(s->data, cap);
	s->cap = cap;
	s->data[s->len] = '\0';
}

void
str_add(struct str *s, const void *p, size_t n)
{
	str_reserve(s, n);
	if (n != 0)
		memcpy(s->data + s->len, p, n);
	s->len += n;
	s->data[s->len] = '\0';
}

void
str_adds(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void
str_addc(struct str *s, char c)
{
	str_add(s, &c, 1);
}

void
str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		str_reserve(s, (size_t)n);
		vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
		s->len += (size_t)n;
	}
	va_end(again);
}

void
str_addu(struct str *s, unsigned long n)
{
	char digits[24], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	str_add(s, p, (size_t)(digits + sizeof digits - p));
}

void
str_clear(struct str *s)
{
	s->len = 0;
	if (s->data != NULL)
		s->data[0] = '\0';
}

void
str_fini(struct str *s)
{
	free(s->data);
	*s = (struct str){ 0 };
}

char *
str_take(struct str *s)
{
	char *data;

	str_reserve(s, 0);
	data = s->data;
	*s = (struct str){ 0 };
	return data;
}

const char *
str_c(const struct str *s)
{
	return s->data != NULL ? s->data : "";
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), or 0. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	size_t want = p[0] < 0x80                   ? 1
		      : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		      : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		      : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						    : 0;

	if (want == 0 || want > n)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return want;
}

void
str_add_printable(struct str *s, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(p + i, n - i);

		if (p[i] == '\n') {
			str_adds(s, " | ");
			len = 1;
		} else if (p[i] == '\t') {
			str_addc(s, ' ');
			len = 1;
		} else if (len == 0 || p[i] < 0x20 || p[i] == 0x7f ||
			   (p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			str_addf(s, "\\x%02x", p[i]);
			len = 1;
		} else {
			str_add(s, p + i, len);
		}
		i += len;
	}
}
