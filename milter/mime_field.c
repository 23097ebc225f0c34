#include "mime_field.h"

#include "header_fold.h"
#include "header_text.h"
#include "transfer.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 255

const struct mime_field *
mime_field_next(const struct mime_part *part, const char *name, size_t *at)
{
	size_t len = name != NULL ? strlen(name) : 0;

	while (*at < part->n_fields) {
		const struct mime_field *f = &part->field[(*at)++];

		if (name == NULL || (f->name_len == len &&
					strncasecmp(f->line.p, name, len) == 0))
			return f;
	}
	return NULL;
}

const struct mime_field *
mime_field_first(const struct mime_part *part, const char *name)
{
	size_t at = 0;

	return mime_field_next(part, name, &at);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *
mime_field_value(const struct mime_field *f, size_t *len)
{
	const char *p = f->line.p + f->value, *end = f->line.p + f->line.len;

	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	*len = (size_t)(end - p);
	return p;
}

void
mime_field_text(struct str *out, const struct mime_field *f)
{
	size_t len;
	const char *p = mime_field_value(f, &len);

	header_text_decode(out, p, len);
}

bool
mime_field_is_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':')
			return false;
	return true;
}

/* Keep folds; another line break is a space, and CR and NUL go. */
static void
add_clean(struct str *out, const char *p, size_t len)
{
	while (len > 0 && is_space(p[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++) {
		bool fold =
		    i + 1 < len && (p[i + 1] == ' ' || p[i + 1] == '\t');

		if (p[i] == '\n')
			str_adds(out, fold ? "\r\n" : " ");
		else if (p[i] != '\r' && p[i] != '\0')
			str_addc(out, p[i]);
	}
}

void
mime_field_write(struct str *out, const char *name, size_t name_len,
    const char *value, size_t len, bool as_is)
{
	struct str folded = { 0 };

	str_add(out, name, name_len);
	str_adds(out, ": ");
	if (as_is) {
		add_clean(out, value, len);
	} else {
		header_fold(&folded, value, len);
		transfer_crlf(out, str_c(&folded), folded.len);
		str_fini(&folded);
	}
	str_adds(out, "\r\n");
}

static struct mime_field *
open_slot(struct mime_part *part, size_t at)
{
	if (part->n_fields == part->cap_fields) {
		part->cap_fields = part->cap_fields ? part->cap_fields * 2 : 8;
		part->field = xrealloc(
		    part->field, part->cap_fields * sizeof *part->field);
	}
	memmove(part->field + at + 1, part->field + at,
	    (part->n_fields - at) * sizeof *part->field);
	part->n_fields++;
	part->tree->n_fields++;
	part->tree->owned += sizeof *part->field;
	part->field[at] = (struct mime_field){ { "", 0, NULL }, 0, 0 };
	return &part->field[at];
}

/* The last line of a head that ended with the message may lack its end. */
static void
end_last_line(struct mime_part *part)
{
	struct mime_bytes *line;
	struct str whole = { 0 };

	if (part->n_fields == 0)
		return;
	line = &part->field[part->n_fields - 1].line;
	if (line->len > 0 && line->p[line->len - 1] == '\n')
		return;
	str_add(&whole, line->p, line->len);
	str_adds(&whole, "\r\n");
	mime_bytes_set(part->tree, line, whole.data, whole.len);
	str_fini(&whole);
}

void
mime_field_put_line(struct mime_part *part, enum mime_field_place where,
    const struct str *line, size_t name_len)
{
	const char *name = line->data;
	struct mime_field *f = NULL;

	for (size_t i = 0; where == MIME_FIELD_SET && i < part->n_fields; i++)
		if (part->field[i].name_len == name_len &&
		    strncasecmp(part->field[i].line.p, name, name_len) == 0) {
			f = &part->field[i];
			break;
		}
	if (f == NULL) {
		end_last_line(part);
		f = open_slot(
		    part, where == MIME_FIELD_TOP ? 0 : part->n_fields);
	}
	mime_bytes_set(part->tree, &f->line, line->data, line->len);
	f->name_len = name_len;
	f->value = name_len + 1;
	if (part->gap.len == 0)
		mime_bytes_set(part->tree, &part->gap, "\r\n", 2);
}

size_t
mime_field_remove(struct mime_part *part, const char *name)
{
	size_t kept = 0, removed, len = strlen(name);

	for (size_t i = 0; i < part->n_fields; i++) {
		struct mime_field *f = &part->field[i];

		if (f->name_len != len ||
		    strncasecmp(f->line.p, name, len) != 0) {
			part->field[kept++] = *f;
			continue;
		}
		if (f->line.own != NULL)
			part->tree->owned -= f->line.len;
		free(f->line.own);
	}
	removed = part->n_fields - kept;
	part->n_fields = kept;
	part->tree->n_fields -= removed;
	return removed;
}
