#include "line_diff.h"

#include "xmalloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3
#define CELLS_MAX ((size_t)4 << 20) /* of the table of common lengths */

struct line {
	const char *p;
	size_t n;
};

struct lines {
	struct line *line;
	size_t n;
};

static struct lines
split(const char *p, size_t len)
{
	struct lines l = { 0 };
	size_t cap = 0;

	while (len > 0) {
		const char *nl = memchr(p, '\n', len);
		size_t whole = nl != NULL ? (size_t)(nl - p) + 1 : len;
		size_t n = nl != NULL ? whole - 1 : whole;

		if (nl != NULL && n > 0 && p[n - 1] == '\r')
			n--;
		if (l.n == cap) {
			cap = cap != 0 ? cap * 2 : 64;
			l.line = xrealloc(l.line, cap * sizeof *l.line);
		}
		l.line[l.n++] = (struct line){ p, n };
		p += whole;
		len -= whole;
	}
	return l;
}

static bool
equal(const struct line *a, const struct line *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* Which lines stay: marks in keep_a and keep_b. */
struct work {
	struct lines a, b;
	bool *keep_a, *keep_b;
	size_t head, tail; /* equal lines at the beginning and the end */
};

static void
trim(struct work *w)
{
	size_t least = w->a.n < w->b.n ? w->a.n : w->b.n;

	while (
	    w->head < least && equal(&w->a.line[w->head], &w->b.line[w->head]))
		w->head++;
	while (
	    w->tail < least - w->head && equal(&w->a.line[w->a.n - 1 - w->tail],
					     &w->b.line[w->b.n - 1 - w->tail]))
		w->tail++;
	for (size_t i = 0; i < w->head; i++)
		w->keep_a[i] = w->keep_b[i] = true;
	for (size_t i = 0; i < w->tail; i++)
		w->keep_a[w->a.n - 1 - i] = w->keep_b[w->b.n - 1 - i] = true;
}

/* The longest common subsequence of the middle parts, by a table of it. */
static void
match_middle(struct work *w)
{
	size_t na = w->a.n - w->head - w->tail;
	size_t nb = w->b.n - w->head - w->tail;
	size_t row = nb + 1, i, k;
	const struct line *a = w->a.line + w->head, *b = w->b.line + w->head;
	uint32_t *common;

	if (na == 0 || nb == 0 || na + 1 > CELLS_MAX / row)
		return;
	common = xcalloc((na + 1) * row, sizeof *common);
	for (i = na; i-- > 0;)
		for (k = nb; k-- > 0;) {
			uint32_t down = common[(i + 1) * row + k];
			uint32_t right = common[i * row + k + 1];

			common[i * row + k] =
			    equal(&a[i], &b[k])
				? common[(i + 1) * row + k + 1] + 1
			    : down > right ? down
					   : right;
		}
	for (i = k = 0; i < na && k < nb;)
		if (equal(&a[i], &b[k])) {
			w->keep_a[w->head + i++] = true;
			w->keep_b[w->head + k++] = true;
		} else if (common[(i + 1) * row + k] >=
			   common[i * row + k + 1]) {
			i++;
		} else {
			k++;
		}
	free(common);
}

static void
add_line(struct str *out, char mark, const struct line *l)
{
	str_addc(out, mark);
	str_add(out, l->p, l->n);
	str_addc(out, '\n');
}

/* From line i and k on, which both stay: how many stay, at most most. */
static size_t
count_kept(const struct work *w, size_t i, size_t k, size_t most)
{
	size_t n = 0;

	while (n < most && i + n < w->a.n && k + n < w->b.n &&
	       w->keep_a[i + n] && w->keep_b[k + n])
		n++;
	return n;
}

/* One hunk: from its first change, context before it already counted. */
static void
add_hunk(struct str *out, const struct work *w, size_t *i, size_t *k)
{
	struct str body = { 0 };
	size_t from_a = *i, from_b = *k, kept;
	bool last;

	do {
		while (*i < w->a.n && !w->keep_a[*i])
			add_line(&body, '-', &w->a.line[(*i)++]);
		while (*k < w->b.n && !w->keep_b[*k])
			add_line(&body, '+', &w->b.line[(*k)++]);
		kept = count_kept(w, *i, *k, 2 * CONTEXT + 1);
		last = kept > 2 * CONTEXT ||
		       (*i + kept == w->a.n && *k + kept == w->b.n);
		if (last && kept > CONTEXT)
			kept = CONTEXT;
		for (size_t n = 0; n < kept; n++)
			add_line(&body, ' ', &w->a.line[*i + n]);
		*i += kept;
		*k += kept;
	} while (!last);
	str_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", from_a + (*i > from_a),
	    *i - from_a, from_b + (*k > from_b), *k - from_b);
	str_add(out, str_c(&body), body.len);
	str_fini(&body);
}

static void
add_hunks(struct str *out, const struct work *w)
{
	size_t i = 0, k = 0;

	for (;;) {
		size_t skip = 0;

		while (count_kept(w, i + skip, k + skip, 1) == 1)
			skip++;
		if (i + skip >= w->a.n && k + skip >= w->b.n)
			return;
		if (skip > CONTEXT) {
			i += skip - CONTEXT;
			k += skip - CONTEXT;
		}
		add_hunk(out, w, &i, &k);
	}
}

void
line_diff(struct str *out, const char *before, size_t before_len,
    const char *after, size_t after_len)
{
	struct work w = { .a = split(before, before_len),
		.b = split(after, after_len) };

	w.keep_a = xcalloc(w.a.n + 1, sizeof *w.keep_a);
	w.keep_b = xcalloc(w.b.n + 1, sizeof *w.keep_b);
	trim(&w);
	match_middle(&w);
	add_hunks(out, &w);
	free(w.keep_a);
	free(w.keep_b);
	free(w.a.line);
	free(w.b.line);
}
