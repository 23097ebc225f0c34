/*
 * encoding.h - bytes as letters and digits: base 16, 32 and 64 (RFC 4648)
 *
 * Reading is strict: no white space, no letters of another alphabet, no bits
 * behind the last byte.  A form with padding takes any number of '=' at the
 * end, also none; one without takes none.  Base 16 is in small letters.
 *
 * Linear; any bytes.  No state: any thread.
 */
#ifndef KUMILTER_ENCODING_H
#define KUMILTER_ENCODING_H

#include "err.h"
#include "str.h"

#include <stdbool.h>

enum encoding {
	ENCODING_BASE32,
	ENCODING_BASE32_NOPAD,
	ENCODING_BASE32HEX,
	ENCODING_BASE32HEX_NOPAD,
	ENCODING_BASE64,
	ENCODING_BASE64_NOPAD,
	ENCODING_BASE64URL,
	ENCODING_BASE64URL_NOPAD,
	ENCODING_HEX,
	ENCODINGS
};

const char *encoding_name(enum encoding e); /* "base32_nopad" */

/* Append what stands for the bytes. */
void encoding_write(struct str *out, enum encoding e, const void *p, size_t n);
size_t encoding_size(enum encoding e, size_t n); /* how much that is */

/* Append the bytes that p stands for; -1, and nothing appended, for others. */
int encoding_read(
    struct str *out, enum encoding e, const char *p, size_t n, struct err *err);

#endif
