#include "memo.h"

#include "clock.h"
#include "halt.h"
#include "lru.h"
#include "metric.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct memo_value {
	atomic_long refs;
	struct memo_result r;
};

struct kept {
	struct memo_value *value;
	int64_t until;
	struct memo *m;
};

struct memo {
	char *name;
	struct memo *next;    /* under all.lock, as they were defined */
	pthread_mutex_t lock; /* for all below, and its flights */
	struct memo_options o;
	size_t cost;
	struct lru values;  /* key -> struct kept */
	struct lru flights; /* key -> struct memo_flight * */
	unsigned long hits, misses, waits, failures;
};

struct memo_flight {
	struct memo_flight *next; /* in the list of a run, by its thread */
	struct memo *m;
	struct memo_flight **slot; /* in m->flights, or NULL */
	const void *list;          /* whose it is */
	pthread_cond_t over_now;
	long refs;
	bool over;
	struct memo_value *value;
	char *why;
};

static struct {
	pthread_mutex_t lock;
	struct lru names; /* name -> struct memo * */
	struct memo *first, **last;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- values ------------------------------------------------------------- */

static struct memo_value *
value_ref(struct memo_value *v)
{
	atomic_fetch_add(&v->refs, 1);
	return v;
}

void
memo_value_unref(struct memo_value *v)
{
	if (v == NULL || atomic_fetch_sub(&v->refs, 1) != 1)
		return;
	json_decref(v->r.json);
	if (v->r.objects != NULL)
		v->r.free_objects(v->r.objects);
	free(v);
}

const json_t *
memo_json(const struct memo_value *v)
{
	return v->r.json;
}

const void *
memo_objects(const struct memo_value *v)
{
	return v->r.objects;
}

static void
drop(void *kept)
{
	struct kept *k = kept;

	if (k->value == NULL)
		return;
	k->m->cost -= k->value->r.cost;
	memo_value_unref(k->value);
}

static void
keep(struct memo *m, const char *key, size_t len, struct memo_value *v,
    int64_t now)
{
	unsigned long before = m->values.evicted;
	struct kept *k;

	if (m->o.capacity == 0)
		return;
	k = lru_put(&m->values, key, len);
	drop(k);
	*k = (struct kept){ .value = value_ref(v), .m = m };
	if (__builtin_add_overflow(now, m->o.ttl, &k->until))
		k->until = INT64_MAX;
	m->cost += v->r.cost;
	while (m->values.bytes + m->cost > MEMO_BYTES &&
	       lru_oldest(&m->values) != k) {
		lru_remove(&m->values, lru_oldest(&m->values));
		m->values.evicted++;
	}
	metric_add(METRIC_KEYS_DROPPED, (long)(m->values.evicted - before));
}

/* ---- caches ------------------------------------------------------------- */

static bool
same_options(const struct memo_options *a, const struct memo_options *b)
{
	return a->ttl == b->ttl && a->capacity == b->capacity &&
	       a->populate_timeout == b->populate_timeout &&
	       a->with_epoch == b->with_epoch && a->retry == b->retry &&
	       a->stale == b->stale;
}

static void
begin(struct memo *m, const struct memo_options *o)
{
	m->o = *o;
	lru_init(&m->values, sizeof(struct kept),
	    o->capacity != 0 ? o->capacity : 1, MEMO_BYTES, drop);
	lru_init(&m->flights, sizeof(struct memo_flight *), SIZE_MAX, SIZE_MAX,
	    NULL);
}

/* Flights go on, but what they bring is for their own passengers. */
static void
redefine(struct memo *m, const struct memo_options *o)
{
	struct memo_flight **slot;

	pthread_mutex_lock(&m->lock);
	if (!same_options(&m->o, o)) {
		while ((slot = lru_oldest(&m->flights)) != NULL) {
			(*slot)->slot = NULL;
			lru_remove(&m->flights, slot);
		}
		lru_fini(&m->flights);
		lru_fini(&m->values);
		begin(m, o);
	}
	pthread_mutex_unlock(&m->lock);
}

/* all.lock is held. */
static struct memo *
memo_new(const char *name, size_t len, const struct memo_options *o)
{
	struct memo *m = xcalloc(1, sizeof *m);

	m->name = xmemdup0(name, len);
	pthread_mutex_init(&m->lock, NULL);
	begin(m, o);
	if (all.last == NULL)
		all.last = &all.first;
	*all.last = m;
	all.last = &m->next;
	return m;
}

struct memo *
memo_define(
    const char *name, size_t len, const struct memo_options *o, struct err *err)
{
	struct memo **slot, *m;

	must(len <= MEMO_NAME_MAX);
	pthread_mutex_lock(&all.lock);
	if (all.names.bucket == NULL)
		lru_init(&all.names, sizeof(struct memo *), SIZE_MAX, SIZE_MAX,
		    NULL);
	slot = lru_get(&all.names, name, len);
	if (slot == NULL && all.names.n < MEMO_MAX) {
		slot = lru_put(&all.names, name, len);
		*slot = memo_new(name, len, o);
	}
	m = slot != NULL ? *slot : NULL;
	pthread_mutex_unlock(&all.lock);
	if (m == NULL)
		err_set(err, "there are %d caches already", MEMO_MAX);
	else
		redefine(m, o);
	return m;
}

struct memo_options
memo_options(struct memo *m)
{
	struct memo_options o;

	pthread_mutex_lock(&m->lock);
	o = m->o;
	pthread_mutex_unlock(&m->lock);
	return o;
}

const char *
memo_name(const struct memo *m)
{
	return m->name;
}

void
memo_each(void (*found)(void *arg, const struct memo_numbers *n), void *arg)
{
	pthread_mutex_lock(&all.lock);
	for (struct memo *m = all.first; m != NULL; m = m->next) {
		struct memo_numbers n = { .name = m->name };

		pthread_mutex_lock(&m->lock);
		n.hits = m->hits;
		n.misses = m->misses;
		n.waits = m->waits;
		n.failures = m->failures;
		n.evicted = m->values.evicted;
		n.entries = m->values.n;
		n.bytes = m->values.bytes + m->cost;
		pthread_mutex_unlock(&m->lock);
		found(arg, &n);
	}
	pthread_mutex_unlock(&all.lock);
}

/* ---- flights ------------------------------------------------------------ */

static void
flight_free(struct memo_flight *f)
{
	memo_value_unref(f->value);
	pthread_cond_destroy(&f->over_now);
	free(f->why);
	free(f);
}

void
memo_flight_unref(struct memo_flight *f)
{
	struct memo *m;
	bool last;

	if (f == NULL)
		return;
	m = f->m;
	pthread_mutex_lock(&m->lock);
	last = --f->refs == 0;
	pthread_mutex_unlock(&m->lock);
	if (last)
		flight_free(f);
}

/* Two references: the list's and the caller's. */
static struct memo_flight *
begin_flight(
    struct memo *m, const char *key, size_t len, struct memo_flight **mine)
{
	struct memo_flight *f = xcalloc(1, sizeof *f);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->over_now, &attr);
	pthread_condattr_destroy(&attr);
	f->m = m;
	f->refs = 2;
	f->list = mine;
	f->slot = lru_put(&m->flights, key, len);
	*f->slot = f;
	f->next = *mine;
	*mine = f;
	return f;
}

