#include "share.h"

#include "lru.h"
#include "metric.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>

static struct {
	pthread_mutex_t lock;
	struct lru values;
	size_t text_bytes;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
drop_text(struct share_value *v)
{
	all.text_bytes -= v->len;
	free(v->text);
	*v = (struct share_value){ 0 };
}

static void
drop(void *value)
{
	drop_text(value);
}

bool
share_set(const char *key, size_t len, const struct share_value *value)
{
	struct share_value *v;
	unsigned long before;

	if (len > SHARE_KEY_MAX || value->len > SHARE_VALUE_MAX)
		return false;
	pthread_mutex_lock(&all.lock);
	if (all.values.bucket == NULL)
		lru_init(&all.values, sizeof(struct share_value), SHARE_MAX,
		    SHARE_BYTES, drop);
	before = all.values.evicted;
	v = lru_put(&all.values, key, len);
	drop_text(v);
	*v = *value;
	if (value->kind == SHARE_STRING)
		v->text = xmemdup0(value->text, value->len);
	all.text_bytes += v->len;
	while (all.values.bytes + all.text_bytes > SHARE_BYTES &&
	       lru_oldest(&all.values) != v) {
		lru_remove(&all.values, lru_oldest(&all.values));
		all.values.evicted++;
	}
	metric_add(METRIC_KEYS_DROPPED, (long)(all.values.evicted - before));
	pthread_mutex_unlock(&all.lock);
	return true;
}

struct share_value
share_get(const char *key, size_t len)
{
	struct share_value copy = { 0 };
	const struct share_value *v = NULL;

	pthread_mutex_lock(&all.lock);
	if (all.values.bucket != NULL)
		v = lru_get(&all.values, key, len);
	if (v != NULL) {
		copy = *v;
		if (v->kind == SHARE_STRING)
			copy.text = xmemdup0(v->text, v->len);
	}
	pthread_mutex_unlock(&all.lock);
	return copy;
}

void
share_unset(const char *key, size_t len)
{
	void *v = NULL;

	pthread_mutex_lock(&all.lock);
	if (all.values.bucket != NULL)
		v = lru_get(&all.values, key, len);
	if (v != NULL)
		lru_remove(&all.values, v);
	pthread_mutex_unlock(&all.lock);
}
