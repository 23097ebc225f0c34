/*
 * cidr_map.h - from an address to the value of the network that covers it
 *
 * Built once from networks that may lie within each other, then only read:
 * any number of threads may look up without a lock.  A map is kept as the
 * borders between the stretches of addresses that have one value, sorted: 8
 * bytes a border for IPv4, 20 for IPv6, at most two borders a network, and
 * twenty steps for a million of them.  Equal values are stored once.
 *
 * Maps are counted: who takes one with cidr_map_ref() gives it back with
 * cidr_map_unref(), from any thread; the last one frees it.
 */
#ifndef KUMILTER_CIDR_MAP_H
#define KUMILTER_CIDR_MAP_H

#include "ip.h"

struct cidr_map;

struct cidr_map *cidr_map_ref(struct cidr_map *map);
void cidr_map_unref(struct cidr_map *map); /* NULL is allowed */

/*
 * The value of the address, *len bytes with a NUL behind them, which stand as
 * long as the map does; NULL where no network covers it or the one that does
 * was taken out.
 */
const char *cidr_map_lookup(
    const struct cidr_map *map, const struct ip *ip, size_t *len);
size_t cidr_map_size(const struct cidr_map *map); /* bytes of memory */

/*
 * Building.  Which of two networks counts where both cover an address: the
 * smaller one, and of equals the one added later; or always the one added
 * later.
 */
enum cidr_rule { CIDR_SMALLEST, CIDR_LATEST };

struct cidr_build;

/* max: networks; beyond that adding fails. */
struct cidr_build *cidr_build_new(enum cidr_rule rule, size_t max);
void cidr_build_free(struct cidr_build *b);

/*
 * Bits of the address past the prefix are no matter.  value NULL takes the
 * network out.  A prefix of 0 and family 0 ("any") covers both families.
 */
int cidr_build_add(struct cidr_build *b, const struct cidr *net,
    const char *value, size_t len, struct err *err);
/* All addresses from first to last, which are of one family. */
int cidr_build_add_range(struct cidr_build *b, const struct ip *first,
    const struct ip *last, const char *value, size_t len, struct err *err);
/* All that another map has. */
int cidr_build_add_map(
    struct cidr_build *b, const struct cidr_map *map, struct err *err);
size_t cidr_build_n(const struct cidr_build *b);
size_t cidr_build_max(const struct cidr_build *b);

/* The map, with one reference; frees the builder. */
struct cidr_map *cidr_build_done(struct cidr_build *b);

#endif
