#include "toml_scan.h"

#include <stdint.h>
#include <string.h>

static void
add_utf8(struct str *out, uint32_t c)
{
	if (c < 0x80) {
		str_addc(out, (char)c);
	} else if (c < 0x800) {
		str_addc(out, (char)(0xc0 | c >> 6));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		str_addc(out, (char)(0xe0 | c >> 12));
		str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		str_addc(out, (char)(0xf0 | c >> 18));
		str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		str_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_code(struct toml_scan *s, struct str *out, int digits)
{
	uint32_t c = 0;

	for (; digits > 0; digits--, s->p++) {
		int d = hex_digit(toml_at(s, 0));

		if (d < 0)
			return toml_fail(s, "hexadecimal digit expected");
		c = c << 4 | (uint32_t)d;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return toml_fail(s, "no character of Unicode");
	add_utf8(out, c);
	return true;
}

/* "\" at the end of a line: it and all white space behind it go. */
static bool
take_line_end(struct toml_scan *s)
{
	const char *from = s->p;

	toml_blanks(s);
	if (toml_at(s, 0) != '\n' &&
	    (toml_at(s, 0) != '\r' || toml_at(s, 1) != '\n')) {
		s->p = from;
		return toml_fail(s, "unknown escape");
	}
	for (;;) {
		toml_blanks(s);
		if (toml_at(s, 0) == '\r' && toml_at(s, 1) == '\n')
			s->p++;
		if (toml_at(s, 0) != '\n' || s->p == s->end)
			return true;
		s->p++;
	}
}

/* Behind the backslash. */
static bool
take_escape(struct toml_scan *s, struct str *out, bool is_long)
{
	static const char codes[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = toml_at(s, 0);
	const char *code = c != '\0' ? strchr(codes, c) : NULL;

	if (code != NULL) {
		str_addc(out, values[code - codes]);
		s->p++;
		return true;
	}
	if (c == 'u' || c == 'U') {
		s->p++;
		return take_code(s, out, c == 'u' ? 4 : 8);
	}
	if (is_long && s->p < s->end)
		return take_line_end(s);
	return toml_fail(s, "unknown escape");
}

/* How many of q stand here, five at most. */
static size_t
quotes(const struct toml_scan *s, char q)
{
	size_t n = 0;

	while (n < 5 && toml_at(s, n) == q)
		n++;
	return n;
}

/* A byte that stands for itself. */
static bool
take_plain(struct toml_scan *s, struct str *out, bool is_long)
{
	unsigned char c = (unsigned char)toml_at(s, 0);

	if (is_long && c == '\r' && toml_at(s, 1) == '\n') {
		str_adds(out, "\r\n");
		s->p += 2;
		return true;
	}
	if (is_long && c == '\n') {
		str_addc(out, '\n');
		s->p++;
		return true;
	}
	if (c == '\n' || c == '\r')
		return toml_fail(s, "a string without end");
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return toml_fail(s, "a control character");
	str_addc(out, (char)c);
	s->p++;
	return true;
}

static bool
take_long(struct toml_scan *s, struct str *out, char q)
{
	s->p += 3;
	toml_newline(s);
	for (;;) {
		size_t n = quotes(s, q);

		if (s->p == s->end)
			return toml_fail(s, "a string without end");
		if (n >= 3) { /* one or two may stand before the end */
			str_add(out, s->p, n - 3);
			s->p += n;
			return true;
		}
		if (q == '"' && toml_at(s, 0) == '\\') {
			s->p++;
			if (!take_escape(s, out, true))
				return false;
		} else if (!take_plain(s, out, true)) {
			return false;
		}
	}
}

bool
toml_string(struct toml_scan *s, struct str *out, bool may_be_long)
{
	char q = toml_at(s, 0);

	if (may_be_long && quotes(s, q) >= 3)
		return take_long(s, out, q);
	s->p++;
	for (;;) {
		if (s->p == s->end)
			return toml_fail(s, "a string without end");
		if (toml_at(s, 0) == q) {
			s->p++;
			return true;
		}
		if (q == '"' && toml_at(s, 0) == '\\') {
			s->p++;
			if (!take_escape(s, out, false))
				return false;
		} else if (!take_plain(s, out, false)) {
			return false;
		}
	}
}
