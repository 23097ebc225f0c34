#include "mime.h"

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
