/*
 * redis_options.h - which Redis, and how patiently
 *
 * What redis.open() takes, as JSON, checked: node (a URL or an array of them),
 * username, password, cluster, read_from_replicas, pool_size and four
 * timeouts.  Another key is an error that names it.
 */
#ifndef KUMILTER_REDIS_OPTIONS_H
#define KUMILTER_REDIS_OPTIONS_H

#include "redis_url.h"

#include <jansson.h>
#include <stdint.h>

#define REDIS_NODES_MAX 32
#define REDIS_POOL_MAX 1024

struct redis_options {
	struct redis_node node[REDIS_NODES_MAX];
	int n_nodes;
	bool cluster, read_from_replicas;
	int pool_size;
	/* ns: to connect and log in; for a connection to be free; for a reply;
	 * for a connection that was idle to prove that it lives */
	int64_t connect_timeout, wait_timeout, response_timeout;
	int64_t recycle_timeout;
};

int redis_options_read(
    struct redis_options *o, const json_t *table, struct err *err);

/*
 * Identical options have identical texts.  There are secrets in it: it is for
 * comparing.  Owned by the caller.
 */
char *redis_options_key(const json_t *table);

/* The table as text that may be shown: without users, passwords and URLs. */
char *redis_options_show(const json_t *table);

#endif
