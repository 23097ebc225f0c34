#include "signatures.h"

#include "dkim_settle.h"
#include "message.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static const char name[] = "DKIM-Signature";

struct signatures {
	struct signature one[SIGNATURES_MAX];
	size_t n;
};

static void
copy(struct signature *to, const struct signature *from)
{
	*to = *from;
	dkim_signer_ref(to->signer);
	body_ref(to->body);
	to->raw = (struct str){ 0 };
	str_add(&to->raw, str_c(&from->raw), from->raw.len);
}

void
signature_fini(struct signature *s)
{
	dkim_signer_unref(s->signer);
	body_unref(s->body);
	str_fini(&s->raw);
	*s = (struct signature){ 0 };
}

void
signatures_free(struct signatures *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		signature_fini(&s->one[i]);
	free(s);
}

struct signatures *
signatures_copy(const struct signatures *s)
{
	struct signatures *to;

	if (s == NULL)
		return NULL;
	to = xcalloc(1, sizeof *to);
	for (; to->n < s->n; to->n++)
		copy(&to->one[to->n], &s->one[to->n]);
	return to;
}

bool
signatures_body_hash(const struct message *m, enum dkim_canon canon,
    unsigned char hash[DKIM_HASH_SIZE])
{
	const struct signatures *all = m->signatures;

	for (size_t i = 0; all != NULL && i < all->n; i++) {
		const struct signature *s = &all->one[i];

		if (s->body == m->body && s->signer->body == canon) {
			memcpy(hash, s->body_hash, DKIM_HASH_SIZE);
			return true;
		}
	}
	return false;
}

int
signature_make(struct signature *s, const struct headers *headers,
    bool has_body_hash, struct err *err)
{
	struct dkim_signing what = { .signer = s->signer,
		.field = name,
		.first = "v=1",
		.headers = headers,
		.body = s->body_hash,
		.now = s->at,
		.kumomta_quirks = s->kumomta_quirks };

	if (!has_body_hash &&
	    dkim_sign_body(s->body_hash, s->signer->body, s->body, err) != 0)
		return -1;
	str_clear(&s->raw);
	return dkim_sign(&s->raw, s->covers, &what, err);
}

void
signatures_add(struct message *m, const struct signature *s)
{
	/* headers_prepend() puts the leading space there */
	must(headers_prepend(&m->headers, name, sizeof name - 1,
		 str_c(&s->raw) + 1, s->raw.len - 1) == 0);
	if (m->signatures == NULL)
		m->signatures = xcalloc(1, sizeof *m->signatures);
	if (m->signatures->n < SIGNATURES_MAX)
		copy(&m->signatures->one[m->signatures->n++], s);
}

/* The place of its field, or as many as there are: the policy removed it. */
static size_t
find(const struct headers *h, const struct signature *s)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->field[i].raw_len == s->raw.len &&
		    memcmp(h->field[i].raw, str_c(&s->raw), s->raw.len) == 0)
			break;
	return i;
}

/* 1: it was made anew; 0: it is right as it is. */
static int
renew(struct message *m, struct signature *s, struct err *err)
{
	size_t at = find(&m->headers, s);
	unsigned char covers[DKIM_HASH_SIZE];
	struct headers others = { 0 };
	int rc;

	if (at == m->headers.n)
		return 0;
	if (dkim_sign_covers(covers, s->signer, &m->headers, at, err) != 0)
		return -1;
	if (s->body == m->body && memcmp(covers, s->covers, sizeof covers) == 0)
		return 0;
	headers_copy(&others, &m->headers);
	headers_remove_at(&others, at);
	body_unref(s->body);
	s->body = body_ref(m->body);
	rc = signature_make(s, &others, false, err);
	headers_fini(&others);
	if (rc == 0)
		headers_set_raw(&m->headers, at, str_c(&s->raw), s->raw.len);
	return rc == 0 ? 1 : -1;
}

int
signatures_renew(struct message *m, bool sendmail, struct err *err)
{
	size_t count = m->signatures != NULL ? m->signatures->n : 0;
	int n = 0, failed = 0;

	for (size_t i = 0; i < count; i++)
		dkim_settle(
		    &m->headers, m->signatures->one[i].signer, sendmail);
	for (size_t i = 0; i < count; i++) {
		int rc = renew(m, &m->signatures->one[i], err);

		n += rc > 0;
		failed += rc < 0;
	}
	return failed > 0 ? -1 : n;
}
