#include "conformance.h"

#include "charset.h"
#include "header_text.h"
#include "mime_body.h"
#include "mime_build.h"
#include "mime_field.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_LEN 78

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static bool
is_ascii(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((p[i] & 0x80) != 0)
			return false;
	return true;
}

/* ---- charsets ----------------------------------------------------------- */

static bool
is_among(const struct conformance_charsets *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcasecmp(list->name[i], name) == 0)
			return true;
	return false;
}

/* Does the charset know all these bytes? */
static bool
reads(const char *name, const struct mime_bytes *b)
{
	struct str text = { 0 };
	bool fits;

	if (strcasecmp(name, "utf-8") == 0)
		return header_text_is_utf8(b->p, b->len);
	fits = charset_to_utf8(&text, name, strlen(name), b->p, b->len) &&
	       memmem(str_c(&text), text.len, "\xef\xbf\xbd", 3) == NULL;
	str_fini(&text);
	return fits;
}

static const struct conformance_charsets common = {
	{ "utf-8", "windows-1252" },
	2,
};

static const struct conformance_charsets *
candidates(const struct conformance_detect *d)
{
	return d->include.n > 0 ? &d->include : &common;
}

static bool
is_wanted(const struct conformance_detect *d, const char *name)
{
	return is_among(candidates(d), name) && !is_among(&d->exclude, name);
}

static const char *
guess(const struct conformance_detect *d, const struct mime_bytes *b)
{
	const struct conformance_charsets *list = candidates(d);

	for (size_t i = 0; i < list->n; i++)
		if (is_wanted(d, list->name[i]) &&
		    strcasestr(list->name[i], "ascii") == NULL &&
		    reads(list->name[i], b))
			return list->name[i];
	return NULL;
}

/* A charset that can be believed, as these bytes are neither ASCII nor UTF-8 */
static bool
is_credible(const struct mime_param *charset)
{
	return charset != NULL &&
	       charset_is_known(charset->value, charset->len) &&
	       strcasestr(charset->value, "ascii") == NULL &&
	       strncasecmp(charset->value, "utf", 3) != 0;
}

/* What an 8-bit text is in, or NULL: as it says, or nobody knows. */
static const char *
find_charset(const struct mime_part *part, const struct mime_info *info,
    const struct conformance_detect *d)
{
	if (!info->is_text || info->transfer != TRANSFER_IDENTITY ||
	    is_ascii(part->body.p, part->body.len))
		return NULL;
	if (is_wanted(d, "utf-8") && reads("utf-8", &part->body))
		return "utf-8";
	if (is_credible(mime_value_get(&info->type, "charset")))
		return NULL;
	return guess(d, &part->body);
}

/* Have Content-Type say it: the rebuild goes by that. */
static void
label(struct mime_part *part, const struct conformance_detect *d)
{
	struct mime_info info;
	struct str text = { 0 };
	const char *name;

	mime_info_init(&info, part);
	name = find_charset(part, &info, d);
	if (name != NULL) {
		if (!mime_build_is_type(info.type.value)) {
			free(info.type.value);
			info.type.value = xstrdup("text/plain");
		}
		mime_value_set(&info.type, "charset", name, strlen(name));
		mime_value_write(&text, &info.type);
		mime_field_put(part, MIME_FIELD_SET, "Content-Type", 12,
		    str_c(&text), text.len, true);
	}
	str_fini(&text);
	mime_info_fini(&info);
}

/* ---- long fields -------------------------------------------------------- */

/*
 * Where a line may be broken: at the last white space that lets it fit, else
 * at the next one; len where there is none.  Not in white space at its begin,
 * so that no line is without text (RFC 5322 3.2.2).
 */
static size_t
find_break(const char *p, size_t len, size_t column)
{
	size_t first = 0;
	size_t at = column < LINE_MAX_LEN ? LINE_MAX_LEN - column : 0;

	if (at >= len)
		return len;
	while (first < len && is_space(p[first]))
		first++;
	for (size_t i = at; i > first; i--)
		if (is_blank(p[i]))
			return i;
	for (size_t i = at > first ? at : first; i < len; i++)
		if (is_blank(p[i]))
			return i;
	return len;
}

