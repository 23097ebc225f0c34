/*
 * throttle.h - how often something may happen, by key
 *
 * The generic cell rate algorithm, in exact arithmetic: `limit` times in
 * `period` seconds, evenly, and `burst` + 1 of them at once.  What is refused
 * does not count.  The buckets are the process's: all threads share them, and
 * a policy that is loaded again goes on with those of the last one.  Of
 * THROTTLE_MAX buckets the one asked for longest ago is forgotten for a new
 * one, so it begins anew.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_THROTTLE_H
#define KUMILTER_THROTTLE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THROTTLE_MAX 262144
#define THROTTLE_BYTES ((size_t)64 << 20)
#define THROTTLE_NAME_MAX 1024
#define THROTTLE_LIMIT_MAX ((uint64_t)1 << 53)
#define THROTTLE_PERIOD_MAX ((uint64_t)366 * 86400) /* seconds */

struct throttle_spec {
	uint64_t limit, period; /* so many in so many seconds, both not 0 */
	uint64_t max_burst;     /* as written; limit where nothing is */
	bool local;             /* of this process even if there are others */
};

/*
 * "[local:]LIMIT/[N]UNIT[,max_burst=B]": N seconds, minutes, hours or days;
 * LIMIT and B may have '_' and ',' between their digits.
 */
int throttle_parse(
    const char *text, struct throttle_spec *spec, struct err *err);

struct throttle_answer {
	bool throttled;
	uint64_t limit, remaining; /* at once, and still to be had */
	int64_t reset_after;       /* ns until all of them can be had again */
	int64_t retry_after;       /* ns; 0 if it was not throttled */
};

/* Once more, if it may be; now is clock_mono(). */
struct throttle_answer throttle_take(const struct throttle_spec *spec,
    const char *name, size_t len, int64_t now);
/* What that would answer, without doing it. */
struct throttle_answer throttle_look(const struct throttle_spec *spec,
    const char *name, size_t len, int64_t now);

#endif
