/*
 * replay_world.h - what a policy can reach while sessions are replayed
 *
 * Nothing that could change anything: HTTP and Redis cannot be asked, what a
 * policy keeps in databases is in empty ones of its own, mail that it submits
 * goes nowhere, throttles count in this process.  The DNS is asked, or zones
 * given as files alone.  Live: all is as ever.  Once in a process.
 */
#ifndef KUMILTER_REPLAY_WORLD_H
#define KUMILTER_REPLAY_WORLD_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct epoch;
struct lua_State;

struct replay_world {
	bool live;
	const char *const *zone; /* files */
	size_t n_zones;
	const char *scratch; /* a folder; NULL where live */
};

/* -1 with *err: a file that cannot be read, or is no zone. */
int replay_world_set(const struct replay_world *w, struct err *err);

int replay_world_prepare(struct lua_State *L); /* epoch_options' prepare */
void replay_world_loaded(struct epoch *e);

#endif
