#include "mpsc.h"

#include "clock.h"
#include "halt.h"
#include "lru.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mpsc {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t limit;
	bool closed;
	struct mpsc_value *ring; /* n of cap, from first on */
	size_t first, n, cap, bytes;
};

static struct {
	pthread_mutex_t lock;
	struct lru names; /* name -> struct mpsc * */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
mpsc_value_fini(struct mpsc_value *v)
{
	json_decref(v->json);
	if (v->objects != NULL)
		v->free_objects(v->objects);
	*v = (struct mpsc_value){ .json = NULL };
}

static struct mpsc *
mpsc_new(size_t limit)
{
	struct mpsc *q = xcalloc(1, sizeof *q);
	pthread_condattr_t attr;

	q->limit = limit != 0 ? limit : SIZE_MAX;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

struct mpsc *
mpsc_define(const char *name, size_t len, size_t limit, struct err *err)
{
	struct mpsc **slot, *q = NULL;

	must(len <= MPSC_NAME_MAX);
	pthread_mutex_lock(&all.lock);
	if (all.names.bucket == NULL)
		lru_init(&all.names, sizeof(struct mpsc *), SIZE_MAX, SIZE_MAX,
		    NULL);
	slot = lru_get(&all.names, name, len);
	if (slot == NULL && all.names.n < MPSC_MAX) {
		slot = lru_put(&all.names, name, len);
		*slot = mpsc_new(limit);
	}
	if (slot != NULL)
		q = *slot;
	pthread_mutex_unlock(&all.lock);
	if (q == NULL)
		err_set(err, "there are %d queues already", MPSC_MAX);
	return q;
}

/* ---- in and out; the lock is held --------------------------------------- */

static bool
has_room(const struct mpsc *q, size_t cost)
{
	if (q->n == 0)
		return true;
	return q->n < q->limit && cost <= MPSC_BYTES &&
	       q->bytes <= MPSC_BYTES - cost;
}

static void
grow(struct mpsc *q)
{
	size_t cap = q->cap != 0 ? q->cap * 2 : 16;
	struct mpsc_value *ring = xcalloc(cap, sizeof *ring);

	for (size_t i = 0; i < q->n; i++)
		ring[i] = q->ring[(q->first + i) % q->cap];
	free(q->ring);
	q->ring = ring;
	q->first = 0;
	q->cap = cap;
}

static void
put(struct mpsc *q, const struct mpsc_value *v)
{
	if (q->n == q->cap)
		grow(q);
	q->ring[(q->first + q->n) % q->cap] = *v;
	q->n++;
	q->bytes += v->cost;
	pthread_cond_broadcast(&q->changed);
}

static void
take(struct mpsc *q, struct mpsc_value *v)
{
	*v = q->ring[q->first];
	q->first = (q->first + 1) % q->cap;
	q->n--;
	q->bytes -= v->cost;
	if (q->n == 0) { /* what a burst needed is not kept for ever */
		free(q->ring);
		q->ring = NULL;
		q->first = q->cap = 0;
	}
	pthread_cond_broadcast(&q->changed);
}

/* ---- from outside ------------------------------------------------------- */

enum mpsc_answer
mpsc_put(struct mpsc *q, struct mpsc_value *v)
{
	enum mpsc_answer a = MPSC_OK;

	pthread_mutex_lock(&q->lock);
	if (q->closed)
		a = MPSC_CLOSED;
	else if (!has_room(q, v->cost))
		a = MPSC_FULL;
	else
		put(q, v);
	pthread_mutex_unlock(&q->lock);
	if (a == MPSC_OK)
		*v = (struct mpsc_value){ .json = NULL };
	return a;
}

enum mpsc_answer
mpsc_take(struct mpsc *q, struct mpsc_value *v)
{
	enum mpsc_answer a = MPSC_OK;

	pthread_mutex_lock(&q->lock);
	if (q->n > 0)
		take(q, v);
	else
		a = q->closed ? MPSC_CLOSED : MPSC_EMPTY;
	pthread_mutex_unlock(&q->lock);
	return a;
}

static void
wake(void *arg)
{
	struct mpsc *q = arg;

	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* cost: of a value that wants in; SIZE_MAX: one is to come out. */
static void
wait_for(struct mpsc *q, size_t cost, int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);

	halt_watch(wake, q);
	pthread_mutex_lock(&q->lock);
	while (!q->closed && !halt_asked() && clock_mono() < deadline &&
	       (cost == SIZE_MAX ? q->n == 0 : !has_room(q, cost)))
		pthread_cond_timedwait(&q->changed, &q->lock, &until);
	pthread_mutex_unlock(&q->lock);
	halt_unwatch();
}

void
mpsc_wait_room(struct mpsc *q, size_t cost, int64_t deadline)
{
	wait_for(q, cost < SIZE_MAX ? cost : SIZE_MAX - 1, deadline);
}

void
mpsc_wait_value(struct mpsc *q, int64_t deadline)
{
	wait_for(q, SIZE_MAX, deadline);
}

void
mpsc_close(struct mpsc *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

bool
mpsc_is_closed(struct mpsc *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

size_t
mpsc_len(struct mpsc *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}
