/*
 * tick.h - what is to be done at its time, by a thread of ours
 *
 * One schedule for the process.  A tick is in it at most once; when its time
 * has come it is taken out, its owner is asked, and it is run in one of a few
 * threads, which start when they are first needed.  A run may block; while
 * TICK_THREADS of them do, others are late.
 *
 * The schedule's lock is held while take() is called, so take() and what it
 * looks at stay as they are until tick_cancel() returns in who takes the tick
 * away; it must not wait for locks under which ticks are put or cancelled.
 */
#ifndef KUMILTER_TICK_H
#define KUMILTER_TICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICK_THREADS 8

enum tick_answer {
	TICK_RUN,   /* run() is called next, without the lock */
	TICK_LATER, /* stays in the schedule until tick_stir() */
	TICK_NEVER  /* out of it: nothing more happens */
};

struct tick {
	enum tick_answer (*take)(struct tick *t);
	void (*run)(struct tick *t);
	/* the schedule's own; all zero: not in it */
	int64_t due;
	size_t place;
	bool waits;
};

/* Into the schedule, or to another time in it; due is a clock_mono() time. */
void tick_put(struct tick *t, int64_t due);

/* Out of it: true if it was there.  A run under way goes on. */
bool tick_cancel(struct tick *t);

/* Ask those again that answered TICK_LATER. */
void tick_stir(void);

#endif
