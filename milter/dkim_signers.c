#include "dkim_signers.h"

#include "lru.h"

#include <pthread.h>

#define BYTES ((size_t)1 << 20) /* of keys and entries */

struct entry {
	struct dkim_signer *signer;
	int64_t until;    /* on clock_mono(): it is right */
	int64_t renewing; /* somebody makes it anew, until then */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lru table;
static bool made;

static void
drop(void *value)
{
	dkim_signer_unref(((struct entry *)value)->signer);
}

/* Locked. */
static struct lru *
all(void)
{
	if (!made)
		lru_init(&table, sizeof(struct entry), DKIM_SIGNERS_MAX, BYTES,
		    drop);
	made = true;
	return &table;
}

struct dkim_signer *
dkim_signers_find(const void *key, size_t len, int64_t now)
{
	struct dkim_signer *s = NULL;
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = lru_get(all(), key, len);
	if (e != NULL && (now < e->until || now < e->renewing)) {
		lru_touch(&table, e);
		s = dkim_signer_ref(e->signer);
	} else if (e != NULL) {
		e->renewing = now + DKIM_SIGNERS_GRACE;
	}
	pthread_mutex_unlock(&lock);
	return s;
}

void
dkim_signers_put(const void *key, size_t len, struct dkim_signer *s,
    int64_t ttl, int64_t now)
{
	struct dkim_signer *old;
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = lru_put(all(), key, len);
	old = e->signer;
	*e = (struct entry){ .signer = dkim_signer_ref(s) };
	if (__builtin_add_overflow(now, ttl, &e->until))
		e->until = INT64_MAX;
	pthread_mutex_unlock(&lock);
	dkim_signer_unref(old);
}

void
dkim_signers_forget(const void *key, size_t len)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = lru_get(all(), key, len);
	if (e != NULL)
		lru_remove(&table, e);
	pthread_mutex_unlock(&lock);
}
