/*
 * dkim_canon.h - headers and bodies as DKIM signs them (RFC 6376, 3.4)
 *
 * What is signed is not what travels: "simple" takes all as it is but for
 * empty lines at the end of the body, "relaxed" makes nothing of white space
 * that was added, taken away or wrapped, and of the letters' size in names.
 *
 * A line of the body ends with CR LF; CR and LF alone are bytes as any other,
 * for nobody can say what whoever signed them had made of them.
 *
 * Linear; any bytes; memory does not grow with the body.  Any thread.
 */
#ifndef KUMILTER_DKIM_CANON_H
#define KUMILTER_DKIM_CANON_H

#include "header.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum dkim_canon {
	DKIM_SIMPLE,
	DKIM_RELAXED,
};

/* Append the field: its name, a colon, its value, CR LF. */
void dkim_canon_header(
    struct str *out, enum dkim_canon canon, const struct header *h);
/* The same without the CR LF, of a value that is not (yet) in a header. */
void dkim_canon_field(struct str *out, enum dkim_canon canon, const char *name,
    const char *raw, size_t raw_len);

/* A body that comes in pieces; what it becomes is told to take(). */
typedef void dkim_canon_take(void *arg, const void *data, size_t len);

struct dkim_canon_body {
	enum dkim_canon canon;
	dkim_canon_take *take;
	void *arg;
	bool cr, space; /* held until what follows is known */
	uint64_t lines; /* ends of lines, held as well */
	uint64_t size;  /* bytes that it became so far */
};

void dkim_canon_body_init(struct dkim_canon_body *b, enum dkim_canon canon,
    dkim_canon_take *take, void *arg);
void dkim_canon_body_add(
    struct dkim_canon_body *b, const void *data, size_t len);
/* There is no more; size is that of all then. */
void dkim_canon_body_end(struct dkim_canon_body *b);

#endif
