/*
 * dns_servers.h - which nameservers to ask
 *
 * A list of servers is text: addresses with or without a port, blanks or
 * commas between them, "192.0.2.1 [2001:db8::1]:5353"; or the one word
 * "resolv.conf" for those of the system.
 */
#ifndef KUMILTER_DNS_SERVERS_H
#define KUMILTER_DNS_SERVERS_H

#include "err.h"
#include "str.h"

#define DNS_SERVERS_MAX 8
#define DNS_SERVERS_SYSTEM "resolv.conf"

/*
 * Add the list to *out, each with its port and one blank between two, so that
 * equal lists are equal text; DNS_SERVERS_SYSTEM stays as it is.  -1 with *err
 * when one is no address, for none at all and for more than DNS_SERVERS_MAX.
 */
int dns_servers_parse(struct str *out, const char *text, struct err *err);

/*
 * The same of the nameserver lines of a resolv.conf(5).  What is no address is
 * passed over; as resolvers do, 127.0.0.1 where there is no file or no server.
 */
void dns_servers_read(struct str *out, const char *path);

/* Call each() with "192.0.2.1", 53 for every server of such a list. */
void dns_servers_each(const char *list,
    void (*each)(void *arg, const char *ip, int port), void *arg);

#endif
