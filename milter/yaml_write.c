#include "yaml_write.h"

#include "charset.h"
#include "header_text.h"
#include "json_text.h"
#include "xmalloc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* ---- strings ------------------------------------------------------------ */

/* Words that YAML 1.1 or 1.2 takes for something else. */
static bool
is_special(const char *p, size_t n)
{
	static const char *const words[] = { "null", "true", "false", "yes",
		"no", "on", "off", "y", "n" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == n && strncasecmp(words[i], p, n) == 0)
			return true;
	return false;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool
is_plain(const char *p, size_t n)
{
	if (n == 0 || (!is_letter(p[0]) && p[0] != '/') || p[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_letter(p[i]) && (p[i] < '0' || p[i] > '9') &&
		    (p[i] == '\0' || strchr(" ./@+-", p[i]) == NULL))
			return false;
	return !is_special(p, n);
}

/*
 * Bytes of a character at p that must not stand in a line as it is, and its
 * code: controls, what Unicode takes for line ends, a byte order mark.
 */
static size_t
unfit(const char *p, size_t n, unsigned *code)
{
	const unsigned char *u = (const unsigned char *)p;

	*code = u[0];
	if (u[0] < 0x20 || u[0] == 0x7f)
		return 1;
	if (n >= 2 && u[0] == 0xc2 && u[1] < 0xa0) {
		*code = u[1];
		return 2;
	}
	if (n < 3)
		return 0;
	*code = (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	return u[0] >= 0xe0 && u[0] < 0xf0 &&
		       (*code == 0x2028 || *code == 0x2029 || *code == 0xfeff ||
			   *code >= 0xfffe)
		   ? 3
		   : 0;
}

static bool
is_fit(const char *p, size_t n)
{
	unsigned code;

	for (size_t i = 0; i < n; i++)
		if (unfit(p + i, n - i, &code) > 0)
			return false;
	return true;
}

static void
add_double_quoted(struct str *out, const char *p, size_t n)
{
	str_addc(out, '"');
	for (size_t i = 0; i < n;) {
		unsigned code;
		size_t len = unfit(p + i, n - i, &code);

		if (len > 0 && p[i] == '\n')
			str_adds(out, "\\n");
		else if (len > 0)
			str_addf(out, "\\u%04x", code);
		else if (p[i] == '"' || p[i] == '\\')
			str_addf(out, "\\%c", p[i]);
		else
			str_addc(out, p[i]);
		i += len > 0 ? len : 1;
	}
	str_addc(out, '"');
}

static void
add_string(struct str *out, const char *p, size_t n)
{
	if (is_plain(p, n)) {
		str_add(out, p, n);
		return;
	}
	if (!is_fit(p, n)) {
		add_double_quoted(out, p, n);
		return;
	}
	str_addc(out, '\'');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\'')
			str_addc(out, '\'');
		str_addc(out, p[i]);
	}
	str_addc(out, '\'');
}

static void
add_key(struct str *out, const char *key, size_t len)
{
	struct str whole = { 0 };

	charset_repair(&whole, key, len);
	add_string(out, str_c(&whole), whole.len);
	str_fini(&whole);
}

/* ---- values ------------------------------------------------------------- */

/* What stands behind its key, on the line. */
static bool
is_short(const json_t *value)
{
	if (json_is_object(value))
		return json_object_size(value) == 0;
	return !json_is_array(value) || json_array_size(value) == 0;
}

static void
add_short(struct str *out, const json_t *value)
{
	const char *p = json_string_value(value);
	size_t n = json_string_length(value);

	if (p != NULL && header_text_is_utf8(p, n))
		add_string(out, p, n);
	else
		json_text_write(out, value, false);
	str_addc(out, '\n');
}

static void add_block(struct str *out, const json_t *value, int indent);

static void
add_sequence(struct str *out, const json_t *array, int indent)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (i > 0)
			str_addf(out, "%*s", indent, "");
		str_adds(out, "- ");
		if (is_short(item))
			add_short(out, item);
		else
			add_block(out, item, indent + 2);
	}
}

static void
add_member(struct str *out, const struct member *m, int indent)
{
	add_key(out, m->key, m->len);
	str_addc(out, ':');
	if (is_short(m->value)) {
		str_addc(out, ' ');
		add_short(out, m->value);
		return;
	}
	if (json_is_object(m->value))
		indent += 2;
	str_addf(out, "\n%*s", indent, "");
	add_block(out, m->value, indent);
}

static void
add_mapping(struct str *out, const json_t *object, int indent)
{
	size_t n = json_object_size(object), i = 0;
	struct member *list = xcalloc(n, sizeof *list);

	for (void *it = json_object_iter((json_t *)object); it != NULL;
	     it = json_object_iter_next((json_t *)object, it))
		list[i++] = (struct member){ json_object_iter_key(it),
			json_object_iter_key_len(it),
			json_object_iter_value(it) };
	qsort(list, n, sizeof *list, by_key);
	for (i = 0; i < n; i++) {
		if (i > 0)
			str_addf(out, "%*s", indent, "");
		add_member(out, &list[i], indent);
	}
	free(list);
}

/* What is not short; the first line's indent is there. */
static void
add_block(struct str *out, const json_t *value, int indent)
{
	if (json_is_array(value))
		add_sequence(out, value, indent);
	else
		add_mapping(out, value, indent);
}

void
yaml_write(struct str *out, const json_t *value)
{
	if (is_short(value))
		add_short(out, value);
	else
		add_block(out, value, 0);
}
