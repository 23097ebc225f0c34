#include "map_shared.h"

#include "lru.h"
#include "str.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map_shared *bucket[BUCKETS];
static size_t n_maps;

void
map_digest_add(struct map_digest *d, const char *key, size_t key_len,
    const char *value, size_t len)
{
	struct str entry = { 0 };

	str_add(&entry, &key_len, sizeof key_len);
	str_add(&entry, key, key_len);
	str_add(&entry, value, len);
	d->a += lru_hash(str_c(&entry), entry.len);
	str_addc(&entry, 'b');
	d->b += lru_hash(str_c(&entry), entry.len);
	d->n++;
	str_fini(&entry);
}

/* With the lock. */
static struct map_shared *
find(const struct map_digest *d)
{
	struct map_shared *m = bucket[d->a % BUCKETS];

	while (m != NULL && (m->digest.kind != d->kind || m->digest.a != d->a ||
				m->digest.b != d->b || m->digest.n != d->n))
		m = m->next;
	return m;
}

struct map_shared *
map_shared_get(const struct map_digest *digest)
{
	struct map_shared *m;

	pthread_mutex_lock(&lock);
	m = find(digest);
	if (m != NULL)
		m->refs++;
	pthread_mutex_unlock(&lock);
	return m;
}

struct map_shared *
map_shared_put(
    const struct map_digest *digest, void *map, void (*free_map)(void *map))
{
	struct map_shared *m;

	pthread_mutex_lock(&lock);
	m = find(digest);
	if (m == NULL) {
		m = xcalloc(1, sizeof *m);
		m->map = map;
		m->free = free_map;
		m->digest = *digest;
		m->next = bucket[digest->a % BUCKETS];
		bucket[digest->a % BUCKETS] = m;
		n_maps++;
	}
	m->refs++;
	pthread_mutex_unlock(&lock);
	if (m->map != map)
		free_map(map);
	return m;
}

struct map_shared *
map_shared_ref(struct map_shared *m)
{
	if (m == NULL)
		return NULL;
	pthread_mutex_lock(&lock);
	m->refs++;
	pthread_mutex_unlock(&lock);
	return m;
}

void
map_shared_unref(struct map_shared *m)
{
	struct map_shared **at;
	size_t refs;

	if (m == NULL)
		return;
	pthread_mutex_lock(&lock);
	refs = --m->refs;
	if (refs == 0) {
		at = &bucket[m->digest.a % BUCKETS];
		while (*at != m)
			at = &(*at)->next;
		*at = m->next;
		n_maps--;
	}
	pthread_mutex_unlock(&lock);
	if (refs > 0)
		return;
	m->free(m->map);
	free(m);
}

size_t
map_shared_count(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = n_maps;
	pthread_mutex_unlock(&lock);
	return n;
}
