/*
 * header_diff.c - what changed between two header blocks
 */
#include "header.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct named {
	const struct header *field;
	int *instance;
};

/* By name; qsort is not stable, so by place in the list too. */
static int
by_name_and_place(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcasecmp(x->field->name, y->field->name);

	return c != 0 ? c : x->instance < y->instance ? -1 : 1;
}

/*
 * The MTA's list once the insertions are made: everything received, with what
 * is inserted among it in its place.  [k] of the result is the instance number
 * that the field with seq k + 1 has then.
 */
static int *
count_instances(const struct headers *before, const struct headers *after)
{
	size_t cap = before->n + after->n, n = 0;
	struct named *list = xcalloc(cap, sizeof *list);
	int *place = xcalloc(cap, sizeof *place);
	int *instance = xcalloc(before->n, sizeof *instance);
	size_t seq = 0;

	for (size_t i = 0; i < after->n; i++) {
		const struct header *f = &after->field[i];

		if (f->origin == HEADER_INSERTED)
			list[n++].field = f;
		for (; f->origin == HEADER_RECEIVED && seq < f->seq; seq++)
			list[n++].field = &before->field[seq];
	}
	for (; seq < before->n; seq++)
		list[n++].field = &before->field[seq];
	for (size_t i = 0; i < n; i++)
		list[i].instance = &place[i];
	qsort(list, n, sizeof *list, by_name_and_place);
	for (size_t i = 0; i < n; i++) {
		bool again = i > 0 &&
		    strcasecmp(list[i].field->name, list[i - 1].field->name) ==
			0;

		*list[i].instance = again ? *list[i - 1].instance + 1 : 1;
		if (list[i].field->origin == HEADER_RECEIVED)
			instance[list[i].field->seq - 1] = *list[i].instance;
	}
	free(list);
	free(place);
	return instance;
}

static void
add(struct header_edit *edits, size_t *n, enum header_edit_kind kind,
    int index, const struct header *f)
{
	edits[(*n)++] = (struct header_edit){ kind, index, f->name,
		kind == HEADER_EDIT_DELETE ? NULL : f->raw };
}

/*
 * Among what was received, from the lowest to the highest: index 1 is above
 * the first field received.  Before anything is deleted, because the MTAs do
 * not agree on whether a deleted field still counts.
 */
static void
insertions(struct header_edit *edits, size_t *n, const struct headers *after)
{
	size_t above = 0; /* the received field above this one */

	for (size_t i = after->n; i > 0; i--) {
		if (after->field[i - 1].origin != HEADER_INSERTED)
			continue;
		above = 0;
		for (size_t k = i - 1; k > 0 && above == 0; k--)
			above = after->field[k - 1].seq;
		add(edits, n, HEADER_EDIT_INSERT, (int)above + 1,
		    &after->field[i - 1]);
	}
}

static void
changes(struct header_edit *edits, size_t *n, const struct headers *before,
    const struct headers *after)
{
	int *instance = count_instances(before, after);
	size_t j = after->n;

	/* both lists keep the order of what was received */
	for (size_t i = before->n; i > 0; i--) {
		const struct header *f = &before->field[i - 1];

		while (j > 0 &&
		    (after->field[j - 1].origin != HEADER_RECEIVED ||
			after->field[j - 1].seq > f->seq))
			j--;
		if (j == 0 || after->field[j - 1].seq != f->seq)
			add(edits, n, HEADER_EDIT_DELETE, instance[f->seq - 1],
			    f);
		else if (after->field[j - 1].changed)
			add(edits, n, HEADER_EDIT_CHANGE, instance[f->seq - 1],
			    &after->field[j - 1]);
	}
	free(instance);
}

struct header_edit *
headers_diff(const struct headers *before, const struct headers *after,
    size_t *n)
{
	struct header_edit *edits =
	    xcalloc(before->n + after->n, sizeof *edits);

	*n = 0;
	insertions(edits, n, after);
	changes(edits, n, before, after);
	for (size_t i = after->n; i > 0; i--)
		if (after->field[i - 1].origin == HEADER_PREPENDED)
			add(edits, n, HEADER_EDIT_INSERT, 0,
			    &after->field[i - 1]);
	for (size_t i = 0; i < after->n; i++)
		if (after->field[i].origin == HEADER_APPENDED)
			add(edits, n, HEADER_EDIT_APPEND, 0,
			    &after->field[i]);
	return edits;
}
