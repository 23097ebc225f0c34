/*
 * lb_msys_dns.c - native.dns: lookups for msys/dns.lua
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/dns.h"
#include "milter/dns_servers.h"

#include <stdio.h>
#include <string.h>

#define CLASS "msys.lookup"

/* Of the userdata; nothing of it is Lua's but the userdata itself. */
struct lookup {
	struct wait wait;
	int64_t timeout;
	char servers[512];
	enum dns_type type;
	struct str name;
	struct dns_answer answer;
};

/* A policy's own words are not longer than what it may ask for. */
static void
fail(struct lookup *w, const struct err *err)
{
	w->answer.status = DNS_FAILED;
	snprintf(w->answer.why, sizeof w->answer.why, "%.120s", err->msg);
}

static void
lookup_block(struct wait *wait, int64_t deadline)
{
	struct lookup *w = (struct lookup *)wait;
	int64_t until = clock_mono() + w->timeout;
	struct dns_resolver *r;
	struct err err;

	r = dns_resolver_get(w->servers, &err);
	if (r == NULL) {
		fail(w, &err);
		return;
	}
	dns_lookup(r, str_c(&w->name), w->type,
	    until < deadline ? until : deadline, &w->answer);
	dns_resolver_unref(r);
}

static int
lookup_finish(struct wait *wait, lua_State *L)
{
	struct lookup *w = (struct lookup *)wait;
	struct str why = { 0 };

	if (w->answer.status != DNS_FOUND) {
		dns_explain(&why, &w->answer, str_c(&w->name), w->type);
		lua_pushnil(L);
		lb_push_str(L, &why);
		return 2;
	}
	lua_createtable(L, (int)w->answer.n, 0);
	lua_createtable(L, (int)w->answer.n, 0);
	for (size_t i = 0; i < w->answer.n; i++) {
		lua_pushlstring(
		    L, w->answer.record[i].text, w->answer.record[i].len);
		lua_rawseti(L, -3, (int)i + 1);
		lua_pushinteger(L, w->answer.record[i].preference);
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 2;
}

static int
lookup_gc(lua_State *L)
{
	struct lookup *w = lua_touserdata(L, 1);

	str_fini(&w->name);
	dns_answer_fini(&w->answer);
	return 0;
}

/* The name to ask for, or what is wrong with it. */
static void
set_name(struct lookup *w, const char *name, size_t len)
{
	struct ip ip;
	struct err err;

	if (w->type == DNS_PTR && strlen(name) == len &&
	    ip_parse(&ip, name, NULL) == 0)
		dns_reverse(&w->name, &ip);
	else if (dns_name(&w->name, name, len, &err) != 0)
		fail(w, &err);
}

static int
misused(lua_State *L, const char *why)
{
	lua_pushboolean(L, 0);
	lua_pushstring(L, why);
	return 2;
}

/*
 * dns.lookup(name, type [, server]) -> array of texts, array of preferences;
 *   or nil, why.  false, why for what is to be raised: a type that there is
 *   not, a server that is no address, no libunbound.
 *   Waits: yes, for dns_timeout at most.
 */
static int
lookup(lua_State *L)
{
	struct state *st = state_of(L);
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	const char *type = luaL_checkstring(L, 2);
	const char *servers = luaL_optstring(L, 3, st->settings->dns_servers);
	struct str list = { 0 };
	struct lookup *w;
	struct err err;

	if (!dns_is_built())
		return misused(L, "built without libunbound");
	w = lb_new(L, CLASS, sizeof *w);
	*w = (struct lookup){ { lookup_block, lookup_finish, "msys.dnsLookup" },
		.timeout = st->settings->dns_timeout };
	if (dns_type_parse(&w->type, type, &err) != 0 ||
	    dns_servers_parse(&list, servers, &err) != 0)
		return misused(L, err.msg);
	snprintf(w->servers, sizeof w->servers, "%s", str_c(&list));
	str_fini(&list);
	set_name(w, name, len);
	if (w->answer.status == DNS_FAILED) {
		lua_pushnil(L);
		lua_pushstring(L, w->answer.why);
		return 2;
	}
	return co_wait(L);
}

static const luaL_Reg functions[] = {
	{ "lookup", lookup },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__gc", lookup_gc },
	{ NULL, NULL },
};

void
lb_msys_dns_open(lua_State *L)
{
	static const luaL_Reg none[] = { { NULL, NULL } };
	static const struct lb_class class = { CLASS, none, none, meta };

	lb_class_open(L, &class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "dns");
}
