#include "mime_text.h"
#include "charset.h"
#include "header_text.h"
#include "mime_body.h"
#include "mime_boundary.h"
#include "mime_build.h"
#include "mime_field.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 998 /* RFC 5322 2.1.1 */

/* ---- type and charset ---------------------------------------------------- */

static bool
is_ascii(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((p[i] & 0x80) != 0)
			return false;
	return true;
}

/*
 * Append text in this charset.  false: it does not know all of it, or is not
 * known itself.
 */
static bool
encode(struct str *out, const char *charset, size_t charset_len,
    const struct str *text)
{
	struct str bytes = { 0 }, back = { 0 };
	bool same;

	if (!charset_from_utf8(
		&bytes, charset, charset_len, str_c(text), text->len))
		return false;
	charset_to_utf8(&back, charset, charset_len, str_c(&bytes), bytes.len);
	same = back.len == text->len &&
	       memcmp(str_c(&back), str_c(text), text->len) == 0;
	if (same)
		str_add(out, str_c(&bytes), bytes.len);
	str_fini(&back);
	str_fini(&bytes);
	return same;
}

/* The text as bytes of the charset that v says, which may become another. */
static void
encode_as(struct str *out, struct mime_value *v, const struct str *text)
{
	const struct mime_param *p = mime_value_get(v, "charset");

	if (p == NULL && is_ascii(str_c(text), text->len)) {
		str_add(out, str_c(text), text->len);
	} else if (p == NULL || p->len == 0 ||
		   !encode(out, p->value, p->len, text)) {
		str_add(out, str_c(text), text->len);
		mime_value_set(v, "charset", "utf-8", 5);
	}
}

/* What Content-Type is to say but for the charset that the text needs. */
static int
choose_type(struct mime_value *v, const struct mime_part *part,
    const char *type, const char *charset, struct err *err)
{
	bool fine;

	*v = (struct mime_value){ 0 };
	if (type != NULL)
		mime_value_parse(v, type, strlen(type));
	else
		mime_part_value(part, "Content-Type", v);
	fine = v->value != NULL && mime_build_is_type(v->value);
	if (type != NULL && !fine)
		return err_set(err, "not a content type such as text/plain");
	if (!fine || mime_value_begins(v, "multipart/")) {
		mime_value_fini(v);
		*v = (struct mime_value){ .value = xstrdup("text/plain") };
	}
	if (charset != NULL && charset[0] != '\0') {
		if (!charset_is_known(charset, strlen(charset)))
			return err_set(err, "the charset is not known");
		mime_value_set(v, "charset", charset, strlen(charset));
	}
	return 0;
}

/* ---- encoding ------------------------------------------------------------ */

enum form { FORM_7BIT, FORM_8BIT, FORM_BINARY, FORM_NUL };

/* How much of a transport do these bytes need? */
static enum form
form_of(const struct str *bytes)
{
	enum form form = FORM_7BIT;
	size_t line = 0;

	for (size_t i = 0; i < bytes->len; i++) {
		char c = bytes->data[i];

		if (c == '\0')
			return FORM_NUL;
		if ((c & 0x80) != 0 && form == FORM_7BIT)
			form = FORM_8BIT;
		if (c == '\n')
			line = 0;
		else if (c != '\r' && ++line > LINE_MAX_BYTES)
			form = FORM_BINARY;
		else if (c == '\r' && i + 1 < bytes->len &&
			 bytes->data[i + 1] != '\n')
			form = FORM_BINARY;
	}
	return form;
}

static const char *
shorter_encoding(const struct str *bytes)
{
	struct str quoted = { 0 };
	bool is_quoted;

	transfer_quoted_printable(&quoted, str_c(bytes), bytes->len);
	is_quoted = quoted.len <= transfer_base64_size(bytes->len);
	str_fini(&quoted);
	return is_quoted ? "quoted-printable" : "base64";
}

