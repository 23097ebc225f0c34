#include "mime_build.h"

#include "header_fold.h"
#include "mime_boundary.h"
#include "mime_field.h"
#include "mime_param.h"
#include "transfer.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STABLE_DATE "Tue, 1 Jul 2003 10:52:37 +0200" /* KumoMTA's */

bool
mime_build_is_type(const char *type)
{
	const char *slash = strchr(type, '/');

	if (slash == NULL || slash == type || slash[1] == '\0')
		return false;
	for (const char *p = type; *p != '\0'; p++)
		if (p != slash && !mime_is_token(*p))
			return false;
	return true;
}

static void
write_value_field(struct str *out, const char *name, const struct mime_value *v)
{
	struct str text = { 0 };

	mime_value_write(&text, v);
	mime_field_write(out, name, strlen(name), str_c(&text), text.len, true);
	str_fini(&text);
}

static void
write_type(
    struct str *out, const char *type, const char *param, const char *value)
{
	struct mime_value v = { .value = xstrdup(type) };

	if (value != NULL)
		mime_value_set(&v, param, value, strlen(value));
	write_value_field(out, "Content-Type", &v);
	mime_value_fini(&v);
}

static bool
is_ascii(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((p[i] & 0x80) != 0)
			return false;
	return true;
}

static void
end_line(struct str *out)
{
	if (out->len < 2 || memcmp(out->data + out->len - 2, "\r\n", 2) != 0)
		str_add(out, "\r\n", 2);
}

/*
 * As KumoMTA: no encoding where quoted-printable would change nothing, and
 * base64 where that is shorter.
 */
void
mime_build_text_body(struct str *head, struct str *body, const char *type,
    const char *text, size_t len)
{
	struct str lines = { 0 }, quoted = { 0 };

	write_type(
	    head, type, "charset", is_ascii(text, len) ? "us-ascii" : "utf-8");
	transfer_crlf(&lines, text, len);
	transfer_quoted_printable(&quoted, text, len);
	if (quoted.len == lines.len) {
		str_add(body, str_c(&lines), lines.len);
	} else if (quoted.len <= transfer_base64_size(lines.len)) {
		str_adds(
		    head, "Content-Transfer-Encoding: quoted-printable\r\n");
		str_add(body, quoted.data, quoted.len);
	} else {
		str_adds(head, "Content-Transfer-Encoding: base64\r\n");
		transfer_base64(body, lines.data, lines.len);
	}
	end_line(body);
	str_fini(&lines);
	str_fini(&quoted);
}

void
mime_build_binary_body(struct str *head, struct str *body, const char *type,
    const char *data, size_t len)
{
	write_type(head, type, NULL, NULL);
	str_adds(head, "Content-Transfer-Encoding: base64\r\n");
	transfer_base64(body, data, len);
	end_line(body);
}

void
mime_build_text(struct str *out, const char *type, const char *text, size_t len)
{
	struct str body = { 0 };

	mime_build_text_body(out, &body, type, text, len);
	str_adds(out, "\r\n");
	str_add(out, body.data, body.len);
	str_fini(&body);
}

static void
write_disposition(struct str *out, const struct mime_attach *attach)
{
	struct mime_value v = { 0 };
	struct str id = { 0 };

	v.value = xstrdup(attach->is_inline ? "inline" : "attachment");
	if (attach->file_name != NULL)
		mime_value_set(&v, "filename", attach->file_name,
		    strlen(attach->file_name));
	write_value_field(out, "Content-Disposition", &v);
	mime_value_fini(&v);
	if (attach->content_id != NULL) {
		str_addf(&id, "<%s>", attach->content_id);
		mime_field_write(out, "Content-ID", 10, id.data, id.len, true);
		str_fini(&id);
	}
}

/*
 * The file name again, for old readers: those know encoded words, if any, and
 * no RFC 2231.  One that takes more than one word is not written.
 */
static void
write_named_type(struct str *out, const char *type, const char *name)
{
	struct str word = { 0 };

	if (name != NULL && !is_ascii(name, strlen(name))) {
		header_fold(&word, name, strlen(name));
		name = strchr(word.data, '\n') == NULL ? word.data : NULL;
	}
	write_type(out, type, "name", name);
	str_fini(&word);
}

void
mime_build_binary(struct str *out, const char *type, const char *data,
    size_t len, const struct mime_attach *attach)
{
	if (attach != NULL)
		write_disposition(out, attach);
	write_named_type(out, type, attach != NULL ? attach->file_name : NULL);
	str_adds(out, "Content-Transfer-Encoding: base64\r\n\r\n");
	transfer_base64(out, data, len);
	end_line(out);
}

