#include "report_field.h"

#include "charset.h"
#include "date.h"
#include "header_text.h"
#include "str.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* ---- from bytes to groups ----------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
trim(const char **p, const char **end)
{
	while (*p < *end && is_space(**p))
		(*p)++;
	while (*end > *p && is_space((*end)[-1]))
		(*end)--;
}

/* Where the line at p ends, its line end included. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : end;
}

static bool
is_blank(const char *p, const char *end)
{
	trim(&p, &end);
	return p == end;
}

/* The colon of a line that begins with a name; NULL: it does not. */
static const char *
find_colon(const char *p, const char *end)
{
	const char *name = p;

	while (p<end && * p> ' ' && *p < 0x7f && *p != ':')
		p++;
	if (p == name)
		return NULL;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p < end && *p == ':' ? p : NULL;
}

static json_t *
read_value(const char *p, const char *end)
{
	struct str utf8 = { 0 }, out = { 0 };
	json_t *value;

	trim(&p, &end);
	charset_guess(&utf8, p, (size_t)(end - p));
	header_text_decode(&out, str_c(&utf8), utf8.len);
	value = json_stringn_nocheck(str_c(&out), out.len);
	str_fini(&utf8);
	str_fini(&out);
	return value;
}

static void
add_field(json_t *group, const char *name, const char *colon, const char *end)
{
	struct str key = { 0 };
	json_t *values;

	for (const char *p = name; p<colon && * p> ' '; p++)
		str_addc(&key, *p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
	values = json_object_get(group, key.data);
	if (values == NULL) {
		values = json_array();
		json_object_set_new_nocheck(group, key.data, values);
	}
	json_array_append_new(values, read_value(colon + 1, end));
	str_fini(&key);
}

/* The field at t->p, which moves behind it and its folds. */
static void
read_field(struct report_text *t, json_t *group)
{
	const char *name = t->p, *colon, *end;

	colon = find_colon(name, line_end(name, t->end));
	for (;;) {
		end = t->p = line_end(t->p, t->end);
		if (end == t->end)
			break;
		end = line_end(t->p, t->end);
		if (is_blank(t->p, end) || (*t->p != ' ' && *t->p != '\t' &&
					       find_colon(t->p, end) != NULL))
			break;
	}
	/* a line before the first field that is none is left out */
	if (colon != NULL) {
		add_field(group, name, colon, t->p);
		t->n_fields++;
	}
}

json_t *
report_fields_next(struct report_text *t)
{
	json_t *group = json_object();

	while (t->p < t->end && t->n_fields < REPORT_FIELDS_MAX) {
		const char *end = line_end(t->p, t->end);

		if (!is_blank(t->p, end))
			read_field(t, group);
		else if (json_object_size(group) == 0)
			t->p = end;
		else
			break;
	}
	if (json_object_size(group) > 0)
		return group;
	json_decref(group);
	return NULL;
}

/* ---- from text to what it says: NULL where it is not that --------------- */

static json_t *
new_text(const char *p, const char *end)
{
	trim(&p, &end);
	return json_stringn_nocheck(p, (size_t)(end - p));
}

/* "<a@b>" is a@b, and "<>" the null sender. */
static json_t *
new_address(const char *p, const char *end)
{
	trim(&p, &end);
	if (end - p >= 2 && *p == '<' && end[-1] == '>') {
		p++;
		end--;
	}
	return new_text(p, end);
}

/* "type; text" */
static json_t *
new_pair(const char *p, const char *end, const char *type_key,
    const char *text_key, bool is_recipient)
{
	const char *semi = memchr(p, ';', (size_t)(end - p));
	json_t *pair;
	bool is_mail;

	if (semi == NULL || is_blank(p, semi) || is_blank(semi + 1, end))
		return NULL;
	pair = json_object();
	json_object_set_new_nocheck(pair, type_key, new_text(p, semi));
	is_mail = is_recipient &&
		  strcasecmp(json_string_value(json_object_get(pair, type_key)),
		      "rfc822") == 0;
	json_object_set_new_nocheck(pair, text_key,
	    is_mail ? new_address(semi + 1, end) : new_text(semi + 1, end));
	return pair;
}

static json_t *
new_action(const char *p, const char *end)
{
	static const char *const known[] = { "failed", "delayed", "delivered",
		"relayed", "expanded" };
	size_t n = 0;

	while (p + n < end && !is_space(p[n]) && p[n] != '(')
		n++;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n == strlen(known[i]) && strncasecmp(p, known[i], n) == 0)
			return json_string(known[i]);
	return NULL;
}