/* A line with its end, which is white space and stays where it is. */
static void
fold_line(struct str *out, const char *p, size_t len, size_t column)
{
	size_t text = len, n;

	while (text > 0 && is_space(p[text - 1]))
		text--;
	while ((n = find_break(p, text, column)) < text) {
		str_add(out, p, n);
		str_adds(out, "\r\n");
		p += n;
		len -= n;
		text -= n;
		column = 0;
	}
	str_add(out, p, len);
}

static void
fold_field(struct mime_tree *tree, struct mime_field *f)
{
	const char *p = f->line.p, *end = p + f->line.len;
	struct str out = { 0 };
	size_t column = f->value + 1; /* a space comes, if there is none */

	str_add(&out, p, f->value);
	for (p += f->value; p < end; column = 0) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *next = nl != NULL ? nl + 1 : end;

		fold_line(&out, p, (size_t)(next - p), column);
		p = next;
	}
	if (out.len != f->line.len)
		mime_bytes_set(tree, &f->line, str_c(&out), out.len);
	str_fini(&out);
}

/* ---- types -------------------------------------------------------------- */

/*
 * A type that cannot be read is text where the body can be (RFC 2045 5.2);
 * else the rebuild makes application/octet-stream of it.
 */
static void
settle_type(struct mime_part *part)
{
	struct mime_value v;
	struct str body = { 0 }, text = { 0 };

	if (part->boundary == NULL &&
	    mime_part_value(part, "Content-Type", &v)) {
		if (!mime_build_is_type(v.value))
			mime_body(&body, part);
		if (body.len > 0 && memchr(body.data, '\0', body.len) == NULL &&
		    header_text_is_utf8(body.data, body.len)) {
			free(v.value);
			v.value = xstrdup("text/plain");
			mime_value_write(&text, &v);
			mime_field_put(part, MIME_FIELD_SET, "Content-Type", 12,
			    str_c(&text), text.len, true);
		}
		mime_value_fini(&v);
	}
	str_fini(&body);
	str_fini(&text);
}

/* ---- all of it ---------------------------------------------------------- */

static void
prepare(struct mime_part *part, unsigned fixes,
    const struct conformance_detect *detect)
{
	struct mime_value type;
	bool sealed;

	if ((fixes & CONFORMANCE_LONG_LINE) != 0)
		for (size_t i = 0; i < part->n_fields; i++)
			fold_field(part->tree, &part->field[i]);
	if ((fixes & CONFORMANCE_8BIT) != 0 && detect != NULL &&
	    part->boundary == NULL)
		label(part, detect);
	settle_type(part);
	mime_part_value(part, "Content-Type", &type);
	sealed = mime_value_is(&type, "multipart/signed") ||
		 mime_value_is(&type, "multipart/encrypted");
	mime_value_fini(&type);
	for (size_t i = 0; i < part->n_children && !sealed; i++)
		prepare(part->child[i], fixes, detect);
}

/* Each CR, LF and CRLF as CRLF. */
static void
add_canonical(struct str *out, const char *p, size_t len)
{
	const char *end = p + len, *from = p;

	for (; p < end; p++) {
		if (*p != '\r' && *p != '\n')
			continue;
		str_add(out, from, (size_t)(p - from));
		str_adds(out, "\r\n");
		if (*p == '\r' && end - p > 1 && p[1] == '\n')
			p++;
		from = p + 1;
	}
	str_add(out, from, (size_t)(end - from));
}

bool
conformance_rebuild(struct str *out, const char *text, size_t len,
    unsigned fixes, const struct conformance_detect *detect)
{
	struct mime_tree *tree = mime_parse(text, len);
	bool whole = !tree->limited;
	struct str fresh = { 0 };

	if (whole) {
		prepare(tree->root, fixes, detect);
		mime_rebuild(&fresh, tree->root);
		if ((fixes & CONFORMANCE_LINE_ENDS) != 0)
			add_canonical(out, str_c(&fresh), fresh.len);
		else
			str_add(out, str_c(&fresh), fresh.len);
	}
	str_fini(&fresh);
	mime_free(tree);
	return whole;
}
