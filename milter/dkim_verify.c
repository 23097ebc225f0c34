#include "dkim_verify.h"

#include "dkim_body.h"
#include "dkim_fields.h"
#include "dkim_signature.h"
#include "header_text.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define PROP_MAX 255 /* bytes of a value */

/* One signature on its way to a verdict. */
struct work {
	size_t at; /* in the headers */
	struct dkim_signature s;
	struct err why; /* "" as long as nothing is wrong */
	bool bad;
	size_t hash; /* in hashes */
	struct dkim_verdict *verdict;
};

/* Bodies that are hashed alike are hashed once. */
struct hashes {
	struct dkim_body body[DKIM_VERIFY_MAX];
	unsigned char hash[DKIM_VERIFY_MAX][DKIM_HASH_SIZE];
	size_t n;
};

struct job {
	const struct dkim_verify *q;
	struct work work[DKIM_VERIFY_MAX];
	size_t n;
	struct hashes hashes;
};

/* ---- props -------------------------------------------------------------- */

static void
add_prop(struct dkim_verdict *v, const char *name, struct str *value)
{
	must(v->n_props < sizeof v->prop / sizeof *v->prop);
	v->prop[v->n_props++] = (struct dkim_prop){ name, str_take(value) };
}

static void
add_tag(struct dkim_verdict *v, const char *name, const char *before,
    const struct dkim_tag *tag)
{
	struct str value = { 0 };

	if (tag == NULL)
		return;
	str_adds(&value, before);
	dkim_signature_dense(&value, tag);
	if (value.len <= PROP_MAX &&
	    header_text_is_utf8(str_c(&value), value.len))
		add_prop(v, name, &value);
	str_fini(&value);
}

static void
add_tags(struct dkim_verdict *v, const struct dkim_tags *tags)
{
	add_tag(v, "header.d", "", dkim_tags_find(tags, "d"));
	add_tag(v, "header.i", "@", dkim_tags_find(tags, "d"));
	add_tag(v, "header.a", "", dkim_tags_find(tags, "a"));
	add_tag(v, "header.s", "", dkim_tags_find(tags, "s"));
	add_tag(v, "header.c", "", dkim_tags_find(tags, "c"));
	add_tag(v, "header.t", "", dkim_tags_find(tags, "t"));
	add_tag(v, "header.x", "", dkim_tags_find(tags, "x"));
}

/* How far two texts are alike. */
static size_t
common(const struct str *a, const struct str *b)
{
	size_t n = 0;

	while (n < a->len && n < b->len && a->data[n] == b->data[n])
		n++;
	return n;
}

/* Eight letters of b=, or as many more as tell it from the others
 * (RFC 6008, 4), by two as KumoMTA. */
static void
add_beginnings(struct job *j)
{
	struct str b[DKIM_VERIFY_MAX] = { { 0 } };

	for (size_t i = 0; i < j->n; i++)
		dkim_signature_dense(
		    &b[i], dkim_tags_find(&j->work[i].s.tags, "b"));
	for (size_t i = 0; i < j->n; i++) {
		size_t len = 8;
		struct str begin = { 0 };

		for (size_t k = 0; k < j->n; k++) {
			size_t same = common(&b[i], &b[k]);

			if (same == b[i].len && same == b[k].len)
				continue;
			while (len <= same)
				len += 2;
		}
		if (len > PROP_MAX)
			len = PROP_MAX;
		str_add(&begin, str_c(&b[i]), len < b[i].len ? len : b[i].len);
		if (header_text_is_utf8(str_c(&begin), begin.len))
			add_prop(j->work[i].verdict, "header.b", &begin);
		str_fini(&begin);
	}
	for (size_t i = 0; i < j->n; i++)
		str_fini(&b[i]);
}

static void
add_number(struct dkim_verdict *v, const char *name, uint64_t n)
{
	struct str value = { 0 };

	str_addu(&value, n);
	add_prop(v, name, &value);
}

