#include "header.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 255

static void
field_fini(struct header *f)
{
	free(f->name);
	free(f->raw);
}

void
headers_fini(struct headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		field_fini(&h->field[i]);
	free(h->field);
	*h = (struct headers){ 0 };
}

static struct header *
open_slot(struct headers *h, size_t at)
{
	if (h->n == h->cap) {
		h->cap = h->cap != 0 ? h->cap * 2 : 16;
		h->field = xrealloc(h->field, h->cap * sizeof *h->field);
	}
	memmove(
	    h->field + at + 1, h->field + at, (h->n - at) * sizeof *h->field);
	h->n++;
	return &h->field[at];
}

void
headers_copy(struct headers *to, const struct headers *from)
{
	*to = (struct headers){ 0 };
	for (size_t i = 0; i < from->n; i++) {
		const struct header *f = &from->field[i];

		*open_slot(to, i) = (struct header){
			.name = xmemdup0(f->name, f->name_len),
			.raw = xmemdup0(f->raw, f->raw_len),
			.name_len = f->name_len,
			.raw_len = f->raw_len,
			.origin = f->origin,
			.seq = f->seq,
			.changed = f->changed,
		};
	}
}

static bool
is_named(const struct header *f, const char *name)
{
	return strcasecmp(f->name, name) == 0;
}

void
headers_received(struct headers *h, const char *name, const char *raw)
{
	size_t seq = h->n + 1;

	*open_slot(h, h->n) = (struct header){
		.name = xstrdup(name),
		.raw = xstrdup(raw),
		.name_len = strlen(name),
		.raw_len = strlen(raw),
		.origin = HEADER_RECEIVED,
		.seq = seq,
	};
}

static bool
is_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':')
			return false;
	return true;
}

/*
 * A value that stays inside its field: CR and NUL go, a line break is kept
 * only where white space follows (a fold), else it becomes a space.
 */
static char *
clean_value(const char *value, size_t len, size_t *out_len)
{
	struct str s = { 0 };

	str_reserve(&s, len + 1);
	str_addc(&s, ' ');
	while (len > 0 && (value[len - 1] == '\n' || value[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++) {
		char c = value[i];
		bool fold = i + 1 < len &&
			    (value[i + 1] == ' ' || value[i + 1] == '\t');

		if (c == '\0' ||
		    (c == '\r' && i + 1 < len && value[i + 1] == '\n'))
			continue;
		if ((c == '\n' || c == '\r') && !fold)
			c = ' ';
		else if (c == '\r')
			c = '\n';
		str_addc(&s, c);
	}
	*out_len = s.len;
	return str_take(&s);
}

static int
add(struct headers *h, enum header_origin origin, const char *name,
    size_t name_len, const char *value, size_t len)
{
	struct header *f;

	if (!is_name(name, name_len))
		return -1;
	f = open_slot(h, origin == HEADER_PREPENDED ? 0 : h->n);
	*f = (struct header){ .name = xmemdup0(name, name_len),
		.name_len = name_len,
		.origin = origin };
	f->raw = clean_value(value, len, &f->raw_len);
	return 0;
}

int
headers_append(struct headers *h, const char *name, size_t name_len,
    const char *value, size_t len)
{
	return add(h, HEADER_APPENDED, name, name_len, value, len);
}

int
headers_prepend(struct headers *h, const char *name, size_t name_len,
    const char *value, size_t len)
{
	return add(h, HEADER_PREPENDED, name, name_len, value, len);
}

static bool
begins(const struct header *f, const char *prefix)
{
	return strncasecmp(f->name, prefix, strlen(prefix)) == 0;
}

static size_t
remove_all(struct headers *h, const char *text,
    bool (*is)(const struct header *f, const char *text))
{
	size_t kept = 0, removed;

	for (size_t i = 0; i < h->n; i++)
		if (is(&h->field[i], text))
			field_fini(&h->field[i]);
		else
			h->field[kept++] = h->field[i];
	removed = h->n - kept;
	h->n = kept;
	return removed;
}

size_t
headers_remove(struct headers *h, const char *name)
{
	return remove_all(h, name, is_named);
}

size_t
headers_remove_prefix(struct headers *h, const char *prefix)
{
	return remove_all(h, prefix, begins);
}

void
headers_remove_at(struct headers *h, size_t at)
{
	field_fini(&h->field[at]);
	h->n--;
	memmove(
	    h->field + at, h->field + at + 1, (h->n - at) * sizeof *h->field);
}

void
headers_set_raw(struct headers *h, size_t at, const char *raw, size_t len)
{
	struct header *f = &h->field[at];

	free(f->raw);
	f->raw = xmemdup0(raw, len);
	f->raw_len = len;
	f->changed = f->origin == HEADER_RECEIVED;
}

const struct header *
headers_next(const struct headers *h, const char *name, size_t *at)
{
	while (*at < h->n) {
		const struct header *f = &h->field[(*at)++];

		if (is_named(f, name))
			return f;
	}
	return NULL;
}

bool
headers_equal(const struct headers *a, const struct headers *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->field[i].origin != b->field[i].origin ||
		    a->field[i].seq != b->field[i].seq ||
		    a->field[i].changed != b->field[i].changed ||
		    strcmp(a->field[i].name, b->field[i].name) != 0 ||
		    strcmp(a->field[i].raw, b->field[i].raw) != 0)
			return false;
	return true;
}

void
headers_write(struct str *out, const struct headers *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct header *f = &h->field[i];
		const char *p = f->raw;

		str_add(out, f->name, f->name_len);
		str_addc(out, ':');
		for (const char *nl; (nl = strchr(p, '\n')) != NULL;
		     p = nl + 1) {
			str_add(out, p, (size_t)(nl - p));
			str_adds(out, "\r\n");
		}
		str_adds(out, p);
		str_adds(out, "\r\n");
	}
}

size_t
headers_size(const struct headers *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		n += h->field[i].name_len + h->field[i].raw_len + 3;
		for (const char *p = h->field[i].raw;
		     (p = strchr(p, '\n')) != NULL; p++)
			n++;
	}
	return n;
}
