/*
 * dkim_key.h - public keys of DKIM and ARC (RFC 6376, 3.6.1; RFC 8463)
 *
 * A TXT record becomes a key of OpenSSL's.  RSA from 1024 to 8192 bits, in
 * either form of DER, and Ed25519.  What a record may be is bounded, and so
 * is the time of a verification.
 *
 * Without OpenSSL no record can be read, which says so.  A key is one
 * thread's at a time.
 */
#ifndef KUMILTER_DKIM_KEY_H
#define KUMILTER_DKIM_KEY_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define DKIM_KEY_RECORD_MAX 16384 /* bytes */
#define DKIM_KEY_BITS_MIN 1024    /* of RSA; RFC 8301, 3.2 */
#define DKIM_KEY_BITS_MAX 8192
#define DKIM_KEY_EXPONENT_MAX 64 /* bits: more cost as much as to sign */

enum dkim_alg {
	DKIM_RSA_SHA256,
	DKIM_ED25519_SHA256,
	DKIM_RSA_SHA1, /* known, and never right (RFC 8301, 3.1) */
};

/* "rsa-sha256"; false for others. */
bool dkim_alg_find(enum dkim_alg *alg, const char *name, size_t len);
const char *dkim_alg_name(enum dkim_alg alg);

struct dkim_key {
	void *pkey; /* NULL: not read */
	bool ed25519;
	int bits;
	bool sha256;  /* h= allows it */
	bool mail;    /* s= allows it */
	bool testing; /* t=y */
	bool strict;  /* t=s: i= has no subdomain of d= */
};

enum dkim_key_status {
	DKIM_KEY_OK,
	DKIM_KEY_NONE,    /* no record of DKIM's: another may be one */
	DKIM_KEY_REVOKED, /* p= is empty */
	DKIM_KEY_BAD,     /* with *err */
};

/* *k is fresh, and needs dkim_key_fini() whatever the answer. */
enum dkim_key_status dkim_key_read(
    struct dkim_key *k, const char *record, size_t len, struct err *err);
void dkim_key_fini(struct dkim_key *k);

/*
 * Is sig the signature of data, which is hashed here?  1: yes; 0: no;
 * -1 with *err: the key is not one for alg.
 */
int dkim_key_verify(const struct dkim_key *k, enum dkim_alg alg,
    const void *data, size_t len, const void *sig, size_t sig_len,
    struct err *err);

#endif
