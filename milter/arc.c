#include "arc.h"

#include "dkim_body.h"
#include "dkim_fields.h"
#include "dkim_signature.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Kinds of hashes of one body: by c= and l=, of which few are ever meant. */
#define HASHES_MAX 8

struct body_hash {
	enum dkim_canon canon;
	int64_t limit;
	struct dkim_body body;
	unsigned char hash[DKIM_HASH_SIZE];
};

struct answered {
	char *name;
	struct dns_answer answer;
};

/* One check. */
struct check {
	const struct arc_query *q;
	struct arc_chain chain;
	struct dkim_fields fields;
	struct body_hash hash[HASHES_MAX];
	size_t n_hashes;
	struct answered *dns; /* what was asked already */
	size_t n_dns;
	/* All sets as a seal signs them, and how much of it is before the
	 * seal of each. */
	struct str sealed;
	size_t before[ARC_SETS_MAX];
};

/* ---- keys --------------------------------------------------------------- */

static void
copy_answer(struct dns_answer *to, const struct dns_answer *from)
{
	*to = *from;
	to->canonical = NULL;
	to->record = xcalloc(from->n + 1, sizeof *to->record);
	for (size_t i = 0; i < from->n; i++) {
		to->record[i] = from->record[i];
		to->record[i].text =
		    xmemdup0(from->record[i].text, from->record[i].len);
	}
}

/* One lookup for each name. */
static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	struct check *c = arg;
	struct answered *a;

	for (size_t i = 0; i < c->n_dns; i++)
		if (strcmp(c->dns[i].name, name) == 0) {
			copy_answer(out, &c->dns[i].answer);
			return;
		}
	c->dns = xrealloc(c->dns, (c->n_dns + 1) * sizeof *c->dns);
	a = &c->dns[c->n_dns++];
	*a = (struct answered){ .name = xstrdup(name) };
	c->q->ask(c->q->arg, name, &a->answer);
	copy_answer(out, &a->answer);
}

static int
check_signature(struct check *c, const struct dkim_signature *s,
    const struct str *data, struct err *err)
{
	struct dkim_lookup l = { .domain = str_c(&s->domain),
		.selector = str_c(&s->selector),
		.alg = s->alg,
		.data = data,
		.sig = &s->sig,
		.kumomta_quirks = c->q->kumomta_quirks,
		.ask = ask,
		.arg = c };

	return dkim_lookup_verify(&l, err) == DKIM_PASS ? 0 : -1;
}

/* ---- bodies ------------------------------------------------------------- */

static const struct body_hash *
find_hash(const struct check *c, enum dkim_canon canon, int64_t limit)
{
	for (size_t i = 0; i < c->n_hashes; i++)
		if (c->hash[i].canon == canon && c->hash[i].limit == limit)
			return &c->hash[i];
	return NULL;
}

/* Begins the hash that a signature needs, unless it is one of those. */
static void
want_hash(struct check *c, const struct dkim_signature *s)
{
	struct body_hash *h = &c->hash[c->n_hashes];

	if (c->n_hashes == HASHES_MAX ||
	    find_hash(c, s->body, s->limit) != NULL)
		return;
	*h = (struct body_hash){ .canon = s->body, .limit = s->limit };
	if (dkim_body_init(&h->body, s->body, s->limit, NULL) == 0)
		c->n_hashes++;
}

struct feed {
	struct body_hash *from, *to;
};

static int
feed(void *arg, const void *data, size_t len)
{
	const struct feed *f = arg;

	for (struct body_hash *h = f->from; h < f->to; h++)
		dkim_body_add(&h->body, data, len);
	return 0;
}

/* Reads the body for the hashes from the first on. */
static int
hash_body(struct check *c, size_t first, struct err *err)
{
	struct feed f = { c->hash + first, c->hash + c->n_hashes };
	int rc = f.from == f.to ? 0 : body_walk(c->q->body, feed, &f, err);

	for (struct body_hash *h = f.from; h < f.to; h++)
		dkim_body_end(&h->body, h->hash);
	return rc;
}

