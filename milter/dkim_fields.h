/*
 * dkim_fields.h - the fields of a header that a signature covers
 *
 * h= names them; of several with one name the last is taken first, and names
 * that find none stand for nothing (RFC 6376, 5.4.2).  Then comes the field
 * of the signature itself, as if its b= were empty and without an end of line.
 *
 * The names are looked for in an index that is made once, so that neither
 * many fields nor a long h= cost more than their bytes.
 *
 * Borrows the headers, which are not to change meanwhile.  Any thread.
 */
#ifndef KUMILTER_DKIM_FIELDS_H
#define KUMILTER_DKIM_FIELDS_H

#include "dkim_canon.h"
#include "dkim_tags.h"
#include "err.h"
#include "header.h"

/* No field's place in the list of headers. */
#define DKIM_FIELDS_NONE ((size_t)-1)

struct dkim_fields {
	const struct headers *headers;
	struct dkim_fields_entry {
		const char *name;
		size_t len;  /* of the name */
		size_t at;   /* in headers */
		size_t rest; /* the first of a name: those not taken yet */
		size_t all;  /* the same: of that name there are */
	} * entry;           /* by name, then by place */
	size_t n;
};

void dkim_fields_init(struct dkim_fields *f, const struct headers *headers);
void dkim_fields_fini(struct dkim_fields *f);

/*
 * Append what h= names, canonical; each call begins anew.  self: the place of
 * the signature's own field, which does not sign itself by its name, or
 * DKIM_FIELDS_NONE.
 */
void dkim_fields_add(struct dkim_fields *f, struct str *out,
    enum dkim_canon canon, const struct dkim_tag *h, size_t self);

/* Fields of this name that dkim_fields_add() did not take. */
size_t dkim_fields_unsigned(const struct dkim_fields *f, const char *name);

/*
 * Append the signature's field, its b= empty and without CR LF.  -1 with
 * *err: its value is no list of tags.
 */
int dkim_fields_signature(struct str *out, enum dkim_canon canon,
    const struct header *field, struct err *err);
/* The same with the tags of field->raw, where they were read already. */
void dkim_fields_signature_tags(struct str *out, enum dkim_canon canon,
    const struct header *field, const struct dkim_tags *tags);

#endif
