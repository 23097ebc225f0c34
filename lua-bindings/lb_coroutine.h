/*
 * lb_coroutine.h - coroutines of a policy, inside the handler's own
 *
 * A handler is a coroutine itself: a primitive that must wait yields
 * lb_request_tag() (a lightuserdata) and its request to the driver.  In a
 * coroutine that the policy made, that yield would arrive at the policy.
 * The coroutine.resume and wrap of coroutine.lua recognise the tag, yield the
 * request outward and hand the driver's answer in; the policy sees nothing.
 *
 * They also end runaway nesting with an error at LB_COROUTINE_NESTED levels,
 * where LuaJIT's would go on until memory or the C stack is gone.
 */
#ifndef KUMILTER_LB_COROUTINE_H
#define KUMILTER_LB_COROUTINE_H

#include <stdbool.h>

struct lua_State;

#define LB_COROUTINE_NESTED 100

/*
 * One per Lua state, all zero at first.  Before each lua_resume of a
 * handler's thread, be it new or waiting, the engine sets depth to 0.
 */
struct lb_coroutine_state {
	int depth; /* with a flag: coroutine.lua and this file know how */
};

/* The first of the values that a request yields. */
const void *lb_request_tag(void);

/*
 * May a primitive called on L yield its request?  Not where lua_isyieldable
 * says no, and not in a coroutine that was resumed from such a place.
 */
bool lb_coroutine_can_wait(
    struct lua_State *L, const struct lb_coroutine_state *st);

/* *st must live as long as L.  Raises only when memory is gone. */
void lb_coroutine_open(struct lua_State *L, struct lb_coroutine_state *st);

#endif