static int
check_body(
    const struct check *c, const struct dkim_signature *s, struct err *err)
{
	const struct body_hash *h = find_hash(c, s->body, s->limit);

	if (h == NULL)
		return err_set(err, "too many kinds of body hashes");
	if (s->limit > 0 && (uint64_t)s->limit > h->body.canon.size)
		return err_set(err, "l= is more than there is of a body");
	if (s->hash.len != sizeof h->hash ||
	    memcmp(h->hash, s->hash.data, sizeof h->hash) != 0)
		return err_set(err, "body hash did not verify");
	return 0;
}

/* ---- the three fields --------------------------------------------------- */

static bool
names(const struct dkim_tag *list, const char *name)
{
	const char *item;
	size_t len, at = 0;

	while (dkim_tag_next(list, &at, &item, &len))
		if (len == strlen(name) && strncasecmp(item, name, len) == 0)
			return true;
	return false;
}

/* To be ended whatever the answer. */
static int
read_field(const struct check *c, unsigned i, enum arc_field kind,
    struct dkim_signature *s, struct err *err)
{
	const struct header *h = c->chain.set[i - 1].field[kind];
	bool seal = kind == ARC_SEAL;

	if (dkim_signature_read(s, h->raw, h->raw_len,
		seal ? DKIM_SIGNATURE_SEAL : DKIM_SIGNATURE_ARC, c->q->now,
		err) != 0 ||
	    dkim_signature_read_rest(s, err) != 0)
		return -1;
	/* it would sign the seal that signs it */
	if (!seal && names(dkim_tags_find(&s->tags, "h"), "ARC-Seal"))
		return err_set(err, "h= names ARC-Seal");
	return 0;
}

/* The body's hashes are there. */
static int
check_message(struct check *c, unsigned i, struct err *err)
{
	const struct header *field = c->chain.set[i - 1].field[ARC_SIGNATURE];
	struct dkim_signature s;
	struct str data = { 0 };
	int rc = read_field(c, i, ARC_SIGNATURE, &s, err);

	if (rc == 0)
		rc = check_body(c, &s, err);
	if (rc == 0) {
		dkim_fields_add(&c->fields, &data, s.header,
		    dkim_tags_find(&s.tags, "h"),
		    (size_t)(field - c->q->headers->field));
		dkim_fields_signature_tags(&data, s.header, field, &s.tags);
		rc = check_signature(c, &s, &data, err);
	}
	str_fini(&data);
	dkim_signature_fini(&s);
	return rc;
}

/* The sets as far as they are whole. */
static void
seal_text(struct check *c)
{
	for (unsigned i = 0; i < c->chain.n; i++) {
		const struct arc_set *set = &c->chain.set[i];

		for (int k = 0; k < ARC_FIELDS && arc_set_is_whole(set); k++) {
			if (k == ARC_SEAL)
				c->before[i] = c->sealed.len;
			dkim_canon_header(
			    &c->sealed, DKIM_RELAXED, set->field[k]);
		}
	}
}

/* All sets as far as this one, and its seal in the end. */
static int
check_seal(struct check *c, unsigned i, struct err *err)
{
	struct dkim_signature s;
	struct str data = { 0 };
	int rc = read_field(c, i, ARC_SEAL, &s, err);

	if (rc == 0) {
		str_add(&data, str_c(&c->sealed), c->before[i - 1]);
		dkim_fields_signature_tags(&data, DKIM_RELAXED,
		    c->chain.set[i - 1].field[ARC_SEAL], &s.tags);
		rc = check_signature(c, &s, &data, err);
	}
	str_fini(&data);
	dkim_signature_fini(&s);
	return rc;
}

/* ---- chains ------------------------------------------------------------- */

