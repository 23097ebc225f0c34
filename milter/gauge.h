/*
 * gauge.h - caches of numbers by key that forget what did not change for long
 *
 * Named by policies, for all Lua states of the process, kept when a policy is
 * loaded again.  A cache holds max keys of at most GAUGE_BYTES in all: a new
 * one pushes out the one that changed longest ago.  A number that did not
 * change for the cache's ttl is 0 again.
 *
 * now is clock_mono(), which tests make up.  Any thread may call anything.
 */
#ifndef KUMILTER_GAUGE_H
#define KUMILTER_GAUGE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAUGE_MAX 64
#define GAUGE_NAME_MAX 255
#define GAUGE_KEY_MAX 1024
#define GAUGE_BYTES ((size_t)16 << 20)

struct gauge;

/* A cache of that name keeps what it holds and gets these limits.  ttl_ns 0:
 * nothing is forgotten for its age. */
int gauge_define(
    const char *name, int64_t max, int64_t ttl_ns, struct err *err);
struct gauge *gauge_find(const char *name); /* or NULL; stays for good */

/* key: at most GAUGE_KEY_MAX bytes. */
int64_t gauge_get(struct gauge *g, const char *key, size_t len, int64_t now);
int64_t gauge_add(struct gauge *g, const char *key, size_t len, int64_t delta,
    int64_t now); /* the new value */
bool gauge_remove(struct gauge *g, const char *key, size_t len);

#endif
