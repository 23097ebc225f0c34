/*
 * redis_cluster.h - a cluster of Redis servers as one
 *
 * A command goes to the server that has its first key, as the cluster's table
 * of slots says; the table is asked for when it is first needed, and again
 * when a server is away or names another one.  MOVED and ASK are followed, a
 * cluster that is being rearranged is asked again, a few times.  A command
 * whose server was lost on the way is not sent twice.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_REDIS_CLUSTER_H
#define KUMILTER_REDIS_CLUSTER_H

#include "redis_options.h"
#include "redis_pool.h"

struct redis_cluster;

/* The options stay where they are. */
struct redis_cluster *redis_cluster_new(const struct redis_options *o);
/* While nobody calls. */
void redis_cluster_free(struct redis_cluster *c);

/* 0: a reply, be it an error; -1 with *err: none. */
int redis_cluster_call(struct redis_cluster *c,
    const struct redis_command *command, int64_t deadline,
    struct redis_value **out, struct err *err);

#endif
