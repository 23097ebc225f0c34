/*
 * lb_spf.c - kumo.spf: the primitive of spf.lua
 */
#include "lb.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/co.h"
#include "milter/spf.h"

#include <string.h>
#include <time.h>

#define CHECK "kumo.SpfCheck"

struct check {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	struct ip ip;
	struct str domain, origin, local, helo, receiver;
	bool has_origin, has_receiver;
	struct spf_answer answer;
};

static void
ask(void *arg, const char *name, enum dns_type type, struct dns_answer *out)
{
	const struct check *w = arg;

	lb_resolver_ask_until(&w->resolver, name, type, w->until, out);
}

static void
check_block(struct wait *wait, int64_t deadline)
{
	struct check *w = (struct check *)wait;
	struct spf_query q = { .ip = w->ip,
		.domain = str_c(&w->domain),
		.local = str_c(&w->local),
		.origin = w->has_origin ? str_c(&w->origin) : NULL,
		.helo = str_c(&w->helo),
		.receiver = w->has_receiver ? str_c(&w->receiver) : NULL,
		.now = time(NULL),
		.kumomta_quirks = w->resolver.settings->kumomta_quirks,
		.ask = ask,
		.arg = w };

	w->until = lb_resolver_end(deadline);
	spf_check(&q, &w->answer);
}

static int
check_finish(struct wait *wait, lua_State *L)
{
	struct check *w = (struct check *)wait;

	lua_pushboolean(L, 1);
	lua_pushstring(L, spf_result_text(w->answer.result));
	lua_pushstring(L, w->answer.reason);
	return 3;
}

static int
check_gc(lua_State *L)
{
	struct check *w = lua_touserdata(L, 1);

	str_fini(&w->domain);
	str_fini(&w->origin);
	str_fini(&w->local);
	str_fini(&w->helo);
	str_fini(&w->receiver);
	spf_answer_fini(&w->answer);
	return 0;
}

/* The text at i as far as its first NUL; false where it is nil. */
static bool
take_text(lua_State *L, int i, struct str *out)
{
	const char *text = luaL_optstring(L, i, NULL);

	str_adds(out, text != NULL ? text : "");
	return text != NULL;
}

/* A domain in UTF-8 becomes A-labels; what is no name stays as it is. */
static bool
take_domain(lua_State *L, int i, struct str *out)
{
	size_t len = 0;
	const char *text = luaL_optlstring(L, i, NULL, &len);

	if (text == NULL)
		return false;
	for (size_t k = 0; k < len; k++)
		if ((unsigned char)text[k] >= 0x80)
			return dns_name_utf8(out, text, len, NULL) == 0 ||
			       take_text(L, i, out);
	return take_text(L, i, out);
}

static int
fail(lua_State *L, const char *fmt, const char *what)
{
	lua_pushboolean(L, 0);
	lua_pushfstring(L, fmt, what);
	return 2;
}

/*
 * native.check(client, domain, local, origin, helo, receiver, resolver)
 *   -> true, result, reason; or false, why
 *   client: "192.0.2.1:25"; all others may be nil but domain.
 */
static int
check(lua_State *L)
{
	const char *client = luaL_checkstring(L, 1);
	struct lb_resolver resolver;
	struct check *w;
	struct ip ip;
	int port;

	luaL_checkstring(L, 2);
	lua_settop(L, 7);
	if (!dns_is_built())
		return fail(L, "kumo.spf: built without %s", "libunbound");
	if (lb_resolver_find(L, 7, &resolver) != 0)
		return fail(
		    L, "resolver %s is not defined", lua_tostring(L, 7));
	if (ip_parse_port(&ip, &port, client, NULL) != 0)
		return fail(L, "received_from is no address: %s", client);
	w = lb_new(L, CHECK, sizeof *w);
	*w = (struct check){ .wait = { check_block, check_finish, "kumo.spf" },
		.resolver = resolver,
		.ip = ip };
	take_domain(L, 2, &w->domain);
	take_text(L, 3, &w->local);
	w->has_origin = take_domain(L, 4, &w->origin);
	take_text(L, 5, &w->helo);
	w->has_receiver = take_text(L, 6, &w->receiver);
	return co_wait(L);
}

void
lb_spf_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", check_gc }, { NULL, NULL } };
	static const struct lb_class class = { CHECK, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "spf.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	lua_pushcfunction(L, check);
	lua_setfield(L, -2, "check");
	lua_call(L, 2, 0);
}
