/*
 * failure.h - what is said of a function of the policy's that went wrong
 *
 * Where it was, why it ended and its traceback, as one text; and the counter
 * that goes with how it ended.
 */
#ifndef KUMILTER_FAILURE_H
#define KUMILTER_FAILURE_H

#include "co.h"

void failure_count(enum run_result r);

/*
 * Push the text onto st->L: the caller pops it.  L: the coroutine as co_run()
 * left it.  An error object's __tostring is the policy's: it runs under the
 * limits, too, and may not wait.
 */
const char *failure_push(
    struct state *st, struct lua_State *L, enum run_result r, struct run *run);

#endif
