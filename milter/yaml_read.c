#include "yaml_read.h"

#ifdef HAVE_YAML

#include "xmalloc.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 100
#define WEIGHT_MAX 250000 /* values, those behind aliases included */
#define ANCHORS_MAX 500
#define TAG "tag:yaml.org,2002:"

struct anchor {
	char *name;
	json_t *value;
	size_t weight;
	int height; /* levels below it */
};

struct reader {
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t n, cap;
	size_t weight; /* so far */
	int deepest;   /* level, of the value that is being read */
	struct err *err;
};

static json_t *
fail(struct reader *r, const yaml_event_t *event, const char *why)
{
	err_set(r->err, "%s at line %zu column %zu", why,
	    event->start_mark.line + 1, event->start_mark.column + 1);
	return NULL;
}

static bool
next(struct reader *r, yaml_event_t *event)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, event))
		return true;
	err_set(r->err, "%s at line %zu column %zu",
	    p->problem != NULL ? p->problem : "no YAML",
	    p->problem_mark.line + 1, p->problem_mark.column + 1);
	return false;
}

/* ---- anchors ------------------------------------------------------------ */

static struct anchor *
find(struct reader *r, const yaml_char_t *name)
{
	for (size_t i = r->n; i-- > 0;)
		if (strcmp(r->anchors[i].name, (const char *)name) == 0)
			return &r->anchors[i];
	return NULL;
}

/* A name may be used again: it stands for the new value from here. */
static bool
keep(struct reader *r, char *name, json_t *value, size_t weight, int height)
{
	struct anchor *a = find(r, (yaml_char_t *)name);

	if (a == NULL) {
		if (r->n == ANCHORS_MAX)
			return false;
		if (r->n == r->cap) {
			r->cap = r->cap == 0 ? 16 : r->cap * 2;
			r->anchors =
			    xrealloc(r->anchors, r->cap * sizeof *r->anchors);
		}
		a = &r->anchors[r->n++];
		a->name = xstrdup(name);
		a->value = NULL;
	}
	json_decref(a->value);
	a->value = json_incref(value);
	a->weight = weight;
	a->height = height;
	return true;
}

/* ---- scalars ------------------------------------------------------------ */

static bool
is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* Only digits of that base. */
static bool
all_in(const char *p, const char *digits)
{
	return *p != '\0' && p[strspn(p, digits)] == '\0';
}

static json_t *
real(double d)
{
	return isfinite(d) ? json_real(d) : json_null(); /* JSON has no other */
}

static json_t *
read_integer(const char *text)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} forms[] = {
		{ "0x", "0123456789abcdefABCDEF", 16 },
		{ "0o", "01234567", 8 },
		{ "0b", "01", 2 },
		{ "", "0123456789", 10 },
	};
	const char *p = text + (*text == '-' || *text == '+');

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t n = strlen(forms[i].prefix);
		long long v;

		if (strncmp(p, forms[i].prefix, n) != 0 ||
		    !all_in(p + n, forms[i].digits))
			continue;
		if (n == 0 && p[0] == '0' && p[1] != '\0')
			return NULL; /* 0777 is no number */
		errno = 0;
		v = strtoll(p + n, NULL, forms[i].base);
		if (errno != 0)
			return n == 0 ? real(strtod(text, NULL)) : NULL;
		return json_integer(*text == '-' ? -v : v);
	}
	return NULL;
}

static json_t *
read_real(const char *text)
{
	static const char *const specials[] = { ".inf", ".Inf", ".INF", NULL };
	static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
	const char *p = text + (*text == '-' || *text == '+');
	size_t whole = strspn(p, "0123456789"), part = 0, n = whole;

	if (is_one_of(p, specials) || is_one_of(text, nans))
		return json_null();
	if (whole > 1 && p[0] == '0')
		return NULL;
	if (p[n] == '.') {
		part = strspn(p + n + 1, "0123456789");
		n += 1 + part;
	}
	if (whole + part == 0)
		return NULL;
	if (p[n] == 'e' || p[n] == 'E') {
		n++;
		n += p[n] == '-' || p[n] == '+';
		if (!all_in(p + n, "0123456789"))
			return NULL;
		n += strlen(p + n);
	}
	return p[n] == '\0' ? real(strtod(text, NULL)) : NULL;
}

/* What a word without quotes stands for; NULL: for itself. */
static json_t *
resolve(const char *text, size_t len)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL",
		NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	json_t *value;

	if (strlen(text) != len)
		return NULL;
	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	value = read_integer(text);
	return value != NULL ? value : read_real(text);
}

static json_t *
scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	size_t len = event->data.scalar.length;
	json_t *value = NULL;

	if (tag != NULL && strcmp(tag, "!") != 0) {
		if (strcmp(tag, TAG "str") == 0)
			return json_stringn_nocheck(text, len);
		if (strncmp(tag, TAG, strlen(TAG)) != 0)
			return fail(r, event, "a tag that is not known");
		value = resolve(text, len);
		return value != NULL
			   ? value
			   : fail(r, event, "not of the type of its tag");
	}
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && tag == NULL)
		value = resolve(text, len);
	return value != NULL ? value : json_stringn_nocheck(text, len);
}

/* ---- nodes -------------------------------------------------------------- */

static json_t *node(struct reader *r, yaml_event_t *event, int depth);

static bool
weigh(struct reader *r, const yaml_event_t *event, size_t weight)
{
	r->weight += weight;
	if (r->weight <= WEIGHT_MAX)
		return true;
	fail(r, event, "too many values");
	return false;
}

