/*
 * mpsc.h - queues between Lua states, by name: KumoMTA's mpsc
 *
 * Values go in at one end and come out at the other, in their order, from and
 * to any thread.  A queue holds as many as its limit says, and MPSC_BYTES; one
 * value fits always into an empty one.  It stays as long as the process, also
 * when it is closed: then nothing more goes in, and what is in comes out.
 *
 * Nothing here waits but mpsc_wait_*(), which end without a promise: another
 * may have been faster.  halt.h wakes them.
 */
#ifndef KUMILTER_MPSC_H
#define KUMILTER_MPSC_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MPSC_MAX 1024 /* queues */
#define MPSC_NAME_MAX 1024
#define MPSC_BYTES ((size_t)64 << 20)

struct mpsc;

/* JSON of nobody else's, perhaps objects that it does not hold; their size. */
struct mpsc_value {
	json_t *json;
	size_t cost;
	void *objects; /* NULL: none */
	void (*free_objects)(void *objects);
};
void mpsc_value_fini(struct mpsc_value *v); /* all zero is allowed, and then */

/*
 * The queue of that name; limit 0: none.  Only the first definition counts.
 * NULL with *err: there are MPSC_MAX already.
 */
struct mpsc *mpsc_define(
    const char *name, size_t len, size_t limit, struct err *err);

enum mpsc_answer { MPSC_OK, MPSC_FULL, MPSC_EMPTY, MPSC_CLOSED };

/* MPSC_OK: *v was taken and is all zero.  Else MPSC_FULL or MPSC_CLOSED. */
enum mpsc_answer mpsc_put(struct mpsc *q, struct mpsc_value *v);
/* MPSC_OK: *v is the caller's.  MPSC_CLOSED: and nothing is left in it. */
enum mpsc_answer mpsc_take(struct mpsc *q, struct mpsc_value *v);

/* Until it may be worth trying again, or this clock_mono() time. */
void mpsc_wait_room(struct mpsc *q, size_t cost, int64_t deadline);
void mpsc_wait_value(struct mpsc *q, int64_t deadline);

void mpsc_close(struct mpsc *q);
bool mpsc_is_closed(struct mpsc *q);
size_t mpsc_len(struct mpsc *q);

#endif
