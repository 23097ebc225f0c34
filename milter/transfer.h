/*
 * transfer.h - how a body was made fit for transport (RFC 2045 6)
 *
 * Decoding is total: mail is full of encoders that are nearly right, so what
 * is not base64 is skipped and what is no quoted-printable escape stands for
 * itself.  Encoding is strict: lines of at most 76 characters, CRLF, and
 * nothing that a gateway could change.
 *
 * All is linear in n and any bytes are taken.
 */
#ifndef KUMILTER_TRANSFER_H
#define KUMILTER_TRANSFER_H

#include "str.h"

#include <stdbool.h>

enum transfer {
	TRANSFER_IDENTITY, /* 7bit, 8bit, binary, and what nobody knows */
	TRANSFER_QUOTED_PRINTABLE,
	TRANSFER_BASE64,
};

/* The value of Content-Transfer-Encoding; case does not matter. */
enum transfer transfer_named(const char *name, size_t len);

/* Append what p says. */
void transfer_decode(struct str *out, enum transfer t, const char *p, size_t n);

/*
 * For who must know: was p encoded as the standards say?  base64 of its
 * alphabet and white space, its padding right or left off; quoted-printable
 * with nothing but line ends and hexadecimal digits behind '='.
 */
bool transfer_is_strict(enum transfer t, const char *p, size_t n);

/* Append p in lines, each with CRLF; nothing for no bytes. */
void transfer_base64(struct str *out, const char *p, size_t n);

/* Bytes that transfer_base64() appends for n. */
size_t transfer_base64_size(size_t n);

/*
 * Append p as quoted-printable.  It is text: CRLF and LF end lines, which
 * come out as CRLF; a CR alone is escaped.  The last line gets no CRLF that
 * is not in p.
 */
void transfer_quoted_printable(struct str *out, const char *p, size_t n);

/* Append p with CRLF for each CRLF or LF. */
void transfer_crlf(struct str *out, const char *p, size_t n);

#endif
