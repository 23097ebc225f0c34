/*
 * header.h - the header block of one message
 *
 * An ordered list of fields.  A field that came from the MTA remembers its
 * place in the original block, so that what a policy did to the list can be
 * told to the MTA as the fewest edits: headers_diff() compares.
 *
 * raw values are what stands after the colon, leading white space and folds
 * included, lines separated by "\n" as the milter protocol has them.
 * Names compare without regard to case.  Names and values never hold CR or
 * NUL, and "\n" only before white space: header_append() and header_prepend()
 * make it so, whatever they are given.
 */
#ifndef KUMILTER_HEADER_H
#define KUMILTER_HEADER_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>

enum header_origin {
	HEADER_RECEIVED,
	HEADER_PREPENDED, /* above all that was received */
	HEADER_INSERTED,  /* among it */
	HEADER_APPENDED,  /* below it */
};

struct header {
	char *name, *raw;
	size_t name_len, raw_len;
	enum header_origin origin;
	size_t seq;   /* place in the block received; 0 for the policy's own */
	bool changed; /* received, with another value now */
};

struct headers {
	struct header *field;
	size_t n, cap;
};

void headers_fini(struct headers *h);
void headers_copy(struct headers *to, const struct headers *from);

/* A field as the MTA gave it; raw has its leading white space. */
void headers_received(struct headers *h, const char *name, const char *raw);

/*
 * Add a field; a space is put before the value.  -1 when the name is not a
 * field name (RFC 5322 2.2: printable ASCII without colon, 1 to 255 bytes).
 */
int headers_append(struct headers *h, const char *name, size_t name_len,
    const char *value, size_t len);
int headers_prepend(struct headers *h, const char *name, size_t name_len,
    const char *value, size_t len);
size_t headers_remove(struct headers *h, const char *name);
size_t headers_remove_prefix(struct headers *h, const char *prefix);
/* The field at this place in the list. */
void headers_remove_at(struct headers *h, size_t at);

/* Another value for the field at this place, as header.h has values. */
void headers_set_raw(struct headers *h, size_t at, const char *raw, size_t len);

/* The next field of this name at or after *at, which moves behind it. */
const struct header *headers_next(
    const struct headers *h, const char *name, size_t *at);

/*
 * Make the list what the header block at the head of data says; received: the
 * block as it came.  Fields that are equal to a received one in the same order
 * stay that one; one of the same name, letter for letter, in its place becomes
 * its new value.
 * Gives the offset of the body.  Total: what is no header block is body.
 */
size_t headers_replace(struct headers *h, const struct headers *received,
    const char *data, size_t len);

bool headers_equal(const struct headers *a, const struct headers *b);

/* "Name: value\r\n" for each field. */
void headers_write(struct str *out, const struct headers *h);
size_t headers_size(const struct headers *h); /* of what that writes */

enum header_edit_kind {
	HEADER_EDIT_INSERT, /* index: 0 is above everything, also the MTA's own
			       Received:, under which 1 is the first place */
	HEADER_EDIT_APPEND,
	HEADER_EDIT_CHANGE, /* index: instance of the name, from 1 */
	HEADER_EDIT_DELETE, /* index: the same */
};
struct header_edit {
	enum header_edit_kind kind;
	int index;
	const char *name, *raw;
};

/*
 * What turns before into after, in an order in which each edit is right when
 * it is carried out: changes and deletions from the last field to the first,
 * then insertions from the lowest to the highest, then additions at the end.
 * Nothing is inserted below a received field: from there on all is deleted and
 * added again.
 * after must have come from before by the functions above.  Borrows from both
 * lists; free() the array.
 */
struct header_edit *headers_diff(
    const struct headers *before, const struct headers *after, size_t *n);

#endif