/* What Content-Transfer-Encoding is to say; NULL: what it says. */
static const char *
choose_encoding(const struct mime_part *part, const struct str *bytes)
{
	struct mime_value v;
	enum transfer now = TRANSFER_IDENTITY;
	enum form form = form_of(bytes);
	bool says_8bit = false;

	if (part->boundary == NULL &&
	    mime_part_value(part, "Content-Transfer-Encoding", &v)) {
		now = transfer_named(v.value, strlen(v.value));
		says_8bit = mime_value_is(&v, "8bit");
		mime_value_fini(&v);
	}
	if (form == FORM_NUL)
		return now == TRANSFER_BASE64 ? NULL : "base64";
	if (now != TRANSFER_IDENTITY || form == FORM_7BIT ||
	    (form == FORM_8BIT && says_8bit))
		return NULL;
	return shorter_encoding(bytes);
}

static void
write_body(struct str *out, const char *encoding, const struct mime_part *part,
    const struct str *bytes)
{
	struct mime_value v = { 0 };
	enum transfer how = TRANSFER_IDENTITY;

	if (encoding != NULL)
		how = transfer_named(encoding, strlen(encoding));
	else if (mime_part_value(part, "Content-Transfer-Encoding", &v))
		how = transfer_named(v.value, strlen(v.value));
	mime_value_fini(&v);
	if (how == TRANSFER_BASE64)
		transfer_base64(out, str_c(bytes), bytes->len);
	else if (how == TRANSFER_QUOTED_PRINTABLE)
		transfer_quoted_printable(out, str_c(bytes), bytes->len);
	else
		str_add(out, str_c(bytes), bytes->len);
}

/* ---- the part ------------------------------------------------------------ */

static void
put(struct mime_part *part, const char *name, const char *value, size_t len)
{
	mime_field_put(
	    part, MIME_FIELD_SET, name, strlen(name), value, len, true);
}

static bool
is_param_same(const struct mime_param *p, const struct mime_param *q)
{
	return q != NULL && p->len == q->len &&
	       strcasecmp(p->name, q->name) == 0 &&
	       memcmp(p->value, q->value, p->len) == 0;
}

/* Does the part say this already? */
static bool
says_type(const struct mime_part *part, const struct mime_value *v)
{
	struct mime_value now;
	bool same;

	if (!mime_part_value(part, "Content-Type", &now)) {
		mime_value_fini(&now);
		return v->n == 0 && mime_value_is(v, "text/plain");
	}
	same = now.n == v->n && mime_value_is(&now, v->value);
	for (size_t i = 0; same && i < v->n; i++)
		same = is_param_same(
		    &v->param[i], mime_value_get(&now, v->param[i].name));
	mime_value_fini(&now);
	return same;
}

static void
put_type(struct mime_part *part, const struct mime_value *v)
{
	struct str text = { 0 };

	if (says_type(part, v))
		return;
	mime_value_write(&text, v);
	put(part, "Content-Type", str_c(&text), text.len);
	str_fini(&text);
}

/* The head ends with an empty line, whatever fields it has. */
static void
end_head(struct mime_part *part)
{
	if (part->gap.len != 0)
		return;
	mime_bytes_set(part->tree, &part->gap, "\r\n", 2);
	mime_boundary_avoid_head(part);
}

int
mime_text_set(struct mime_part *part, const char *text, size_t len,
    const char *type, const char *charset, struct err *err)
{
	struct str lines = { 0 }, bytes = { 0 }, body = { 0 };
	struct mime_value v;
	const char *encoding;
	int rc = choose_type(&v, part, type, charset, err);

	if (rc == 0) {
		charset_repair(&lines, text, len);
		transfer_crlf(&body, str_c(&lines), lines.len);
		encode_as(&bytes, &v, &body);
		str_clear(&body);
		encoding = choose_encoding(part, &bytes);
		if (part->boundary != NULL)
			mime_field_remove(part, "Content-Transfer-Encoding");
		mime_remove_children(part);
		put_type(part, &v);
		if (encoding != NULL)
			put(part, "Content-Transfer-Encoding", encoding,
			    strlen(encoding));
		write_body(&body, encoding, part, &bytes);
		end_head(part);
		mime_boundary_avoid(part->parent, str_c(&body), body.len);
		mime_bytes_set(part->tree, &part->body, str_c(&body), body.len);
	}
	str_fini(&lines);
	str_fini(&bytes);
	str_fini(&body);
	mime_value_fini(&v);
	return rc;
}
