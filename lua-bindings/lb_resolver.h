/*
 * lb_resolver.h - the resolver that a policy's argument names
 *
 * For the bindings that ask the DNS: lb_dns.c, lb_spf.c, lb_dmarc.c, lb_arc.c.
 * Found with the Lua state, asked without it.
 */
#ifndef KUMILTER_LB_RESOLVER_H
#define KUMILTER_LB_RESOLVER_H

#include "milter/dns_spec.h"
#include "milter/settings.h"

struct lua_State;

struct lb_resolver {
	const struct settings *settings;
	const json_t *spec; /* of the settings; NULL: dns_servers */
};

/*
 * The resolver with the name at index i, or, where that is nil, the default
 * one.  -1: there is none of that name.
 */
int lb_resolver_find(struct lua_State *L, int i, struct lb_resolver *r);

/* Blocks until the deadline at the latest.  *out is fresh. */
void lb_resolver_ask(const struct lb_resolver *r, const char *name,
    enum dns_type type, int64_t deadline, struct dns_answer *out);

/*
 * When a check of several lookups is to end: in 20 s (RFC 7208, 4.6.4), and so
 * that some of the handler's time is left for what it makes of the result.
 */
int64_t lb_resolver_end(int64_t deadline);
/* One lookup of such a check: dns_timeout at the most, and not past its end. */
void lb_resolver_ask_until(const struct lb_resolver *r, const char *name,
    enum dns_type type, int64_t end, struct dns_answer *out);

#endif
