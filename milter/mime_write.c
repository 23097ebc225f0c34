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
 * A delimiter is a line.  In what was parsed it is, but that the last line of
 * a message may lack its end; and a body that a policy gave may.
 */
static void
end_line(struct str *out)
{
	if (out->len != 0 && out->data[out->len - 1] != '\n')
		str_add(out, "\r\n", 2);
}

static void
add_line(struct str *out, const struct mime_bytes *b)
{
	if (b->len != 0)
		end_line(out);
	add(out, b);
}

static void
add_child(struct str *out, const struct mime_part *child)
{
	add_line(out, &child->delimiter);
	if (child->lead.len + child->n_fields + child->gap.len +
		child->body.len + child->n_children + child->close.len !=
	    0)
		end_line(out);
	mime_write(out, child);
}

void
mime_write(struct str *out, const struct mime_part *part)
{
	add(out, &part->lead);
	mime_write_head(out, part);
	add(out, &part->gap);
	add(out, &part->body);
	for (size_t i = 0; i < part->n_children; i++)
		add_child(out, part->child[i]);
	if (part->boundary != NULL) {
		add_line(out, &part->close);
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
