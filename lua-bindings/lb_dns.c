/*
 * lb_dns.c - kumo.dns: the primitives of dns.lua
 *
 * What fails while it waits cannot raise, so these give true and the results,
 * or false and a text.
 */
#include "lb.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/charset.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/draft.h"

#include <stdio.h>
#include <string.h>

#define LOOKUP "kumo.DnsLookup"
#define TYPES_MAX 2

struct question {
	enum dns_type type;
	struct dns_answer answer;
};

struct lookup {
	struct wait wait;
	struct lb_resolver resolver;
	struct str name;
	struct question q[TYPES_MAX];
	int n;
	int64_t took;
};

static int
fail(lua_State *L, const char *why)
{
	lua_pushboolean(L, 0);
	lua_pushstring(L, why);
	return 2;
}

/* ---- lookups ------------------------------------------------------------ */

static void
lookup_block(struct wait *wait, int64_t deadline)
{
	struct lookup *w = (struct lookup *)wait;
	int64_t begin = clock_mono(),
		until = begin + w->resolver.settings->dns_timeout;
	struct dns_answer early;

	if (until > deadline)
		until = deadline;
	/*
	 * The second question is on its way while the first is answered; of a
	 * list the first may tell, and then no other is to be asked.
	 */
	for (int i = 1; i < w->n && json_array_size(w->resolver.spec) < 2;
	     i++) {
		lb_resolver_ask(
		    &w->resolver, str_c(&w->name), w->q[i].type, begin, &early);
		dns_answer_fini(&early);
	}
	for (int i = 0; i < w->n; i++)
		lb_resolver_ask(&w->resolver, str_c(&w->name), w->q[i].type,
		    until, &w->q[i].answer);
	w->took = clock_mono() - begin;
}

static void
push_answer(lua_State *L, const struct dns_answer *a, enum dns_type type)
{
	static const char *const status[] = {
		[DNS_FOUND] = "found",
		[DNS_NO_DATA] = "no data",
		[DNS_NO_NAME] = "no name",
		[DNS_SERVFAIL] = "the DNS servers cannot tell",
		[DNS_TIMEOUT] = "no answer in time",
		[DNS_FAILED] = "cannot be asked",
	};

	lua_createtable(L, (int)a->n, 2);
	lua_pushstring(L, a->why[0] != '\0' ? a->why : status[a->status]);
	lua_setfield(L, -2, "status");
	lua_createtable(L, type == DNS_MX ? (int)a->n : 0, 0);
	for (size_t i = 0; i < a->n; i++) {
		struct str text = { 0 };

		charset_repair(&text, a->record[i].text, a->record[i].len);
		lua_pushlstring(L, str_c(&text), text.len);
		lua_rawseti(L, -3, (int)i + 1);
		str_fini(&text);
		if (type == DNS_MX) {
			lua_pushinteger(L, a->record[i].preference);
			lua_rawseti(L, -2, (int)i + 1);
		}
	}
	lua_setfield(L, -2, "preference");
	lb_mark_array(L);
}

static int
lookup_finish(struct wait *wait, lua_State *L)
{
	struct lookup *w = (struct lookup *)wait;

	luaL_checkstack(L, 8, NULL);
	lua_pushboolean(L, 1);
	lua_pushnumber(L, (lua_Number)w->took / (lua_Number)CLOCK_S);
	lua_pushlstring(L, str_c(&w->name), w->name.len);
	for (int i = 0; i < w->n; i++)
		push_answer(L, &w->q[i].answer, w->q[i].type);
	return 3 + w->n;
}

static int
lookup_gc(lua_State *L)
{
	struct lookup *w = lua_touserdata(L, 1);

	str_fini(&w->name);
	for (int i = 0; i < w->n; i++)
		dns_answer_fini(&w->q[i].answer);
	return 0;
}

/*
 * native.lookup(name, resolver or nil, type [, type])
 *   -> true, seconds, name, answer [, answer]; or false, why
 *   An answer is an array of texts with a status: "found", "no data", "no
 *   name" or why there is none; preference is an array, too.
 */
