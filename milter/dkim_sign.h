/*
 * dkim_sign.h - signatures of messages (RFC 6376, 5)
 *
 * Makes the value of a DKIM-Signature, or of another field that is made the
 * same way (ARC-Message-Signature), for a message as the MTA will send it:
 * a line of the body that ends with LF alone is one that ends with CR LF, and
 * h= leaves out what MTAs add or take away behind a filter: the names that
 * late[] and gone[] of dkim_sign.c tell.
 *
 * Borrows all.  Any thread.
 */
#ifndef KUMILTER_DKIM_SIGN_H
#define KUMILTER_DKIM_SIGN_H

#include "body.h"
#include "dkim_body.h"
#include "dkim_signer.h"
#include "header.h"

/* The hash for bh=.  -1 with *err: the body cannot be read. */
int dkim_sign_body(unsigned char hash[DKIM_HASH_SIZE], enum dkim_canon canon,
    const struct body *body, struct err *err);

struct dkim_signing {
	const struct dkim_signer *signer;
	const char *field; /* "DKIM-Signature", where the value is to stand */
	const char *first; /* its first tag, "v=1" */
	const struct headers *headers;
	const unsigned char *body; /* dkim_sign_body() of the signer's canon */
	int64_t now;               /* seconds since 1970 */
	bool kumomta_quirks;       /* h= leaves out nothing */
};

/* Signatures of messages without From: are worth nothing. */
bool dkim_sign_may(const struct headers *headers);

/*
 * Append the value, as header.h has it: from its leading space on, folded by
 * "\n\t" within 78 columns.  covers, where it is not NULL: what the fields
 * that it signs amount to, see dkim_sign_covers().  -1 with *err.
 */
int dkim_sign(struct str *out, unsigned char covers[DKIM_HASH_SIZE],
    const struct dkim_signing *what, struct err *err);

/*
 * A hash of the fields that a signature of ours covers, the one at place self
 * of the headers.
 */
int dkim_sign_covers(unsigned char covers[DKIM_HASH_SIZE],
    const struct dkim_signer *signer, const struct headers *headers,
    size_t self, struct err *err);

#endif
