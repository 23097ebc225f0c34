#include "json_text.h"

#include "charset.h"
#include "header_text.h"
#include "xmalloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "1e-07" as "1e-7" and "1e+20" as "1e20". */
static void
add_exponent(struct str *out, const char *text)
{
	const char *e = strchr(text, 'e'), *digits = e + 2;

	while (*digits == '0')
		digits++;
	str_add(out, text, (size_t)(e - text));
	str_adds(out, e[1] == '-' ? "e-" : "e");
	str_adds(out, digits);
}

void
json_text_real(struct str *out, double d)
{
	char text[48];
	int digits = 1;

	if (!isfinite(d)) {
		str_adds(out, "null");
		return;
	}
	for (; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	if (strchr(text, 'e') != NULL && fabs(d) >= 1e-5 && fabs(d) < 1e16)
		snprintf(
		    text, sizeof text, "%.*f", fabs(d) < 1 ? digits + 4 : 0, d);
	if (strchr(text, 'e') != NULL) {
		add_exponent(out, text);
		return;
	}
	str_adds(out, text);
	if (strchr(text, '.') == NULL)
		str_adds(out, ".0");
}

static void
add_escape(struct str *out, unsigned char c)
{
	static const char codes[] = "btn\0fr"; /* from 8 on */

	str_addc(out, '\\');
	if (c >= '\b' && c <= '\r' && c != '\v')
		str_addc(out, codes[c - '\b']);
	else if (c == '"' || c == '\\')
		str_addc(out, (char)c);
	else
		str_addf(out, "u%04x", c);
}

void
json_text_string(struct str *out, const char *p, size_t n)
{
	size_t from = 0;

	str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		str_add(out, p + from, i - from);
		add_escape(out, c);
		from = i + 1;
	}
	str_add(out, p + from, n - from);
	str_addc(out, '"');
}

/* depth < 0: compact */
static void write_value(struct str *out, const json_t *value, int depth);

static void
new_line(struct str *out, int depth)
{
	if (depth < 0)
		return;
	str_addc(out, '\n');
	for (int i = 0; i < depth; i++)
		str_adds(out, "  ");
}

static int
inner(int depth)
{
	return depth < 0 ? depth : depth + 1;
}

static void
write_bytes(struct str *out, const char *p, size_t n, int depth)
{
	str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			str_addc(out, ',');
		new_line(out, inner(depth));
		str_addu(out, (unsigned char)p[i]);
	}
	new_line(out, depth);
	str_addc(out, ']');
}

static void
write_array(struct str *out, const json_t *array, int depth)
{
	size_t n = json_array_size(array);

	str_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			str_addc(out, ',');
		new_line(out, inner(depth));
		write_value(out, json_array_get(array, i), inner(depth));
	}
	if (n > 0)
		new_line(out, depth);
	str_addc(out, ']');
}

struct member {
	const char *key;
	size_t len;
	const json_t *value;
};

static int
by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->key, y->key, n);

	if (order != 0)
		return order;
	return x->len < y->len ? -1 : x->len > y->len;
}

static void
write_member(struct str *out, const struct member *m, int depth)
{
	struct str key = { 0 };

	new_line(out, depth);
	charset_repair(&key, m->key, m->len);
	json_text_string(out, str_c(&key), key.len);
	str_fini(&key);
	str_adds(out, depth < 0 ? ":" : ": ");
	write_value(out, m->value, depth);
}

static void
write_object(struct str *out, const json_t *object, int depth)
{
	size_t n = json_object_size(object), i = 0;
	struct member *list = xcalloc(n + 1, sizeof *list);

	for (void *it = json_object_iter((json_t *)object); it != NULL;
	     it = json_object_iter_next((json_t *)object, it))
		list[i++] = (struct member){ json_object_iter_key(it),
			json_object_iter_key_len(it),
			json_object_iter_value(it) };
	if (depth >= 0)
		qsort(list, n, sizeof *list, by_key);
	str_addc(out, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			str_addc(out, ',');
		write_member(out, &list[i], inner(depth));
	}
	if (n > 0)
		new_line(out, depth);
	str_addc(out, '}');
	free(list);
}

static void
write_value(struct str *out, const json_t *value, int depth)
{
	const char *p;
	size_t n;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(out, value, depth);
		break;
	case JSON_ARRAY:
		write_array(out, value, depth);
		break;
	case JSON_STRING:
		p = json_string_value(value);
		n = json_string_length(value);
		if (header_text_is_utf8(p, n))
			json_text_string(out, p, n);
		else
			write_bytes(out, p, n, depth);
		break;
	case JSON_INTEGER:
		str_addf(
		    out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		json_text_real(out, json_real_value(value));
		break;
	default:
		str_adds(out, json_is_null(value)   ? "null"
			      : json_is_true(value) ? "true"
						    : "false");
		break;
	}
}

void
json_text_write(struct str *out, const json_t *value, bool pretty)
{
	write_value(out, value, pretty ? 0 : -1);
}
