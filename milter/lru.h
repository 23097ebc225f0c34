/*
 * lru.h - values by key, the least recently touched ones forgotten when full
 *
 * What several rooms of the process keep for policies: any bytes as a key, a
 * value of fixed size beside it.  A table has a limit on its entries and on
 * the bytes of keys and values together; a new entry pushes out the oldest.
 * Keys may come from clients: the hash is keyed with a secret of the process.
 *
 * Not locked: the owner's lock is held for every call.  A value stays where it
 * is until it is removed or pushed out; drop, where given, is told then.
 */
#ifndef KUMILTER_LRU_H
#define KUMILTER_LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lru_node;

struct lru {
	size_t value_size, max, max_bytes;
	void (*drop)(void *value);

	struct lru_node **bucket, *newest, *oldest;
	size_t n, n_buckets, bytes;
	unsigned long evicted; /* entries pushed out since the beginning */
};

void lru_init(struct lru *l, size_t value_size, size_t max, size_t max_bytes,
    void (*drop)(void *value));
void lru_fini(struct lru *l);

void *lru_get(const struct lru *l, const void *key, size_t len); /* or NULL */
/*
 * The value of key, all zero if it is new; it is the newest now.  Never NULL:
 * even the largest key gets a place.
 */
void *lru_put(struct lru *l, const void *key, size_t len);
void lru_touch(struct lru *l, void *value);
void lru_remove(struct lru *l, void *value);
void *lru_oldest(const struct lru *l); /* or NULL */
const void *lru_key(const struct lru *l, const void *value, size_t *len);

/* SipHash-2-4 with the process's secret: for other tables of foreign keys. */
uint64_t lru_hash(const void *key, size_t len);

#endif
