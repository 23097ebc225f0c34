/*
 * header_replace.c - a header block given as text, told apart from the one
 * that was received
 */
#include "header.h"

#include "xmalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Longest common subsequences are sought in blocks up to this product. */
#define TABLE_MAX ((size_t)4 * 1024 * 1024)

static size_t
line_end(const char *data, size_t at, size_t len)
{
	const char *nl = memchr(data + at, '\n', len - at);

	return nl != NULL ? (size_t)(nl - data) + 1 : len;
}

static bool
is_fold(const char *data, size_t at, size_t len)
{
	return at < len && (data[at] == ' ' || data[at] == '\t');
}

/* The length of the field name that begins here, or 0. */
static size_t
name_length(const char *data, size_t at, size_t end)
{
	size_t n = 0;

	while (at + n < end && data[at + n] > ' ' && data[at + n] < 0x7f &&
	       data[at + n] != ':')
		n++;
	return n;
}

/* Without CR and NUL, and without the last line end. */
static void
take_raw(struct header *f, const char *data, size_t len)
{
	struct str raw = { 0 };

	str_reserve(&raw, len);
	for (size_t i = 0; i < len; i++)
		if (data[i] != '\r' && data[i] != '\0')
			str_addc(&raw, data[i]);
	while (raw.len > 0 && raw.data[raw.len - 1] == '\n')
		raw.data[--raw.len] = '\0';
	f->raw_len = raw.len;
	f->raw = str_take(&raw);
}

/* The field at *at, which moves behind it; false: there is none. */
static bool
parse_field(const char *data, size_t len, size_t *at, struct header *f)
{
	size_t end = line_end(data, *at, len);
	size_t name = name_length(data, *at, end);
	size_t colon = *at + name;

	while (colon < end && (data[colon] == ' ' || data[colon] == '\t'))
		colon++;
	if (name == 0 || name > 255 || colon >= end || data[colon] != ':')
		return false;
	while (is_fold(data, end, len))
		end = line_end(data, end, len);
	*f = (struct header){ .name = xmemdup0(data + *at, name),
		.name_len = name };
	take_raw(f, data + colon + 1, end - colon - 1);
	*at = end;
	return true;
}

static size_t
parse_block(struct headers *h, const char *data, size_t len)
{
	struct header f;
	size_t at = 0;

	while (at < len && parse_field(data, len, &at, &f)) {
		if (h->n == h->cap) {
			h->cap = h->cap != 0 ? h->cap * 2 : 16;
			h->field =
			    xrealloc(h->field, h->cap * sizeof *h->field);
		}
		h->field[h->n++] = f;
	}
	if (at + 1 < len && data[at] == '\r' && data[at + 1] == '\n')
		return at + 2;
	return at < len && data[at] == '\n' ? at + 1 : at;
}

static bool
same(const struct header *a, const struct header *b)
{
	return a->raw_len == b->raw_len && strcmp(a->name, b->name) == 0 &&
	       memcmp(a->raw, b->raw, a->raw_len) == 0;
}

/* Mark in h which fields are which of the received, for two ranges. */
static void
match_middle(struct headers *h, size_t h0, size_t h1, const struct headers *was,
    size_t w0, size_t w1)
{
	size_t n = h1 - h0, m = w1 - w0, width = m + 1;
	uint16_t *t;

	if (n == 0 || m == 0 || n > UINT16_MAX || (n + 1) * width > TABLE_MAX)
		return;
	t = xcalloc((n + 1) * width, sizeof *t);
	for (size_t i = n; i > 0; i--)
		for (size_t k = m; k > 0; k--) {
			uint16_t down = t[i * width + k - 1];
			uint16_t right = t[(i - 1) * width + k];

			if (same(
				&h->field[h0 + i - 1], &was->field[w0 + k - 1]))
				t[(i - 1) * width + k - 1] =
				    (uint16_t)(t[i * width + k] + 1);
			else
				t[(i - 1) * width + k - 1] =
				    down > right ? down : right;
		}
	for (size_t i = 0, k = 0; i < n && k < m;) {
		if (same(&h->field[h0 + i], &was->field[w0 + k])) {
			h->field[h0 + i++].seq = was->field[w0 + k++].seq;
		} else if (t[(i + 1) * width + k] >= t[i * width + k + 1]) {
			i++;
		} else {
			k++;
		}
	}
	free(t);
}

static void
match(struct headers *h, const struct headers *was)
{
	size_t head = 0, tail = 0;

	while (head < h->n && head < was->n &&
	       same(&h->field[head], &was->field[head])) {
		h->field[head].seq = was->field[head].seq;
		head++;
	}
	while (
	    tail < h->n - head && tail < was->n - head &&
	    same(&h->field[h->n - 1 - tail], &was->field[was->n - 1 - tail])) {
		h->field[h->n - 1 - tail].seq =
		    was->field[was->n - 1 - tail].seq;
		tail++;
	}
	match_middle(h, head, h->n - tail, was, head, was->n - tail);
}

/*
 * Between two fields that stayed: a new one whose name is that of the next one
 * gone is that one with another value.  Every letter of the name counts, too:
 * MTAs keep the one that they have.
 */
static void
pair_changed(struct headers *h, const struct headers *was)
{
	size_t gone = 0; /* received fields up to here are accounted for */
	size_t next_at = 0, next = 0;

	for (size_t i = 0; i < h->n; i++) {
		struct header *f = &h->field[i];

		if (f->seq != 0) {
			gone = f->seq;
			continue;
		}
		if (next_at <= i) {
			for (next_at = i + 1;
			     next_at < h->n && h->field[next_at].seq == 0;)
				next_at++;
			next =
			    next_at < h->n ? h->field[next_at].seq - 1 : was->n;
		}
		if (gone < next &&
		    strcmp(was->field[gone].name, f->name) == 0) {
			f->seq = ++gone;
			f->changed = true;
		}
	}
}

static void
set_origins(struct headers *h)
{
	size_t first = h->n, last = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->field[i].seq != 0) {
			first = first == h->n ? i : first;
			last = i;
		}
	for (size_t i = 0; i < h->n; i++)
		h->field[i].origin = h->field[i].seq != 0 ? HEADER_RECEIVED
				     : first == h->n || i > last
					 ? HEADER_APPENDED
				     : i < first ? HEADER_PREPENDED
						 : HEADER_INSERTED;
}

size_t
headers_replace(struct headers *h, const struct headers *received,
    const char *data, size_t len)
{
	struct headers fresh = { 0 };
	size_t body = parse_block(&fresh, data, len);

	match(&fresh, received);
	pair_changed(&fresh, received);
	set_origins(&fresh);
	headers_fini(h);
	*h = fresh;
	return body;
}
