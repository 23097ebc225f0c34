/*
 * redis.h - the process's clients of Redis
 *
 * Identical options are one client with one pool of connections, whoever asks
 * for it.  Nothing is connected before the first command.  Clients that nobody
 * has any more are kept for who comes next, and of those the one used longest
 * ago goes when there are REDIS_CLIENTS_MAX.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_REDIS_H
#define KUMILTER_REDIS_H

#include "redis_command.h"
#include "redis_reply.h"

#include <jansson.h>

#define REDIS_CLIENTS_MAX 64

struct redis_client;

/* options: see redis_options.h.  One reference; NULL with *err. */
struct redis_client *redis_client_get(const json_t *options, struct err *err);
struct redis_client *redis_client_ref(struct redis_client *c);
void redis_client_unref(struct redis_client *c); /* NULL is allowed */

/*
 * 0: a reply, which may be an error of the server's; -1 with *err: none, for
 * the client's timeouts or the deadline have passed, or nobody is there.
 */
int redis_client_call(struct redis_client *c,
    const struct redis_command *command, int64_t deadline,
    struct redis_value **out, struct err *err);

/* Forget those that nobody has: for tests, and at the end. */
void redis_close_idle(void);

#endif
