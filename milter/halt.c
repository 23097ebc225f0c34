#include "halt.h"

#include "clock.h"

#include <stddef.h>

static _Thread_local struct halt *mine;

void
halt_init(struct halt *h)
{
	pthread_condattr_t attr;

	*h = (struct halt){ .wake = NULL };
	atomic_init(&h->asked, false);
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->told, &attr);
	pthread_condattr_destroy(&attr);
}

void
halt_fini(struct halt *h)
{
	pthread_cond_destroy(&h->told);
	pthread_mutex_destroy(&h->lock);
}

void
halt_take(struct halt *h)
{
	mine = h;
}

void
halt_ask(struct halt *h)
{
	pthread_mutex_lock(&h->lock);
	atomic_store(&h->asked, true);
	pthread_cond_broadcast(&h->told);
	if (h->wake != NULL)
		h->wake(h->arg);
	pthread_mutex_unlock(&h->lock);
}

bool
halt_asked(void)
{
	return mine != NULL && atomic_load(&mine->asked);
}

int64_t
halt_patience(int64_t deadline)
{
	return mine != NULL ? HALT_NEVER : deadline;
}

void
halt_nap(int64_t begin, int64_t end)
{
	struct timespec until = clock_timespec(end);

	if (mine == NULL) {
		clock_nap(begin, end);
		return;
	}
	pthread_mutex_lock(&mine->lock);
	while (!atomic_load(&mine->asked) && clock_mono() < end)
		pthread_cond_timedwait(&mine->told, &mine->lock, &until);
	pthread_mutex_unlock(&mine->lock);
}

static void
watch(void (*wake)(void *arg), void *arg)
{
	if (mine == NULL)
		return;
	pthread_mutex_lock(&mine->lock);
	mine->wake = wake;
	mine->arg = arg;
	pthread_mutex_unlock(&mine->lock);
}

void
halt_watch(void (*wake)(void *arg), void *arg)
{
	watch(wake, arg);
}

void
halt_unwatch(void)
{
	watch(NULL, NULL);
}