/* ---- fields ------------------------------------------------------------- */

static void
judge(struct dkim_verdict *v, enum dkim_result result, const struct err *why)
{
	v->result = result;
	v->reason = result != DKIM_PASS ? xstrdup(why->msg) : NULL;
}

/*
 * Those whose tags are right become work, the others have their verdict; the
 * array of verdicts is full when either is as much as is looked at.
 */
static void
collect(struct job *j, struct dkim_verdicts *out)
{
	const struct header *field = j->q->headers->field;
	size_t at = 0;

	while (j->n + out->n < DKIM_VERIFY_MAX) {
		struct work *w = &j->work[j->n];
		const struct header *h =
		    headers_next(j->q->headers, "DKIM-Signature", &at);
		struct dkim_verdict *v = &out->verdict[out->n];

		if (h == NULL)
			break;
		*w = (struct work){ .at = (size_t)(h - field) };
		if (dkim_signature_read(&w->s, h->raw, h->raw_len,
			DKIM_SIGNATURE, j->q->now, &w->why) == 0) {
			j->n++;
			continue;
		}
		*v = (struct dkim_verdict){ .at = w->at };
		judge(v, DKIM_PERMERROR, &w->why);
		add_tags(v, &w->s.tags);
		dkim_signature_fini(&w->s);
		out->n++;
	}
	for (size_t i = 0; i < j->n; i++) {
		j->work[i].verdict = &out->verdict[out->n++];
		*j->work[i].verdict =
		    (struct dkim_verdict){ .at = j->work[i].at };
		add_tags(j->work[i].verdict, &j->work[i].s.tags);
	}
}

/* ---- the body ----------------------------------------------------------- */

static int
take_body(void *arg, const void *data, size_t len)
{
	struct hashes *h = arg;

	for (size_t i = 0; i < h->n; i++)
		dkim_body_add(&h->body[i], data, len);
	return 0;
}

/* The hash that this signature wants, begun if no other wanted it. */
static int
begin_hash(struct job *j, struct work *w, int64_t *limits, struct err *err)
{
	struct hashes *h = &j->hashes;

	for (w->hash = 0; w->hash < h->n; w->hash++)
		if (h->body[w->hash].canon.canon == w->s.body &&
		    limits[w->hash] == w->s.limit)
			return 0;
	if (dkim_body_init(&h->body[h->n], w->s.body, w->s.limit, err) != 0)
		return -1;
	limits[h->n++] = w->s.limit;
	return 0;
}

static void
check_hash(struct job *j, struct work *w)
{
	const struct hashes *h = &j->hashes;

	if (w->bad)
		return;
	if (!j->q->kumomta_quirks && w->s.limit > 0 &&
	    (uint64_t)w->s.limit > h->body[w->hash].canon.size)
		w->bad =
		    err_set(&w->why, "l= is more than there is of a body") != 0;
	else if (w->s.hash.len != DKIM_HASH_SIZE ||
		 memcmp(w->s.hash.data, h->hash[w->hash], DKIM_HASH_SIZE) != 0)
		w->bad = err_set(&w->why, "body hash did not verify") != 0;
}

static int
hash_bodies(struct job *j, struct err *err)
{
	int64_t limits[DKIM_VERIFY_MAX];
	struct hashes *h = &j->hashes;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->n; i++) {
		struct work *w = &j->work[i];

		w->bad = dkim_signature_read_rest(&w->s, &w->why) != 0;
		if (!w->bad)
			rc = begin_hash(j, w, limits, err);
	}
	if (rc == 0 && h->n != 0)
		rc = body_walk(j->q->body, take_body, h, err);
	for (size_t i = 0; i < h->n; i++)
		dkim_body_end(&h->body[i], h->hash[i]);
	for (size_t i = 0; rc == 0 && i < j->n; i++)
		check_hash(j, &j->work[i]);
	return rc;
}

