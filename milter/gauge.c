#include "gauge.h"

#include "lru.h"
#include "metric.h"
#include "xmalloc.h"

#include <pthread.h>
#include <string.h>

struct number {
	int64_t value, changed;
};

struct gauge {
	pthread_mutex_t lock;
	char *name;
	int64_t ttl;
	struct lru numbers; /* the oldest is the first to be forgotten */
};

static struct {
	pthread_mutex_t lock;
	struct gauge *gauge[GAUGE_MAX];
	size_t n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct gauge *
find(const char *name)
{
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.gauge[i]->name, name) == 0)
			return all.gauge[i];
	return NULL;
}

struct gauge *
gauge_find(const char *name)
{
	struct gauge *g;

	pthread_mutex_lock(&all.lock);
	g = find(name);
	pthread_mutex_unlock(&all.lock);
	return g;
}

static void
add_new(const char *name, size_t max, int64_t ttl)
{
	struct gauge *g = xcalloc(1, sizeof *g);

	pthread_mutex_init(&g->lock, NULL);
	g->name = xstrdup(name);
	g->ttl = ttl;
	lru_init(&g->numbers, sizeof(struct number), max, GAUGE_BYTES, NULL);
	all.gauge[all.n++] = g;
}

static void
change_limits(struct gauge *g, size_t max, int64_t ttl)
{
	pthread_mutex_lock(&g->lock);
	g->ttl = ttl;
	g->numbers.max = max;
	while (g->numbers.n > max)
		lru_remove(&g->numbers, lru_oldest(&g->numbers));
	pthread_mutex_unlock(&g->lock);
}

int
gauge_define(const char *name, int64_t max, int64_t ttl_ns, struct err *err)
{
	struct gauge *g;
	int rc = 0;

	if (strlen(name) > GAUGE_NAME_MAX)
		return err_set(
		    err, "a name of more than %d bytes", GAUGE_NAME_MAX);
	if (max < 1)
		return err_set(err, "a cache holds at least 1 element");
	if (ttl_ns < 0)
		return err_set(err, "the time to live is 0 or above");
	if (ttl_ns == 0)
		ttl_ns = INT64_MAX;
	pthread_mutex_lock(&all.lock);
	g = find(name);
	if (g != NULL)
		change_limits(g, (size_t)max, ttl_ns);
	else if (all.n < GAUGE_MAX)
		add_new(name, (size_t)max, ttl_ns);
	else
		rc = err_set(err, "there are %d caches already", GAUGE_MAX);
	pthread_mutex_unlock(&all.lock);
	return rc;
}

/* What nobody changed for so long is over. */
static void
forget(struct gauge *g, int64_t now)
{
	struct number *oldest;

	while ((oldest = lru_oldest(&g->numbers)) != NULL &&
	       now - oldest->changed >= g->ttl)
		lru_remove(&g->numbers, oldest);
}

int64_t
gauge_get(struct gauge *g, const char *key, size_t len, int64_t now)
{
	const struct number *n;
	int64_t value = 0;

	pthread_mutex_lock(&g->lock);
	n = lru_get(&g->numbers, key, len);
	if (n != NULL && now - n->changed < g->ttl)
		value = n->value;
	pthread_mutex_unlock(&g->lock);
	return value;
}

int64_t
gauge_add(
    struct gauge *g, const char *key, size_t len, int64_t delta, int64_t now)
{
	struct number *n;
	unsigned long before;
	int64_t value;

	must(len <= GAUGE_KEY_MAX);
	pthread_mutex_lock(&g->lock);
	forget(g, now);
	before = g->numbers.evicted;
	n = lru_put(&g->numbers, key, len);
	metric_add(METRIC_KEYS_DROPPED, (long)(g->numbers.evicted - before));
	if (__builtin_add_overflow(n->value, delta, &n->value))
		n->value = delta > 0 ? INT64_MAX : INT64_MIN;
	n->changed = now;
	value = n->value;
	pthread_mutex_unlock(&g->lock);
	return value;
}

bool
gauge_remove(struct gauge *g, const char *key, size_t len)
{
	void *n;

	pthread_mutex_lock(&g->lock);
	n = lru_get(&g->numbers, key, len);
	if (n != NULL)
		lru_remove(&g->numbers, n);
	pthread_mutex_unlock(&g->lock);
	return n != NULL;
}
