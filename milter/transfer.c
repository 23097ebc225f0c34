#include "transfer.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define LINE 76

static const struct {
	const char *name;
	enum transfer transfer;
} names[] = {
	{ "quoted-printable", TRANSFER_QUOTED_PRINTABLE },
	{ "quotedprintable", TRANSFER_QUOTED_PRINTABLE },
	{ "base64", TRANSFER_BASE64 },
	{ "x-base64", TRANSFER_BASE64 },
};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex[] = "0123456789ABCDEF";

enum transfer
transfer_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == len &&
		    strncasecmp(names[i].name, name, len) == 0)
			return names[i].transfer;
	return TRANSFER_IDENTITY;
}

/* ---- base64 ------------------------------------------------------------- */

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * Padding ends a group wherever it stands: some programs encode in pieces and
 * put the pieces one behind the other.
 */
static void
decode_base64(struct str *out, const char *p, size_t n)
{
	uint32_t bits = 0;
	int have = 0;
	char *to;

	str_reserve(out, n / 4 * 3 + 3);
	to = out->data + out->len;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(p[i]);

		if (p[i] == '=')
			have = 0;
		if (d < 0)
			continue;
		bits = (bits << 6 | (uint32_t)d) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*to++ = (char)(bits >> have & 0xff);
		}
	}
	out->len = (size_t)(to - out->data);
	*to = '\0';
}

size_t
transfer_base64_size(size_t n)
{
	size_t chars = (n + 2) / 3 * 4;

	return chars + (chars + LINE - 1) / LINE * 2;
}

void
transfer_base64(struct str *out, const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t column = 0;
	char *to;

	str_reserve(out, transfer_base64_size(n));
	to = out->data + out->len;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits = (uint32_t)u[i] << 16 |
				(left > 1 ? (uint32_t)u[i + 1] << 8 : 0) |
				(left > 2 ? u[i + 2] : 0);

		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[bits & 63] : '=';
		column += 4;
		if (column == LINE || left <= 3) {
			*to++ = '\r';
			*to++ = '\n';
			column = 0;
		}
	}
	out->len = (size_t)(to - out->data);
	*to = '\0';
}

static bool
is_strict_base64(const char *p, size_t n)
{
	size_t n_digits = 0, n_pads = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n')
			continue;
		if (p[i] == '=')
			n_pads++;
		else if (base64_digit(p[i]) < 0 || n_pads > 0)
			return false;
		else
			n_digits++;
	}
	if (n_pads == 0)
		return n_digits % 4 != 1;
	return n_pads < 3 && (n_digits + n_pads) % 4 == 0;
}

/* ---- quoted-printable --------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of a soft line break at p[0] == '=', or 0. */
static size_t
soft_break(const char *p, size_t n)
{
	size_t i = 1;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (i < n && p[i] == '\r')
		i++;
	if (i == n)
		return i;
	return p[i] == '\n' ? i + 1 : 0;
}

/*
 * White space at the end of a line was added on the way (RFC 2045 6.7 (3)):
 * keep is where what was not such white space ends.
 */
static void
decode_quoted(struct str *out, const char *p, size_t n)
{
	size_t keep = out->len, skip;

	str_reserve(out, n);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '=' && i + 2 < n && hex_digit(p[i + 1]) >= 0 &&
		    hex_digit(p[i + 2]) >= 0) {
			str_addc(out, (char)(hex_digit(p[i + 1]) * 16 +
					     hex_digit(p[i + 2])));
			keep = out->len;
			i += 2;
			continue;
		}
		/* white space before a soft break is text */
		if (p[i] == '=' && (skip = soft_break(p + i, n - i)) != 0) {
			keep = out->len;
			i += skip - 1;
			continue;
		}
		if (p[i] == '\n' ||
		    (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n'))
			out->len = keep;
		str_addc(out, p[i]);
		if (p[i] != ' ' && p[i] != '\t')
			keep = out->len;
	}
	out->len = keep;
	out->data[keep] = '\0';
}

static bool
is_strict_quoted(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '=')
			continue;
		if (soft_break(p + i, n - i) != 0)
			continue;
		if (i + 2 >= n || hex_digit(p[i + 1]) < 0 ||
		    hex_digit(p[i + 2]) < 0)
			return false;
	}
	return true;
}

/* Does a line end at p? */
static bool
ends_line(const char *p, size_t n)
{
	return n == 0 || p[0] == '\n' ||
	       (n > 1 && p[0] == '\r' && p[1] == '\n');
}

static bool
is_plain(const char *p, size_t n)
{
	if (p[0] == ' ' || p[0] == '\t')
		return !ends_line(p + 1, n - 1);
	return p[0] > ' ' && p[0] < 0x7f && p[0] != '=';
}

/* Where there is room: a million calls of str_add() take their time. */
static size_t
put(struct str *out, const char *p, size_t n)
{
	memcpy(out->data + out->len, p, n);
	return n;
}

static size_t
put_escape(struct str *out, unsigned char c)
{
	char escape[3] = { '=', hex[c >> 4], hex[c & 15] };

	return put(out, escape, 3);
}

void
transfer_quoted_printable(struct str *out, const char *p, size_t n)
{
	size_t column = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len;

		str_reserve(out, 8);
		if (ends_line(p + i, n - i)) {
			out->len += put(out, "\r\n", 2);
			i += p[i] == '\r';
			column = 0;
			continue;
		}
		len = is_plain(p + i, n - i) ? 1 : 3;
		/* the last column is for the '=' of a soft break */
		if (column + len > LINE - 1 &&
		    (column + len > LINE || !ends_line(p + i + 1, n - i - 1))) {
			out->len += put(out, "=\r\n", 3);
			column = 0;
		}
		if (len == 1)
			out->len += put(out, p + i, 1);
		else
			out->len += put_escape(out, (unsigned char)p[i]);
		column += len;
	}
	str_reserve(out, 0);
	out->data[out->len] = '\0';
}

void
transfer_crlf(struct str *out, const char *p, size_t n)
{
	const char *end = p + n, *nl;

	str_reserve(out, n);
	for (; (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		size_t len = (size_t)(nl - p);

		if (len > 0 && p[len - 1] == '\r')
			len--;
		str_add(out, p, len);
		str_add(out, "\r\n", 2);
	}
	str_add(out, p, (size_t)(end - p));
}

void
transfer_decode(struct str *out, enum transfer t, const char *p, size_t n)
{
	switch (t) {
	case TRANSFER_BASE64:
		decode_base64(out, p, n);
		break;
	case TRANSFER_QUOTED_PRINTABLE:
		decode_quoted(out, p, n);
		break;
	default:
		str_add(out, p, n);
		break;
	}
}

bool
transfer_is_strict(enum transfer t, const char *p, size_t n)
{
	switch (t) {
	case TRANSFER_BASE64:
		return is_strict_base64(p, n);
	case TRANSFER_QUOTED_PRINTABLE:
		return is_strict_quoted(p, n);
	default:
		return true;
	}
}
