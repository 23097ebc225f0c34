/*
 * body.h - the bytes of a message behind its headers
 *
 * Small ones live in memory, larger ones in an unlinked temporary file, and so
 * do small ones while all bodies together take much memory: a thousand sessions
 * in the middle of a large message cost little.
 * Counted references: copies of a message share one body; it is only added to
 * while there is one.
 *
 * No locks: a body belongs to one session; only the references are counted
 * from any thread.
 */
#ifndef KUMILTER_BODY_H
#define KUMILTER_BODY_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

struct body_limits {
	size_t memory;      /* bytes kept in memory; above: the file */
	size_t total;       /* of all bodies of the process together */
	const char *folder; /* where the file is made */
};

struct body;

struct body *body_new(void);
struct body *body_ref(struct body *b);
void body_unref(struct body *b); /* NULL allowed */

/* -1 with *err when the file cannot be made or written: disk full, ... */
int body_add(struct body *b, const void *data, size_t len,
    const struct body_limits *limits, struct err *err);
/* One of these bytes; NULL with *err as body_add(). */
struct body *body_from(const void *data, size_t len,
    const struct body_limits *limits, struct err *err);

size_t body_size(const struct body *b);
bool body_is_spooled(const struct body *b);

/*
 * Walk the bytes in pieces of at most 64 kB, in order.  Ends early when take()
 * gives something else than 0, which is then the result; -1 with *err when the
 * file cannot be read.
 */
int body_walk(const struct body *b,
    int (*take)(void *arg, const void *data, size_t len), void *arg,
    struct err *err);

/* Append all of it; -1 as body_walk(). */
int body_read(const struct body *b, struct str *out, struct err *err);

/* Are these the same bytes?  A file that cannot be read differs. */
bool body_equals(const struct body *b, const void *data, size_t len);

#endif
