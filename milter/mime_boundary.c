#include "mime_boundary.h"
#include "mime_field.h"
#include "mime_param.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM 40

char *
mime_boundary_find(const struct mime_part *part, size_t *len)
{
	const struct mime_field *f = mime_field_first(part, "Content-Type");
	const struct mime_param *p;
	struct mime_value v;
	char *boundary = NULL;

	if (f == NULL)
		return NULL;
	mime_value_parse(&v, f->line.p + f->value, f->line.len - f->value);
	p = mime_value_get(&v, "boundary");
	*len = p != NULL ? p->len : 0;
	while (*len > 0 && p->value[*len - 1] == ' ')
		(*len)--; /* RFC 2046 5.1.1: it does not end with one */
	if (*len > 0 && mime_value_begins(&v, "multipart/"))
		boundary = xmemdup0(p->value, *len);
	mime_value_fini(&v);
	return boundary;
}

void
mime_boundary_random(struct str *out)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char raw[RANDOM];

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		must_failed("getrandom", __FILE__, __LINE__);
	for (size_t i = 0; i < sizeof raw; i++)
		str_addc(out, chars[raw[i] % (sizeof chars - 1)]);
}

bool
mime_boundary_is_in(
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
mime_boundary_delimit(struct mime_part *child)
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
	struct str text = { 0 }, line = { 0 };

	if (f != NULL)
		mime_value_parse(
		    &v, f->line.p + f->value, f->line.len - f->value);
	if (!mime_value_begins(&v, "multipart/")) {
		free(v.value);
		v.value = xstrdup("multipart/mixed");
	}
	mime_value_set(&v, "boundary", part->boundary, part->boundary_len);
	mime_value_write(&text, &v);
	mime_field_write(&line, "Content-Type", 12, text.data, text.len, true);
	mime_field_put_line(part, MIME_FIELD_SET, &line, 12);
	str_fini(&line);
	str_fini(&text);
	mime_value_fini(&v);
}

void
mime_boundary_take(struct mime_part *part, char *boundary, size_t len)
{
	free(part->boundary);
	part->boundary = boundary;
	part->boundary_len = len;
	for (size_t i = 0; i < part->n_children; i++)
		mime_boundary_delimit(part->child[i]);
	write_close(part);
}

void
mime_boundary_change(struct mime_part *part)
{
	struct str boundary = { 0 };
	size_t len;

	mime_boundary_random(&boundary);
	len = boundary.len;
	mime_boundary_take(part, str_take(&boundary), len);
	set_boundary_parameter(part);
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
mime_boundary_is_claimed(
    const struct mime_part *part, const char *boundary, size_t len)
{
	char *own;
	size_t own_len;
	bool claimed;

	for (size_t i = 0; i < part->n_children; i++)
		if (mime_boundary_is_claimed(part->child[i], boundary, len))
			return true;
	if (part->boundary != NULL)
		return part->boundary != boundary && part->close.len == 0 &&
		       is_taken_for(
			   boundary, len, part->boundary, part->boundary_len);
	own = mime_boundary_find(part, &own_len);
	claimed = own != NULL && is_taken_for(boundary, len, own, own_len);
	free(own);
	return claimed;
}

void
mime_boundary_avoid_claims(const struct mime_part *child)
{
	for (struct mime_part *p = child->parent; p != NULL; p = p->parent)
		if (mime_boundary_is_claimed(
			child, p->boundary, p->boundary_len))
			mime_boundary_change(p);
}

void
mime_boundary_avoid_head(const struct mime_part *part)
{
	size_t len;
	char *own =
	    part->boundary == NULL ? mime_boundary_find(part, &len) : NULL;

	for (struct mime_part *p = part->parent; own != NULL && p != NULL;
	     p = p->parent)
		mime_boundary_change(p);
	free(own);
}

void
mime_boundary_avoid(struct mime_part *part, const char *text, size_t len)
{
	for (; part != NULL; part = part->parent) {
		const char *boundary = part->boundary;
		size_t boundary_len = part->boundary_len;

		if (boundary == NULL)
			continue;
		if (mime_boundary_is_in(text, len, boundary, boundary_len))
			mime_boundary_change(part);
		else if (part->close.len != 0)
			continue;
		else if (mime_boundary_is_claimed(part, boundary, boundary_len))
			mime_boundary_change(part);
		else
			write_close(part);
	}
}
