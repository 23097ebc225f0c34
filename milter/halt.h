/*
 * halt.h - telling a thread that it is to stop, also while it waits
 *
 * A thread that may have to stop takes a halt; what waits in it asks
 * halt_asked() and can be woken: a sleep of ours by itself, who waits on a
 * condition of its own by what it gave to halt_watch().  In threads that took
 * none, nothing is ever asked and all of this costs nothing.
 */
#ifndef KUMILTER_HALT_H
#define KUMILTER_HALT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HALT_NEVER (INT64_MAX / 2)

struct halt {
	atomic_bool asked;
	pthread_mutex_t lock; /* for wake; held while it is called */
	pthread_cond_t told;
	void (*wake)(void *arg);
	void *arg;
};

void halt_init(struct halt *h);
void halt_fini(struct halt *h);

/* This thread's, from now on; NULL: none any more. */
void halt_take(struct halt *h);
/* By any thread, for good. */
void halt_ask(struct halt *h);

/* Is this thread to stop? */
bool halt_asked(void);
/*
 * How long a wait that this ends may last, which has a deadline: in a thread
 * that took a halt some hundred years, since it can be told to stop.
 */
int64_t halt_patience(int64_t deadline);
/* As clock_nap(), or until this thread is to stop. */
void halt_nap(int64_t begin, int64_t end);

/*
 * Around a wait for a condition: wake(arg) is called, by another thread, when
 * this one is to stop.  It takes the condition's lock, so that is not held
 * for these two calls; the wait asks halt_asked() under it.
 */
void halt_watch(void (*wake)(void *arg), void *arg);
void halt_unwatch(void);

#endif
