#include "mime_move.h"
#include "mime_boundary.h"

#include <stdlib.h>
#include <string.h>

static size_t
place_of(const struct mime_part *part)
{
	size_t i = 0;

	while (part->parent->child[i] != part)
		i++;
	return i;
}

struct mime_part *
mime_insert(struct mime_part *parent, size_t place,
    const struct mime_part *part, struct err *err)
{
	struct mime_part *child, **at;

	if (mime_append(parent, part, err) != 0)
		return NULL;
	child = parent->child[parent->n_children - 1];
	if (place >= parent->n_children)
		return child;
	at = parent->child + place;
	memmove(at + 1, at, (parent->n_children - 1 - place) * sizeof *at);
	*at = child;
	/* one without an end would take what is behind it for its own */
	if (mime_boundary_is_claimed(
		parent, parent->boundary, parent->boundary_len))
		mime_boundary_change(parent);
	return child;
}

void
mime_unlink(struct mime_part *part)
{
	struct mime_part *parent = part->parent;
	size_t place = place_of(part);

	memmove(parent->child + place, parent->child + place + 1,
	    (parent->n_children - 1 - place) * sizeof *parent->child);
	parent->n_children--;
	mime_remove(part);
	/* without any delimiter it would be none */
	if (parent->n_children == 0 && parent->close.len == 0)
		mime_boundary_change(parent);
}

struct mime_part *
mime_next(const struct mime_part *part)
{
	size_t place;

	if (part->parent == NULL)
		return NULL;
	place = place_of(part) + 1;
	return place < part->parent->n_children ? part->parent->child[place]
						: NULL;
}

void
mime_content(struct str *out, const struct mime_part *part)
{
	struct str all = { 0 };
	size_t head = part->lead.len + part->gap.len;

	for (size_t i = 0; i < part->n_fields; i++)
		head += part->field[i].line.len;
	mime_write(&all, part);
	str_add(out, str_c(&all) + head, all.len - head);
	str_fini(&all);
}

void
mime_set(struct mime_part *part, const char *text, size_t len)
{
	struct str copy = { 0 };

	str_add(&copy, text, len);
	mime_clear(part);
	mime_boundary_avoid(part->parent, text, len);
	mime_parse_into(part, &copy);
	if (part->parent != NULL)
		mime_boundary_avoid_claims(part);
}

void
mime_set_content(struct mime_part *part, const char *text, size_t len)
{
	struct str all = { 0 };

	str_add(&all, part->lead.p, part->lead.len);
	mime_write_head(&all, part);
	if (part->n_fields > 0 && all.data[all.len - 1] != '\n')
		str_adds(&all, "\r\n");
	if (part->gap.len > 0)
		str_add(&all, part->gap.p, part->gap.len);
	else
		str_adds(&all, "\r\n");
	str_add(&all, text, len);
	mime_set(part, str_c(&all), all.len);
	str_fini(&all);
}
