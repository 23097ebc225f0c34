/*
 * timer_inside.h - what timer.c and timer_run.c know of a timer
 *
 * timer.c makes, starts and stops it; timer_run.c runs it.  Nobody else
 * includes this.
 */
#ifndef KUMILTER_TIMER_INSIDE_H
#define KUMILTER_TIMER_INSIDE_H

#include "state.h"
#include "tick.h"
#include "timer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* In the registry: timer -> userdata, as long as somebody has that. */
#define TIMER_USERDATA "kumilter.timers"

struct timer {
	struct tick tick;
	struct state *st;
	char *name;
	enum timer_kind kind;
	int64_t time;
	bool loaded; /* made while the policy loaded */
	bool is_job, counted;
	bool kept;          /* the state is, already before it is due */
	int pin;            /* a job's userdata, which nobody else has */
	struct timer *next; /* among the jobs of a handler */
	atomic_int refs;    /* the userdata's, and that of a run */

	pthread_mutex_t lock; /* for the rest; tick.h's comes behind it */
	int64_t due;
	bool armed;   /* to run, or to run again */
	bool running; /* just now */
	bool dead;    /* the userdata has gone */
};

void timer_unref(struct timer *t);
/* A job that was counted for timer_jobs() is over. */
void timer_job_done(void);

#endif
