/*
 * lb_resolver.h - the resolver that a policy's argument names
 *
 * For the bindings that ask the DNS: lb_dns.c, lb_spf.c.  Found with the Lua
 * state, asked without it.
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

#endif