/* One to nine digits. */
static const char *
take_number(const char *p, const char *end, int *value)
{
	const char *begin = p;

	for (*value = 0; p < end && *p >= '0' && *p <= '9'; p++) {
		if (p - begin == 9)
			return NULL;
		*value = *value * 10 + (*p - '0');
	}
	return p > begin ? p : NULL;
}

static json_t *
new_status(const char *p, const char *end)
{
	static const char *const keys[] = { "class", "subject", "detail" };
	int value[3];
	json_t *status;

	for (int i = 0; i < 3; i++) {
		if (i > 0 && (p == end || *p++ != '.'))
			return NULL;
		p = take_number(p, end, &value[i]);
		if (p == NULL || value[i] > 999)
			return NULL;
	}
	if (p < end && *p != ' ' && *p != '(')
		return NULL;
	status = json_object();
	for (int i = 0; i < 3; i++)
		json_object_set_new(status, keys[i], json_integer(value[i]));
	if (p < end)
		json_object_set_new_nocheck(
		    status, "comment", new_text(p, end));
	return status;
}

static json_t *
new_date(const char *p, const char *end)
{
	char out[DATE_SIZE];
	int64_t at;

	if (date_parse(p, (size_t)(end - p), &at) != 0 ||
	    date_write(out, at) != 0)
		return NULL;
	return json_string(out);
}

static json_t *
new_count(const char *p, const char *end)
{
	int value;

	return take_number(p, end, &value) == end ? json_integer(value) : NULL;
}

static json_t *
convert(enum report_kind kind, const json_t *value)
{
	const char *p = json_string_value(value);
	const char *end = p + json_string_length(value);

	switch (kind) {
	case REPORT_TEXT:
		return new_text(p, end);
	case REPORT_MTA:
		return new_pair(p, end, "mta_type", "name", false);
	case REPORT_RECIPIENT:
		return new_pair(p, end, "recipient_type", "recipient", true);
	case REPORT_DIAGNOSTIC:
		return new_pair(p, end, "diagnostic_type", "diagnostic", false);
	case REPORT_ACTION:
		return new_action(p, end);
	case REPORT_STATUS:
		return new_status(p, end);
	case REPORT_DATE:
		return new_date(p, end);
	case REPORT_COUNT:
		return new_count(p, end);
	case REPORT_ADDRESS:
		return new_address(p, end);
	}
	return NULL;
}

/* ---- rows --------------------------------------------------------------- */

/* Those that are not taken stay, in their order. */
static void
take_row(json_t *to, json_t *group, const struct report_row *row)
{
	json_t *values = json_object_get(group, row->field), *left, *list, *one;
	size_t i;

	list = row->list ? json_array() : NULL;
	if (list != NULL)
		json_object_set_new_nocheck(to, row->key, list);
	if (values == NULL)
		return;
	left = json_array();
	json_array_foreach (values, i, one) {
		bool wanted =
		    row->list || json_object_get(to, row->key) == NULL;
		json_t *got = wanted ? convert(row->kind, one) : NULL;

		if (got == NULL)
			json_array_append(left, one);
		else if (row->list)
			json_array_append_new(list, got);
		else
			json_object_set_new_nocheck(to, row->key, got);
	}
	if (json_array_size(left) > 0)
		json_object_set_nocheck(group, row->field, left);
	else
		json_object_del(group, row->field);
	json_decref(left);
}

void
report_fields_take(
    json_t *to, json_t *group, const struct report_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take_row(to, group, &rows[i]);
}
