/*
 * pretend.h - a clock and chance of our own, for a policy that is simulated
 *
 * Set before a policy loads; pretend_prepare() is epoch_options' prepare.
 * One thread.
 */
#ifndef KUMILTER_PRETEND_H
#define KUMILTER_PRETEND_H

#include "err.h"

#include <stdint.h>

struct lua_State;

/* "2026-11-21T12:00:00Z", or seconds since 1970: the clock stands there. */
int pretend_time(const char *text, struct err *err);
/* math.random() begins there in each state. */
void pretend_seed(int64_t seed);

int pretend_prepare(struct lua_State *L);

#endif
