#include "toml.h"

#include "charset.h"
#include "header_text.h"
#include "json_text.h"
#include "toml_scan.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* A table on its way out, and the tables that it is in. */
struct writer {
	struct str *out;
	enum toml_style style;
	struct str path; /* "a.b" */
	bool has_null;
};

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

static struct member *
members(const json_t *object, size_t *n)
{
	struct member *list;
	size_t i = 0;

	*n = json_object_size(object);
	list = xcalloc(*n + 1, sizeof *list);
	for (void *it = json_object_iter((json_t *)object); it != NULL;
	     it = json_object_iter_next((json_t *)object, it))
		list[i++] = (struct member){ json_object_iter_key(it),
			json_object_iter_key_len(it),
			json_object_iter_value(it) };
	qsort(list, *n, sizeof *list, by_key);
	return list;
}

/* As JSON's, but for DEL, which TOML does not take as it is. */
static void
add_string(struct str *out, const char *p, size_t n)
{
	struct str text = { 0 };

	json_text_string(&text, p, n);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == 0x7f)
			str_adds(out, "\\u007f");
		else
			str_addc(out, text.data[i]);
	str_fini(&text);
}

static void
add_key(struct str *out, const char *key, size_t len)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-";
	struct str whole = { 0 };
	bool plain = len > 0;

	for (size_t i = 0; i < len && plain; i++)
		plain = key[i] != '\0' && strchr(bare, key[i]) != NULL;
	charset_repair(&whole, key, len);
	if (plain)
		str_add(out, key, len);
	else
		add_string(out, str_c(&whole), whole.len);
	str_fini(&whole);
}

/* The text of a date that toml_read() made, or NULL. */
static const char *
datetime(const json_t *value)
{
	const json_t *text = json_object_get(value, TOML_DATETIME);
	size_t len = json_string_length(text);

	if (text == NULL || json_object_size(value) != 1 || len == 0 ||
	    toml_datetime(json_string_value(text), len) != len)
		return NULL;
	return json_string_value(text);
}

static bool
is_table(const json_t *value)
{
	return json_is_object(value) && datetime(value) == NULL;
}

/* [[x]]: an array of tables and nothing else. */
static bool
is_tables(const json_t *value)
{
	size_t n = json_array_size(value);

	for (size_t i = 0; i < n; i++)
		if (!is_table(json_array_get(value, i)))
			return false;
	return n > 0;
}

static void add_value(struct writer *w, const json_t *value, int depth);

static void
add_array(struct writer *w, const json_t *array, int depth)
{
	size_t n = json_array_size(array);
	bool lines = w->style == TOML_PRETTY && n > 1;

	str_addc(w->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (lines)
			str_addf(w->out, "\n%*s", 4 * (depth + 1), "");
		else if (i > 0)
			str_adds(w->out, ", ");
		add_value(w, json_array_get(array, i), depth + 1);
		if (lines)
			str_addc(w->out, ',');
	}
	if (lines)
		str_addf(w->out, "\n%*s", 4 * depth, "");
	str_addc(w->out, ']');
}

static void
add_inline(struct writer *w, const json_t *object)
{
	enum toml_style style = w->style;
	size_t n;
	struct member *list = members(object, &n);

	w->style = TOML_PLAIN; /* it stands on one line */
	str_addc(w->out, '{');
	for (size_t i = 0; i < n; i++) {
		str_adds(w->out, i > 0 ? ", " : " ");
		add_key(w->out, list[i].key, list[i].len);
		str_adds(w->out, " = ");
		add_value(w, list[i].value, 0);
	}
	str_adds(w->out, n > 0 ? " }" : "}");
	w->style = style;
	free(list);
}

/* What is not UTF-8 is an array of its bytes, as in JSON. */
static void
add_text(struct writer *w, const char *p, size_t n)
{
	if (header_text_is_utf8(p, n)) {
		add_string(w->out, p, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		str_addf(
		    w->out, "%s%u", i > 0 ? ", " : "[", (unsigned char)p[i]);
	str_addc(w->out, ']');
}

static void
add_value(struct writer *w, const json_t *value, int depth)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		if (is_table(value))
			add_inline(w, value);
		else
			str_adds(w->out, datetime(value));
		break;
	case JSON_ARRAY:
		add_array(w, value, depth);
		break;
	case JSON_STRING:
		add_text(
		    w, json_string_value(value), json_string_length(value));
		break;
	case JSON_NULL:
		w->has_null = true;
		break;
	default:
		json_text_write(w->out, value, false);
		break;
	}
}

/* ---- tables ------------------------------------------------------------- */

static void add_table(struct writer *w, const json_t *table);

static bool
goes_inline(const struct writer *w, const json_t *value)
{
	if (is_table(value))
		return w->style == TOML_COMPACT && json_object_size(value) == 0;
	return !is_tables(value);
}

static void
add_header(struct writer *w, const char *open, const char *close)
{
	if (w->out->len > 0)
		str_addc(w->out, '\n');
	str_addf(w->out, "%s%s%s\n", open, str_c(&w->path), close);
}

/* A table that holds nothing but tables needs no header. */
static bool
needs_header(const struct writer *w, const json_t *table)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)table, key, value)
		if (goes_inline(w, value))
			return true;
	return json_object_size(table) == 0;
}

static void
add_below(struct writer *w, const struct member *m)
{
	size_t before = w->path.len;

	if (before > 0)
		str_addc(&w->path, '.');
	add_key(&w->path, m->key, m->len);
	if (json_is_object(m->value)) {
		if (needs_header(w, m->value))
			add_header(w, "[", "]");
		add_table(w, m->value);
	}
	for (size_t i = 0; i < json_array_size(m->value); i++) {
		add_header(w, "[[", "]]");
		add_table(w, json_array_get(m->value, i));
	}
	w->path.len = before;
	w->path.data[before] = '\0';
}

static void
add_table(struct writer *w, const json_t *table)
{
	size_t n;
	struct member *list = members(table, &n);

	for (size_t i = 0; i < n; i++)
		if (goes_inline(w, list[i].value)) {
			add_key(w->out, list[i].key, list[i].len);
			str_adds(w->out, " = ");
			add_value(w, list[i].value, 0);
			str_addc(w->out, '\n');
		}
	for (size_t i = 0; i < n; i++)
		if (!goes_inline(w, list[i].value))
			add_below(w, &list[i]);
	free(list);
}

int
toml_write(struct str *out, const json_t *object, enum toml_style style,
    struct err *err)
{
	struct str text = { 0 };
	struct writer w = { &text, style, { 0 }, false };

	if (!is_table(object))
		return err_set(err, "TOML is a table, this is none");
	add_table(&w, object);
	str_fini(&w.path);
	if (!w.has_null)
		str_add(out, str_c(&text), text.len);
	str_fini(&text);
	return w.has_null
		   ? err_set(err, "a number that TOML does not have here")
		   : 0;
}
