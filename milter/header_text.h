/*
 * header_text.h - what a header says, as UTF-8
 *
 * A header travels folded and with its words encoded (RFC 2047).  A policy
 * gets it read: every run of white space is one space, none leads, encoded
 * words are decoded and those next to each other are joined.
 *
 *   charset unknown, or no such encoded word   left as written
 *   bytes that the charset does not know       U+FFFD
 *   raw bytes that are not UTF-8               the whole value is left raw
 *
 * Encoded words are found wherever they stand, also inside a word or between
 * quotes: mail programs put them there and KumoMTA reads them there.  A
 * character split between two encoded words of one charset is put together.
 * A language ("=?utf-8*en?Q?...?=", RFC 2231) is dropped.
 *
 * Total: any bytes, any length; the work is linear in len.
 */
#ifndef KUMILTER_HEADER_TEXT_H
#define KUMILTER_HEADER_TEXT_H

#include "str.h"

#include <stdbool.h>

/* Appends to *out. */
void header_text_decode(struct str *out, const char *raw, size_t len);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool header_text_is_utf8(const char *text, size_t len);

#endif
