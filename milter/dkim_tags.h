/*
 * dkim_tags.h - lists of tag=value, as DKIM and ARC have them (RFC 6376, 3.2)
 *
 * "v=1; a=rsa-sha256; b=..." in fields of headers and in the DNS.  Names tell
 * small letters from large ones; no name may be there twice.  Folds are white
 * space, whether "\n" or CR LF.  Bytes above 127 are taken (RFC 8616).
 *
 * Linear in the text; any bytes.  No state: any thread.
 */
#ifndef KUMILTER_DKIM_TAGS_H
#define KUMILTER_DKIM_TAGS_H

#include "err.h"
#include "str.h"

#include <stdbool.h>

#define DKIM_TAGS_MAX 64

/* Both are pieces of the text, without white space at their ends. */
struct dkim_tag {
	const char *name;
	size_t name_len;
	const char *value;
	size_t len;
};

struct dkim_tags {
	struct dkim_tag tag[DKIM_TAGS_MAX];
	size_t n;
};

/* -1 with *err: no list, a name that is there twice, or too many tags. */
int dkim_tags_parse(
    struct dkim_tags *t, const char *text, size_t len, struct err *err);

/* NULL where there is none of that name. */
const struct dkim_tag *dkim_tags_find(
    const struct dkim_tags *t, const char *name);

/* Is this the value, letter for letter? NULL: no. */
bool dkim_tag_is(const struct dkim_tag *tag, const char *value);

/*
 * The next element of a value that is a list with colons between, without
 * white space at its ends.  *at is 0 at first; false at the end.
 */
bool dkim_tag_next(
    const struct dkim_tag *tag, size_t *at, const char **item, size_t *len);

/* The value's bytes where it is base64, which may hold white space anywhere.
 * -1: it is none. */
int dkim_tag_base64(
    struct str *out, const struct dkim_tag *tag, struct err *err);

/* Space, tab, LF and CR. */
bool dkim_is_space(char c);

#endif
