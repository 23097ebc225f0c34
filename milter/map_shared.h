/*
 * map_shared.h - one map for all Lua states that made the same
 *
 * Each state runs the same policy, so each makes the same maps.  Who has
 * built one gives it here under a digest of its entries; who is about to
 * build one asks for it first.  A map is never changed once it is here.
 *
 * The digest is made with lru_hash(), whose secret nobody outside knows; two
 * sums of 64 bits and the number of entries do not agree by chance.
 *
 * One for the process; any thread.
 */
#ifndef KUMILTER_MAP_SHARED_H
#define KUMILTER_MAP_SHARED_H

#include <stddef.h>
#include <stdint.h>

struct map_digest {
	const void *kind; /* of map: the address of anything */
	uint64_t a, b;
	size_t n;
};

struct map_shared {
	void *map; /* until the reference is given back */
	void (*free)(void *map);
	/* map_shared.c's own */
	struct map_digest digest;
	size_t refs;
	struct map_shared *next;
};

/* One more entry; their order is no matter. */
void map_digest_add(struct map_digest *d, const char *key, size_t key_len,
    const char *value, size_t len);

/* A reference, or NULL. */
struct map_shared *map_shared_get(const struct map_digest *digest);
/* A reference; takes the map, and frees it if another was faster. */
struct map_shared *map_shared_put(
    const struct map_digest *digest, void *map, void (*free_map)(void *map));
/* One more of those; NULL is allowed. */
struct map_shared *map_shared_ref(struct map_shared *m);
void map_shared_unref(struct map_shared *m); /* NULL is allowed */

size_t map_shared_count(void); /* for tests */

#endif
