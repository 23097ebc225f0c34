/*
 * redis_stream.h - bytes to and from a Redis server, and deadlines
 *
 * TCP or a unix socket, with TLS (OpenSSL's libssl; hiredis' own is not in
 * Debian 12) where the URL says so: the certificate must be of a host of that
 * name and signed by one whom the system trusts.
 *
 * A stream is for one thread at a time.  After a failure it can only be
 * closed.
 */
#ifndef KUMILTER_REDIS_STREAM_H
#define KUMILTER_REDIS_STREAM_H

#include "redis_url.h"

#include <stdint.h>

struct redis_stream;

/* NULL with *err: nobody there, or not before the deadline. */
struct redis_stream *redis_stream_open(
    const struct redis_node *node, int64_t deadline, struct err *err);
void redis_stream_close(struct redis_stream *s); /* NULL is allowed */

/* All of it, or -1. */
int redis_stream_write(struct redis_stream *s, const char *p, size_t len,
    int64_t deadline, struct err *err);
/* Some: how many; -1: none will come, or none came. */
int redis_stream_read(struct redis_stream *s, char *p, size_t size,
    int64_t deadline, struct err *err);

/* Is there something to read, be it the end? */
bool redis_stream_is_readable(struct redis_stream *s);

#endif