static int
lookup(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	struct lookup *w;
	struct lb_resolver resolver;
	struct err err;
	int top = lua_gettop(L);

	if (!dns_is_built())
		return fail(L, "kumo.dns: built without libunbound");
	if (lb_resolver_find(L, 2, &resolver) != 0) {
		lua_pushboolean(L, 0);
		lua_pushfstring(
		    L, "resolver %s is not defined", lua_tostring(L, 2));
		return 2;
	}
	w = lb_new(L, LOOKUP, sizeof *w);
	*w = (struct lookup){ { lookup_block, lookup_finish, "kumo.dns" },
		.resolver = resolver };
	for (int i = 3; i <= top && w->n < TYPES_MAX; i++, w->n++)
		must(dns_type_parse(
			 &w->q[w->n].type, luaL_checkstring(L, i), NULL) == 0);
	if (dns_name_utf8(&w->name, name, len, &err) != 0) {
		lua_pushboolean(L, 0);
		lua_pushfstring(L, "invalid DNS name: %s", err.msg);
		return 2;
	}
	return co_wait(L);
}

/* ---- addresses ---------------------------------------------------------- */

/*
 * native.address(text, with_port) -> address, reversed, ending; or nil
 *   "192.0.2.1", "1.2.0.192", "in-addr.arpa"; nil: it is none.
 */
static int
address(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len), *ending;
	struct str plain = { 0 }, reversed = { 0 };
	struct ip ip;
	int port;

	if (strlen(text) != len || ip_parse_port(&ip, &port, text, NULL) != 0 ||
	    (!lua_toboolean(L, 2) && (port != IP_NO_PORT || text[0] == '[' ||
					 strchr(text, '%') != NULL))) {
		lua_pushnil(L);
		return 1;
	}
	ip.scope = 0;
	ip_format(&plain, &ip);
	dns_reverse(&reversed, &ip);
	lb_push_str(L, &plain);
	ending = strstr(str_c(&reversed), "i");
	lua_pushlstring(
	    L, str_c(&reversed), (size_t)(ending - str_c(&reversed)) - 1);
	lua_pushstring(L, ending);
	str_fini(&reversed);
	return 3;
}

/* ---- resolvers ---------------------------------------------------------- */

/* The value at i, or { kind = value }; owned by the caller. */
static json_t *
to_config(lua_State *L, int i, const char *kind, struct err *err)
{
	json_t *value = lb_tojson(L, i, NULL, err);

	return value == NULL || kind == NULL ? value
					     : json_pack("{s:o}", kind, value);
}

static int
keep(struct draft *d, const char *name, size_t len, json_t *spec,
    struct err *err)
{
	json_t **all = &d->settings.resolvers;

	if (*all == NULL)
		*all = json_object();
	if (json_object_getn(*all, name, len) == NULL &&
	    json_object_size(*all) >= DNS_SPECS_MAX)
		return err_set(err, "more than %d resolvers", DNS_SPECS_MAX);
	if (dns_spec_prepare(spec, err) != 0)
		return -1;
	json_object_setn_nocheck(*all, name, len, spec);
	return 0;
}

/*
 * native.configure(name, kind or nil, config) -> true; or false, why
 *   name: "" is the default one.
 */
static int
configure(lua_State *L)
{
	struct state *st = state_of(L);
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	const char *kind = luaL_optstring(L, 2, NULL);
	json_t *config, *spec;
	struct err err;
	int rc = 0;

	if (!st->loading && st->draft == NULL)
		return fail(L, "call it in kumo.on('init', ...)");
	if (!dns_is_built())
		return fail(L, "built without libunbound");
	config = to_config(L, 3, kind, &err);
	spec = config != NULL ? dns_spec_read(config, &err) : NULL;
	json_decref(config);
	if (spec == NULL)
		return fail(L, err.msg);
	if (st->draft != NULL)
		rc = keep(st->draft, name, len, spec, &err);
	json_decref(spec);
	if (rc != 0)
		return fail(L, err.msg);
	lua_pushboolean(L, 1);
	return 1;
}

/* native.json(value) -> its text */
static int
json(lua_State *L)
{
	lb_push_json_text(L, 1, false);
	return 1;
}

/* native.array(table): an empty one is an array in JSON, too */
static int
array(lua_State *L)
{
	lua_settop(L, 1);
	lb_mark_array(L);
	return 1;
}

static void
add(lua_State *L, const char *name, lua_CFunction f)
{
	lua_pushcfunction(L, f);
	lua_setfield(L, -2, name);
}

void
lb_dns_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", lookup_gc },
		{ NULL, NULL } };
	static const struct lb_class class = { LOOKUP, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "dns.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	add(L, "lookup", lookup);
	add(L, "address", address);
	add(L, "configure", configure);
	add(L, "json", json);
	add(L, "array", array);
	lua_call(L, 2, 0);
}
