#include "series.h"

#include "clock.h"
#include "ip_count.h"
#include "lru.h"
#include "metric.h"
#include "windows.h"
#include "xmalloc.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct series {
	pthread_mutex_t lock;
	char *name;
	enum series_kind kind;
	int64_t interval; /* seconds */
	int windows;      /* as defined; one more is kept */
	struct ip_count ips;
	struct lru strings; /* key -> WINDOWS_LEN(windows + 1) numbers */
};

static struct {
	pthread_mutex_t lock;
	struct series *series[SERIES_MAX];
	size_t n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The current window and all before it that were asked for. */
static int
kept(const struct series *s)
{
	return s->windows + 1;
}

static void
begin_counts(struct series *s)
{
	if (s->kind == SERIES_STRING)
		lru_init(&s->strings, WINDOWS_LEN(kept(s)) * sizeof(int64_t),
		    SIZE_MAX, SERIES_BYTES, NULL);
	else
		ip_count_init(
		    &s->ips, kept(s), ip_count_fits(kept(s), SERIES_BYTES));
}

static void
end_counts(struct series *s)
{
	if (s->kind == SERIES_STRING)
		lru_fini(&s->strings);
	else
		ip_count_fini(&s->ips);
}

static struct series *
find(const char *name)
{
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.series[i]->name, name) == 0)
			return all.series[i];
	return NULL;
}

struct series *
series_find(const char *name)
{
	struct series *s;

	pthread_mutex_lock(&all.lock);
	s = find(name);
	pthread_mutex_unlock(&all.lock);
	return s;
}

enum series_kind
series_kind(struct series *s)
{
	enum series_kind kind;

	pthread_mutex_lock(&s->lock);
	kind = s->kind;
	pthread_mutex_unlock(&s->lock);
	return kind;
}

static int
redefine(struct series *s, enum series_kind kind, int64_t interval, int windows)
{
	int changed;

	pthread_mutex_lock(&s->lock);
	changed =
	    s->kind != kind || s->interval != interval || s->windows != windows;
	if (changed) {
		end_counts(s);
		s->kind = kind;
		s->interval = interval;
		s->windows = windows;
		begin_counts(s);
	}
	pthread_mutex_unlock(&s->lock);
	return changed;
}

static void
add_new(const char *name, enum series_kind kind, int64_t interval, int windows)
{
	struct series *s = xcalloc(1, sizeof *s);

	pthread_mutex_init(&s->lock, NULL);
	s->name = xstrdup(name);
	s->kind = kind;
	s->interval = interval;
	s->windows = windows;
	begin_counts(s);
	all.series[all.n++] = s;
}

int
series_define(const char *name, enum series_kind kind, int64_t interval,
    int64_t windows, struct err *err)
{
	struct series *s;
	int rc = 1;

	if (strlen(name) > SERIES_NAME_MAX)
		return err_set(
		    err, "a name of more than %d bytes", SERIES_NAME_MAX);
	if (interval < 1 || interval > INT32_MAX)
		return err_set(err, "the interval is at least 1 second");
	if (windows < 1 || windows > SERIES_WINDOWS_MAX)
		return err_set(err, "the number of windows is from 1 to %d",
		    SERIES_WINDOWS_MAX);
	pthread_mutex_lock(&all.lock);
	s = find(name);
	if (s != NULL)
		rc = redefine(s, kind, interval, (int)windows);
	else if (all.n < SERIES_MAX)
		add_new(name, kind, interval, (int)windows);
	else
		rc = err_set(err, "there are %d series already", SERIES_MAX);
	pthread_mutex_unlock(&all.lock);
	return rc;
}

static int64_t
window_of(const struct series *s, int64_t now)
{
	return now / (s->interval * CLOCK_S);
}

static bool
is_counted(const struct series *s, const struct cidr *net)
{
	return net->ip.family ==
	       (s->kind == SERIES_CIDR_IPV6 ? AF_INET6 : AF_INET);
}

void
series_add(
    struct series *s, const struct series_key *key, int64_t delta, int64_t now)
{
	unsigned long before;

	pthread_mutex_lock(&s->lock);
	before = s->strings.evicted + s->ips.evicted;
	if (s->kind == SERIES_STRING) {
		must(key->len <= SERIES_KEY_MAX);
		windows_add(lru_put(&s->strings, key->text, key->len), kept(s),
		    window_of(s, now), delta);
	} else if (is_counted(s, &key->net)) {
		ip_count_add(&s->ips, &key->net.ip, window_of(s, now), delta);
	}
	metric_add(METRIC_KEYS_DROPPED,
	    (long)(s->strings.evicted + s->ips.evicted - before));
	pthread_mutex_unlock(&s->lock);
}

int64_t
series_count(struct series *s, const struct series_key *key, int64_t first,
    int64_t last, int64_t now)
{
	int64_t sum = 0, *w;

	pthread_mutex_lock(&s->lock);
	if (s->kind == SERIES_STRING) {
		w = lru_get(&s->strings, key->text, key->len);
		if (w != NULL)
			sum = windows_sum(
			    w, kept(s), window_of(s, now), first, last);
	} else if (is_counted(s, &key->net)) {
		sum = ip_count_sum(
		    &s->ips, &key->net, window_of(s, now), first, last);
	}
	pthread_mutex_unlock(&s->lock);
	return sum;
}

bool
series_remove(struct series *s, const struct series_key *key)
{
	bool there = false;
	void *w;

	pthread_mutex_lock(&s->lock);
	if (s->kind == SERIES_STRING) {
		w = lru_get(&s->strings, key->text, key->len);
		there = w != NULL;
		if (there)
			lru_remove(&s->strings, w);
	} else if (is_counted(s, &key->net)) {
		there = ip_count_remove(&s->ips, &key->net.ip);
	}
	pthread_mutex_unlock(&s->lock);
	return there;
}
