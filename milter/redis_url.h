/*
 * redis_url.h - where a Redis server is, as a URL
 *
 *   redis://[user][:password]@host[:port][/[db]][?protocol=resp3]
 *   rediss://...                    the same over TLS; "#insecure" behind it:
 *                                   whatever its certificate says
 *   unix:///path[?db=1&user=&pass=] also redis+unix://
 * valkey:// and valkeys:// are other names of the first two.  "%40" is an '@'.
 *
 * Errors do not hold the URL: there may be a password in it.
 */
#ifndef KUMILTER_REDIS_URL_H
#define KUMILTER_REDIS_URL_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define REDIS_PORT 6379
#define REDIS_HOST_MAX 255
#define REDIS_SECRET_MAX 511 /* of a user and a password */
#define REDIS_PATH_MAX 107   /* of a socket */

struct redis_node {
	char host[REDIS_HOST_MAX + 1]; /* without brackets; "": path */
	int port;
	char path[REDIS_PATH_MAX + 1];
	bool tls, insecure;
	bool resp3;
	int db;
	char user[REDIS_SECRET_MAX + 1], password[REDIS_SECRET_MAX + 1];
};

int redis_url_parse(struct redis_node *n, const char *url, struct err *err);

/* "host:port", "[::1]:6379" or a path, for people */
void redis_node_name(const struct redis_node *n, char *out, size_t size);

/* Enough for any. */
#define REDIS_NAME_MAX (REDIS_HOST_MAX + 16)

#endif
