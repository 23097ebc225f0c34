/*
 * state.h - one Lua state and who may use it when
 *
 * A state belongs to one epoch and serves many sessions, one at a time: who
 * holds the lock may touch its lua_State, nobody else.  Every entry into Lua
 * is a stretch under the watchdog; the count hook, installed for good, ends a
 * handler whose time or memory is up so that no pcall can catch it.
 *
 * state_of(L) finds the state from any of its Lua threads, so bindings need
 * no upvalue for it.
 */
#ifndef KUMILTER_STATE_H
#define KUMILTER_STATE_H

#include "err.h"
#include "event_name.h"
#include "lmem.h"
#include "lua-bindings/bindings.h"
#include "settings.h"
#include "tick.h"
#include "watchdog.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct draft;
struct lua_State;
struct session;
struct epoch;
struct state;
struct timer;

struct message;
struct memo_flight;
struct mutual_held;

struct grave {
	int ref; /* a session's Lua thread, or LUA_NOREF */
	struct session *session;
	struct message *message;
};

/* What runs in a state just now; NULL in state->run while nothing does. */
struct run {
	struct session *session; /* NULL while loading */
	const char *event;       /* NULL: the policy's top level */
	int64_t deadline;        /* clock_mono(): end of the event's time */
	bool may_wait;
	int64_t waited; /* ns, without the state */
	bool is_task;   /* no timeout: each wait has one, see halt_patience() */
	/* the Lua thread of a handler, which may yield; NULL while loading */
	struct lua_State *thread;
	struct mutual_held *locks;   /* given back at the end of the run */
	struct memo_flight *flights; /* so, too */
	struct timer *after;         /* jobs that begin when this has ended */
};

/*
 * Whom a state belongs to, for work outside sessions.  may_work() is told
 * under the schedule's lock; after TICK_RUN and after keep() the state stays
 * until leave().
 */
struct state_owner {
	/* loaded: made while the policy loaded, in each state the same */
	enum tick_answer (*may_work)(struct state *st, bool loaded);
	void (*keep)(struct state *st); /* by who runs in it just now */
	void (*leave)(struct state *st);
	/* timer_run.h: may_work() said TICK_RUN */
	void (*run)(struct timer *t);
	/* task.h: begin one; takes args */
	int (*spawn)(struct state *st, const char *event, struct json_t *args,
	    struct err *err);
};

enum run_result {
	RUN_OK,
	RUN_ERROR, /* an uncaught error; its value is on top of co */
	RUN_CPU,
	RUN_WALL,
	RUN_MEMORY,
	RUN_BUSY,    /* the state could not be had in time */
	RUN_STOPPED, /* its thread was told to stop: halt.h */
	RUN_RESULTS
};

const char *run_result_text(enum run_result r);

struct state {
	pthread_mutex_t lock;
	struct lua_State *L;
	struct lmem mem;
	struct watch watch;
	struct run *run;
	struct epoch *epoch;
	unsigned epoch_number;
	const struct state_owner *owner;
	const struct settings *settings;
	struct draft *draft; /* while the first state of an epoch loads */
	bool loading;        /* kumo.on is allowed */

	int handler[EVENT_COUNT]; /* registry references or LUA_NOREF */
	struct lb_coroutine_state coroutines;
	struct lb_limits limits;
	char place[128]; /* "file:line: " where this stretch was ended, or "" */

	atomic_int number; /* among its epoch's, from 0; -1: not yet */
	atomic_int n_sessions;
	atomic_bool spoiled; /* full: new sessions go elsewhere */
	atomic_bool retired;

	/* what the next holder of the lock is to release */
	pthread_mutex_t grave_lock;
	struct grave *grave;
	size_t n_graves, cap_graves;
};

struct state *state_new(const struct settings *settings, struct epoch *epoch);
void state_free(struct state *st);
struct state *state_of(struct lua_State *L);

/*
 * For tests of policies, before any state is made: told of each line of Lua
 * that runs, in all of them.
 */
struct lua_Debug;
typedef void state_line_fn(struct lua_State *L, struct lua_Debug *ar);
void state_on_line(state_line_fn *fn);

/* false: not before this clock_mono() time. */
bool state_lock(struct state *st, int64_t deadline);
void state_unlock(struct state *st);

/*
 * Write "file:line: " of the innermost line of the policy's on L, or "".
 * Allocates nothing.
 */
void state_place(struct lua_State *L, char *out, size_t size);

/* Begin and end a stretch of Lua under the watchdog; the lock is held. */
void state_enter(struct state *st, int64_t wall_deadline, int64_t cpu_limit);
void state_leave(struct state *st);
/* Why the stretch under way is to end: RUN_OK if it is not. */
enum run_result state_killed(struct state *st);

/*
 * Release things that Lua may know of, from a thread that does not hold the
 * lock and must not wait for it: whoever holds it next does it.
 */
void state_bury(struct state *st, struct grave g);
/* The same at once, by the holder of the lock. */
void state_release(struct state *st, struct grave g);

/* After a handler was ended for its memory: is it still (nearly) full? */
bool state_is_full(struct state *st);

#endif
