#include "dkim_signature.h"

#include "dns_record.h"

#include <string.h>
#include <strings.h>

void
dkim_signature_dense(struct str *out, const struct dkim_tag *tag)
{
	for (size_t i = 0; i < tag->len; i++)
		if (!dkim_is_space(tag->value[i]))
			str_addc(out, tag->value[i]);
}

/* A list's element, whatever its letters' size. */
static bool
lists(const struct dkim_tag *tag, const char *wanted)
{
	const char *item;
	size_t len, at = 0;

	while (dkim_tag_next(tag, &at, &item, &len))
		if (len == strlen(wanted) &&
		    strncasecmp(item, wanted, len) == 0)
			return true;
	return false;
}

/* Digits, however many: more than fit are as many as do. */
static int
read_number(const struct dkim_tag *tag, int64_t *n, struct err *err)
{
	*n = 0;
	for (size_t i = 0; i < tag->len; i++) {
		int digit = tag->value[i] - '0';

		if (digit < 0 || digit > 9)
			break;
		*n = *n <= (INT64_MAX - 9) / 10 ? *n * 10 + digit : INT64_MAX;
		if (i + 1 == tag->len)
			return 0;
	}
	return err_set(err, "signature syntax error: %.*s= is no number",
	    (int)tag->name_len, tag->name);
}

/* ---- the first step ----------------------------------------------------- */

static int
check_required(const struct dkim_tags *tags, enum dkim_signature_kind kind,
    struct err *err)
{
	static const struct {
		const char *name;
		enum dkim_signature_kind most;
	} required[] = {
		{ "v", DKIM_SIGNATURE },
		{ "a", DKIM_SIGNATURE_SEAL },
		{ "b", DKIM_SIGNATURE_SEAL },
		{ "bh", DKIM_SIGNATURE_ARC },
		{ "d", DKIM_SIGNATURE_SEAL },
		{ "h", DKIM_SIGNATURE_ARC },
		{ "s", DKIM_SIGNATURE_SEAL },
	};

	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (kind <= required[i].most &&
		    dkim_tags_find(tags, required[i].name) == NULL)
			return err_set(err,
			    "signature missing required tag (%s)",
			    required[i].name);
	if (kind == DKIM_SIGNATURE &&
	    !dkim_tag_is(dkim_tags_find(tags, "v"), "1"))
		return err_set(err, "incompatible version");
	return 0;
}

/* A name in UTF-8 becomes A-labels; the root is none. */
static int
read_name(struct str *out, const char *p, size_t len)
{
	struct dkim_tag tag = { .value = p, .len = len };
	struct str dense = { 0 };
	int rc;

	dkim_signature_dense(&dense, &tag);
	rc = dns_name_utf8(out, str_c(&dense), dense.len, NULL);
	str_fini(&dense);
	if (out->len > 0 && out->data[out->len - 1] == '.')
		out->data[--out->len] = '\0';
	if (out->len == 0 || strchr(out->data, '\\') != NULL)
		return -1; /* or what had to be escaped */
	return rc;
}

static int
read_names(struct dkim_signature *s, struct err *err)
{
	const struct dkim_tag *d = dkim_tags_find(&s->tags, "d");
	const struct dkim_tag *selector = dkim_tags_find(&s->tags, "s");

	if (read_name(&s->domain, d->value, d->len) != 0)
		return err_set(
		    err, "signature syntax error: d= is no domain name");
	if (read_name(&s->selector, selector->value, selector->len) != 0)
		return err_set(
		    err, "signature syntax error: s= is no selector");
	return 0;
}

/* i= is d='s or a subdomain's. */
static int
check_identity(struct dkim_signature *s, struct err *err)
{
	const struct dkim_tag *i = dkim_tags_find(&s->tags, "i");
	const char *at;
	struct str name = { 0 };
	size_t more = 0;
	bool fits;

	if (i == NULL)
		return 0;
	at = i->len != 0 ? memrchr(i->value, '@', i->len) : NULL;
	fits = at != NULL &&
	       read_name(&name, at + 1, (size_t)(i->value + i->len - at - 1)) ==
		   0 &&
	       name.len >= s->domain.len;
	if (fits) {
		more = name.len - s->domain.len;
		fits = strcasecmp(name.data + more, s->domain.data) == 0 &&
		       (more == 0 || name.data[more - 1] == '.');
	}
	s->subdomain = more != 0;
	str_fini(&name);
	return fits ? 0 : err_set(err, "domain mismatch");
}

static int
check_time(const struct dkim_tags *tags, int64_t now, struct err *err)
{
	const struct dkim_tag *t = dkim_tags_find(tags, "t");
	const struct dkim_tag *x = dkim_tags_find(tags, "x");
	int64_t made = -1, end = INT64_MAX;

	if ((t != NULL && read_number(t, &made, err) != 0) ||
	    (x != NULL && read_number(x, &end, err) != 0))
		return -1;
	if (t != NULL && x != NULL && end <= made)
		return err_set(err, "signature syntax error: x= is before t=");
	if (end < now - DKIM_SIGNATURE_DRIFT)
		return err_set(err, "signature expired");
	return 0;
}

