/*
 * host_lookup.h - the addresses of a host, and a deadline
 *
 * Names as the system knows them (/etc/hosts, the DNS, whatever nsswitch.conf
 * says) by getaddrinfo(), which cannot be told when to end: a thread of its
 * own asks it, and who waits goes at the deadline.  Those who ask for the same
 * name at once wait for one thread; at most HOST_LOOKUPS_MAX are under way.
 * Nothing is kept.  An address is its own answer, without a thread.
 *
 * Any thread may ask.
 */
#ifndef KUMILTER_HOST_LOOKUP_H
#define KUMILTER_HOST_LOOKUP_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOST_LOOKUPS_MAX 32
#define HOST_ADDRESSES_MAX 8

struct host_addresses {
	size_t n;
	struct {
		socklen_t len;
		struct sockaddr_storage addr;
	} at[HOST_ADDRESSES_MAX];
};

/* TCP addresses of host and port, at least one; -1 with *err. */
int host_lookup(const char *host, int port, int64_t deadline,
    struct host_addresses *out, struct err *err);

#endif
