/*
 * dkim_signature.h - what the field of a signature says (RFC 6376, 3.5, 6.1.1)
 *
 * DKIM-Signature, and ARC-Message-Signature, which is the same but for v= and
 * i= (RFC 8617, 4.1.2), and ARC-Seal, which has nothing of a body and signs
 * no fields that it would name (4.1.3).  In two steps, because KumoMTA tells
 * what is wrong in the first before all other results: the tags that must be
 * there, whom they are of and until when; then what the signature is made of.
 *
 * What *err says is KumoMTA's reason.  Borrows the field's value.
 */
#ifndef KUMILTER_DKIM_SIGNATURE_H
#define KUMILTER_DKIM_SIGNATURE_H

#include "dkim_canon.h"
#include "dkim_key.h"
#include "dkim_tags.h"
#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define DKIM_SIGNATURE_BYTES_MAX (DKIM_KEY_BITS_MAX / 8)
/* A clock may be wrong by this much when a signature expires. */
#define DKIM_SIGNATURE_DRIFT (15 * 60)

enum dkim_signature_kind {
	DKIM_SIGNATURE,
	DKIM_SIGNATURE_ARC,  /* ARC-Message-Signature */
	DKIM_SIGNATURE_SEAL, /* ARC-Seal */
};

struct dkim_signature {
	struct dkim_tags tags;
	enum dkim_signature_kind kind;
	/* of the first step; A-labels, no white space */
	struct str domain, selector;
	bool subdomain; /* i= is of one of d= */
	/* of the second */
	enum dkim_alg alg;
	enum dkim_canon header, body;
	int64_t limit;        /* l=, or -1 */
	struct str hash, sig; /* bh= and b= */
};

/* *s is fresh, and needs dkim_signature_fini() whatever the answer.
 * now: seconds since 1970. */
int dkim_signature_read(struct dkim_signature *s, const char *raw, size_t len,
    enum dkim_signature_kind kind, int64_t now, struct err *err);
int dkim_signature_read_rest(struct dkim_signature *s, struct err *err);
void dkim_signature_fini(struct dkim_signature *s);

/* Append a tag's value without its white space. */
void dkim_signature_dense(struct str *out, const struct dkim_tag *tag);

#endif
