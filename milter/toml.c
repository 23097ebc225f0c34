#include "toml.h"

#include "header_text.h"
#include "toml_scan.h"
#include "xmalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How a table came to be, and an array: who may add to it. */
enum {
	BY_HEADER = 1, /* [a]; a [[a]] for an array */
	BY_KEY = 2,    /* a.b = 1 made a */
	CLOSED = 4,    /* { } and [ ]: nobody */
};

/* What JSON does not say: flags by the address of a table or array. */
struct mark {
	const json_t *of;
	int flags;
};

struct reader {
	struct toml_scan s;
	json_t *root, *current;
	struct mark *marks;
	size_t n_marks, cap;
	int steps; /* dots of the key that was read last */
};

/* ---- marks -------------------------------------------------------------- */

static struct mark *
slot_of(struct mark *marks, size_t cap, const json_t *of)
{
	size_t i = (size_t)((uintptr_t)of / 16 * UINT64_C(0x9e3779b97f4a7c15));

	for (i = i >> 16 & (cap - 1);; i = (i + 1) & (cap - 1))
		if (marks[i].of == NULL || marks[i].of == of)
			return &marks[i];
}

static void
set_mark(struct reader *r, const json_t *of, int flags)
{
	struct mark *m;

	if (r->n_marks * 2 >= r->cap) {
		size_t cap = r->cap == 0 ? 64 : r->cap * 2;
		struct mark *grown = xcalloc(cap, sizeof *grown);

		for (size_t i = 0; i < r->cap; i++)
			if (r->marks[i].of != NULL)
				*slot_of(grown, cap, r->marks[i].of) =
				    r->marks[i];
		free(r->marks);
		r->marks = grown;
		r->cap = cap;
	}
	m = slot_of(r->marks, r->cap, of);
	r->n_marks += m->of == NULL;
	*m = (struct mark){ of, flags };
}

static int
mark_of(const struct reader *r, const json_t *of)
{
	return r->cap == 0 ? 0 : slot_of(r->marks, r->cap, of)->flags;
}

/* ---- the ground --------------------------------------------------------- */

bool
toml_fail(struct toml_scan *s, const char *why)
{
	if (s->why == NULL)
		s->why = why;
	return false;
}

char
toml_at(const struct toml_scan *s, size_t n)
{
	return (size_t)(s->end - s->p) > n ? s->p[n] : '\0';
}

void
toml_blanks(struct toml_scan *s)
{
	while (toml_at(s, 0) == ' ' || toml_at(s, 0) == '\t')
		s->p++;
}

bool
toml_newline(struct toml_scan *s)
{
	if (toml_at(s, 0) == '\r' && toml_at(s, 1) == '\n')
		s->p++;
	if (toml_at(s, 0) != '\n')
		return false;
	s->p++;
	return true;
}

bool
toml_comment(struct toml_scan *s)
{
	if (toml_at(s, 0) != '#')
		return true;
	for (; s->p < s->end && *s->p != '\n'; s->p++) {
		unsigned char c = (unsigned char)*s->p;

		if (c == '\r' && toml_at(s, 1) == '\n')
			return true;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail(s, "a control character");
	}
	return true;
}

bool
toml_gap(struct toml_scan *s)
{
	do {
		toml_blanks(s);
		if (!toml_comment(s))
			return false;
	} while (toml_newline(s));
	return true;
}

/* Blanks, perhaps a comment, and the end of the line or of all. */
static bool
end_of_line(struct toml_scan *s)
{
	toml_blanks(s);
	if (!toml_comment(s))
		return false;
	if (s->p < s->end && !toml_newline(s))
		return toml_fail(s, "the end of the line expected");
	return true;
}

/* ---- keys --------------------------------------------------------------- */

