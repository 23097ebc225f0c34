/*
 * dkim_verify.h - which domains answer for a message? (RFC 6376, 6)
 *
 * All DKIM-Signature fields, from the top: one pass over the body for all of
 * them, and a lookup for each whose body hash is right.  dkim_verify() asks
 * the DNS through its caller and reads the body, so it blocks: call it where
 * no Lua state is held.
 *
 * What a message may cost is bounded: DKIM_VERIFY_MAX results, as many
 * lookups, eight keys of each; the deadline is the caller's.
 *
 * The results are those of KumoMTA: what is wrong with a field's tags comes
 * before all others; never "fail", and nothing where nothing is signed.
 */
#ifndef KUMILTER_DKIM_VERIFY_H
#define KUMILTER_DKIM_VERIFY_H

#include "body.h"
#include "dkim_lookup.h"
#include "header.h"

#include <stdbool.h>
#include <stdint.h>

#define DKIM_VERIFY_MAX 11

struct dkim_verify {
	const struct headers *headers;
	const struct body *body;
	int64_t now; /* seconds since 1970 */
	/* As dkim_lookup.h, and nothing is said of what is not signed. */
	bool kumomta_quirks;
	dkim_ask *ask;
	dkim_ask *begin; /* or NULL: asks, and does not wait for an answer */
	void *arg;
};

/* Of one signature.  All is UTF-8 without control characters. */
struct dkim_verdict {
	enum dkim_result result;
	char *reason; /* NULL: passed */
	struct dkim_prop {
		const char *name; /* "header.d" */
		char *value;
	} prop[12];
	size_t n_props;
	size_t at; /* of its field, in the headers */
	/* of its key, where one was tried: bits, t=y, t=s */
	int key_bits;
	bool key_testing, key_strict;
};

struct dkim_verdicts {
	struct dkim_verdict verdict[DKIM_VERIFY_MAX];
	size_t n;
};

/* -1 with *err: the body cannot be read, or there is no OpenSSL.
 * *out needs dkim_verdicts_fini() whatever the answer. */
int dkim_verify(
    const struct dkim_verify *q, struct dkim_verdicts *out, struct err *err);
void dkim_verdicts_fini(struct dkim_verdicts *v);

#endif
