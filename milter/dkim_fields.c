#include "dkim_fields.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names that differ in the size of letters are one; by length at first. */
static int
compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strncasecmp(a, b, a_len);
}

static int
compare(const void *a, const void *b)
{
	const struct dkim_fields_entry *x = a, *y = b;
	int by_name = compare_names(x->name, x->len, y->name, y->len);

	if (by_name != 0)
		return by_name;
	return (x->at > y->at) - (x->at < y->at);
}

/* Without the white space that may stand before the colon. */
static size_t
name_length(const struct header *h)
{
	size_t n = h->name_len;

	while (n > 0 && dkim_is_space(h->name[n - 1]))
		n--;
	return n;
}

/* How many entries from here on have the same name. */
static size_t
run_length(const struct dkim_fields *f, size_t first)
{
	const struct dkim_fields_entry *e = &f->entry[first];
	size_t n = 1;

	while (first + n < f->n &&
	       compare_names(e->name, e->len, e[n].name, e[n].len) == 0)
		n++;
	return n;
}

void
dkim_fields_init(struct dkim_fields *f, const struct headers *headers)
{
	size_t n = headers->n;

	*f = (struct dkim_fields){ .headers = headers, .n = n };
	f->entry = xcalloc(n + 1, sizeof *f->entry);
	for (size_t i = 0; i < n; i++)
		f->entry[i] = (struct dkim_fields_entry){
			.name = headers->field[i].name,
			.len = name_length(&headers->field[i]),
			.at = i,
		};
	qsort(f->entry, n, sizeof *f->entry, compare);
	for (size_t i = 0; i < n; i += f->entry[i].all)
		f->entry[i].all = run_length(f, i);
}

void
dkim_fields_fini(struct dkim_fields *f)
{
	free(f->entry);
	*f = (struct dkim_fields){ 0 };
}

/* The first entry of that name, or NULL. */
static struct dkim_fields_entry *
find(const struct dkim_fields *f, const char *name, size_t len)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct dkim_fields_entry *e = &f->entry[mid];

		if (compare_names(e->name, e->len, name, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == f->n || compare_names(f->entry[low].name, f->entry[low].len,
			       name, len) != 0)
		return NULL;
	return &f->entry[low];
}

void
dkim_fields_add(struct dkim_fields *f, struct str *out, enum dkim_canon canon,
    const struct dkim_tag *h, size_t self)
{
	const char *name;
	size_t len, at = 0;

	for (size_t i = 0; i < f->n; i += f->entry[i].all)
		f->entry[i].rest = f->entry[i].all;
	while (dkim_tag_next(h, &at, &name, &len)) {
		struct dkim_fields_entry *e = find(f, name, len);

		if (e != NULL && e->rest > 0 && e[e->rest - 1].at == self)
			e->rest--;
		if (e == NULL || e->rest == 0)
			continue;
		e->rest--;
		dkim_canon_header(
		    out, canon, &f->headers->field[e[e->rest].at]);
	}
}

size_t
dkim_fields_unsigned(const struct dkim_fields *f, const char *name)
{
	const struct dkim_fields_entry *e = find(f, name, strlen(name));

	return e != NULL ? e->rest : 0;
}

/* What of the value stands before and behind the value of b=, white space
 * around that included. */
static void
cut(const struct header *field, const struct dkim_tag *b, size_t *head,
    size_t *tail)
{
	const char *begin = b->value, *end = b->value + b->len;
	const char *stop = field->raw + field->raw_len;

	while (begin > field->raw && dkim_is_space(begin[-1]))
		begin--;
	while (end < stop && dkim_is_space(*end))
		end++;
	*head = (size_t)(begin - field->raw);
	*tail = (size_t)(end - field->raw);
}

void
dkim_fields_signature_tags(struct str *out, enum dkim_canon canon,
    const struct header *field, const struct dkim_tags *tags)
{
	const struct dkim_tag *b = dkim_tags_find(tags, "b");
	struct str raw = { 0 };
	size_t head = field->raw_len, tail = field->raw_len;

	if (b != NULL)
		cut(field, b, &head, &tail);
	str_add(&raw, field->raw, head);
	str_add(&raw, field->raw + tail, field->raw_len - tail);
	dkim_canon_field(out, canon, field->name, str_c(&raw), raw.len);
	str_fini(&raw);
}

int
dkim_fields_signature(struct str *out, enum dkim_canon canon,
    const struct header *field, struct err *err)
{
	struct dkim_tags tags;

	if (dkim_tags_parse(&tags, field->raw, field->raw_len, err) != 0)
		return -1;
	dkim_fields_signature_tags(out, canon, field, &tags);
	return 0;
}
