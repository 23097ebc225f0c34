#include "lb_resolver.h"

#include "milter/clock.h"
#include "milter/state.h"

#include <lua.h>
#include <stdio.h>

#define CHECK_TIME (20 * CLOCK_S)

int
lb_resolver_find(lua_State *L, int i, struct lb_resolver *r)
{
	size_t len = 0;
	const char *name = lua_isnil(L, i) ? "" : lua_tolstring(L, i, &len);

	r->settings = state_of(L)->settings;
	r->spec = json_object_getn(r->settings->resolvers, name, len);
	return r->spec != NULL || lua_isnil(L, i) ? 0 : -1;
}

void
lb_resolver_ask(const struct lb_resolver *r, const char *name,
    enum dns_type type, int64_t deadline, struct dns_answer *out)
{
	struct dns_resolver *servers;
	struct err err;

	if (r->spec != NULL) {
		dns_spec_lookup(r->spec, name, type, deadline, out);
		return;
	}
	*out = (struct dns_answer){ .status = DNS_FAILED };
	servers = dns_resolver_get(r->settings->dns_servers, &err);
	if (servers == NULL) {
		snprintf(out->why, sizeof out->why, "%.120s", err.msg);
		return;
	}
	dns_lookup(servers, name, type, deadline, out);
	dns_resolver_unref(servers);
}

int64_t
lb_resolver_end(int64_t deadline)
{
	int64_t now = clock_mono(), end = deadline - (deadline - now) / 10;

	return end < now + CHECK_TIME ? end : now + CHECK_TIME;
}

void
lb_resolver_ask_until(const struct lb_resolver *r, const char *name,
    enum dns_type type, int64_t end, struct dns_answer *out)
{
	int64_t until = clock_mono() + r->settings->dns_timeout;

	lb_resolver_ask(r, name, type, until < end ? until : end, out);
}
