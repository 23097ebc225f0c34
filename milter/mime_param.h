/*
 * mime_param.h - "text/plain; charset=utf-8": a value and its parameters
 *
 * The form of Content-Type, Content-Disposition and Content-Transfer-Encoding
 * (RFC 2045 5.1, RFC 2183).  Reading is total and takes what mail programs
 * send: comments, parameters in pieces and in charsets (RFC 2231), encoded
 * words where they do not belong, values with spaces and no quotes, missing
 * semicolons and quotes.  What it gives is UTF-8 without CR, LF and NUL.
 *
 *   given twice                       the first counts
 *   filename= and filename*=          the second form counts (RFC 6266 4.3)
 *   pieces filename*0, filename*1     in the order of their numbers
 *   more than MIME_PARAM_MAX of them  the rest is not read
 *
 * Linear in len.  Ownership: mime_value_fini() frees what the others put
 * into *v; a struct that is all zero is an empty value.
 */
#ifndef KUMILTER_MIME_PARAM_H
#define KUMILTER_MIME_PARAM_H

#include "str.h"

#include <stdbool.h>

#define MIME_PARAM_MAX 200

struct mime_param {
	char *name; /* as written, without RFC 2231's stars */
	char *value;
	size_t len;
};

struct mime_value {
	char *value; /* as written, without comments and white space */
	struct mime_param *param;
	size_t n;
};

void mime_value_parse(struct mime_value *v, const char *raw, size_t len);
void mime_value_fini(struct mime_value *v);

/* Compare without regard to case; prefix: "multipart/". */
bool mime_value_is(const struct mime_value *v, const char *value);
bool mime_value_begins(const struct mime_value *v, const char *prefix);

/* NULL where there is no such parameter. */
const struct mime_param *mime_value_get(
    const struct mime_value *v, const char *name);

/* Add a parameter or replace the one of that name. */
void mime_value_set(
    struct mime_value *v, const char *name, const char *value, size_t len);
void mime_value_remove(struct mime_value *v, const char *name);

/*
 * Append it for a header, a line for each parameter: quoted where it is
 * ASCII, else by RFC 2231; long ones in pieces, but for boundary, which not
 * everybody puts together.  What cannot stand in a value is left out of it, and
 * a parameter whose name cannot be written is left out.
 */
void mime_value_write(struct str *out, const struct mime_value *v);

/* May c stand in a token (RFC 2045 5.1)? */
bool mime_is_token(char c);

#endif