/* m->lock is held. */
static enum memo_answer
look(struct memo *m, const char *key, size_t len, struct memo_flight **mine,
    int64_t now, struct memo_value **value, struct memo_flight **flight)
{
	struct kept *k = lru_get(&m->values, key, len);
	struct memo_flight **slot = lru_get(&m->flights, key, len);

	if (k != NULL && (now < k->until || (slot != NULL && m->o.stale))) {
		lru_touch(&m->values, k);
		m->hits++;
		*value = value_ref(k->value);
		return MEMO_VALUE;
	}
	if (slot == NULL) {
		if (k != NULL && !m->o.stale)
			lru_remove(&m->values, k);
		*flight = begin_flight(m, key, len, mine);
		m->misses++;
		return MEMO_CALLER;
	}
	if ((*slot)->list == mine)
		return MEMO_SELF;
	*flight = *slot;
	(*slot)->refs++;
	m->waits++;
	return MEMO_WAIT;
}

enum memo_answer
memo_ask(struct memo *m, const char *key, size_t len, struct memo_flight **mine,
    int64_t now, struct memo_value **value, struct memo_flight **flight)
{
	enum memo_answer a;

	must(len <= MEMO_KEY_MAX);
	pthread_mutex_lock(&m->lock);
	a = look(m, key, len, mine, now, value, flight);
	pthread_mutex_unlock(&m->lock);
	return a;
}

/* Out of the list; false: it was not there any more. */
static bool
unlist(struct memo_flight *f, struct memo_flight **mine)
{
	while (*mine != NULL && *mine != f)
		mine = &(*mine)->next;
	if (*mine == NULL)
		return false;
	*mine = f->next;
	return true;
}

/* With a value that is kept, or a reason. */
static void
end_flight(
    struct memo_flight *f, struct memo_value *v, const char *why, int64_t now)
{
	struct memo *m = f->m;
	const char *key;
	size_t len;

	pthread_mutex_lock(&m->lock);
	if (f->slot != NULL) {
		key = lru_key(&m->flights, f->slot, &len);
		if (v != NULL)
			keep(m, key, len, v, now);
		lru_remove(&m->flights, f->slot);
		f->slot = NULL;
	}
	f->over = true;
	m->failures += v == NULL;
	f->value = v != NULL ? value_ref(v) : NULL;
	f->why = why != NULL ? xstrdup(why) : NULL;
	pthread_cond_broadcast(&f->over_now);
	pthread_mutex_unlock(&m->lock);
	memo_flight_unref(f); /* the list's */
}

struct memo_value *
memo_done(struct memo_flight *f, struct memo_flight **mine,
    const struct memo_result *r, int64_t now)
{
	struct memo_value *v = xcalloc(1, sizeof *v);

	atomic_init(&v->refs, 1);
	v->r = *r;
	v->r.cost += sizeof *v;
	if (unlist(f, mine))
		end_flight(f, v, NULL, now);
	return v;
}

void
memo_fail(struct memo_flight *f, struct memo_flight **mine, const char *why)
{
	if (unlist(f, mine))
		end_flight(f, NULL, why, 0);
}

void
memo_release(struct memo_flight **mine)
{
	while (*mine != NULL)
		memo_fail(*mine, mine, "the handler that called it was ended");
}

static void
wake(void *arg)
{
	struct memo_flight *f = arg;

	pthread_mutex_lock(&f->m->lock);
	pthread_cond_broadcast(&f->over_now);
	pthread_mutex_unlock(&f->m->lock);
}

struct memo_value *
memo_wait(struct memo_flight *f, int64_t deadline, char **why)
{
	struct timespec until = clock_timespec(deadline);
	struct memo_value *v = NULL;

	*why = NULL;
	halt_watch(wake, f);
	pthread_mutex_lock(&f->m->lock);
	while (!f->over && clock_mono() < deadline && !halt_asked())
		pthread_cond_timedwait(&f->over_now, &f->m->lock, &until);
	if (f->over && f->value != NULL)
		v = value_ref(f->value);
	else if (f->over)
		*why = xstrdup(f->why);
	pthread_mutex_unlock(&f->m->lock);
	halt_unwatch();
	return v;
}
