#include "count_series.h"

#include "clock.h"
#include "lru.h"
#include "windows.h"
#include "xmalloc.h"

#include <pthread.h>
#include <string.h>

struct count_series {
	pthread_mutex_t lock;
	int buckets;
	int64_t seconds;
	int64_t w[WINDOWS_LEN(COUNT_SERIES_BUCKETS_MAX)];
};

static struct {
	pthread_mutex_t lock;
	struct lru names; /* name -> struct count_series * */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The lock is held for both. */
static int64_t
window_of(const struct count_series *s, int64_t now)
{
	return now / (s->seconds * CLOCK_S);
}

static int64_t
at_hand(const struct count_series *s, int64_t now)
{
	return windows_sum(s->w, s->buckets, window_of(s, now), 0, 0);
}

static void
reset(struct count_series *s, int buckets, int64_t seconds, int64_t initial,
    int64_t now)
{
	pthread_mutex_lock(&s->lock);
	if (s->buckets != buckets || s->seconds != seconds) {
		s->buckets = buckets;
		s->seconds = seconds;
		memset(s->w, 0, sizeof s->w);
		windows_add(s->w, buckets, window_of(s, now), initial);
	}
	pthread_mutex_unlock(&s->lock);
}

struct count_series *
count_series_define(const char *name, size_t len, int buckets, int64_t seconds,
    int64_t initial, int64_t now, struct err *err)
{
	struct count_series **slot, *s;

	must(len <= COUNT_SERIES_NAME_MAX && buckets > 0 && seconds > 0);
	must(buckets <= COUNT_SERIES_BUCKETS_MAX && seconds <= INT32_MAX);
	pthread_mutex_lock(&all.lock);
	if (all.names.bucket == NULL)
		lru_init(&all.names, sizeof(struct count_series *), SIZE_MAX,
		    SIZE_MAX, NULL);
	slot = lru_get(&all.names, name, len);
	if (slot == NULL && all.names.n < COUNT_SERIES_MAX) {
		slot = lru_put(&all.names, name, len);
		*slot = xcalloc(1, sizeof **slot);
		pthread_mutex_init(&(*slot)->lock, NULL);
	}
	s = slot != NULL ? *slot : NULL;
	pthread_mutex_unlock(&all.lock);
	if (s == NULL)
		err_set(err, "there are %d series already", COUNT_SERIES_MAX);
	else
		reset(s, buckets, seconds, initial, now);
	return s;
}

void
count_series_add(struct count_series *s, int64_t delta, int64_t now)
{
	int64_t have;

	pthread_mutex_lock(&s->lock);
	have = at_hand(s, now);
	windows_add(
	    s->w, s->buckets, window_of(s, now), delta < -have ? -have : delta);
	pthread_mutex_unlock(&s->lock);
}

void
count_series_set(struct count_series *s, int64_t value, int64_t now)
{
	pthread_mutex_lock(&s->lock);
	windows_add(
	    s->w, s->buckets, window_of(s, now), value - at_hand(s, now));
	pthread_mutex_unlock(&s->lock);
}

int64_t
count_series_sum(struct count_series *s, int64_t ns, int64_t now)
{
	int64_t size, n, sum;

	pthread_mutex_lock(&s->lock);
	size = s->seconds * CLOCK_S;
	n = ns / size + (ns % size != 0);
	sum = n > 0 ? windows_sum(s->w, s->buckets, window_of(s, now), 0, n - 1)
		    : 0;
	pthread_mutex_unlock(&s->lock);
	return sum;
}