/* What is said of the fields that are signed, and how the key is found. */
static int
check_message(const struct dkim_tags *tags, struct err *err)
{
	const struct dkim_tag *q = dkim_tags_find(tags, "q");

	if (!lists(dkim_tags_find(tags, "h"), "from"))
		return err_set(err, "From field not signed");
	if (q != NULL && !lists(q, "dns/txt"))
		return err_set(err, "unsupported query method");
	return 0;
}

int
dkim_signature_read(struct dkim_signature *s, const char *raw, size_t len,
    enum dkim_signature_kind kind, int64_t now, struct err *err)
{
	struct err why;

	*s = (struct dkim_signature){ .kind = kind };
	if (dkim_tags_parse(&s->tags, raw, len, &why) != 0)
		return err_set(err, "signature syntax error: %s", why.msg);
	if (check_required(&s->tags, kind, err) != 0 ||
	    read_names(s, err) != 0 ||
	    (kind == DKIM_SIGNATURE && check_identity(s, err) != 0) ||
	    (kind != DKIM_SIGNATURE_SEAL && check_message(&s->tags, err) != 0))
		return -1;
	return check_time(&s->tags, now, err);
}

/* ---- the second --------------------------------------------------------- */

/* What somebody wrote, where it can be told. */
static int
unsupported(struct err *err, const char *what, const struct dkim_tag *tag)
{
	bool plain = tag->len <= 64;

	for (size_t i = 0; i < tag->len; i++)
		plain = plain && tag->value[i] >= ' ' && tag->value[i] <= '~';
	return err_set(err, "unsupported %s%s%.*s", what, plain ? ": " : "",
	    plain ? (int)tag->len : 0, tag->value);
}

static int
read_canon(struct dkim_signature *s, struct err *err)
{
	static const struct {
		const char *name;
		enum dkim_canon header, body;
	} rows[] = {
		{ "simple", DKIM_SIMPLE, DKIM_SIMPLE },
		{ "simple/simple", DKIM_SIMPLE, DKIM_SIMPLE },
		{ "simple/relaxed", DKIM_SIMPLE, DKIM_RELAXED },
		{ "relaxed", DKIM_RELAXED, DKIM_SIMPLE },
		{ "relaxed/simple", DKIM_RELAXED, DKIM_SIMPLE },
		{ "relaxed/relaxed", DKIM_RELAXED, DKIM_RELAXED },
	};
	const struct dkim_tag *c = dkim_tags_find(&s->tags, "c");

	s->header = s->body = DKIM_SIMPLE;
	if (c == NULL)
		return 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (dkim_tag_is(c, rows[i].name)) {
			s->header = rows[i].header;
			s->body = rows[i].body;
			return 0;
		}
	return unsupported(err, "canonicalization", c);
}

static int
read_bytes(
    struct str *out, const struct dkim_tag *tag, size_t most, struct err *err)
{
	/* a third more in base64, and as much again of white space */
	if (tag->len <= most * 8 && dkim_tag_base64(out, tag, NULL) == 0 &&
	    out->len > 0 && out->len <= most)
		return 0;
	return err_set(err, "signature syntax error: %.*s= is no %s",
	    (int)tag->name_len, tag->name, most == 32 ? "hash" : "signature");
}

static int
read_message(struct dkim_signature *s, struct err *err)
{
	const struct dkim_tag *l = dkim_tags_find(&s->tags, "l");

	if (read_canon(s, err) != 0 ||
	    (l != NULL && read_number(l, &s->limit, err) != 0))
		return -1;
	return read_bytes(&s->hash, dkim_tags_find(&s->tags, "bh"), 32, err);
}

int
dkim_signature_read_rest(struct dkim_signature *s, struct err *err)
{
	const struct dkim_tag *a = dkim_tags_find(&s->tags, "a");

	s->limit = -1;
	s->header = DKIM_RELAXED; /* a seal's */
	/* rsa-sha1: RFC 8301, 3.1 */
	if (!dkim_alg_find(&s->alg, a->value, a->len) ||
	    s->alg == DKIM_RSA_SHA1)
		return unsupported(err, "hash algorithm", a);
	if (s->kind != DKIM_SIGNATURE_SEAL && read_message(s, err) != 0)
		return -1;
	return read_bytes(&s->sig, dkim_tags_find(&s->tags, "b"),
	    DKIM_SIGNATURE_BYTES_MAX, err);
}

void
dkim_signature_fini(struct dkim_signature *s)
{
	str_fini(&s->domain);
	str_fini(&s->selector);
	str_fini(&s->hash);
	str_fini(&s->sig);
}