/* Hashes the body for these instances' signatures, as far as they parse. */
static int
prepare(struct check *c, unsigned from, unsigned to, struct err *err)
{
	size_t first = c->n_hashes;

	for (unsigned i = to; i >= from; i--) {
		struct dkim_signature s;

		if (c->chain.set[i - 1].field[ARC_SIGNATURE] != NULL &&
		    read_field(c, i, ARC_SIGNATURE, &s, NULL) == 0)
			want_hash(c, &s);
		if (c->chain.set[i - 1].field[ARC_SIGNATURE] != NULL)
			dkim_signature_fini(&s);
	}
	return hash_body(c, first, err);
}

/* "ARC-Seal of instance 2: signature did not verify" */
static int
failed(enum arc_field kind, unsigned i, struct err *err)
{
	struct err why = *err;

	return err_set(
	    err, "%s of instance %u: %.500s", arc_field_name(kind), i, why.msg);
}

/* The newest message signature and all seals. */
static int
check_chain(struct check *c, struct err *err)
{
	unsigned n = c->chain.n;

	if (prepare(c, n, n, err) != 0)
		return -1;
	if (check_message(c, n, err) != 0)
		return failed(ARC_SIGNATURE, n, err);
	for (unsigned i = n; i >= 1; i--)
		if (check_seal(c, i, err) != 0)
			return failed(ARC_SEAL, i, err);
	return 0;
}

/* Down from the newest, which is right. */
static int
oldest_pass(struct check *c)
{
	unsigned oldest = c->chain.n;
	struct err err;

	if (oldest > 1 && prepare(c, 1, oldest - 1, &err) != 0)
		return (int)oldest;
	while (oldest > 1 && check_message(c, oldest - 1, &err) == 0)
		oldest--;
	return oldest == 1 ? 0 : (int)oldest;
}

/* KumoMTA's: up from the first, with all of each; the last that was right. */
static int
check_upward(struct check *c, int *last, struct err *err)
{
	*last = 0;
	if (c->chain.n == 0)
		return 0;
	if (prepare(c, 1, c->chain.n, err) != 0)
		return -1;
	for (unsigned i = 1; i <= c->chain.n; i++) {
		if (!arc_set_is_whole(&c->chain.set[i - 1]))
			return err_set(err, "ARC set %u is not whole", i);
		if (check_message(c, i, err) != 0)
			return failed(ARC_SIGNATURE, i, err);
		if (check_seal(c, i, err) != 0)
			return failed(ARC_SEAL, i, err);
		*last = (int)i;
	}
	return 0;
}

static char *
printable(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	return copy;
}

static void
judge(struct check *c, struct arc_answer *out)
{
	struct err structure, err;
	int rc = arc_chain_collect(&c->chain, c->q->headers, &structure);

	if (!c->chain.any)
		return;
	dkim_fields_init(&c->fields, c->q->headers);
	seal_text(c);
	if (c->q->kumomta_quirks && !c->chain.cut_short) {
		if (check_upward(c, &out->oldest_pass, &err) == 0 && rc == 0)
			out->oldest_pass = 0;
		else if (rc == 0)
			structure = err, rc = -1;
	} else if (rc == 0) {
		rc = check_chain(c, &structure);
		if (rc == 0)
			out->oldest_pass = oldest_pass(c);
	}
	out->status = rc == 0 ? ARC_PASS : ARC_FAIL;
	if (rc != 0)
		out->reason = printable(structure.msg);
}

bool
arc_is_built(void)
{
#ifdef HAVE_OPENSSL
	return true;
#else
	return false;
#endif
}

void
arc_verify(const struct arc_query *q, struct arc_answer *out)
{
	struct check c = { .q = q };

	*out = (struct arc_answer){ .status = ARC_NONE, .oldest_pass = -1 };
	judge(&c, out);
	dkim_fields_fini(&c.fields);
	str_fini(&c.sealed);
	for (size_t i = 0; i < c.n_dns; i++) {
		dns_answer_fini(&c.dns[i].answer);
		free(c.dns[i].name);
	}
	free(c.dns);
}

void
arc_answer_fini(struct arc_answer *a)
{
	free(a->reason);
	*a = (struct arc_answer){ .oldest_pass = -1 };
}