static json_t *
sequence(struct reader *r, int depth)
{
	json_t *array = json_array();

	for (;;) {
		yaml_event_t event;
		json_t *item;
		bool is_end;

		if (!next(r, &event))
			break;
		is_end = event.type == YAML_SEQUENCE_END_EVENT;
		item = is_end ? NULL : node(r, &event, depth + 1);
		yaml_event_delete(&event);
		if (is_end)
			return array;
		if (item == NULL)
			break;
		json_array_append_new(array, item);
	}
	json_decref(array);
	return NULL;
}

static json_t *
pair_value(struct reader *r, int depth)
{
	yaml_event_t event;
	json_t *value;

	if (!next(r, &event))
		return NULL;
	value = node(r, &event, depth + 1);
	yaml_event_delete(&event);
	return value;
}

/* One pair whose key is event; false where there is none. */
static bool
take_pair(
    struct reader *r, json_t *object, const yaml_event_t *event, int depth)
{
	const char *key = (const char *)event->data.scalar.value;
	json_t *value;

	if (event->type != YAML_SCALAR_EVENT) {
		fail(r, event, "a key that is no string");
		return false;
	}
	value = pair_value(r, depth);
	if (value == NULL)
		return false;
	json_object_setn_new_nocheck(
	    object, key, event->data.scalar.length, value);
	return true;
}

static json_t *
mapping(struct reader *r, int depth)
{
	json_t *object = json_object();

	for (;;) {
		yaml_event_t event;
		bool is_end, fine;

		if (!next(r, &event))
			break;
		is_end = event.type == YAML_MAPPING_END_EVENT;
		fine = is_end || take_pair(r, object, &event, depth);
		yaml_event_delete(&event);
		if (is_end)
			return object;
		if (!fine)
			break;
	}
	json_decref(object);
	return NULL;
}

static json_t *
alias(struct reader *r, const yaml_event_t *event, int depth)
{
	const struct anchor *a = find(r, event->data.alias.anchor);

	if (a == NULL)
		return fail(r, event, "an alias without its anchor");
	if (depth + a->height > DEPTH_MAX)
		return fail(r, event, "nested too deep");
	if (depth + a->height > r->deepest)
		r->deepest = depth + a->height;
	return weigh(r, event, a->weight) ? json_incref(a->value) : NULL;
}

/* A value, and its anchor if it has one. */
static json_t *
fresh(struct reader *r, yaml_event_t *event, int depth, yaml_char_t **anchor)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		*anchor = event->data.scalar.anchor;
		return scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		*anchor = event->data.sequence_start.anchor;
		return sequence(r, depth);
	case YAML_MAPPING_START_EVENT:
		*anchor = event->data.mapping_start.anchor;
		return mapping(r, depth);
	default:
		return fail(r, event, "a value expected");
	}
}

static json_t *
node(struct reader *r, yaml_event_t *event, int depth)
{
	size_t weight = r->weight;
	int deepest = r->deepest;
	yaml_char_t *anchor = NULL;
	json_t *value;

	if (depth > DEPTH_MAX)
		return fail(r, event, "nested too deep");
	if (!weigh(r, event, 1))
		return NULL;
	if (event->type == YAML_ALIAS_EVENT)
		return alias(r, event, depth);
	r->deepest = depth;
	value = fresh(r, event, depth, &anchor);
	if (value != NULL && anchor != NULL &&
	    !keep(r, (char *)anchor, value, r->weight - weight,
		r->deepest - depth)) {
		json_decref(value);
		return fail(r, event, "too many anchors");
	}
	if (deepest > r->deepest)
		r->deepest = deepest;
	return value;
}

/* ---- the document ------------------------------------------------------- */

/* The next event is of that type, or there is an error. */
static bool
expect(struct reader *r, yaml_event_type_t type, const char *why)
{
	yaml_event_t event;
	bool fine;

	if (!next(r, &event))
		return false;
	fine = event.type == type;
	if (!fine)
		fail(r, &event, why);
	yaml_event_delete(&event);
	return fine;
}

static json_t *
document(struct reader *r)
{
	yaml_event_t event;
	json_t *value;

	if (!expect(r, YAML_STREAM_START_EVENT, "no YAML") || !next(r, &event))
		return NULL;
	if (event.type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&event);
		return json_null();
	}
	yaml_event_delete(&event);
	if (!next(r, &event))
		return NULL;
	value = node(r, &event, 0);
	yaml_event_delete(&event);
	if (value != NULL &&
	    (!expect(r, YAML_DOCUMENT_END_EVENT, "one value expected") ||
		!expect(r, YAML_STREAM_END_EVENT, "more than one document"))) {
		json_decref(value);
		value = NULL;
	}
	return value;
}

bool
yaml_is_built(void)
{
	return true;
}

json_t *
yaml_read(const char *text, size_t len, struct err *err)
{
	struct reader r = { .err = err };
	json_t *value;

	must(yaml_parser_initialize(&r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r.parser, (const unsigned char *)text, len);
	value = document(&r);
	yaml_parser_delete(&r.parser);
	for (size_t i = 0; i < r.n; i++) {
		free(r.anchors[i].name);
		json_decref(r.anchors[i].value);
	}
	free(r.anchors);
	return value;
}

#else

bool
yaml_is_built(void)
{
	return false;
}

json_t *
yaml_read(const char *text, size_t len, struct err *err)
{
	(void)text;
	(void)len;
	err_set(err, "built without libyaml");
	return NULL;
}

#endif
