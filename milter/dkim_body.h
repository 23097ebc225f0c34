/*
 * dkim_body.h - the hash of a body, for bh= (RFC 6376, 3.7)
 *
 * SHA-256 by OpenSSL, of the canonical body or its first bytes (l=).
 * One body_walk() can feed several.  Any thread.
 */
#ifndef KUMILTER_DKIM_BODY_H
#define KUMILTER_DKIM_BODY_H

#include "dkim_canon.h"
#include "err.h"

#define DKIM_HASH_SIZE 32

struct dkim_body {
	struct dkim_canon_body canon; /* canon.size: bytes there were */
	uint64_t left;                /* that the hash still takes */
	void *md;
	size_t held;
	char buf[2048];
};

/* limit: bytes to hash, -1 for all.  -1 with *err without OpenSSL, and then
 * there is nothing to end. */
int dkim_body_init(
    struct dkim_body *b, enum dkim_canon canon, int64_t limit, struct err *err);
void dkim_body_add(struct dkim_body *b, const void *data, size_t len);
/* Once for each that was begun, also where the hash is not wanted (NULL). */
void dkim_body_end(struct dkim_body *b, unsigned char hash[DKIM_HASH_SIZE]);

#endif
