/*
 * What a rebuilt message is like:
 *   text        UTF-8, in the encoding that mime_build.h finds right
 *   the rest    base64, but for message/, which may not be encoded (RFC 2046
 *               5.2.1), and what multipart/signed and /encrypted hold, which
 *               would no longer be what was signed
 *   multiparts  without preamble and epilogue, all delimiters written anew
 *   fields      in their order, CRLF, raw 8-bit text encoded, MIME-Version
 */
#include "mime_body.h"
#include "mime_boundary.h"
#include "mime_build.h"
#include "mime_field.h"
#include "xmalloc.h"

#include "charset.h"
#include "header_fold.h"
#include "header_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
is_named(const struct mime_field *f, const char *name)
{
	return f->name_len == strlen(name) &&
	       strncasecmp(f->line.p, name, f->name_len) == 0;
}

static bool
is_ascii(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((p[i] & 0x80) != 0)
			return false;
	return true;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Would the word, if encoded, no longer be what it is for? */
static bool
needs_encoding(const char *p, size_t n)
{
	return !is_ascii(p, n) && memchr(p, '@', n) == NULL;
}

static size_t
word(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && !is_space(p[n]))
		n++;
	return n;
}

/*
 * Length of the words from p on that are to be encoded together, as white
 * space between two encoded words does not count (RFC 2047 6.2); or of one
 * word that is not to be encoded.
 */
static size_t
run(const char *p, size_t len)
{
	size_t n = word(p, len), next;

	if (!needs_encoding(p, n))
		return n;
	for (;;) {
		next = n;
		while (next < len && is_space(p[next]))
			next++;
		if (next == len ||
		    !needs_encoding(p + next, word(p + next, len - next)))
			return n;
		n = next + word(p + next, len - next);
	}
}

/* Quotes and brackets around it stay outside of the encoded word. */
static void
encode(struct str *out, const char *p, size_t n)
{
	size_t from = 0, to = n;

	while (from < n && strchr("\"(<,", p[from]) != NULL)
		from++;
	while (to > from && strchr("\")>,;:", p[to - 1]) != NULL)
		to--;
	str_add(out, p, from);
	header_fold(out, p + from, to - from);
	str_add(out, p + to, n - to);
}

/*
 * Encode only the words that need it: the others may be syntax, as in
 * "Jos\xc3\xa9 <jose@example.com>, other@example.com".
 */
static void
write_words(struct str *out, const char *p, size_t len)
{
	struct str one = { 0 };
	size_t column = 0;

	for (size_t i = 0, n; i < len; i += n) {
		if (is_space(p[i])) {
			n = 1;
			continue;
		}
		n = run(p + i, len - i);
		str_clear(&one);
		if (needs_encoding(p + i, n))
			encode(&one, p + i, n);
		else
			str_add(&one, p + i, n);
		if (column != 0)
			str_adds(out, column + one.len > 74 ? "\n\t" : " ");
		column = column + one.len > 74 ? one.len : column + one.len + 1;
		str_add(out, str_c(&one), one.len);
	}
	str_fini(&one);
}

static void
write_field(struct str *out, const struct mime_field *f)
{
	struct str utf8 = { 0 }, words = { 0 };
	size_t len;
	const char *p = mime_field_value(f, &len);

	if (!mime_field_is_name(f->line.p, f->name_len))
		return;
	if (is_ascii(p, len)) {
		mime_field_write(out, f->line.p, f->name_len, p, len, true);
		return;
	}
	charset_guess(&utf8, p, len);
	write_words(&words, str_c(&utf8), utf8.len);
	mime_field_write(
	    out, f->line.p, f->name_len, str_c(&words), words.len, true);
	str_fini(&utf8);
	str_fini(&words);
}

/* The parameters of the old type that the new one does not settle. */
static void
write_type(
    struct str *out, const struct mime_part *part, const struct str *head)
{
	struct mime_tree *fresh = mime_parse(head->data, head->len);
	struct mime_value old, v;
	struct str text = { 0 };

