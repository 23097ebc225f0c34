#include "mime_param.h"

#include "charset.h"
#include "header_text.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NO_SECTION (-1)
#define SECTION_MAX 9999
#define NAME_MAX_LEN 100

/* ---- reading ------------------------------------------------------------ */

struct input {
	const char *p, *end;
};

/* One "name*0*=value" as it stands. */
struct piece {
	char *name;
	int section;
	bool extended; /* percent-encoded */
	struct str text;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A comment at p, nested ones included; one without an end goes to the end. */
static void
skip_comment(struct input *in)
{
	int depth = 0;

	for (; in->p < in->end; in->p++) {
		if (*in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		else if (*in->p == '(')
			depth++;
		else if (*in->p == ')' && --depth == 0) {
			in->p++;
			return;
		}
	}
}

static void
skip_space(struct input *in)
{
	while (in->p < in->end) {
		if (*in->p == '(')
			skip_comment(in);
		else if (is_space(*in->p))
			in->p++;
		else
			return;
	}
}

static void
add_clean(struct str *out, char c)
{
	if (c != '\r' && c != '\n' && c != '\0')
		str_addc(out, c);
}

/* A quoted string at p, without its quotes; it may lack the last. */
static void
read_quoted(struct input *in, struct str *out)
{
	for (in->p++; in->p < in->end && *in->p != '"'; in->p++) {
		if (*in->p == '\\' && in->p + 1 < in->end)
			in->p++;
		add_clean(out, *in->p);
	}
	if (in->p < in->end)
		in->p++;
}

/* Does "name=" stand at p? */
static bool
is_assignment(const char *p, const char *end)
{
	const char *name = p;

	while (p < end && mime_is_token(*p))
		p++;
	return p > name && p < end && *p == '=';
}

/*
 * A value without quotes goes to the semicolon: "filename=my file.pdf" is
 * common.  A comment ends it, and so does what looks like the next parameter.
 */
static void
read_bare(struct input *in, struct str *out)
{
	while (in->p < in->end && *in->p != ';') {
		const char *p = in->p;

		if (!is_space(*p)) {
			add_clean(out, *in->p++);
			continue;
		}
		while (p < in->end && is_space(*p))
			p++;
		if (p == in->end || *p == ';' || *p == '(' ||
		    is_assignment(p, in->end))
			break;
		str_addc(out, ' ');
		in->p = p;
	}
}

static void
read_text(struct input *in, struct str *out)
{
	skip_space(in);
	if (in->p < in->end && *in->p == '"')
		read_quoted(in, out);
	else
		read_bare(in, out);
}

/* "text/plain", up to what cannot be part of it. */
static void
read_value(struct input *in, struct str *out)
{
	skip_space(in);
	if (in->p < in->end && *in->p == '"') {
		read_quoted(in, out);
		return;
	}
	while (in->p < in->end && *in->p != ';') {
		const char *p = in->p;

		skip_space(in);
		/* spaces only around the slash of "text / plain" */
		if (in->p > p && out->len > 0 && in->p < in->end &&
		    *in->p != '/' && out->data[out->len - 1] != '/')
			return;
		if (in->p == p)
			add_clean(out, *in->p++);
	}
}

/* Split "filename*1*" into its name, its number and whether it is encoded. */
static void
split_name(struct piece *piece)
{
	size_t len = strlen(piece->name);
	char *star, *rest;
	long section;

	piece->section = NO_SECTION;
	if (len > 1 && piece->name[len - 1] == '*') {
		piece->extended = true;
		piece->name[--len] = '\0';
	}
	star = strrchr(piece->name, '*');
	if (star == NULL || star == piece->name || star[1] < '0' ||
	    star[1] > '9')
		return;
	section = strtol(star + 1, &rest, 10);
	if (*rest != '\0' || section > SECTION_MAX)
		return;
	piece->section = (int)section;
	*star = '\0';
}

/* The next parameter; false where there is none. */
static bool
read_piece(struct input *in, struct piece *piece)
{
	struct str name = { 0 };

	*piece = (struct piece){ 0 };
	for (;;) {
		skip_space(in);
		if (in->p == in->end) {
			str_fini(&name);
			return false;
		}
		if (*in->p == ';') {
			in->p++;
			continue;
		}
		if (is_assignment(in->p, in->end))
			break;
		/* not "name=value": on to the next, or "name = value" */
		while (in->p < in->end && mime_is_token(*in->p))
			str_addc(&name, *in->p++);
		skip_space(in);
		if (name.len > 0 && in->p < in->end && *in->p == '=')
			break;
		str_clear(&name);
		while (in->p < in->end && *in->p != ';' && !is_space(*in->p))
			in->p++;
	}
	while (*in->p != '=')
		str_addc(&name, *in->p++);
	in->p++;
	piece->name = str_take(&name);
	split_name(piece);
	read_text(in, &piece->text);
	return true;
}

static void
piece_fini(struct piece *piece)
{
	free(piece->name);
	str_fini(&piece->text);
}

/* ---- putting together --------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
add_percent(struct str *out, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '%' && end - p > 2 && hex_digit(p[1]) >= 0 &&
		    hex_digit(p[2]) >= 0) {
			str_addc(out,
			    (char)(hex_digit(p[1]) * 16 + hex_digit(p[2])));
			p += 2;
		} else {
			str_addc(out, *p);
		}
	}
}

/* The piece of this name with this number that stands first, or NULL. */
static const struct piece *
find_piece(const struct piece *pieces, size_t n, const char *name, int section,
    bool extended_only)
{
	for (size_t i = 0; i < n; i++)
		if (pieces[i].section == section &&
		    (pieces[i].extended || !extended_only) &&
		    strcasecmp(pieces[i].name, name) == 0)
			return &pieces[i];
	return NULL;
}

/* Skip "charset'language'", which *charset then is. */
static const char *
read_charset(const struct piece *piece, const char **charset, size_t *len)
{
	const char *text = str_c(&piece->text);
	const char *tick = strchr(text, '\'');
	const char *second = tick != NULL ? strchr(tick + 1, '\'') : NULL;

	if (second == NULL)
		return text;
	*charset = text;
	*len = (size_t)(tick - text);
	return second + 1;
}

static void
add_without_controls(struct str *out, const struct str *bytes)
{
	for (size_t i = 0; i < bytes->len; i++)
		add_clean(out, bytes->data[i]);
}

/*
 * The pieces from the first on.  A character may be split between two of
 * them, so their bytes are converted together.
 */
static void
join(struct str *out, const struct piece *pieces, size_t n,
    const struct piece *first)
{
	const char *charset = "utf-8";
	size_t len = 5;
	struct str bytes = { 0 }, text = { 0 };

	for (const struct piece *p = first; p != NULL;
	     p = p->section == NO_SECTION ? NULL
					  : find_piece(pieces, n, first->name,
						p->section + 1, false)) {
		const char *from = str_c(&p->text);
		const char *end = from + p->text.len;

		if (p == first && p->extended)
			from = read_charset(p, &charset, &len);
		if (p->extended)
			add_percent(&bytes, from, end);
		else
			str_add(&bytes, from, (size_t)(end - from));
	}
	if (!charset_to_utf8(&text, charset, len, str_c(&bytes), bytes.len))
		charset_guess(&text, str_c(&bytes), bytes.len);
	add_without_controls(out, &text);
	str_fini(&bytes);
	str_fini(&text);
}

/* A value of the plain form; encoded words are not allowed there, but are. */
static void
add_plain(struct str *out, const struct str *raw)
{
	struct str text = { 0 }, words = { 0 };

	charset_guess(&text, str_c(raw), raw->len);
	if (strstr(str_c(&text), "=?") == NULL) {
		str_add(out, str_c(&text), text.len);
	} else {
		header_text_decode(&words, text.data, text.len);
		add_without_controls(out, &words);
	}
	str_fini(&text);
	str_fini(&words);
}

static void
assemble(struct mime_value *v, const struct piece *pieces, size_t n,
    const char *name)
{
	const struct piece *first;
	struct str out = { 0 };

	first = find_piece(pieces, n, name, NO_SECTION, true);
	if (first == NULL)
		first = find_piece(pieces, n, name, 0, false);
	if (first != NULL) {
		join(&out, pieces, n, first);
	} else {
		first = find_piece(pieces, n, name, NO_SECTION, false);
		if (first == NULL) /* pieces without their first */
			return;
		add_plain(&out, &first->text);
	}
	mime_value_set(v, name, str_c(&out), out.len);
	str_fini(&out);
}

void
mime_value_parse(struct mime_value *v, const char *raw, size_t len)
{
	struct input in = { raw, raw + len };
	struct piece *pieces = xcalloc(MIME_PARAM_MAX, sizeof *pieces);
	struct str value = { 0 };
	size_t n = 0;

	*v = (struct mime_value){ 0 };
	read_value(&in, &value);
	v->value = str_take(&value);
	while (n < MIME_PARAM_MAX && read_piece(&in, &pieces[n]))
		if (strlen(pieces[n].name) <= NAME_MAX_LEN)
			n++;
		else
			piece_fini(&pieces[n]);
	for (size_t i = 0; i < n; i++)
		if (mime_value_get(v, pieces[i].name) == NULL)
			assemble(v, pieces, n, pieces[i].name);
	for (size_t i = 0; i < n; i++)
		piece_fini(&pieces[i]);
	free(pieces);
}
