#include "watchdog.h"

#include "clock.h"
#include "err.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#define LOOK_EVERY (50 * CLOCK_MS)

/* All watches; the lock is for the list, not for what the watches hold. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watch *list;
static bool started;

static void
order_kill(struct watch *w, unsigned stretch, enum watch_kill why)
{
	atomic_store(&w->kill_why, why);
	atomic_store(&w->kill_stretch, stretch);
	w->killed_at = clock_mono();
}

static void
look_at(struct watch *w, int64_t now)
{
	unsigned stretch = atomic_load(&w->stretch);
	clockid_t clock = atomic_load(&w->clock);
	int64_t wall = atomic_load(&w->wall_deadline);
	int64_t limit = atomic_load(&w->cpu_limit);
	int64_t cpu;

	if (stretch % 2 == 0)
		return;
	if (stretch == atomic_load(&w->kill_stretch)) {
		if (now - w->killed_at > WATCH_STUCK_SECONDS * CLOCK_S)
			atomic_store(&w->stuck, true);
		return;
	}
	cpu = clock_cpu(clock);
	if (stretch != atomic_load(&w->stretch))
		return; /* ended while we looked: the figures are mixed */
	if (stretch != w->seen) {
		w->seen = stretch;
		w->cpu_at_seen = cpu;
	}
	if (now > wall)
		order_kill(w, stretch, WATCH_WALL);
	else if (cpu >= 0 && cpu - w->cpu_at_seen > limit)
		order_kill(w, stretch, WATCH_CPU);
}

static void *
run(void *arg)
{
	int64_t next = clock_mono();

	(void)arg;
	for (;;) {
		int64_t now;

		next += LOOK_EVERY;
		clock_sleep_until(next);
		now = clock_mono();
		if (now > next + CLOCK_S)
			next = now; /* the machine slept: do not catch up */
		pthread_mutex_lock(&list_lock);
		for (struct watch *w = list; w != NULL; w = w->next)
			look_at(w, now);
		pthread_mutex_unlock(&list_lock);
	}
	return NULL;
}

static void
start(void)
{
	pthread_t thread;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	must(pthread_create(&thread, NULL, run, NULL) == 0);
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
watch_add(struct watch *w)
{
	pthread_mutex_lock(&list_lock);
	if (!started) {
		started = true;
		start();
	}
	w->next = list;
	w->link = &list;
	if (list != NULL)
		list->link = &w->next;
	list = w;
	pthread_mutex_unlock(&list_lock);
}

void
watch_remove(struct watch *w)
{
	pthread_mutex_lock(&list_lock);
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	pthread_mutex_unlock(&list_lock);
}

void
watch_begin(struct watch *w, int64_t wall_deadline, int64_t cpu_limit)
{
	clockid_t clock = CLOCK_THREAD_CPUTIME_ID;

	pthread_getcpuclockid(pthread_self(), &clock);
	atomic_store_explicit(&w->clock, clock, memory_order_relaxed);
	atomic_store_explicit(
	    &w->wall_deadline, wall_deadline, memory_order_relaxed);
	atomic_store_explicit(&w->cpu_limit, cpu_limit, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->stretch, 1, memory_order_release);
}

void
watch_end(struct watch *w)
{
	atomic_fetch_add_explicit(&w->stretch, 1, memory_order_release);
	if (atomic_load_explicit(&w->stuck, memory_order_relaxed))
		atomic_store(&w->stuck, false);
}
