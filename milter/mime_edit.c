#include "mime.h"
#include "mime_boundary.h"
#include "mime_field.h"

#include <stdlib.h>
#include <string.h>

static void
count(const struct mime_part *part, size_t *parts, size_t *depth)
{
	size_t deepest = 0;

	for (size_t i = 0; i < part->n_children; i++) {
		size_t below = 0;

		count(part->child[i], parts, &below);
		if (below + 1 > deepest)
			deepest = below + 1;
	}
	(*parts)++;
	*depth = deepest;
}

static int
check_room(const struct mime_part *parent, const struct mime_part *part,
    struct err *err)
{
	size_t parts = parent->tree->n_parts, depth;

	count(part, &parts, &depth);
	if (parent->boundary == NULL)
		return err_set(err, "the part has no multipart content type");
	if (parts > MIME_PARTS_MAX)
		return err_set(err, "more than %d parts", MIME_PARTS_MAX);
	if (mime_depth(parent) + 1 + depth >= MIME_DEPTH_MAX)
		return err_set(
		    err, "parts nested more than %d deep", MIME_DEPTH_MAX);
	return 0;
}

int
mime_append(
    struct mime_part *parent, const struct mime_part *part, struct err *err)
{
	struct mime_part *child;
	struct str text = { 0 };

	if (check_room(parent, part, err) != 0)
		return -1;
	str_reserve(&text, mime_size(part));
	mime_write(&text, part);
	mime_boundary_avoid(parent, text.data, text.len);
	child = mime_part_new(parent->tree, parent);
	mime_boundary_delimit(child);
	mime_parse_into(child, &text);
	mime_boundary_avoid_claims(child);
	return 0;
}

static bool
occurs(const struct mime_part *part, const char *boundary, size_t len)
{
	struct str text = { 0 };
	bool found;

	mime_write(&text, part);
	found = mime_boundary_is_in(str_c(&text), text.len, boundary, len);
	str_fini(&text);
	return found;
}

void
mime_follow_type(struct mime_part *part)
{
	char *boundary;
	size_t len;

	if (part->boundary == NULL)
		return;
	boundary = mime_boundary_find(part, &len);
	if (boundary != NULL && len == part->boundary_len &&
	    memcmp(boundary, part->boundary, len) == 0) {
		free(boundary);
	} else if (boundary == NULL || occurs(part, boundary, len) ||
		   mime_boundary_is_claimed(part, boundary, len)) {
		free(boundary);
		mime_boundary_change(part);
	} else {
		mime_boundary_take(part, boundary, len);
	}
}

int
mime_field_put(struct mime_part *part, enum mime_field_place where,
    const char *name, size_t name_len, const char *value, size_t len,
    bool as_is)
{
	bool had_gap = part->gap.len != 0;
	struct str line = { 0 };

	if (!mime_field_is_name(name, name_len))
		return -1;
	mime_field_write(&line, name, name_len, value, len, as_is);
	if (name[0] == '-')
		mime_boundary_avoid(part->parent, line.data, line.len);
	mime_field_put_line(part, where, &line, name_len);
	str_fini(&line);
	if (!had_gap)
		mime_boundary_avoid_head(part);
	return 0;
}
