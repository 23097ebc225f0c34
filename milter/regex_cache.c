#include "regex_cache.h"

#include "xmalloc.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct regex *re; /* NULL: free */
	char *pattern;
	size_t len, size;
	unsigned flags;
	uint32_t hash;
	uint64_t used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry entries[REGEX_CACHE_MAX];
static uint64_t now;
static size_t n_entries, n_bytes;

/* FNV-1a */
static uint32_t
hash_of(const char *p, size_t len, unsigned flags)
{
	uint32_t h = 2166136261u ^ flags;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

/* With the lock. */
static struct entry *
find(const char *pattern, size_t len, unsigned flags, uint32_t hash)
{
	for (size_t i = 0; i < REGEX_CACHE_MAX; i++) {
		struct entry *e = &entries[i];

		if (e->re != NULL && e->hash == hash && e->len == len &&
		    e->flags == flags && memcmp(e->pattern, pattern, len) == 0)
			return e;
	}
	return NULL;
}

static void
drop(struct entry *e)
{
	n_bytes -= e->size;
	n_entries--;
	regex_free(e->re);
	free(e->pattern);
	memset(e, 0, sizeof *e);
}

/* The entry that is free, or else was used longest ago. */
static struct entry *
oldest(bool in_use)
{
	struct entry *best = NULL;

	for (size_t i = 0; i < REGEX_CACHE_MAX; i++) {
		struct entry *e = &entries[i];

		if (in_use && e->re == NULL)
			continue;
		if (best == NULL || e->used < best->used)
			best = e;
	}
	return best;
}

static void
keep(struct regex *re, const char *pattern, size_t len, unsigned flags,
    uint32_t hash)
{
	size_t size = regex_size(re) + len;
	struct entry *e;

	if (size > REGEX_CACHE_BYTES / 4)
		return;
	while (n_bytes + size > REGEX_CACHE_BYTES)
		drop(oldest(true));
	e = oldest(false);
	if (e->re != NULL)
		drop(e);
	*e = (struct entry){ regex_ref(re), xmemdup0(pattern, len), len, size,
		flags, hash, ++now };
	n_bytes += size;
	n_entries++;
}

struct regex *
regex_cached(const char *pattern, size_t len, unsigned flags, int *number,
    struct err *err)
{
	uint32_t hash = hash_of(pattern, len, flags);
	struct regex *re = NULL;
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = find(pattern, len, flags, hash);
	if (e != NULL) {
		e->used = ++now;
		re = regex_ref(e->re);
	}
	pthread_mutex_unlock(&lock);
	if (re != NULL)
		return re;
	re = regex_new(pattern, len, flags, number, err);
	if (re == NULL)
		return NULL;
	pthread_mutex_lock(&lock);
	if (find(pattern, len, flags, hash) == NULL) /* or another was faster */
		keep(re, pattern, len, flags, hash);
	pthread_mutex_unlock(&lock);
	return re;
}

size_t
regex_cache_count(size_t *bytes)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = n_entries;
	*bytes = n_bytes;
	pthread_mutex_unlock(&lock);
	return n;
}
