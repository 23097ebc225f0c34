#include "counter.h"

#include "err.h"
#include "lru.h"
#include "metric.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct counter {
	_Atomic int64_t value;
	atomic_long refs; /* the index's is one of them */
};

/* path -> struct counter *; made with the first counter */
static struct {
	pthread_mutex_t lock;
	struct lru paths;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
drop(void *value)
{
	counter_unref(*(struct counter **)value);
}

struct counter *
counter_open(const char *path, size_t len)
{
	struct counter **place, *c;
	unsigned long before;

	must(len <= COUNTER_PATH_MAX);
	pthread_mutex_lock(&all.lock);
	if (all.paths.bucket == NULL)
		lru_init(&all.paths, sizeof(struct counter *), COUNTER_MAX,
		    SIZE_MAX, drop);
	before = all.paths.evicted;
	place = lru_put(&all.paths, path, len);
	metric_add(METRIC_KEYS_DROPPED, (long)(all.paths.evicted - before));
	if (*place == NULL) {
		*place = xcalloc(1, sizeof **place);
		atomic_init(&(*place)->refs, 1);
	}
	c = *place;
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&all.lock);
	return c;
}

void
counter_unref(struct counter *c)
{
	if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}

int64_t
counter_add(struct counter *c, int64_t delta)
{
	int64_t old = atomic_load_explicit(&c->value, memory_order_relaxed);
	int64_t new;

	do {
		if (__builtin_add_overflow(old, delta, &new))
			new = delta > 0 ? INT64_MAX : INT64_MIN;
	} while (!atomic_compare_exchange_weak_explicit(
	    &c->value, &old, new, memory_order_relaxed, memory_order_relaxed));
	return new;
}

int64_t
counter_read(const struct counter *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

void
counter_reset(struct counter *c)
{
	atomic_store_explicit(&c->value, 0, memory_order_relaxed);
}

bool
counter_unlink(const char *path, size_t len)
{
	void *place = NULL;

	pthread_mutex_lock(&all.lock);
	if (all.paths.bucket != NULL)
		place = lru_get(&all.paths, path, len);
	if (place != NULL)
		lru_remove(&all.paths, place);
	pthread_mutex_unlock(&all.lock);
	return place != NULL;
}
