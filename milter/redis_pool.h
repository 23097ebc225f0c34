/*
 * redis_pool.h - connections to one Redis server, lent for one command each
 *
 * A call takes a connection that is free or opens one, and gives it back.  At
 * most pool_size are in use; further calls wait.  A connection that was idle
 * proves that it lives before it is used, so that a server which came back is
 * found at once.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_REDIS_POOL_H
#define KUMILTER_REDIS_POOL_H

#include "redis_conn.h"
#include "redis_options.h"

struct redis_pool;

/* limits: of these only the sizes and times. */
struct redis_pool *redis_pool_new(const struct redis_node *node, bool replica,
    const struct redis_options *limits);
/* While nobody calls. */
void redis_pool_free(struct redis_pool *p);

enum redis_outcome {
	REDIS_DONE,     /* the reply is there, be it an error */
	REDIS_NOT_SENT, /* the server has not seen the command */
	REDIS_LOST,     /* it may have */
};

/* asking: with ASKING before it, for a slot that is on its way to this node. */
enum redis_outcome redis_pool_call(struct redis_pool *p,
    const struct redis_command *command, bool asking, int64_t deadline,
    struct redis_value **out, struct err *err);

#endif
