/*
 * hash.h - digests of bytes, with a key or without
 *
 * Done by OpenSSL; without it there are none but the CRC.  Any thread.
 */
#ifndef KUMILTER_HASH_H
#define KUMILTER_HASH_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum hash {
	HASH_SHA1,
	HASH_SHA224,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASH_SHA512_256,
	HASH_SHA3_256,
	HASH_SHA3_384,
	HASH_SHA3_512,
};

bool hash_is_built(void);

/* Append the digest; -1 where the library does not do it. */
int hash_digest(
    struct str *out, enum hash h, const void *p, size_t n, struct err *err);

/* The same with a key, which may be empty (RFC 2104). */
int hash_hmac(struct str *out, enum hash h, const void *key, size_t key_len,
    const void *p, size_t n, struct err *err);

/* That of Ethernet and zip. */
uint32_t hash_crc32(const void *p, size_t n);

#endif
