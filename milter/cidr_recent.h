/*
 * cidr_recent.h - networks that are set one by one and looked up in between
 *
 * Of two networks that cover an address the one set later counts, also when it
 * is the larger.  A few that came last are kept as a list; when those are
 * many, they and all before become a cidr_map.
 *
 * Threads: one at a time.
 */
#ifndef KUMILTER_CIDR_RECENT_H
#define KUMILTER_CIDR_RECENT_H

#include "ip.h"

#define CIDR_RECENT_MAX ((size_t)4 << 20) /* networks */
#define CIDR_RECENT_LIST 128              /* of them looked at one by one */

struct cidr_map;
struct cidr_recent;

struct cidr_recent *cidr_recent_new(void);
void cidr_recent_free(struct cidr_recent *r); /* NULL is allowed */

int cidr_recent_set(struct cidr_recent *r, const struct cidr *net,
    const char *value, size_t len, struct err *err);
/* len bytes that stand until the next set, or NULL. */
const char *cidr_recent_lookup(
    struct cidr_recent *r, const struct ip *ip, size_t *len);
/* All of them in one map, before what base has, which may be NULL. */
struct cidr_map *cidr_recent_over(
    const struct cidr_recent *r, const struct cidr_map *base);
size_t cidr_recent_size(const struct cidr_recent *r); /* bytes of memory */

#endif
