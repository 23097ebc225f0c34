/*
 * timer_run.h - a timer's function, when its time has come
 *
 * The state's owner lets it run (struct state_owner), in a thread of tick.h.
 */
#ifndef KUMILTER_TIMER_RUN_H
#define KUMILTER_TIMER_RUN_H

struct timer;

/* The state is kept by the caller, and left here when the run is over. */
void timer_run(struct timer *t);

#endif
