#include "tick.h"

#include "clock.h"
#include "err.h"
#include "xmalloc.h"

#include <pthread.h>
#include <signal.h>

/*
 * A binary heap, the next tick at 1; those that wait for tick_stir() are due
 * at the end of time.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct tick **heap;
	size_t n, cap;
	int threads, idle;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define NEVER INT64_MAX

static int64_t
key(const struct tick *t)
{
	return t->waits ? NEVER : t->due;
}

static void
set(size_t place, struct tick *t)
{
	all.heap[place] = t;
	t->place = place;
}

static void
sift_up(struct tick *t)
{
	size_t at = t->place;

	for (; at > 1 && key(all.heap[at / 2]) > key(t); at /= 2)
		set(at, all.heap[at / 2]);
	set(at, t);
}

static void
sift_down(struct tick *t)
{
	size_t at = t->place;

	for (size_t child; (child = at * 2) <= all.n; at = child) {
		if (child < all.n &&
		    key(all.heap[child + 1]) < key(all.heap[child]))
			child++;
		if (key(all.heap[child]) >= key(t))
			break;
		set(at, all.heap[child]);
	}
	set(at, t);
}

static void
move(struct tick *t)
{
	sift_up(t);
	sift_down(t);
}

static void
insert(struct tick *t)
{
	if (all.n + 2 > all.cap) {
		all.cap = all.cap != 0 ? all.cap * 2 : 64;
		all.heap = xrealloc(all.heap, all.cap * sizeof *all.heap);
	}
	set(++all.n, t);
	sift_up(t);
}

static void
take_out(struct tick *t)
{
	struct tick *last = all.heap[all.n--];
	size_t hole = t->place;

	t->place = 0;
	t->waits = false;
	if (last == t)
		return;
	set(hole, last);
	move(last);
}

/* ---- threads ------------------------------------------------------------ */

static void wake(void);

static void
wait_for_next(void)
{
	int64_t due = all.n > 0 ? key(all.heap[1]) : NEVER;
	struct timespec until;

	all.idle++;
	if (due == NEVER) {
		pthread_cond_wait(&all.changed, &all.lock);
	} else {
		until = clock_timespec(due);
		pthread_cond_timedwait(&all.changed, &all.lock, &until);
	}
	all.idle--;
}

/* The lock is held; it is not while the tick runs. */
static void
run_first(void)
{
	struct tick *t = all.heap[1];

	switch (t->take(t)) {
	case TICK_RUN:
		take_out(t);
		if (all.n > 0)
			wake(); /* somebody is to look after the rest */
		pthread_mutex_unlock(&all.lock);
		t->run(t);
		pthread_mutex_lock(&all.lock);
		break;
	case TICK_LATER:
		t->waits = true;
		sift_down(t);
		break;
	case TICK_NEVER:
		take_out(t);
	}
}

static void *
run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&all.lock);
	all.idle--; /* start() counted it */
	for (;;)
		if (all.n > 0 && key(all.heap[1]) <= clock_mono())
			run_first();
		else
			wait_for_next();
	return NULL;
}

/* The lock is held.  Without a thread the others have more to do. */
static void
start(void)
{
	pthread_condattr_t attr;
	pthread_t thread;
	sigset_t every, old;

	if (all.threads == TICK_THREADS)
		return;
	if (all.threads == 0) {
		pthread_condattr_init(&attr);
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_cond_init(&all.changed, &attr);
		pthread_condattr_destroy(&attr);
	}
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	if (pthread_create(&thread, NULL, run, NULL) == 0) {
		pthread_detach(thread);
		all.threads++;
		all.idle++;
	} else {
		must(all.threads > 0);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void
wake(void)
{
	if (all.idle > 0)
		pthread_cond_signal(&all.changed);
	else
		start();
}

/* ---- the schedule ------------------------------------------------------- */

void
tick_put(struct tick *t, int64_t due)
{
	pthread_mutex_lock(&all.lock);
	t->due = due;
	t->waits = false;
	if (t->place != 0)
		move(t);
	else
		insert(t);
	if (all.heap[1] == t)
		wake();
	pthread_mutex_unlock(&all.lock);
}

bool
tick_cancel(struct tick *t)
{
	bool was;

	pthread_mutex_lock(&all.lock);
	was = t->place != 0;
	if (was)
		take_out(t);
	pthread_mutex_unlock(&all.lock);
	return was;
}

void
tick_stir(void)
{
	pthread_mutex_lock(&all.lock);
	for (size_t i = 1; i <= all.n; i++)
		all.heap[i]->waits = false;
	for (size_t i = all.n / 2; i >= 1; i--)
		sift_down(all.heap[i]);
	if (all.n > 0)
		wake();
	pthread_mutex_unlock(&all.lock);
}
