#include "mime_body.h"

#include "charset.h"
#include "header_text.h"
#include "message_id.h"
#include "mime_boundary.h"
#include "mime_build.h"
#include "mime_field.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
mime_part_value(
    const struct mime_part *part, const char *name, struct mime_value *v)
{
	const struct mime_field *f = mime_field_first(part, name);
	size_t len;
	const char *p;

	*v = (struct mime_value){ 0 };
	if (f == NULL)
		return false;
	p = mime_field_value(f, &len);
	mime_value_parse(v, p, len);
	return true;
}

static char *
copy_param(const struct mime_value *v, const char *name)
{
	const struct mime_param *p = mime_value_get(v, name);

	return p != NULL && p->len > 0 ? xmemdup0(p->value, p->len) : NULL;
}

static char *
find_content_id(const struct mime_part *part)
{
	const struct mime_field *f = mime_field_first(part, "Content-ID");
	size_t len, id_len;
	const char *p, *id;

	if (f == NULL)
		return NULL;
	p = mime_field_value(f, &len);
	id = message_id_next(&p, p + len, &id_len);
	return id != NULL ? xmemdup0(id, id_len) : NULL;
}

void
mime_info_init(struct mime_info *info, const struct mime_part *part)
{
	struct mime_value v;
	bool says_inline = false;

	*info = (struct mime_info){ 0 };
	if (mime_part_value(part, "Content-Transfer-Encoding", &v))
		info->transfer = transfer_named(v.value, strlen(v.value));
	mime_value_fini(&v);
	if (!mime_part_value(part, "Content-Type", &info->type))
		info->type.value = xstrdup("");
	info->is_text = info->type.value[0] == '\0' ||
			mime_value_begins(&info->type, "text/");
	if (mime_part_value(part, "Content-Disposition", &v)) {
		info->has_disposition = true;
		says_inline = mime_value_is(&v, "inline");
		info->file_name = copy_param(&v, "filename");
	}
	mime_value_fini(&v);
	if (info->file_name == NULL)
		info->file_name = copy_param(&info->type, "name");
	info->content_id = find_content_id(part);
	info->is_inline = says_inline ||
			  (info->file_name == NULL && info->content_id == NULL);
}

void
mime_info_fini(struct mime_info *info)
{
	mime_value_fini(&info->type);
	free(info->file_name);
	free(info->content_id);
}

/* ---- bodies ------------------------------------------------------------- */

static void
add_text(
    struct str *out, const struct mime_value *type, const char *p, size_t len)
{
	const struct mime_param *charset = mime_value_get(type, "charset");

	if (charset == NULL || charset->len == 0)
		charset_guess(out, p, len);
	else if (!charset_to_utf8(out, charset->value, charset->len, p, len))
		str_add(out, p, len);
}

void
mime_body(struct str *out, const struct mime_part *part)
{
	struct mime_info info;
	struct str decoded = { 0 };
	const char *p = part->body.p;
	size_t len = part->body.len;

	if (part->boundary != NULL)
		return;
	mime_info_init(&info, part);
	if (info.transfer != TRANSFER_IDENTITY) {
		transfer_decode(&decoded, info.transfer, p, len);
		p = str_c(&decoded);
		len = decoded.len;
	}
	if (info.is_text)
		add_text(out, &info.type, p, len);
	else
		str_add(out, p, len);
	str_fini(&decoded);
	mime_info_fini(&info);
}

/* The type that a new body has when none is given. */
static char *
default_type(const struct mime_part *part, bool is_text)
{
	struct mime_value v;
	const char *type = is_text ? "text/plain" : "application/octet-stream";
	char *copy;

	mime_part_value(part, "Content-Type", &v);
	if (v.value != NULL && mime_build_is_type(v.value) &&
	    !mime_value_begins(&v, "multipart/") &&
	    !mime_value_begins(&v, "message/"))
		type = v.value;
	copy = xstrdup(type);
	mime_value_fini(&v);
	return copy;
}

/* Put the fields of head, "Name: value\r\n" each, at the end of the part's. */
static void
take_fields(struct mime_part *part, const struct str *head)
{
	struct mime_tree *tree = mime_parse(head->data, head->len);

	for (size_t i = 0; i < tree->root->n_fields; i++) {
		const struct mime_field *f = &tree->root->field[i];
		size_t len;
		const char *value = mime_field_value(f, &len);

		mime_field_put(part, MIME_FIELD_END, f->line.p, f->name_len,
		    value, len, true);
	}
	mime_free(tree);
}

int
mime_body_set(
    struct mime_part *part, const char *data, size_t len, const char *type)
{
	bool is_text = header_text_is_utf8(data, len);
	struct str head = { 0 }, body = { 0 };
	char *own = NULL;

	if (type != NULL && !mime_build_is_type(type))
		return -1;
	if (type == NULL)
		type = own = default_type(part, is_text);
	if (is_text)
		mime_build_text_body(&head, &body, type, data, len);
	else
		mime_build_binary_body(&head, &body, type, data, len);
	mime_remove_children(part);
	mime_field_remove(part, "Content-Type");
	mime_field_remove(part, "Content-Transfer-Encoding");
	take_fields(part, &head);
	mime_boundary_avoid(part->parent, str_c(&body), body.len);
	mime_bytes_set(part->tree, &part->body, str_c(&body), body.len);
	str_fini(&head);
	str_fini(&body);
	free(own);
	return 0;
}

/* ---- structure ---------------------------------------------------------- */

static void
add_attachment(struct mime_structure *s, struct mime_part *part)
{
	/* powers of two: room for as many as there are, or twice that */
	if ((s->n & (s->n - 1)) == 0)
		s->attachment = xrealloc(s->attachment,
		    (s->n != 0 ? 2 * s->n : 1) * sizeof *s->attachment);
	s->attachment[s->n++] = part;
}

static struct mime_part **
place_for(struct mime_structure *s, const struct mime_info *info)
{
	if (info->type.value[0] == '\0')
		return &s->text;
	if (!info->is_inline)
		return NULL;
	if (mime_value_is(&info->type, "text/plain"))
		return &s->text;
	if (mime_value_is(&info->type, "text/html"))
		return &s->html;
	if (mime_value_is(&info->type, "text/x-amp-html"))
		return &s->amp;
	return NULL;
}

/* Parts are in the order of the message, as they stand in the tree. */
static void
sort_part(struct mime_structure *s, struct mime_part *part)
{
	struct mime_info info;
	struct mime_part **place;

	if (part->boundary != NULL) {
		for (size_t i = 0; i < part->n_children; i++)
			sort_part(s, part->child[i]);
		return;
	}
	mime_info_init(&info, part);
	place = place_for(s, &info);
	if (place != NULL && *place == NULL)
		*place = part;
	else if (!mime_value_begins(&info.type, "multipart/"))
		add_attachment(s, part);
	mime_info_fini(&info);
}

void
mime_structure_init(struct mime_structure *s, struct mime_part *part)
{
	*s = (struct mime_structure){ 0 };
	sort_part(s, part);
}

void
mime_structure_fini(struct mime_structure *s)
{
	free(s->attachment);
}
