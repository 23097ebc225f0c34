/*
 * mutual.h - locks that policies take, and give back even when they do not
 *
 * A lock belongs to one run of a handler: what a run holds stands in its list,
 * and who ends the run calls mutual_release(), so a handler that returns,
 * fails or is ended while it holds a lock stops nobody for ever.  A lock with
 * a name exists as long as somebody holds or wants it.
 *
 * Any thread may call anything, but one list is in one thread at a time.
 */
#ifndef KUMILTER_MUTUAL_H
#define KUMILTER_MUTUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUTUAL_NAME_MAX 1024
#define MUTUAL_HELD_MAX 256 /* by one run */

struct mutual;
struct mutual_held; /* a list that is NULL at first; its place is who owns */

enum mutual_result {
	MUTUAL_OK,
	MUTUAL_BUSY,    /* not before the deadline */
	MUTUAL_MINE,    /* this run holds it: waiting would never end */
	MUTUAL_TOO_MANY /* this run holds MUTUAL_HELD_MAX of them */
};

/* Counted: mutual_unref() gives back.  A held lock lives by itself. */
struct mutual *mutual_new(void);
struct mutual *mutual_named(const char *name, size_t len);
struct mutual *mutual_ref(struct mutual *m);
void mutual_unref(struct mutual *m); /* NULL is allowed */

/*
 * Wait until clock_mono() is deadline; 0: do not wait.  A recursive lock that
 * is held already is held once more.
 */
enum mutual_result mutual_lock(struct mutual *m, struct mutual_held **held,
    bool recursive, int64_t deadline);
/* false: this run does not hold it. */
bool mutual_unlock(struct mutual *m, struct mutual_held **held);
/* Give back all that is in the list; how many they were. */
int mutual_release(struct mutual_held **held);

#endif
