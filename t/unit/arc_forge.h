/*
 * arc_forge.h - sealed messages for the suites of ARC, right or odd
 *
 * A message is text in which "bh=@" and "b=@" of ARC's fields stand for what
 * belongs there.  Its signatures are of two keys, selectors "ed" and "rsa".
 */
#ifndef KUMILTER_UNIT_ARC_FORGE_H
#define KUMILTER_UNIT_ARC_FORGE_H

#include "arc_message.h"

#include "milter/dkim_body.h"

#include "milter/dkim_fields.h"
#include "milter/dkim_private.h"
#include "milter/encoding.h"

#ifdef HAVE_OPENSSL
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#endif

struct forge {
	struct dkim_private *ed, *rsa;
	char *ed_record, *rsa_record, *short_record; /* TXT */
};

#ifdef HAVE_OPENSSL
static inline char *
forge_record(EVP_PKEY *key, bool ed)
{
	unsigned char *der = NULL;
	struct str text = { 0 };
	int n = i2d_PUBKEY(key, &der);

	str_adds(&text, ed ? "v=DKIM1; k=ed25519; p=" : "v=DKIM1; p=");
	/* of Ed25519 the last 32 bytes alone */
	encoding_write(&text, ENCODING_BASE64, der + (ed ? n - 32 : 0),
	    (size_t)(ed ? 32 : n));
	OPENSSL_free(der);
	return str_take(&text);
}

static inline struct dkim_private *
forge_private(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PrivateKey(key, &der);
	struct err err;
	struct dkim_private *p = dkim_private_read(der, (size_t)n, &err);

	ck_assert_msg(p != NULL, "%s", err.msg);
	OPENSSL_free(der);
	return p;
}
#endif

static inline void
forge_init(struct forge *f)
{
#ifdef HAVE_OPENSSL
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *rsa = EVP_RSA_gen(1024), *small = EVP_RSA_gen(512);

	f->ed = forge_private(ed);
	f->rsa = forge_private(rsa);
	f->ed_record = forge_record(ed, true);
	f->rsa_record = forge_record(rsa, false);
	f->short_record = forge_record(small, false);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small);
#else
	(void)f;
#endif
}

static inline void
forge_fini(struct forge *f)
{
	dkim_private_free(f->ed);
	dkim_private_free(f->rsa);
	free(f->ed_record);
	free(f->rsa_record);
	free(f->short_record);
}

/* Puts value where mark stands in the field. */
static inline void
forge_fill(struct header *h, const char *mark, const char *value)
{
	char *at = strstr(h->raw, mark), *raw;

	if (at == NULL)
		return;
	raw = xasprintf("%.*s%s%s", (int)(at - h->raw) + (int)strlen(mark) - 1,
	    h->raw, value, at + strlen(mark));
	free(h->raw);
	h->raw = raw;
	h->raw_len = strlen(raw);
}

static inline int
forge_feed(void *arg, const void *data, size_t len)
{
	dkim_body_add(arg, data, len);
	return 0;
}

static inline void
forge_body_hash(const struct arc_message *m, struct header *h, bool relaxed)
{
	const char *l = strstr(h->raw, " l=");
	unsigned char hash[DKIM_HASH_SIZE];
	struct str text = { 0 };
	struct dkim_body b;
	struct err err;

	ck_assert_int_eq(
	    dkim_body_init(&b, relaxed ? DKIM_RELAXED : DKIM_SIMPLE,
		l != NULL ? atoi(l + 3) : -1, &err),
	    0);
	ck_assert_int_eq(body_walk(m->body, forge_feed, &b, &err), 0);
	dkim_body_end(&b, hash);
	encoding_write(&text, ENCODING_BASE64, hash, sizeof hash);
	forge_fill(h, "bh=@", str_c(&text));
	str_fini(&text);
}

static inline void
forge_sign(const struct forge *f, const struct header *h, struct str *data,
    struct str *out)
{
	const char *key = strstr(h->raw, "s=rsa");
	struct str bytes = { 0 };
	struct err err;

	ck_assert_msg(dkim_private_sign(&bytes, key != NULL ? f->rsa : f->ed,
			  str_c(data), data->len, &err) == 0,
	    "%s", err.msg);
	encoding_write(out, ENCODING_BASE64, bytes.data, bytes.len);
	str_fini(&bytes);
}

/* Signs one AMS or AS; what is no list of tags stays as it is. */
static inline void
forge_field(const struct forge *f, struct arc_message *m, struct arc_chain *c,
    unsigned i, enum arc_field kind)
{
	size_t at = (size_t)(c->set[i].field[kind] - m->headers.field);
	struct header *h = &m->headers.field[at];
	const char *canon = strstr(h->raw, " c=");
	bool head = canon == NULL ? kind == ARC_SEAL : canon[3] == 'r';
	bool body = canon != NULL && strstr(canon, "/r") != NULL;
	struct dkim_fields fields;
	struct dkim_tags tags;
	struct str data = { 0 }, b = { 0 };

	if (kind == ARC_SIGNATURE)
		forge_body_hash(m, h, body);
	if (dkim_tags_parse(&tags, h->raw, h->raw_len, NULL) != 0)
		return;
	dkim_fields_init(&fields, &m->headers);
	if (kind == ARC_SIGNATURE && dkim_tags_find(&tags, "h") != NULL)
		dkim_fields_add(&fields, &data,
		    head ? DKIM_RELAXED : DKIM_SIMPLE,
		    dkim_tags_find(&tags, "h"), at);
	for (unsigned s = 0; kind == ARC_SEAL && s <= i; s++)
		for (int k = 0; k < ARC_FIELDS; k++)
			if (c->set[s].field[k] != NULL &&
			    (s < i || k != (int)kind))
				dkim_canon_header(
				    &data, DKIM_RELAXED, c->set[s].field[k]);
	dkim_fields_signature_tags(
	    &data, head ? DKIM_RELAXED : DKIM_SIMPLE, h, &tags);
	dkim_fields_fini(&fields);
	forge_sign(f, h, &data, &b);
	forge_fill(h, "b=@", str_c(&b));
	str_fini(&data);
	str_fini(&b);
}

/* Signs what waits for it, from the first set on. */
static inline void
forge_seal(const struct forge *f, struct arc_message *m)
{
	struct arc_chain c;

	arc_chain_collect(&c, &m->headers, NULL);
	for (unsigned i = 0; i < c.n; i++)
		for (int k = ARC_SIGNATURE; k <= ARC_SEAL; k++)
			if (c.set[i].field[k] != NULL)
				forge_field(f, m, &c, i, (enum arc_field)k);
}

#endif
