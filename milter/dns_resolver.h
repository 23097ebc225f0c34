/*
 * dns_resolver.h - libunbound's contexts and the thread that hears them
 *
 * For dns.c alone.  A question is asked in any thread; its answer is told in
 * the one thread that waits for all contexts.  A question that was asked is
 * always answered, if only with a failure, be it long after who asked has
 * gone: libunbound's cancelling stops nothing in its thread.
 */
#ifndef KUMILTER_DNS_RESOLVER_H
#define KUMILTER_DNS_RESOLVER_H

#include "dns.h"

struct ub_result;

/* result is freed by the caller of told(); NULL: why has the reason. */
typedef void dns_told(
    void *arg, const struct ub_result *result, const char *why);

/* 0: told() will be called once.  -1 with *err: never. */
int dns_resolver_ask(struct dns_resolver *r, const char *name,
    enum dns_type type, dns_told *told, void *arg, struct err *err);

/* Is the name one of those that it is not to tell? */
bool dns_resolver_fails(const struct dns_resolver *r, const char *name);
/* In its zones, what has a CNAME is answered as having no other data. */
bool dns_resolver_has_zones(const struct dns_resolver *r);
/*
 * Is there a server to ask, or a zone that the name is in?  libunbound would
 * ask the servers of the root.
 */
bool dns_resolver_can_tell(const struct dns_resolver *r, const char *name);

#endif
