#include "mime.h"
#include "xmalloc.h"

#include <stdlib.h>

static void
part_free(struct mime_part *part)
{
	for (size_t i = 0; i < part->n_fields; i++)
		free(part->field[i].line.own);
	free(part->field);
	free(part->delimiter.own);
	free(part->lead.own);
	free(part->gap.own);
	free(part->body.own);
	free(part->close.own);
	free(part->epilogue.own);
	free(part->boundary);
	free(part->child);
	free(part);
}

void
mime_free(struct mime_tree *tree)
{
	if (tree == NULL)
		return;
	for (size_t i = 0; i < tree->n_parts; i++)
		part_free(tree->part[i]);
	free(tree->part);
	for (size_t i = 0; i < tree->n_texts; i++)
		free(tree->text[i]);
	free(tree->text);
	free(tree);
}

size_t
mime_depth(const struct mime_part *part)
{
	size_t depth = 0;

	while ((part = part->parent) != NULL)
		depth++;
	return depth;
}

static size_t
place_of(const struct mime_part *part)
{
	size_t i = 0;

	while (part->parent->child[i] != part)
		i++;
	return i;
}

void
mime_id(struct str *out, const struct mime_part *part)
{
	if (part->parent == NULL)
		return;
	mime_id(out, part->parent);
	str_addf(
	    out, part->parent->parent != NULL ? ".%zu" : "%zu", place_of(part));
}

/* ---- nodes -------------------------------------------------------------- */

void
mime_bytes_set(
    struct mime_tree *tree, struct mime_bytes *b, const char *p, size_t len)
{
	char *own = xmemdup0(p, len);

	if (b->own != NULL)
		tree->owned -= b->len;
	free(b->own);
	*b = (struct mime_bytes){ own, len, own };
	tree->owned += len;
}

static void
drop(struct mime_tree *tree, struct mime_bytes *b)
{
	if (b->own != NULL)
		tree->owned -= b->len;
	free(b->own);
	*b = (struct mime_bytes){ "", 0, NULL };
}

struct mime_part *
mime_part_new(struct mime_tree *tree, struct mime_part *parent)
{
	static const struct mime_bytes none = { "", 0, NULL };
	struct mime_part *part = xcalloc(1, sizeof *part);

	part->tree = tree;
	part->parent = parent;
	part->delimiter = part->lead = part->gap = none;
	part->body = part->close = part->epilogue = none;
	if (tree->n_parts == tree->cap_parts) {
		tree->cap_parts = tree->cap_parts ? tree->cap_parts * 2 : 4;
		tree->part =
		    xrealloc(tree->part, tree->cap_parts * sizeof *tree->part);
	}
	tree->part[tree->n_parts++] = part;
	tree->owned += sizeof *part + 2 * sizeof part;
	if (parent == NULL)
		return part;
	if (parent->n_children == parent->cap_children) {
		parent->cap_children =
		    parent->cap_children ? parent->cap_children * 2 : 4;
		parent->child = xrealloc(parent->child,
		    parent->cap_children * sizeof *parent->child);
	}
	parent->child[parent->n_children++] = part;
	return part;
}

void
mime_clear(struct mime_part *part)
{
	mime_remove_children(part);
	for (size_t i = 0; i < part->n_fields; i++)
		drop(part->tree, &part->field[i].line);
	part->tree->n_fields -= part->n_fields;
	part->n_fields = 0;
	drop(part->tree, &part->lead);
	drop(part->tree, &part->gap);
	drop(part->tree, &part->body);
}

void
mime_remove(struct mime_part *part)
{
	mime_clear(part);
	drop(part->tree, &part->delimiter);
	part->parent = NULL;
	part->removed = true;
}

void
mime_remove_children(struct mime_part *part)
{
	for (size_t i = 0; i < part->n_children; i++)
		mime_remove(part->child[i]);
	part->n_children = 0;
	free(part->boundary);
	part->boundary = NULL;
	drop(part->tree, &part->close);
	drop(part->tree, &part->epilogue);
}
