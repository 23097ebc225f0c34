/*
 * domain_map.h - from a domain to the value that is kept for it or for all
 * below a parent
 *
 * A name is found label by label, from the right.  Where a label is not in
 * the map, what counts is the value of the "*" beside it, if there is one, for
 * names of any depth; nothing is tried again further up.  So "*.example.com"
 * has no value for "example.com", and "a.b.example.com" beside it takes that
 * value from "b.example.com".  Labels are bytes: case counts, and so does a
 * dot at the end.
 *
 * Labels and values are stored once each; a name is a node of 12 bytes for
 * each of its labels that no other name shares.
 *
 * Threads: any number may look up at once while nobody sets.
 */
#ifndef KUMILTER_DOMAIN_MAP_H
#define KUMILTER_DOMAIN_MAP_H

#include "err.h"

#include <stddef.h>

#define DOMAIN_MAP_BYTES ((size_t)1 << 30)

struct domain_map;

struct domain_map *domain_map_new(void);
struct domain_map *domain_map_copy(const struct domain_map *map);
void domain_map_free(struct domain_map *map); /* NULL is allowed */

/* -1: it would have more than DOMAIN_MAP_BYTES. */
int domain_map_set(struct domain_map *map, const char *name, size_t name_len,
    const char *value, size_t len, struct err *err);

/* len bytes that stand until the next set, or NULL. */
const char *domain_map_lookup(const struct domain_map *map, const char *name,
    size_t name_len, size_t *len);

size_t domain_map_size(const struct domain_map *map); /* bytes of memory */

#endif
