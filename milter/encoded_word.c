#include "encoded_word.h"

#include <stdint.h>
#include <string.h>

/* No '/' (iconv's options) and nothing that could be a path. */
static bool
is_charset_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("-_.:+*", c));
}

/* Length of "=?charset*language?" or 0. */
static size_t
scan_charset(struct encoded_word *w, const char *p, size_t n)
{
	size_t i = 2, len, most = 2 + ENCODED_WORD_CHARSET_MAX;
	const char *star;

	while (i < n && i < most && is_charset_char(p[i]))
		i++;
	if (i == n || p[i] != '?')
		return 0;
	star = memchr(p + 2, '*', i - 2);
	len = (star != NULL ? (size_t)(star - p) : i) - 2;
	if (len == 0)
		return 0;
	memcpy(w->charset, p + 2, len);
	w->charset[len] = '\0';
	return i + 1;
}

/*
 * An encoded word at p?  The text ends at the first '?', so a failed look
 * costs no more than the bytes up to the place of the next one.
 */
bool
encoded_word_scan(struct encoded_word *w, const char *p, size_t n)
{
	size_t i;

	if (n < 8 || p[0] != '=' || p[1] != '?')
		return false;
	i = scan_charset(w, p, n);
	if (i == 0 || i + 2 > n || p[i + 1] != '?')
		return false;
	w->encoding = (char)(p[i] | 0x20);
	if (w->encoding != 'b' && w->encoding != 'q')
		return false;
	i += 2;
	w->text = p + i;
	while (i < n && p[i] != '?' && p[i] > ' ' && p[i] < 0x7f)
		i++;
	if (i + 1 >= n || p[i] != '?' || p[i + 1] != '=')
		return false;
	w->textlen = (size_t)(p + i - w->text);
	w->len = i + 2;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
decode_q(struct str *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '=' && i + 2 < n && hex_digit(p[i + 1]) >= 0 &&
		    hex_digit(p[i + 2]) >= 0) {
			str_addc(out, (char)(hex_digit(p[i + 1]) * 16 +
					     hex_digit(p[i + 2])));
			i += 2;
		} else {
			str_addc(out, p[i] == '_' ? ' ' : p[i]);
		}
	}
}

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *d = c != '\0' ? strchr(digits, c) : NULL;

	return d != NULL ? (int)(d - digits) : -1;
}

/* Padding may be missing; false, and nothing added, for anything else. */
static bool
decode_b(struct str *out, const char *p, size_t n)
{
	uint32_t bits = 0;
	int have = 0;

	while (n > 0 && p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		if (base64_digit(p[i]) < 0)
			return false;
	for (size_t i = 0; i < n; i++) {
		bits = (bits << 6 | (uint32_t)base64_digit(p[i])) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			str_addc(out, (char)(bits >> have & 0xff));
		}
	}
	return true;
}

bool
encoded_word_decode(struct str *out, const struct encoded_word *w)
{
	if (w->encoding == 'b')
		return decode_b(out, w->text, w->textlen);
	decode_q(out, w->text, w->textlen);
	return true;
}
