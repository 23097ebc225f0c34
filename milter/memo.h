/*
 * memo.h - results that are kept for a while, by name and key
 *
 * What kumo.memoize() keeps, for all Lua states of the process; a policy that
 * is loaded again finds what the last one left.  Of those who miss the same
 * key at once one is told to find the value, the others wait for it: that is
 * a flight.  It belongs to a run of a handler and stands in a list of the
 * run's; who ends the run calls memo_release(), so a handler that is ended
 * leaves nobody waiting.  What fails is told to those who wait, not kept.
 *
 * A cache keeps as many values as its capacity says, and MEMO_BYTES; then the
 * one asked for longest ago is forgotten.  Caches themselves stay.
 *
 * Any thread may call anything, but one list is in one thread at a time.
 */
#ifndef KUMILTER_MEMO_H
#define KUMILTER_MEMO_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMO_MAX 1024 /* caches */
#define MEMO_NAME_MAX 1024
#define MEMO_KEY_MAX ((size_t)64 << 10)
#define MEMO_BYTES ((size_t)64 << 20)

struct memo;
struct memo_value;
struct memo_flight; /* a list is one that is NULL at first */

struct memo_options {
	int64_t ttl, populate_timeout; /* ns */
	size_t capacity;               /* 0: nothing is kept */
	bool with_epoch, retry, stale;
};

/*
 * The cache of that name.  Defined otherwise than before it is emptied.
 * NULL with *err: there are MEMO_MAX already.
 */
struct memo *memo_define(const char *name, size_t len,
    const struct memo_options *o, struct err *err);
struct memo_options memo_options(struct memo *m);
const char *memo_name(const struct memo *m);

struct memo_numbers {
	const char *name;
	unsigned long hits, misses, waits, failures, evicted;
	size_t entries, bytes;
};
/* Of each, as they were defined; found() calls nothing here. */
void memo_each(
    void (*found)(void *arg, const struct memo_numbers *n), void *arg);

enum memo_answer {
	MEMO_VALUE,  /* *value is given */
	MEMO_CALLER, /* find it: memo_done() or memo_fail() */
	MEMO_WAIT,   /* somebody does: memo_wait() */
	MEMO_SELF    /* this run does: waiting would never end */
};

/* With MEMO_CALLER and MEMO_WAIT a *flight is given, too. */
enum memo_answer memo_ask(struct memo *m, const char *key, size_t len,
    struct memo_flight **mine, int64_t now, struct memo_value **value,
    struct memo_flight **flight);

/*
 * What was found: JSON, whose reference nobody else may have, and perhaps
 * objects that it does not hold; cost is about the size of both.
 */
struct memo_result {
	json_t *json;
	size_t cost;
	void *objects; /* NULL: none; freed with the last value */
	void (*free_objects)(void *objects);
};

/* The end of a flight of MEMO_CALLER.  Takes what r holds. */
struct memo_value *memo_done(struct memo_flight *f, struct memo_flight **mine,
    const struct memo_result *r, int64_t now);
void memo_fail(
    struct memo_flight *f, struct memo_flight **mine, const char *why);
/* All flights in the list fail. */
void memo_release(struct memo_flight **mine);

/*
 * Wait until clock_mono() is deadline.  NULL and *why, which goes to free():
 * it failed; NULL and NULL: not in time.
 */
struct memo_value *memo_wait(
    struct memo_flight *f, int64_t deadline, char **why);

const json_t *memo_json(const struct memo_value *v);  /* read only */
const void *memo_objects(const struct memo_value *v); /* the same, or NULL */
void memo_value_unref(struct memo_value *v);          /* NULL is allowed */
void memo_flight_unref(struct memo_flight *f);        /* the same */

#endif
