/*
 * watchdog.h - noticing that a handler runs for too long
 *
 * One thread looks at every registered watch some twenty times a second.  The
 * owner of a watch marks the beginning and the end of each stretch in which
 * Lua runs; that costs a few atomic stores and no system call.  A stretch that
 * used more CPU than its limit, or that is still running after its wall-clock
 * deadline, is marked to be killed: watch_killed() turns non-zero for it, and
 * for no other stretch.  The owner's count hook asks and acts.
 *
 * No Lua here: the watchdog never touches a Lua state (lua_sethook() from
 * another thread hangs LuaJIT).
 */
#ifndef KUMILTER_WATCHDOG_H
#define KUMILTER_WATCHDOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum watch_kill { WATCH_FINE, WATCH_CPU, WATCH_WALL };

struct watch {
	/* written by the owner, read by the watchdog */
	atomic_uint stretch; /* odd while running */
	atomic_int clock;    /* CPU clock of the running thread */
	atomic_llong wall_deadline;
	atomic_llong cpu_limit;
	/* written by the watchdog, read by the owner's hook */
	atomic_uint kill_stretch;
	atomic_int kill_why;
	atomic_bool stuck; /* a kill was ignored for WATCH_STUCK */
	/* the watchdog's own */
	unsigned seen;
	int64_t cpu_at_seen;
	int64_t killed_at;
	struct watch *next, **link;
};

/* A handler that ignores its kill this long sits in C code that cannot end. */
#define WATCH_STUCK_SECONDS 10

/* Starts the thread with the first watch. */
void watch_add(struct watch *w);
void watch_remove(struct watch *w);

/* wall_deadline: clock_mono() time; cpu_limit: nanoseconds of this stretch. */
void watch_begin(struct watch *w, int64_t wall_deadline, int64_t cpu_limit);
void watch_end(struct watch *w);

static inline enum watch_kill
watch_killed(struct watch *w)
{
	unsigned kill =
	    atomic_load_explicit(&w->kill_stretch, memory_order_relaxed);

	if (kill == 0 ||
	    kill != atomic_load_explicit(&w->stretch, memory_order_relaxed))
		return WATCH_FINE;
	return (enum watch_kill)atomic_load(&w->kill_why);
}

#endif
