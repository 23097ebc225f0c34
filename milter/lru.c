#include "lru.h"

#include "clock.h"
#include "err.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* In one piece of memory: the node, its value, its key. */
struct lru_node {
	alignas(16) struct lru_node *next; /* of the bucket */
	struct lru_node *newer, *older;
	uint64_t hash;
	size_t len;
};

static struct {
	pthread_once_t once;
	uint64_t key[2];
} secret = { .once = PTHREAD_ONCE_INIT };

static void
make_secret(void)
{
	if (getrandom(secret.key, sizeof secret.key, 0) !=
	    (ssize_t)sizeof secret.key) {
		secret.key[0] = (uint64_t)clock_wall();
		secret.key[1] = (uint64_t)(uintptr_t)&secret;
	}
}

static inline uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

uint64_t
lru_hash(const void *key, size_t len)
{
	uint64_t v[4] = { 0x736f6d6570736575, 0x646f72616e646f6d,
		0x6c7967656e657261, 0x7465646279746573 };
	const uint8_t *p = key;
	uint64_t word;

	pthread_once(&secret.once, make_secret);
	for (int i = 0; i < 4; i++)
		v[i] ^= secret.key[i % 2];
	for (size_t left = len;; left -= 8, p += 8) {
		word = 0;
		memcpy(&word, p, left < 8 ? left : 8);
		if (left < 8)
			word |= (uint64_t)len << 56;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
		if (left < 8)
			break;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void *
value_of(const struct lru_node *node)
{
	return (void *)(node + 1);
}

static struct lru_node *
node_of(const void *value)
{
	return (struct lru_node *)value - 1;
}

static char *
key_of(const struct lru *l, const struct lru_node *node)
{
	return (char *)value_of(node) + l->value_size;
}

static size_t
size_of(const struct lru *l, size_t len)
{
	return sizeof(struct lru_node) + l->value_size + len;
}

void
lru_init(struct lru *l, size_t value_size, size_t max, size_t max_bytes,
    void (*drop)(void *value))
{
	must(max > 0);
	*l = (struct lru){ .value_size = value_size,
		.max = max,
		.max_bytes = max_bytes,
		.drop = drop,
		.n_buckets = 16 };
	l->bucket = xcalloc(l->n_buckets, sizeof(struct lru_node *));
}

void
lru_fini(struct lru *l)
{
	while (l->oldest != NULL)
		lru_remove(l, value_of(l->oldest));
	free(l->bucket);
	*l = (struct lru){ 0 };
}

static struct lru_node **
place_of(const struct lru *l, uint64_t hash)
{
	return &l->bucket[hash & (l->n_buckets - 1)];
}

static struct lru_node *
find(const struct lru *l, uint64_t hash, const void *key, size_t len)
{
	struct lru_node *node = *place_of(l, hash);

	while (node != NULL && (node->hash != hash || node->len != len ||
				   memcmp(key_of(l, node), key, len) != 0))
		node = node->next;
	return node;
}

void *
lru_get(const struct lru *l, const void *key, size_t len)
{
	struct lru_node *node = find(l, lru_hash(key, len), key, len);

	return node != NULL ? value_of(node) : NULL;
}

static void
grow(struct lru *l)
{
	l->n_buckets *= 2;
	l->bucket =
	    xrealloc(l->bucket, l->n_buckets * sizeof(struct lru_node *));
	memset(l->bucket, 0, l->n_buckets * sizeof(struct lru_node *));
	for (struct lru_node *n = l->oldest; n != NULL; n = n->newer) {
		struct lru_node **place = place_of(l, n->hash);

		n->next = *place;
		*place = n;
	}
}

static void
unlink_age(struct lru *l, struct lru_node *node)
{
	if (node->newer != NULL)
		node->newer->older = node->older;
	else
		l->newest = node->older;
	if (node->older != NULL)
		node->older->newer = node->newer;
	else
		l->oldest = node->newer;
}

static void
make_newest(struct lru *l, struct lru_node *node)
{
	node->newer = NULL;
	node->older = l->newest;
	if (l->newest != NULL)
		l->newest->newer = node;
	else
		l->oldest = node;
	l->newest = node;
}

void
lru_touch(struct lru *l, void *value)
{
	struct lru_node *node = node_of(value);

	if (l->newest == node)
		return;
	unlink_age(l, node);
	make_newest(l, node);
}

void
lru_remove(struct lru *l, void *value)
{
	struct lru_node *node = node_of(value);
	struct lru_node **place = place_of(l, node->hash);

	while (*place != node)
		place = &(*place)->next;
	*place = node->next;
	unlink_age(l, node);
	l->n--;
	l->bytes -= size_of(l, node->len);
	if (l->drop != NULL)
		l->drop(value);
	free(node);
}

static void
make_room(struct lru *l, size_t more)
{
	while (l->oldest != NULL &&
	       (l->n >= l->max || l->bytes + more > l->max_bytes)) {
		lru_remove(l, value_of(l->oldest));
		l->evicted++;
	}
	if (l->n >= l->n_buckets)
		grow(l);
}

void *
lru_put(struct lru *l, const void *key, size_t len)
{
	uint64_t hash = lru_hash(key, len);
	struct lru_node *node = find(l, hash, key, len), **place;
	size_t size = size_of(l, len);

	if (node != NULL) {
		lru_touch(l, value_of(node));
		return value_of(node);
	}
	make_room(l, size);
	node = xmalloc(size);
	memset(node, 0, sizeof *node + l->value_size);
	node->hash = hash;
	node->len = len;
	if (len != 0)
		memcpy(key_of(l, node), key, len);
	place = place_of(l, hash);
	node->next = *place;
	*place = node;
	make_newest(l, node);
	l->n++;
	l->bytes += size;
	return value_of(node);
}

void *
lru_oldest(const struct lru *l)
{
	return l->oldest != NULL ? value_of(l->oldest) : NULL;
}

const void *
lru_key(const struct lru *l, const void *value, size_t *len)
{
	const struct lru_node *node = node_of(value);

	*len = node->len;
	return key_of(l, node);
}
