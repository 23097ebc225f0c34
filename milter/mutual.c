#include "mutual.h"

#include "clock.h"
#include "err.h"
#include "halt.h"
#include "lru.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>

struct mutual {
	pthread_mutex_t lock; /* for owner */
	pthread_cond_t free;
	const void *owner;    /* the list that it is in, or NULL */
	long refs;            /* under all.lock */
	struct mutual **slot; /* in all.names, or NULL */
};

struct mutual_held {
	struct mutual_held *next;
	struct mutual *m; /* with a reference */
	int depth;
};

static struct {
	pthread_mutex_t lock;
	struct lru names; /* name -> struct mutual * */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct mutual *
mutual_new(void)
{
	struct mutual *m = xcalloc(1, sizeof *m);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->free, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&m->lock, NULL);
	m->refs = 1;
	return m;
}

struct mutual *
mutual_named(const char *name, size_t len)
{
	struct mutual **slot, *m;

	must(len <= MUTUAL_NAME_MAX);
	pthread_mutex_lock(&all.lock);
	if (all.names.bucket == NULL)
		lru_init(&all.names, sizeof(struct mutual *), SIZE_MAX,
		    SIZE_MAX, NULL);
	slot = lru_put(&all.names, name, len);
	if (*slot == NULL) {
		*slot = mutual_new();
		(*slot)->slot = slot;
	} else {
		(*slot)->refs++;
	}
	m = *slot;
	pthread_mutex_unlock(&all.lock);
	return m;
}

struct mutual *
mutual_ref(struct mutual *m)
{
	pthread_mutex_lock(&all.lock);
	m->refs++;
	pthread_mutex_unlock(&all.lock);
	return m;
}

void
mutual_unref(struct mutual *m)
{
	bool last;

	if (m == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	last = --m->refs == 0;
	if (last && m->slot != NULL)
		lru_remove(&all.names, m->slot);
	pthread_mutex_unlock(&all.lock);
	if (!last)
		return;
	pthread_cond_destroy(&m->free);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct mutual_held **
find(struct mutual_held **held, const struct mutual *m, int *n)
{
	struct mutual_held **h = held;

	for (*n = 0; *h != NULL && (*h)->m != m; h = &(*h)->next)
		++*n;
	return h;
}

static void
wake(void *arg)
{
	struct mutual *m = arg;

	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->free);
	pthread_mutex_unlock(&m->lock);
}

/* false: it was not free in time. */
static bool
wait_for(struct mutual *m, const void *owner, int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);
	bool got;

	halt_watch(wake, m);
	pthread_mutex_lock(&m->lock);
	while (m->owner != NULL && clock_mono() < deadline && !halt_asked())
		pthread_cond_timedwait(&m->free, &m->lock, &until);
	got = m->owner == NULL;
	if (got)
		m->owner = owner;
	pthread_mutex_unlock(&m->lock);
	halt_unwatch();
	return got;
}

enum mutual_result
mutual_lock(struct mutual *m, struct mutual_held **held, bool recursive,
    int64_t deadline)
{
	struct mutual_held **h, *new;
	int n;

	h = find(held, m, &n);
	if (*h != NULL) {
		if (!recursive)
			return MUTUAL_MINE;
		(*h)->depth++;
		return MUTUAL_OK;
	}
	if (n >= MUTUAL_HELD_MAX)
		return MUTUAL_TOO_MANY;
	if (!wait_for(m, held, deadline))
		return MUTUAL_BUSY;
	new = xmalloc(sizeof *new);
	*new = (struct mutual_held){
		.next = *held, .m = mutual_ref(m), .depth = 1
	};
	*held = new;
	return MUTUAL_OK;
}

static void
give_back(struct mutual_held **h)
{
	struct mutual_held *one = *h;

	*h = one->next;
	pthread_mutex_lock(&one->m->lock);
	one->m->owner = NULL;
	pthread_cond_signal(&one->m->free);
	pthread_mutex_unlock(&one->m->lock);
	mutual_unref(one->m);
	free(one);
}

bool
mutual_unlock(struct mutual *m, struct mutual_held **held)
{
	int n;
	struct mutual_held **h = find(held, m, &n);

	if (*h == NULL)
		return false;
	if (--(*h)->depth == 0)
		give_back(h);
	return true;
}

int
mutual_release(struct mutual_held **held)
{
	int n = 0;

	for (; *held != NULL; n++)
		give_back(held);
	return n;
}
