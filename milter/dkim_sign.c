#include "dkim_sign.h"

#include "dkim_fields.h"
#include "encoding.h"
#include "hash.h"

#include <string.h>
#include <strings.h>

#define COLUMNS 78

/* ---- the body ----------------------------------------------------------- */

struct walk {
	struct dkim_body hash;
	bool cr; /* the last byte was one */
};

/* Line by line: LF gets the CR that the MTA gives it. */
static int
walk_piece(void *arg, const void *data, size_t len)
{
	struct walk *w = arg;
	const char *p = data, *end = p + len, *from = p;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (!(p > (const char *)data ? p[-1] == '\r' : w->cr)) {
			dkim_body_add(&w->hash, from, (size_t)(p - from));
			dkim_body_add(&w->hash, "\r", 1);
			from = p;
		}
		p++;
	}
	dkim_body_add(&w->hash, from, (size_t)(end - from));
	if (len > 0)
		w->cr = end[-1] == '\r';
	return 0;
}

int
dkim_sign_body(unsigned char hash[DKIM_HASH_SIZE], enum dkim_canon canon,
    const struct body *body, struct err *err)
{
	struct walk w = { .cr = false };
	int rc;

	if (dkim_body_init(&w.hash, canon, -1, err) != 0)
		return -1;
	rc = body_walk(body, walk_piece, &w, err);
	dkim_body_end(&w.hash, rc == 0 ? hash : NULL);
	return rc;
}

/* ---- which fields ------------------------------------------------------- */

/*
 * Fields that a message gets on its way, also behind us: Sendmail adds what of
 * the first four lacks when the filters are done, and so may the next MTA.  A
 * name without a field in h= says that there is none, so such a signature
 * would not last.
 */
static const char *const late[] = {
	"date",
	"message-id",
	"resent-date",
	"resent-message-id",
	"received",
	"authentication-results",
	"dkim-signature",
	"arc-seal",
	"arc-message-signature",
	"arc-authentication-results",
};

/* Fields that an MTA takes away, or whose value it does. */
static const char *const gone[] = {
	"return-path",
	"content-length",
	"bcc",
	"resent-bcc",
};

#define IS_AMONG(list, name) is_among(list, sizeof list / sizeof *list, name)

static bool
is_among(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static size_t
count(const struct headers *h, const char *name)
{
	size_t n = 0, at = 0;

	while (headers_next(h, name, &at) != NULL)
		n++;
	return n;
}

/* How often the signer has the name at i, from k up to end. */
static size_t
named(const struct dkim_signer *s, size_t i, size_t k, size_t end)
{
	size_t n = 0;

	for (; k < end; k++)
		n += strcmp(s->name[k], s->name[i]) == 0;
	return n;
}

/* How often h= has the name at i, here. */
static size_t
times(const struct dkim_signing *w, size_t i)
{
	const struct dkim_signer *s = w->signer;
	size_t there = count(w->headers, s->name[i]),
	       before = named(s, i, 0, i);
	size_t more = named(s, i, i + 1, s->n);
	bool quirks = w->kumomta_quirks;

	if (!quirks && there > 0 && IS_AMONG(gone, s->name[i]))
		return 0;
	if (!quirks && IS_AMONG(late, s->name[i])) {
		if (s->over_sign)
			return before == 0 ? there : 0;
		return before < there;
	}
	if (s->over_sign)
		return before == 0 ? there + 1 : 0;
	/* of two From: one unsigned is one that anybody may have written */
	if (!quirks && before == 0 && strcmp(s->name[i], "from") == 0)
		return there > more ? there - more : 1;
	return 1;
}

static void
list_names(struct str *out, const struct dkim_signing *w)
{
	for (size_t i = 0; i < w->signer->n; i++)
		for (size_t n = times(w, i); n > 0; n--) {
			if (out->len > 0)
				str_addc(out, ':');
			str_adds(out, w->signer->name[i]);
		}
}

bool
dkim_sign_may(const struct headers *headers)
{
	return count(headers, "From") > 0;
}

/* ---- the field's lines -------------------------------------------------- */

struct lines {
	struct str *out;
	size_t column;
};

static void
put_break(struct lines *l)
{
	str_adds(l->out, "\n\t");
	l->column = 1;
}

/*
 * What must stay on one line, behind a space or on a line of its own; as
 * many bytes more must fit behind it.
 */
static void
put(struct lines *l, const char *space, const char *text, size_t len,
    size_t more)
{
	if (l->column + strlen(space) + len + more > COLUMNS) {
		put_break(l);
	} else {
		str_adds(l->out, space);
		l->column += strlen(space);
	}
	str_add(l->out, text, len);
	l->column += len;
}

static void
put_tag(struct lines *l, const char *name, const char *value)
{
	struct str tag = { 0 };

	str_addf(&tag, "%s=%s;", name, value);
	put(l, " ", tag.data, tag.len, 0);
	str_fini(&tag);
}

static void
put_number(struct lines *l, const char *name, int64_t n)
{
	struct str value = { 0 };

	str_addf(&value, "%lld", (long long)n);
	put_tag(l, name, str_c(&value));
	str_fini(&value);
}

/* h=, a name and its colon at a time. */
static void
put_names(struct lines *l, const struct str *names)
{
	const char *p = str_c(names), *end = p + names->len;

	put(l, " ", "h=", 2, 0);
	while (p < end) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		size_t n =
		    colon != NULL ? (size_t)(colon + 1 - p) : (size_t)(end - p);

		put(l, "", p, n, colon == NULL); /* a semicolon */
		p += n;
	}
	str_addc(l->out, ';');
	l->column++;
}