/* ---- signatures --------------------------------------------------------- */

/* What a passing signature has not signed, for policies to see. */
static void
add_unsigned(struct job *j, struct work *w, size_t from)
{
	const struct dkim_canon_body *body = &j->hashes.body[w->hash].canon;

	if (j->q->kumomta_quirks)
		return;
	if (w->s.limit >= 0 && body->size > (uint64_t)w->s.limit)
		add_number(w->verdict, "policy.unsigned-body",
		    body->size - (uint64_t)w->s.limit);
	if (from > 0)
		add_number(w->verdict, "policy.unsigned-from", from);
}

static struct dkim_lookup
lookup_for(const struct job *j, const struct work *w, const struct str *data)
{
	return (struct dkim_lookup){ .domain = str_c(&w->s.domain),
		.selector = str_c(&w->s.selector),
		.subdomain = w->s.subdomain,
		.alg = w->s.alg,
		.data = data,
		.sig = &w->s.sig,
		.kumomta_quirks = j->q->kumomta_quirks,
		.ask = j->q->ask,
		.arg = j->q->arg };
}

static void
verify(struct job *j, struct work *w, struct dkim_fields *fields)
{
	const struct header *field = &j->q->headers->field[w->at];
	struct str data = { 0 };
	struct dkim_lookup l = lookup_for(j, w, &data);
	enum dkim_result result = DKIM_PERMERROR;
	size_t from;

	dkim_fields_add(
	    fields, &data, w->s.header, dkim_tags_find(&w->s.tags, "h"), w->at);
	from = dkim_fields_unsigned(fields, "From");
	dkim_fields_signature_tags(&data, w->s.header, field, &w->s.tags);
	result = dkim_lookup_verify(&l, &w->why);
	judge(w->verdict, result, &w->why);
	w->verdict->key_bits = l.bits;
	w->verdict->key_testing = l.testing;
	w->verdict->key_strict = l.strict;
	if (result == DKIM_PASS)
		add_unsigned(j, w, from);
	if (l.testing && !j->q->kumomta_quirks) {
		struct str y = { 0 };

		str_addc(&y, 'y');
		add_prop(w->verdict, "policy.testing", &y);
	}
	str_fini(&data);
}

/* All keys but the first are asked for before that is waited for. */
static void
begin_lookups(const struct job *j)
{
	bool first = true;

	for (size_t i = 0; i < j->n && j->q->begin != NULL; i++) {
		struct dkim_lookup l = lookup_for(j, &j->work[i], NULL);

		if (j->work[i].bad)
			continue;
		if (!first)
			dkim_lookup_begin(&l, j->q->begin);
		first = false;
	}
}

static void
verify_all(struct job *j)
{
	struct dkim_fields fields;

	begin_lookups(j);
	dkim_fields_init(&fields, j->q->headers);
	for (size_t i = 0; i < j->n; i++) {
		struct work *w = &j->work[i];

		if (w->bad)
			judge(w->verdict, DKIM_PERMERROR, &w->why);
		else
			verify(j, w, &fields);
	}
	dkim_fields_fini(&fields);
}

int
dkim_verify(
    const struct dkim_verify *q, struct dkim_verdicts *out, struct err *err)
{
	struct job *j = xcalloc(1, sizeof *j);
	int rc;

	out->n = 0;
	j->q = q;
	collect(j, out);
	add_beginnings(j);
	rc = hash_bodies(j, err);
	if (rc == 0)
		verify_all(j);
	for (size_t i = 0; i < j->n; i++)
		dkim_signature_fini(&j->work[i].s);
	free(j);
	return rc;
}

void
dkim_verdicts_fini(struct dkim_verdicts *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->verdict[i].reason);
		for (size_t k = 0; k < v->verdict[i].n_props; k++)
			free(v->verdict[i].prop[k].value);
	}
	v->n = 0;
}
