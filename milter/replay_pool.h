/*
 * replay_pool.h - processes that play recorded sessions
 *
 * Each has one policy and what that keeps in a process: clock, throttles,
 * caches.  A session goes to one of them as its line and comes back as
 * replay_play()'s JSON, or as { "error": text } where the policy does not load
 * or the process died, which is then made anew.  The caller has no threads.
 */
#ifndef KUMILTER_REPLAY_POOL_H
#define KUMILTER_REPLAY_POOL_H

#include "epoch.h"
#include "replay_play.h"
#include "replay_world.h"

struct replay_policy {
	struct epoch_options epoch;
	struct replay_world world;
	struct replay_how how;
};

struct replay_pool;

/* n processes; p is borrowed until replay_pool_free().  NULL with *err. */
struct replay_pool *replay_pool_new(
    const struct replay_policy *p, int n, struct err *err);
void replay_pool_free(struct replay_pool *pool); /* NULL allowed */

/* Play this line; process i must have nothing to do. */
void replay_pool_send(
    struct replay_pool *pool, int i, const char *line, size_t len);
/* What came of it.  NULL: *stop was set while it was waited for. */
json_t *replay_pool_take(
    struct replay_pool *pool, int i, const volatile int *stop);

#endif
