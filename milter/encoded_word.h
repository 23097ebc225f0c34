/*
 * encoded_word.h - one "=?charset?B?...?=" of a header (RFC 2047)
 *
 * Finds one and gives its bytes; what they mean in their charset is for
 * header_text.h.  Linear, whatever the bytes.
 */
#ifndef KUMILTER_ENCODED_WORD_H
#define KUMILTER_ENCODED_WORD_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define ENCODED_WORD_CHARSET_MAX 63

struct encoded_word {
	/* as written, without a language; only characters of such names */
	char charset[ENCODED_WORD_CHARSET_MAX + 1];
	char encoding;    /* 'b' or 'q' */
	const char *text; /* borrowed: between the last two '?' */
	size_t textlen;
	size_t len; /* of the whole, "=?" to "?=" */
};

/* Is there one at p?  Longer ones than RFC 2047's 75 bytes are taken, too. */
bool encoded_word_scan(struct encoded_word *w, const char *p, size_t n);

/*
 * Append its bytes.  false, and nothing appended, for a B word that is not
 * base64; in a Q word a '=' that begins no "=XX" stands for itself.
 */
bool encoded_word_decode(struct str *out, const struct encoded_word *w);

#endif
