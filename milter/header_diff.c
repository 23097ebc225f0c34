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

/* [i] of the result: which of the fields of its name field i is, from 1. */
static int *
count_instances(const struct headers *h)
{
	struct named *list = xcalloc(h->n, sizeof *list);
	int *instance = xcalloc(h->n, sizeof *instance);

	for (size_t i = 0; i < h->n; i++)
		list[i] = (struct named){ &h->field[i], &instance[i] };
	qsort(list, h->n, sizeof *list, by_name_and_place);
	for (size_t i = 0; i < h->n; i++) {
		bool again = i > 0 && strcasecmp(list[i].field->name,
					  list[i - 1].field->name) == 0;

		*list[i].instance = again ? *list[i - 1].instance + 1 : 1;
	}
	free(list);
	return instance;
}

static void
add(struct header_edit *edits, size_t *n, enum header_edit_kind kind, int index,
    const struct header *f)
{
	edits[(*n)++] = (struct header_edit){ kind, index, f->name,
		kind == HEADER_EDIT_DELETE ? NULL : f->raw };
}

/*
 * The first field that has to go below one that was received.  It and what
 * follows are written anew at the end: Sendmail's index of an insertion counts
 * fields that no filter is shown, the defaults of sendmail.cf among them, so
 * that the only places sure to be met are the top and the end.
 */
static size_t
first_anew(const struct headers *after)
{
	bool received = false;

	for (size_t i = 0; i < after->n; i++) {
		received =
		    received || after->field[i].origin == HEADER_RECEIVED;
		if (received && after->field[i].origin != HEADER_RECEIVED)
			return i;
	}
	return after->n;
}

static void
changes(struct header_edit *edits, size_t *n, const struct headers *before,
    const struct headers *after, size_t anew)
{
	int *instance = count_instances(before);
	size_t j = anew;

	/* both lists keep the order of what was received */
	for (size_t i = before->n; i > 0; i--) {
		const struct header *f = &before->field[i - 1];

		while (
		    j > 0 && (after->field[j - 1].origin != HEADER_RECEIVED ||
				 after->field[j - 1].seq > f->seq))
			j--;
		if (j == 0 || after->field[j - 1].seq != f->seq)
			add(edits, n, HEADER_EDIT_DELETE, instance[i - 1], f);
		else if (after->field[j - 1].changed)
			add(edits, n, HEADER_EDIT_CHANGE, instance[i - 1],
			    &after->field[j - 1]);
	}
	free(instance);
}

struct header_edit *
headers_diff(
    const struct headers *before, const struct headers *after, size_t *n)
{
	struct header_edit *edits =
	    xcalloc(before->n + after->n, sizeof *edits);
	size_t anew = first_anew(after);

	*n = 0;
	changes(edits, n, before, after, anew);
	for (size_t i = anew; i > 0; i--) {
		enum header_origin origin = after->field[i - 1].origin;

		if (origin == HEADER_INSERTED)
			add(edits, n, HEADER_EDIT_INSERT, 1,
			    &after->field[i - 1]);
		if (origin == HEADER_PREPENDED)
			add(edits, n, HEADER_EDIT_INSERT, 0,
			    &after->field[i - 1]);
	}
	for (size_t i = 0; i < after->n; i++)
		if (i >= anew || after->field[i].origin == HEADER_APPENDED)
			add(edits, n, HEADER_EDIT_APPEND, 0, &after->field[i]);
	return edits;
}
