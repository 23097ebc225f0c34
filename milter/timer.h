/*
 * timer.h - a function of the policy's that runs by itself, without a session
 *
 * A timer runs once after a while, once at a time of the clock, or every so
 * often; a job runs once, as soon as the handler that made it is over.  The
 * function runs as a coroutine in the state that made it, in a thread of
 * tick.h, under event_timeout, cpu_limit and memory_limit, and may wait.  Its
 * failure is one line of the log and one counter.  A timer does not run beside
 * itself: what falls into its own run is left out.
 *
 * In Lua it is a userdata that holds a struct timer *, whose environment keeps
 * the function; the timer ends when the userdata is collected.  When and
 * where a timer may run at all is the state's owner's business
 * (epoch_work.h).
 */
#ifndef KUMILTER_TIMER_H
#define KUMILTER_TIMER_H

#include <stdint.h>

struct lua_State;
struct run;
struct timer;

enum timer_kind {
	TIMER_AFTER, /* time: ns from its start */
	TIMER_AT,    /* time: clock_wall() */
	TIMER_EVERY  /* time: ns between two runs */
};

/*
 * The userdata on top of the stack, all zero, becomes a timer of the function
 * at index fn; it does not run before timer_start().  These are called by who
 * holds the state's lock.
 */
void timer_init(struct lua_State *L, int fn, enum timer_kind kind, int64_t time,
    const char *name);
void timer_start(struct timer *t); /* nothing if it is started already */
void timer_stop(struct timer *t);  /* a run under way goes on to its end */
const char *timer_name(const struct timer *t);
void timer_free(struct timer *t); /* by __gc; NULL allowed */

/*
 * The timer on top of the stack runs once, as a job; it is not collected
 * before that.
 */
void timer_start_job(struct lua_State *L);
/* By who has run a handler: the jobs that it made may begin. */
void timer_begin_jobs(struct run *run);
/* Jobs of handlers that have not ended yet, in the whole process. */
long timer_jobs(void);

#endif
