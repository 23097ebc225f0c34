/*
 * redis_conn.h - one connection to a Redis server
 *
 * Logged in, its database selected: commands can be sent.  For one thread at a
 * time.  After a call that failed it can only be closed: a late reply would
 * be taken for that to the next command.
 */
#ifndef KUMILTER_REDIS_CONN_H
#define KUMILTER_REDIS_CONN_H

#include "redis_command.h"
#include "redis_reply.h"
#include "redis_url.h"

struct redis_conn;

/*
 * replica: it is to answer from a replica's data.  NULL with *err, which names
 * the server.
 */
struct redis_conn *redis_conn_open(const struct redis_node *node, bool replica,
    int64_t deadline, struct err *err);
void redis_conn_close(struct redis_conn *c); /* NULL is allowed */

/*
 * The reply, an error of the server's included, is the caller's; -1 with *err:
 * there is none, and whether the command was carried out is not known.
 */
int redis_conn_call(struct redis_conn *c, const struct redis_command *command,
    int64_t deadline, struct redis_value **out, struct err *err);

/* Nothing has been said since the last reply, and the end has not come. */
bool redis_conn_is_quiet(struct redis_conn *c);

#endif
