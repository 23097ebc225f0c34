/*
 * charset_strict.h - text in a named charset as UTF-8 and back, or an error
 *
 * The names are those of charset.h, and stand for the same supersets in both
 * directions.  Linear; any bytes.  No state: any thread.
 */
#ifndef KUMILTER_CHARSET_STRICT_H
#define KUMILTER_CHARSET_STRICT_H

#include "err.h"
#include "str.h"

#include <stdbool.h>

/*
 * Append p as UTF-8.  -1, and nothing appended, for a name not known and for
 * bytes that are no character of the charset.
 */
int charset_decode(struct str *out, const char *name, size_t len, const char *p,
    size_t n, struct err *err);

/*
 * Append p, which is UTF-8, in the charset.  A character that it does not
 * have, or what is no UTF-8, is left out or, with all of the text, an error.
 */
int charset_encode(struct str *out, const char *name, size_t len, const char *p,
    size_t n, bool leave_out, struct err *err);

#endif
