/*
 * epoch_load.h - from a policy's file to a Lua state that can serve
 *
 * The part of an epoch that runs Lua.  Loading has limits of its own: a policy
 * whose top level, pre_init or init takes longer than the epoch's load_timeout
 * does not load.
 */
#ifndef KUMILTER_EPOCH_LOAD_H
#define KUMILTER_EPOCH_LOAD_H

#include "epoch.h"

/*
 * The first state: top level, pre_init, init and, to validate,
 * validate_config; what they configure goes into *d.
 */
struct state *epoch_load_first(struct epoch *e, const struct epoch_options *o,
    struct draft *d, struct err *err);
/* Any other: the top level alone. */
struct state *epoch_load_state(struct epoch *e, struct err *err);

/* Settings in force from now on: memory limit and JIT. */
int epoch_arm(struct epoch *e, struct state *st, struct err *err);

/* deinit() of Momentum's modules, before the state is freed. */
void epoch_end_modules(struct state *st);

void epoch_list_handlers(
    struct state *st, void (*found)(void *arg, const char *event), void *arg);

#endif
