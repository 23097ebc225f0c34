/*
 * co.h - running one handler to its end, waits included
 *
 * A session's handlers run as coroutines on one Lua thread of its own.  A
 * blocking primitive ends in `return co_wait(L)` with a userdata that begins
 * with a struct wait on top of its stack; it yields, the driver below gives
 * the state away, lets the OS thread block, takes the state back and resumes
 * the handler with what finish() pushed.  Waiting sessions hold no state.
 *
 * Where Lua cannot yield (inside sort, a gsub callback, require, at load) the
 * primitive blocks holding the state, and says so once in the log.
 */
#ifndef KUMILTER_CO_H
#define KUMILTER_CO_H

#include "state.h"

struct wait {
	/* Without the state and without Lua: block until done or deadline. */
	void (*block)(struct wait *w, int64_t deadline);
	/*
	 * With the state: push the results, say how many.  L is not the
	 * handler's thread.  What this raises ends the handler: no pcall of the
	 * policy's catches it, so what it may want to catch is a result.
	 */
	int (*finish)(struct wait *w, struct lua_State *L);
	const char *what; /* "kumo.sleep", for the log */
};

int co_wait(struct lua_State *L);

/* A session's Lua thread; made when first needed, remade after a failure. */
struct co {
	struct lua_State *L;
	int ref;
};

#define CO_NONE                                                                \
	{                                                                      \
		NULL, -2 /* LUA_NOREF */                                       \
	}

/* The state's lock is held for all of these. */
void co_make(struct state *st, struct co *co);
void co_drop(struct state *st, struct co *co);

/*
 * Run the function and nargs arguments on top of co->L.  RUN_OK: its results
 * are all that is on co->L.  RUN_ERROR: the error's value is on top of co->L.
 * After RUN_BUSY the state's lock is NOT held any more and co is gone; after
 * any other the lock is held, and but for RUN_OK the caller drops co when it
 * has looked at it.
 */
enum run_result co_run(
    struct state *st, struct co *co, int nargs, struct run *run);

#endif