static bool
is_usable(const char *boundary, const struct str *part, size_t n)
{
	size_t len = boundary != NULL ? strlen(boundary) : 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (mime_boundary_is_in(
			str_c(&part[i]), part[i].len, boundary, len))
			return false;
	return true;
}

void
mime_build_multipart(struct str *out, const char *type, const struct str *part,
    size_t n, const char *boundary)
{
	struct str own = { 0 };

	if (!is_usable(boundary, part, n)) {
		mime_boundary_random(&own);
		boundary = own.data;
	}
	write_type(out, type, "boundary", boundary);
	str_adds(out, "\r\n");
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "--%s\r\n", boundary);
		str_add(out, str_c(&part[i]), part[i].len);
		if (out->data[out->len - 1] != '\n')
			str_adds(out, "\r\n");
	}
	str_addf(out, "--%s--\r\n", boundary);
	str_fini(&own);
}

/* ---- the builder -------------------------------------------------------- */

static void
free_parts(struct str *part, size_t n)
{
	for (size_t i = 0; i < n; i++)
		str_fini(&part[i]);
	free(part);
}

void
mime_builder_fini(struct mime_builder *b)
{
	str_fini(&b->text);
	str_fini(&b->html);
	str_fini(&b->amp);
	free_parts(b->inlined, b->n_inlined);
	free_parts(b->attached, b->n_attached);
	*b = (struct mime_builder){ 0 };
}

void
mime_builder_attach(struct mime_builder *b, struct str *part, bool is_inline)
{
	struct str **list = is_inline ? &b->inlined : &b->attached;
	size_t *n = is_inline ? &b->n_inlined : &b->n_attached;

	*list = xrealloc(*list, (*n + 1) * sizeof **list);
	(*list)[(*n)++] = *part;
	*part = (struct str){ 0 };
}

/* The text parts: one of them, or alternatives, the best one last. */
static void
write_content(struct str *out, const struct mime_builder *b)
{
	const struct {
		bool is_there;
		const char *type;
		const struct str *text;
	} rows[] = {
		{ b->has_text, "text/plain", &b->text },
		{ b->has_amp, "text/x-amp-html", &b->amp },
		{ b->has_html, "text/html", &b->html },
	};
	struct str part[3] = { { 0 } };
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		if (rows[i].is_there)
			mime_build_text(&part[n++], rows[i].type,
			    str_c(rows[i].text), rows[i].text->len);
	if (n == 1)
		str_add(out, part[0].data, part[0].len);
	else
		mime_build_multipart(out, "multipart/alternative", part, n,
		    b->stable ? "ma-boundary" : NULL);
	for (size_t i = 0; i < n; i++)
		str_fini(&part[i]);
}

/* What out holds becomes the first of the parts of a multipart. */
static void
wrap(struct str *out, const char *type, const struct str *more, size_t n,
    const char *boundary)
{
	struct str *part, whole = { 0 };

	if (n == 0)
		return;
	part = xcalloc(n + 1, sizeof *part);
	part[0] = *out;
	memcpy(part + 1, more, n * sizeof *part);
	mime_build_multipart(&whole, type, part, n + 1, boundary);
	free(part);
	str_fini(out);
	*out = whole;
}

/* Put what only the root has behind the Content-* fields. */
static void
add_root_fields(struct str *out, bool stable)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	struct str whole = { 0 };
	char *body = strstr(out->data, "\r\n\r\n");

	must(body != NULL);
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	str_add(&whole, out->data, (size_t)(body + 2 - out->data));
	str_addf(&whole, "Mime-Version: 1.0\r\nDate: %s\r\n",
	    stable ? STABLE_DATE : date);
	str_add(&whole, body + 2, out->len - (size_t)(body + 2 - out->data));
	str_fini(out);
	*out = whole;
}

int
mime_builder_build(
    const struct mime_builder *b, struct str *out, struct err *err)
{
	struct str whole = { 0 };

	if (!b->has_text && !b->has_html)
		return err_set(
		    err, b->has_amp
			     ? "an AMP part needs a text or HTML part beside it"
			     : "no text or html part was specified");
	write_content(&whole, b);
	wrap(&whole, "multipart/related", b->inlined, b->n_inlined,
	    b->stable ? "mr-boundary" : NULL);
	wrap(&whole, "multipart/mixed", b->attached, b->n_attached,
	    b->stable ? "mm-boundary" : NULL);
	add_root_fields(&whole, b->stable);
	str_add(out, whole.data, whole.len);
	str_fini(&whole);
	return 0;
}
