#include "milter/source_edit.h"

#include "milter/err.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* At one place in this order. */
enum kind {
	AFTER,
	BEFORE,
	REPLACE,
};

struct source_edit {
	size_t at, len;
	enum kind kind;
	size_t order; /* of the calls */
	char text[SOURCE_EDIT_MAX];
};

static void
add(struct source_edits *e, enum kind kind, size_t at, size_t len,
    const char *text)
{
	struct source_edit *new;

	must(strlen(text) < SOURCE_EDIT_MAX);
	if (e->n == e->cap) {
		e->cap = e->cap != 0 ? 2 * e->cap : 16;
		e->list = xrealloc(e->list, e->cap * sizeof *e->list);
	}
	new = &e->list[e->n];
	*new = (struct source_edit){ at, len, kind, e->n, "" };
	strcpy(new->text, text);
	e->n++;
}

void
source_edits_replace(
    struct source_edits *e, size_t at, size_t len, const char *text)
{
	add(e, REPLACE, at, len, text);
}

void
source_edits_before(struct source_edits *e, size_t at, const char *text)
{
	add(e, BEFORE, at, 0, text);
}

void
source_edits_after(struct source_edits *e, size_t at, const char *text)
{
	add(e, AFTER, at, 0, text);
}

static int
compare(const void *left, const void *right)
{
	const struct source_edit *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == BEFORE) /* the last call's is the outermost */
		return a->order > b->order ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void
source_edits_apply(
    struct source_edits *e, const char *text, size_t len, struct str *out)
{
	size_t done = 0;

	if (e->n > 0)
		qsort(e->list, e->n, sizeof *e->list, compare);
	for (size_t i = 0; i < e->n; i++) {
		const struct source_edit *one = &e->list[i];

		must(one->at >= done && one->len <= len - one->at);
		str_add(out, text + done, one->at - done);
		str_adds(out, one->text);
		done = one->at + one->len;
	}
	str_add(out, text + done, len - done);
}

void
source_edits_fini(struct source_edits *e)
{
	free(e->list);
	*e = (struct source_edits){ 0 };
}
