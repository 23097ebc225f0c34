#include "json_line.h"

#include "json_text.h"

#include <string.h>

/* The character at p, and what is behind it; U+FFFD for what is none. */
static const char *
decode(const char *p, const char *end, unsigned *c)
{
	static const unsigned least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)p;
	int more = u[0] < 0x80   ? 0
		   : u[0] < 0xc0 ? -1
		   : u[0] < 0xe0 ? 1
		   : u[0] < 0xf0 ? 2
		   : u[0] < 0xf8 ? 3
				 : -1;
	unsigned got = more > 0 ? u[0] & (0x3fU >> more) : u[0];

	*c = 0xfffd;
	if (more < 0 || more >= end - p)
		return p + 1;
	for (int i = 1; i <= more; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return p + 1;
		got = got << 6 | (u[i] & 0x3fU);
	}
	if (got < least[more] || got > 0x10ffff ||
	    (got >= 0xd800 && got < 0xe000))
		return p + 1;
	*c = got;
	return p + 1 + more;
}

static void
add_escape(struct str *out, unsigned c)
{
	if (c == '"' || c == '\\') {
		str_addc(out, '\\');
		str_addc(out, (char)c);
	} else if (c == '\n') {
		str_adds(out, "\\n");
	} else if (c >= 0x10000) {
		str_addf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
		    0xdc00 + ((c - 0x10000) & 0x3ff));
	} else {
		str_addf(out, "\\u%04x", c);
	}
}

static void
add_string(struct str *out, const char *p, size_t n)
{
	const char *end = p + n, *from = p;

	str_addc(out, '"');
	while (p < end) {
		unsigned c;

		if (*p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\') {
			p++;
			continue;
		}
		str_add(out, from, (size_t)(p - from));
		from = p = decode(p, end, &c);
		add_escape(out, c);
	}
	str_add(out, from, (size_t)(p - from));
	str_addc(out, '"');
}

static void
add_integer(struct str *out, json_int_t n)
{
	char text[24], *p = text + sizeof text;
	unsigned long long u =
	    n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (n < 0)
		*--p = '-';
	str_add(out, p, (size_t)(text + sizeof text - p));
}

/* Milliseconds with three places, as most are, or any other. */
static void
add_real(struct str *out, double d)
{
	json_int_t n;

	if (!(d >= 0 && d < 1e9) ||
	    (double)(n = (json_int_t)(d * 1000 + 0.5)) / 1000 != d) {
		json_text_real(out, d);
		return;
	}
	add_integer(out, n / 1000);
	str_addc(out, '.');
	str_addc(out, (char)('0' + n / 100 % 10));
	str_addc(out, (char)('0' + n / 10 % 10));
	str_addc(out, (char)('0' + n % 10));
}

static void
add_array(struct str *out, const json_t *list)
{
	size_t i;
	json_t *one;

	str_addc(out, '[');
	json_array_foreach (list, i, one) {
		if (i > 0)
			str_addc(out, ',');
		json_line_add(out, one);
	}
	str_addc(out, ']');
}

static void
add_object(struct str *out, const json_t *object)
{
	json_t *o = (json_t *)object, *one;
	const char *key, *comma = "";

	str_addc(out, '{');
	json_object_foreach (o, key, one) {
		str_adds(out, comma);
		comma = ",";
		add_string(out, key, strlen(key));
		str_addc(out, ':');
		json_line_add(out, one);
	}
	str_addc(out, '}');
}

void
json_line_add(struct str *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(out, value);
		break;
	case JSON_ARRAY:
		add_array(out, value);
		break;
	case JSON_STRING:
		add_string(
		    out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		add_integer(out, json_integer_value(value));
		break;
	case JSON_REAL:
		add_real(out, json_real_value(value));
		break;
	case JSON_TRUE:
		str_adds(out, "true");
		break;
	case JSON_FALSE:
		str_adds(out, "false");
		break;
	case JSON_NULL:
		str_adds(out, "null");
		break;
	}
}