/* Base 64, broken wherever a line is full. */
static void
put_base64(struct lines *l, const struct str *bytes)
{
	struct str text = { 0 };
	size_t n;

	encoding_write(&text, ENCODING_BASE64, str_c(bytes), bytes->len);
	for (size_t at = 0; at < text.len; at += n) {
		if (l->column >= COLUMNS)
			put_break(l);
		n = COLUMNS - l->column;
		if (n > text.len - at)
			n = text.len - at;
		str_add(l->out, text.data + at, n);
		l->column += n;
	}
	str_fini(&text);
}

static const char *
canon_name(enum dkim_canon canon)
{
	return canon == DKIM_SIMPLE ? "simple" : "relaxed";
}

/* All tags as far as "b=". */
static void
put_head(struct lines *l, const struct dkim_signing *w, const struct str *names)
{
	const struct dkim_signer *s = w->signer;
	struct str value = { 0 };

	str_addf(&value, "%s;", w->first);
	put(l, " ", value.data, value.len, 0);
	put_tag(l, "a", dkim_private_algorithm(s->key));
	str_clear(&value);
	str_addf(&value, "%s/%s", canon_name(s->header), canon_name(s->body));
	put_tag(l, "c", str_c(&value));
	put_tag(l, "d", s->domain);
	put_tag(l, "s", s->selector);
	put_number(l, "t", w->now);
	if (s->expiration > 0)
		put_number(l, "x", w->now + s->expiration);
	put_names(l, names);
	str_clear(&value);
	encoding_write(&value, ENCODING_BASE64, w->body, DKIM_HASH_SIZE);
	put_tag(l, "bh", str_c(&value));
	put_break(l);
	str_adds(l->out, "b=");
	l->column += 2;
	str_fini(&value);
}

/* ---- the signature ------------------------------------------------------ */

static int
digest(
    unsigned char out[DKIM_HASH_SIZE], const struct str *data, struct err *err)
{
	struct str hash = { 0 };

	if (hash_digest(&hash, HASH_SHA256, str_c(data), data->len, err) != 0)
		return -1;
	memcpy(out, hash.data, DKIM_HASH_SIZE);
	str_fini(&hash);
	return 0;
}

static void
add_fields(struct str *out, enum dkim_canon canon,
    const struct headers *headers, const struct dkim_tag *h, size_t self)
{
	struct dkim_fields fields;

	dkim_fields_init(&fields, headers);
	dkim_fields_add(&fields, out, canon, h, self);
	dkim_fields_fini(&fields);
}

int
dkim_sign(struct str *out, unsigned char covers[DKIM_HASH_SIZE],
    const struct dkim_signing *what, struct err *err)
{
	const struct dkim_signer *s = what->signer;
	struct str names = { 0 }, data = { 0 }, sig = { 0 };
	struct lines l = { .out = out, .column = strlen(what->field) + 1 };
	struct dkim_tag h = { .name = "h", .name_len = 1 };
	size_t begin = out->len;
	int rc = 0;

	list_names(&names, what);
	put_head(&l, what, &names);
	h.value = str_c(&names);
	h.len = names.len;
	add_fields(&data, s->header, what->headers, &h, DKIM_FIELDS_NONE);
	if (covers != NULL)
		rc = digest(covers, &data, err);
	dkim_canon_field(&data, s->header, what->field, str_c(out) + begin,
	    out->len - begin);
	if (rc == 0)
		rc = dkim_private_sign(
		    &sig, s->key, str_c(&data), data.len, err);
	if (rc == 0)
		put_base64(&l, &sig);
	else
		out->len = begin;
	str_fini(&names);
	str_fini(&data);
	str_fini(&sig);
	return rc;
}

int
dkim_sign_covers(unsigned char covers[DKIM_HASH_SIZE],
    const struct dkim_signer *signer, const struct headers *headers,
    size_t self, struct err *err)
{
	const struct header *field = &headers->field[self];
	const struct dkim_tag *h;
	struct dkim_tags tags;
	struct str data = { 0 };
	int rc;

	if (dkim_tags_parse(&tags, field->raw, field->raw_len, err) != 0)
		return -1;
	h = dkim_tags_find(&tags, "h");
	if (h == NULL)
		return err_set(err, "a signature without h=");
	add_fields(&data, signer->header, headers, h, self);
	rc = digest(covers, &data, err);
	str_fini(&data);
	return rc;
}
