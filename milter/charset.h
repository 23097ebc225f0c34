/*
 * charset.h - text in a named charset as UTF-8
 *
 * The names are those that mail uses, in a table: a sender must not choose
 * which of the C library's converters run here, nor give them options.  As
 * the web does (WHATWG Encoding), and KumoMTA with it, a name stands for the
 * superset that mail programs send under it: iso-8859-1 is windows-1252.
 *
 *   bytes that the charset does not know   U+FFFD
 *   us-ascii                               UTF-8 where the bytes are that,
 *                                          else windows-1252
 *
 * Total: any bytes; the work is linear in n.  No state: any thread.
 */
#ifndef KUMILTER_CHARSET_H
#define KUMILTER_CHARSET_H

#include "str.h"

#include <stdbool.h>

/* Is this name in the table?  Case does not matter. */
bool charset_is_known(const char *name, size_t len);
/* What iconv(3) is to use for it; NULL for a name that is not there. */
const char *charset_iconv_name(const char *name, size_t len);

/* Appends to *out.  false, and nothing appended, for a name not known. */
bool charset_to_utf8(
    struct str *out, const char *name, size_t len, const char *p, size_t n);

/*
 * The other way: UTF-8 into the charset of that name, which is here no more
 * than what it says: iso-8859-1 has no euro sign.  What it does not know
 * becomes '?'.  false, and nothing appended, for a name not known.
 */
bool charset_from_utf8(
    struct str *out, const char *name, size_t len, const char *p, size_t n);

/* Append p with U+FFFD for what is not well-formed UTF-8. */
void charset_repair(struct str *out, const char *p, size_t n);

/*
 * Append p as UTF-8, whatever it is: bytes that are not UTF-8 are read as
 * windows-1252, which is what unlabelled 8-bit text mostly was.
 */
void charset_guess(struct str *out, const char *p, size_t n);

#endif
