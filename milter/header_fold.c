#include "header_fold.h"

#include <stdbool.h>
#include <string.h>

#define SOFT 75
#define HARD 900
#define WORD_MAX 75 /* of one encoded word, RFC 2047 2 */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_ascii(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] & 0x80) != 0 || p[i] == '\0' || p[i] == 0x7f ||
		    (p[i] < ' ' && !is_space(p[i])))
			return false;
	return true;
}

/* The length of the next word, and *at moved to where it begins. */
static size_t
next_word(const char *p, size_t n, size_t *at)
{
	size_t len = 0;

	while (*at < n && is_space(p[*at]))
		(*at)++;
	while (*at + len < n && !is_space(p[*at + len]))
		len++;
	return len;
}

static void
wrap(struct str *out, const char *p, size_t n)
{
	size_t column = 0, len;

	for (size_t at = 0; (len = next_word(p, n, &at)) > 0; at += len) {
		if (len > HARD)
			len = HARD;
		if (column != 0 && column + 1 + len > SOFT) {
			str_adds(out, "\n\t");
			column = 0;
		} else if (column != 0) {
			str_addc(out, ' ');
			column++;
		}
		str_add(out, p + at, len);
		column += len;
	}
}

static size_t
char_len(const char *p, size_t n)
{
	size_t len = 1;

	while (len < n && len < 4 && (p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static void
add_q(struct str *out, unsigned char c)
{
	if (c == ' ')
		str_addc(out, '_');
	else if (c > ' ' && c < 0x7f && strchr("=?_\"(),.:;<>@[\\]", c) == NULL)
		str_addc(out, (char)c);
	else
		str_addf(out, "=%02X", c);
}

/* Whole characters only in one word: RFC 2047 5. */
static void
encode(struct str *out, const char *p, size_t n)
{
	static const char open[] = "=?UTF-8?q?";
	bool is_open = false;
	size_t begin = 0; /* of the word that is open */

	for (size_t i = 0, len; i < n; i += len) {
		struct str one = { 0 };

		len = char_len(p + i, n - i);
		for (size_t k = 0; k < len; k++)
			add_q(&one, (unsigned char)p[i + k]);
		if (is_open && out->len - begin + one.len + 2 > WORD_MAX) {
			str_adds(out, "?=\n\t");
			is_open = false;
		}
		if (!is_open) {
			begin = out->len;
			str_adds(out, open);
			is_open = true;
		}
		str_add(out, str_c(&one), one.len);
		str_fini(&one);
	}
	if (n > 0)
		str_adds(out, "?=");
}

void
header_fold(struct str *out, const char *value, size_t len)
{
	if (is_ascii(value, len))
		wrap(out, value, len);
	else
		encode(out, value, len);
}