static bool
is_bare(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool
take_key(struct toml_scan *s, struct str *key)
{
	char c = toml_at(s, 0);

	str_clear(key);
	if (c == '"' || c == '\'')
		return toml_string(s, key, false);
	while (is_bare(toml_at(s, 0)))
		str_addc(key, *s->p++);
	return key->len > 0 || toml_fail(s, "a key expected");
}

static json_t *
get(json_t *table, const struct str *key)
{
	return json_object_getn(table, str_c(key), key->len);
}

static json_t *
put(json_t *table, const struct str *key, json_t *value)
{
	json_object_setn_new_nocheck(table, str_c(key), key->len, value);
	return value;
}

/* The table that key is in the other one, for what comes behind a dot. */
static json_t *
step(struct reader *r, json_t *table, const struct str *key, bool is_header)
{
	json_t *next = get(table, key);
	int flags;

	if (next == NULL) {
		next = put(table, key, json_object());
		set_mark(r, next, is_header ? 0 : BY_KEY);
		return next;
	}
	flags = mark_of(r, next);
	if (is_header && json_is_array(next) && (flags & BY_HEADER))
		return json_array_get(next, json_array_size(next) - 1);
	if (!json_is_object(next) || (flags & CLOSED) ||
	    (!is_header && !(flags & BY_KEY))) {
		toml_fail(&r->s, "the key has a value already");
		return NULL;
	}
	return next;
}

/* A key with dots: the table that it ends in, and the last part of it. */
static json_t *
take_path(struct reader *r, json_t *table, struct str *key, bool is_header)
{
	for (r->steps = 0; table != NULL; r->steps++) {
		if (r->s.depth + r->steps >= TOML_DEPTH_MAX) {
			toml_fail(&r->s, "a key of too many parts");
			return NULL;
		}
		toml_blanks(&r->s);
		if (!take_key(&r->s, key))
			return NULL;
		toml_blanks(&r->s);
		if (toml_at(&r->s, 0) != '.')
			return table;
		r->s.p++;
		table = step(r, table, key, is_header);
	}
	return NULL;
}

/* ---- values ------------------------------------------------------------- */

static json_t *take_value(struct reader *r);

static bool
take_pair(struct reader *r, json_t *table)
{
	struct str key = { 0 };
	json_t *in = take_path(r, table, &key, false), *value = NULL;

	if (in != NULL && get(in, &key) != NULL)
		toml_fail(&r->s, "the key has a value already");
	else if (in != NULL && toml_at(&r->s, 0) != '=')
		toml_fail(&r->s, "'=' expected");
	else if (in != NULL) {
		int steps = r->steps;

		r->s.p++;
		toml_blanks(&r->s);
		r->s.depth += steps;
		value = take_value(r);
		r->s.depth -= steps;
	}
	if (value != NULL)
		put(in, &key, value);
	str_fini(&key);
	return value != NULL;
}

static bool
fill_table(struct reader *r, json_t *table)
{
	struct toml_scan *s = &r->s;

	toml_blanks(s);
	if (toml_at(s, 0) == '}')
		return true;
	for (;;) {
		if (!take_pair(r, table))
			return false;
		toml_blanks(s);
		if (toml_at(s, 0) == '}')
			return true;
		if (toml_at(s, 0) != ',')
			return toml_fail(s, "',' or '}' expected");
		s->p++;
	}
}

static bool
fill_array(struct reader *r, json_t *array)
{
	struct toml_scan *s = &r->s;

	for (;;) {
		json_t *value;

		if (!toml_gap(s))
			return false;
		if (toml_at(s, 0) == ']')
			return true;
		value = take_value(r);
		if (value == NULL)
			return false;
		json_array_append_new(array, value);
		if (!toml_gap(s))
			return false;
		if (toml_at(s, 0) == ',')
			s->p++;
		else if (toml_at(s, 0) != ']')
			return toml_fail(s, "',' or ']' expected");
	}
}

/* At a bracket. */
static json_t *
take_nested(struct reader *r, json_t *value,
    bool (*fill)(struct reader *r, json_t *value))
{
	bool fine;

	if (r->s.depth >= TOML_DEPTH_MAX) {
		toml_fail(&r->s, "nested too deep");
		json_decref(value);
		return NULL;
	}
	r->s.p++;
	r->s.depth++;
	fine = fill(r, value);
	r->s.depth--;
	if (!fine) {
		json_decref(value);
		return NULL;
	}
	r->s.p++;
	set_mark(r, value, CLOSED);
	return value;
}

static json_t *
take_value(struct reader *r)
{
	struct str text = { 0 };
	json_t *value = NULL;
	char c = toml_at(&r->s, 0);

	if (c == '[')
		return take_nested(r, json_array(), fill_array);
	if (c == '{')
		return take_nested(r, json_object(), fill_table);
	if (c != '"' && c != '\'')
		return toml_word(&r->s);
	if (toml_string(&r->s, &text, true))
		value = json_stringn_nocheck(str_c(&text), text.len);
	str_fini(&text);
	return value;
}

/* ---- headers ------------------------------------------------------------ */

static json_t *
open_table(struct reader *r, json_t *in, const struct str *key)
{
	json_t *table = get(in, key);

	if (table == NULL)
		table = put(in, key, json_object());
	else if (!json_is_object(table) || mark_of(r, table) != 0) {
		toml_fail(&r->s, "the table is there already");
		return NULL;
	}
	set_mark(r, table, BY_HEADER);
	return table;
}

static json_t *
add_table(struct reader *r, json_t *in, const struct str *key)
{
	json_t *array = get(in, key), *table;

	if (array == NULL) {
		array = put(in, key, json_array());
		set_mark(r, array, BY_HEADER);
	} else if (!json_is_array(array) || (mark_of(r, array) & CLOSED)) {
		toml_fail(&r->s, "the key has a value already");
		return NULL;
	}
	table = json_object();
	json_array_append_new(array, table);
	set_mark(r, table, BY_HEADER);
	return table;
}

/* [a.b] or [[a.b]] */
static bool
take_header(struct reader *r)
{
	struct toml_scan *s = &r->s;
	struct str key = { 0 };
	bool is_array = toml_at(s, 1) == '[';
	json_t *in;

	s->p += is_array ? 2 : 1;
	in = take_path(r, r->root, &key, true);
	if (in != NULL &&
	    (toml_at(s, 0) != ']' || (is_array && toml_at(s, 1) != ']'))) {
		toml_fail(s, "']' expected");
		in = NULL;
	}
	if (in != NULL) {
		s->p += is_array ? 2 : 1;
		r->current =
		    is_array ? add_table(r, in, &key) : open_table(r, in, &key);
	}
	str_fini(&key);
	return in != NULL && r->current != NULL;
}

static bool
read_all(struct reader *r)
{
	struct toml_scan *s = &r->s;

	while (toml_gap(s)) {
		if (s->p == s->end)
			return true;
		if (toml_at(s, 0) == '[') {
			if (!take_header(r))
				return false;
		} else if (!take_pair(r, r->current)) {
			return false;
		}
		if (!end_of_line(s))
			return false;
	}
	return false;
}

static void
explain(const struct toml_scan *s, struct err *err)
{
	size_t line = 1, column = 1;

	for (const char *p = s->begin; p < s->p; p++) {
		line += *p == '\n';
		column = *p == '\n' ? 1 : column + 1;
	}
	err_set(err, "TOML parse error at line %zu, column %zu: %s", line,
	    column, s->why);
}

json_t *
toml_read(const char *text, size_t len, bool *has_float, struct err *err)
{
	struct reader r = { .s = { text, text, text + len, NULL, 0, false } };
	bool fine = false;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.s.p += 3; /* a byte order mark */
	r.root = r.current = json_object();
	if (!header_text_is_utf8(text, len) || memchr(text, '\0', len) != NULL)
		err_set(err, "TOML parse error: not a text in UTF-8");
	else {
		fine = read_all(&r);
		if (!fine)
			explain(&r.s, err);
	}
	free(r.marks);
	*has_float = r.s.has_float;
	if (fine)
		return r.root;
	json_decref(r.root);
	return NULL;
}