	mime_part_value(fresh->root, "Content-Type", &v);
	mime_part_value(part, "Content-Type", &old);
	/* a multipart that has become text has nothing to say of that */
	if (mime_value_begins(&old, "multipart/") &&
	    !mime_value_begins(&v, "multipart/"))
		mime_value_fini(&old);
	for (size_t i = 0; i < old.n; i++)
		if (mime_value_get(&v, old.param[i].name) == NULL)
			mime_value_set(&v, old.param[i].name,
			    old.param[i].value, old.param[i].len);
	mime_value_write(&text, &v);
	mime_field_write(out, "Content-Type", 12, text.data, text.len, true);
	str_fini(&text);
	for (size_t i = 0; i < fresh->root->n_fields; i++)
		if (!is_named(&fresh->root->field[i], "Content-Type"))
			str_add(out, fresh->root->field[i].line.p,
			    fresh->root->field[i].line.len);
	mime_value_fini(&v);
	mime_value_fini(&old);
	mime_free(fresh);
}

/* The head: head is what says how the body is written now. */
static void
write_head(
    struct str *out, const struct mime_part *part, const struct str *head)
{
	bool typed = false, versioned = part->parent != NULL;

	for (size_t i = 0; i < part->n_fields; i++) {
		const struct mime_field *f = &part->field[i];

		if (is_named(f, "Content-Transfer-Encoding"))
			continue;
		versioned |= is_named(f, "MIME-Version");
		if (!is_named(f, "Content-Type")) {
			write_field(out, f);
		} else if (!typed) {
			write_type(out, part, head);
			typed = true;
		}
	}
	if (!typed)
		write_type(out, part, head);
	if (!versioned)
		str_adds(out, "MIME-Version: 1.0\r\n");
	str_adds(out, "\r\n");
}

/*
 * Text whose charset is unknown keeps it, and its bytes.  A multipart that has
 * no parts is what a reader sees of it: text.
 */
static bool
is_text(const struct mime_info *info, const struct str *data)
{
	const struct mime_param *p = mime_value_get(&info->type, "charset");

	if (mime_value_begins(&info->type, "multipart/"))
		return header_text_is_utf8(str_c(data), data->len);
	return info->is_text &&
	       (p == NULL || p->len == 0 || charset_is_known(p->value, p->len));
}

static void
write_leaf(struct str *out, const struct mime_part *part)
{
	struct mime_info info;
	struct str data = { 0 }, head = { 0 }, body = { 0 };
	const char *type;
	bool text;

	mime_info_init(&info, part);
	mime_body(&data, part);
	text = is_text(&info, &data);
	type = mime_build_is_type(info.type.value) &&
		       !mime_value_begins(&info.type, "multipart/")
		   ? info.type.value
	       : text ? "text/plain"
		      : "application/octet-stream";
	if (text)
		mime_build_text_body(
		    &head, &body, type, str_c(&data), data.len);
	else
		mime_build_binary_body(
		    &head, &body, type, str_c(&data), data.len);
	write_head(out, part, &head);
	str_add(out, str_c(&body), body.len);
	str_fini(&data);
	str_fini(&head);
	str_fini(&body);
	mime_info_fini(&info);
}

static void write_part(
    struct str *out, const struct mime_part *part, bool verbatim);

static void
write_multipart(struct str *out, const struct mime_part *part,
    const struct mime_value *type)
{
	bool sealed = mime_value_is(type, "multipart/signed") ||
		      mime_value_is(type, "multipart/encrypted");
	struct str *child = xcalloc(part->n_children + 1, sizeof *child);
	struct str whole = { 0 }, head = { 0 };
	char *body;

	for (size_t i = 0; i < part->n_children; i++)
		write_part(&child[i], part->child[i], sealed);
	mime_build_multipart(&whole,
	    mime_build_is_type(type->value) ? type->value : "multipart/mixed",
	    child, part->n_children,
	    mime_boundary_is_claimed(part, part->boundary, part->boundary_len)
		? NULL
		: part->boundary);
	body = strstr(whole.data, "\r\n\r\n");
	str_add(&head, whole.data, (size_t)(body + 2 - whole.data));
	write_head(out, part, &head);
	str_add(out, body + 4, whole.len - (size_t)(body + 4 - whole.data));
	for (size_t i = 0; i < part->n_children; i++)
		str_fini(&child[i]);
	free(child);
	str_fini(&whole);
	str_fini(&head);
}

static void
write_part(struct str *out, const struct mime_part *part, bool verbatim)
{
	struct mime_value type;

	mime_part_value(part, "Content-Type", &type);
	if (verbatim || mime_value_begins(&type, "message/"))
		mime_write(out, part);
	else if (part->boundary != NULL)
		write_multipart(out, part, &type);
	else
		write_leaf(out, part);
	mime_value_fini(&type);
}

void
mime_rebuild(struct str *out, const struct mime_part *root)
{
	write_part(out, root, false);
}
