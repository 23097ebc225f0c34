#include "mime.h"
#include "mime_field.h"
#include "mime_param.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM 40

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

static void
remove_part(struct mime_part *part)
{
	mime_remove_children(part);
	for (size_t i = 0; i < part->n_fields; i++)
		drop(part->tree, &part->field[i].line);
	part->n_fields = 0;
	drop(part->tree, &part->lead);
	drop(part->tree, &part->gap);
	drop(part->tree, &part->body);
	drop(part->tree, &part->delimiter);
	part->parent = NULL;
	part->removed = true;
}

void
mime_remove_children(struct mime_part *part)
{
	for (size_t i = 0; i < part->n_children; i++)
		remove_part(part->child[i]);
	part->n_children = 0;
	free(part->boundary);
	part->boundary = NULL;
	drop(part->tree, &part->close);
	drop(part->tree, &part->epilogue);
}

/* ---- boundaries --------------------------------------------------------- */

void
mime_random_boundary(struct str *out)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[RANDOM];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		must_failed("getrandom", __FILE__, __LINE__);
	for (size_t i = 0; i < sizeof bytes; i++)
		str_addc(out, chars[bytes[i] % (sizeof chars - 1)]);
}

bool
mime_has_delimiter(
    const char *text, size_t len, const char *boundary, size_t boundary_len)
{
	const char *p = text, *end = text + len;

	while (p != NULL && (size_t)(end - p) >= boundary_len + 2) {
		if (p[0] == '-' && p[1] == '-' &&
		    memcmp(p + 2, boundary, boundary_len) == 0)
			return true;
		p = memchr(p, '\n', (size_t)(end - p));
		p = p != NULL ? p + 1 : NULL;
	}
	return false;
}

void
mime_write_delimiter(struct mime_part *child)
{
	struct str line = { 0 };

	str_adds(&line, "--");
	str_add(&line, child->parent->boundary, child->parent->boundary_len);
	str_adds(&line, "\r\n");
	mime_bytes_set(child->tree, &child->delimiter, line.data, line.len);
	str_fini(&line);
}

static void
write_close(struct mime_part *part)
{
	struct str line = { 0 };

	str_adds(&line, "--");
	str_add(&line, part->boundary, part->boundary_len);
	str_adds(&line, "--\r\n");
	mime_bytes_set(part->tree, &part->close, line.data, line.len);
	str_fini(&line);
}

static void
set_boundary_parameter(struct mime_part *part)
{
	const struct mime_field *f = mime_field_first(part, "Content-Type");
	struct mime_value v = { 0 };
	struct str text = { 0 };

	if (f != NULL)
		mime_value_parse(
		    &v, f->line.p + f->value, f->line.len - f->value);
	if (!mime_value_begins(&v, "multipart/")) {
		free(v.value);
		v.value = xstrdup("multipart/mixed");
	}
	mime_value_set(&v, "boundary", part->boundary, part->boundary_len);
	mime_value_write(&text, &v);
	mime_field_put(part, MIME_FIELD_SET, "Content-Type", 12, text.data,
	    text.len, true);
	str_fini(&text);
	mime_value_fini(&v);
}

/* Split a multipart at this boundary, which it takes. */
static void
take_boundary(struct mime_part *part, char *boundary, size_t len)
{
	free(part->boundary);
	part->boundary = boundary;
	part->boundary_len = len;
	for (size_t i = 0; i < part->n_children; i++)
		mime_write_delimiter(part->child[i]);
	write_close(part);
}

static void
change_boundary(struct mime_part *part)
{
	struct str boundary = { 0 };
	size_t len;

	mime_random_boundary(&boundary);
	len = boundary.len;
	take_boundary(part, str_take(&boundary), len);
	set_boundary_parameter(part);
}

static bool
occurs(const struct mime_part *part, const char *boundary, size_t len)
{
	struct str text = { 0 };
	bool found;

	mime_write(&text, part);
	found = mime_has_delimiter(str_c(&text), text.len, boundary, len);
	str_fini(&text);
	return found;
}

/* Would the delimiters that this boundary makes be those of that one, too? */
static bool
is_taken_for(const char *boundary, size_t len, const char *other, size_t n)
{
	if (n == len || n == len + 2)
		return memcmp(boundary, other, len) == 0 &&
		       (n == len || memcmp(other + len, "--", 2) == 0);
	return false;
}

bool
mime_is_claimed(const struct mime_part *part, const char *boundary, size_t len)
{
	char *own;
	size_t own_len;
	bool claimed;

	for (size_t i = 0; i < part->n_children; i++)
		if (mime_is_claimed(part->child[i], boundary, len))
			return true;
	if (part->boundary != NULL)
		return part->boundary != boundary && part->close.len == 0 &&
		       is_taken_for(
			   boundary, len, part->boundary, part->boundary_len);
	own = mime_find_boundary(part, &own_len);
	claimed = own != NULL && is_taken_for(boundary, len, own, own_len);
	free(own);
	return claimed;
}

void
mime_follow_type(struct mime_part *part)
{
	char *boundary;
	size_t len;

	if (part->boundary == NULL)
		return;
	boundary = mime_find_boundary(part, &len);
	if (boundary != NULL && len == part->boundary_len &&
	    memcmp(boundary, part->boundary, len) == 0) {
		free(boundary);
	} else if (boundary == NULL || occurs(part, boundary, len) ||
		   mime_is_claimed(part, boundary, len)) {
		free(boundary);
		change_boundary(part);
	} else {
		take_boundary(part, boundary, len);
	}
}

void
mime_avoid_claims(const struct mime_part *child)
{
	for (struct mime_part *p = child->parent; p != NULL; p = p->parent)
		if (mime_is_claimed(child, p->boundary, p->boundary_len))
			change_boundary(p);
}

void
mime_avoid_head(const struct mime_part *part)
{
	size_t len;
	char *own =
	    part->boundary == NULL ? mime_find_boundary(part, &len) : NULL;

	for (struct mime_part *p = part->parent; own != NULL && p != NULL;
	     p = p->parent)
		change_boundary(p);
	free(own);
}

void
mime_avoid(struct mime_part *part, const char *text, size_t len)
{
	for (; part != NULL; part = part->parent) {
		const char *boundary = part->boundary;
		size_t boundary_len = part->boundary_len;

		if (boundary == NULL)
			continue;
		if (mime_has_delimiter(text, len, boundary, boundary_len))
			change_boundary(part);
		else if (part->close.len != 0)
			continue;
		else if (mime_is_claimed(part, boundary, boundary_len))
			change_boundary(part);
		else
			write_close(part);
	}
}
