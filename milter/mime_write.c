#include "mime.h"

static void
add(struct str *out, const struct mime_bytes *b)
{
	str_add(out, b->p, b->len);
}

void
mime_write_head(struct str *out, const struct mime_part *part)
{
	for (size_t i = 0; i < part->n_fields; i++)
		add(out, &part->field[i].line);
}

/*
 * A delimiter begins a line.  In what was parsed it does; a body that a policy
 * gave may lack its last line end.
 */
static void
add_delimiter(struct str *out, const struct mime_bytes *b)
{
	if (b->len != 0 && out->len != 0 && out->data[out->len - 1] != '\n')
		str_add(out, "\r\n", 2);
	add(out, b);
}

void
mime_write(struct str *out, const struct mime_part *part)
{
	add(out, &part->lead);
	mime_write_head(out, part);
	add(out, &part->gap);
	add(out, &part->body);
	for (size_t i = 0; i < part->n_children; i++) {
		add_delimiter(out, &part->child[i]->delimiter);
		mime_write(out, part->child[i]);
	}
	if (part->boundary != NULL) {
		add_delimiter(out, &part->close);
		add(out, &part->epilogue);
	}
}

size_t
mime_size(const struct mime_part *part)
{
	size_t size = part->lead.len + part->gap.len + part->body.len +
		      part->delimiter.len + part->close.len +
		      part->epilogue.len + 4;

	for (size_t i = 0; i < part->n_fields; i++)
		size += part->field[i].line.len;
	for (size_t i = 0; i < part->n_children; i++)
		size += mime_size(part->child[i]);
	return size;
}
