/*
 * dkim_private.h - private keys that sign mail
 *
 * A key as it lies in a file or a vault: PEM or DER, PKCS #1 or PKCS #8, with
 * or without its public half; RSA of 1024 to 8192 bits (RFC 8301) or Ed25519
 * (RFC 8463).  Which it is decides the algorithm.  Keys with a passphrase are
 * refused: nobody is there to be asked for it.
 *
 * A key never changes: any number of threads may sign with it.
 * Done by OpenSSL; without it no key can be read.
 */
#ifndef KUMILTER_DKIM_PRIVATE_H
#define KUMILTER_DKIM_PRIVATE_H

#include "err.h"
#include "str.h"

#define DKIM_PRIVATE_MAX ((size_t)64 << 10) /* bytes that a key may have */
#define DKIM_PRIVATE_MIN_BITS 1024
#define DKIM_PRIVATE_MAX_BITS 8192

struct dkim_private;

/* NULL with *err, which says what the bytes are instead. */
struct dkim_private *dkim_private_read(
    const void *p, size_t n, struct err *err);
void dkim_private_free(struct dkim_private *key); /* NULL is allowed */

/* "rsa-sha256" or "ed25519-sha256": what a= says. */
const char *dkim_private_algorithm(const struct dkim_private *key);

/* Append the signature of these bytes, which are hashed with SHA-256 first. */
int dkim_private_sign(struct str *out, const struct dkim_private *key,
    const void *p, size_t n, struct err *err);

#endif
