/*
 * throttle_shared.h - throttles that all machines share, in Redis
 *
 * As throttle.h, but the buckets are a Redis server's, so that what several
 * processes do counts together: by CL.THROTTLE where the server has it, else
 * by a script that counts as exactly as throttle.c.
 *
 * While the server is away nobody waits for it: one caller a second tries, the
 * others are told at once.  It is logged once, and so is that it is back.
 *
 * What was opened stays for the life of the process; identical options are one.
 * Any thread may call anything here.
 */
#ifndef KUMILTER_THROTTLE_SHARED_H
#define KUMILTER_THROTTLE_SHARED_H

#include "throttle.h"

#include <jansson.h>

#define THROTTLE_SHARED_MAX 16

enum throttle_without {   /* Redis, what then? */
	WITHOUT_FALLBACK, /* the buckets of this process */
	WITHOUT_ALLOW,
	WITHOUT_THROTTLED,
	WITHOUT_ERROR
};

struct throttle_shared;

/* options: see redis_options.h, and milter_on_error.  NULL with *err. */
struct throttle_shared *throttle_shared_get(
    const json_t *options, struct err *err);

/* Is the server there? */
int throttle_shared_ping(
    struct throttle_shared *s, int64_t deadline, struct err *err);

/* As throttle_take(); -1 with *err under WITHOUT_ERROR alone. */
int throttle_shared_take(struct throttle_shared *s,
    const struct throttle_spec *spec, const char *name, size_t len,
    int64_t deadline, struct throttle_answer *a, struct err *err);

#endif
