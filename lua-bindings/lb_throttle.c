/*
 * lb_throttle.c - kumo.make_throttle, and the primitives of throttle.lua
 *
 * What fails while it waits cannot raise, so it is a result.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/halt.h"
#include "milter/throttle.h"

#include <inttypes.h>
#include <string.h>

#define CLASS "kumo.Throttle"

struct throttle {
	struct throttle_spec spec;
	size_t len;
	char name[]; /* len bytes and a NUL */
};

/*
 * kumo.make_throttle(name, spec) -> throttle
 *   spec: "[local:]LIMIT/[N]UNIT[,max_burst=B]", see throttle.h.
 *   One name and spec is one bucket in the whole process.
 *   Raises on a spec that is none.
 *   Events: any.  Waits: no.  From: KumoMTA kumo.make_throttle.
 */
static int
make_throttle(lua_State *L)
{
	size_t len, spec_len;
	const char *name = lb_text(L, 1, &len);
	const char *text = lb_text(L, 2, &spec_len);
	struct throttle_spec spec;
	struct throttle *t;
	struct err err;

	luaL_argcheck(L, len <= THROTTLE_NAME_MAX, 1,
	    "a name of at most 1024 bytes expected");
	luaL_argcheck(
	    L, strlen(text) == spec_len, 2, "a spec without NUL expected");
	if (throttle_parse(text, &spec, &err) != 0)
		return luaL_error(L, "kumo.make_throttle: %s", err.msg);
	t = lb_new(L, CLASS, sizeof *t + len + 1);
	t->spec = spec;
	t->len = len;
	memcpy(t->name, name, len + 1);
	return 1;
}

/* Whole seconds, as KumoMTA gives them: { secs =, nanos = 0 }. */
static void
set_duration(lua_State *L, const char *field, int64_t ns)
{
	lua_createtable(L, 0, 2);
	lua_pushnumber(L, (lua_Number)((ns + CLOCK_S - 1) / CLOCK_S));
	lua_setfield(L, -2, "secs");
	lua_pushinteger(L, 0);
	lua_setfield(L, -2, "nanos");
	lua_setfield(L, -2, field);
}

static struct throttle_answer
take(const struct throttle *t)
{
	return throttle_take(&t->spec, t->name, t->len, clock_mono());
}

/* native.throttle(throttle) -> table */
static int
throttle_throttle(lua_State *L)
{
	struct throttle_answer a = take(lb_check(L, 1, CLASS));

	lua_createtable(L, 0, 5);
	lua_pushboolean(L, a.throttled);
	lua_setfield(L, -2, "throttled");
	lua_pushnumber(L, (lua_Number)a.limit);
	lua_setfield(L, -2, "limit");
	lua_pushnumber(L, (lua_Number)a.remaining);
	lua_setfield(L, -2, "remaining");
	set_duration(L, "reset_after", a.reset_after);
	if (a.throttled)
		set_duration(L, "retry_after", a.retry_after);
	return 1;
}

/* ---- waiting ------------------------------------------------------------ */

/* A sleep that ends so near to the handler's own end comes to nothing. */
#define MARGIN (100 * CLOCK_MS)

struct pause {
	struct wait wait;
	const struct throttle *t; /* the method's self, on the stack below */
	struct throttle_answer a;
};

static void
pause_block(struct wait *w, int64_t deadline)
{
	struct pause *p = (struct pause *)w;
	int64_t now, until;

	deadline = halt_patience(deadline);
	while (p->a.throttled && !halt_asked()) {
		now = clock_mono();
		until = now + p->a.retry_after;
		if (until >= deadline - MARGIN)
			return;
		halt_nap(now, until);
		p->a = take(p->t);
	}
}

static int
pause_finish(struct wait *w, lua_State *L)
{
	struct pause *p = (struct pause *)w;

	if (p->a.throttled)
		lua_pushnil(L);
	else
		lua_pushboolean(L, 1);
	return 1;
}

/* native.sleep(throttle) -> did it wait?; nil: the time would not suffice */
static int
throttle_sleep(lua_State *L)
{
	const struct throttle *t = lb_check(L, 1, CLASS);
	struct throttle_answer a = take(t);
	struct pause *p;

	if (!a.throttled) {
		lua_pushboolean(L, 0);
		return 1;
	}
	lua_settop(L, 1);
	p = lua_newuserdata(L, sizeof *p);
	*p =
	    (struct pause){ { pause_block, pause_finish, "sleep_if_throttled" },
		    t, a };
	return co_wait(L);
}

/* ---- the rest ----------------------------------------------------------- */

/* native.delay(throttle, message) -> is it throttled? */
static int
throttle_delay(lua_State *L)
{
	const struct throttle *t = lb_check(L, 1, CLASS);

	lb_check(L, 2, "kumo.Message");
	lb_notice(L, "delay_message_if_throttled", "queueing is the MTA's job");
	lua_pushboolean(L, take(t).throttled);
	return 1;
}

/* native.explain(throttle) -> text */
static int
throttle_explain(lua_State *L)
{
	const struct throttle *t = lb_check(L, 1, CLASS);
	struct throttle_answer a =
	    throttle_look(&t->spec, t->name, t->len, clock_mono());
	char terms[256];

	snprintf(terms, sizeof terms,
	    "%" PRIu64 " in %" PRIu64 " seconds, at most %" PRIu64 " at once",
	    t->spec.limit, t->spec.period, a.limit);
	lua_pushliteral(L, "throttle ");
	lua_pushlstring(L, t->name, t->len);
	lua_pushfstring(L, "%s: %s\n", t->spec.local ? " (local)" : "", terms);
	snprintf(terms, sizeof terms, "%s; full again in %.3f seconds",
	    a.throttled ? "throttled" : "not throttled",
	    (double)a.reset_after / (double)CLOCK_S);
	lua_pushstring(L, terms);
	lua_concat(L, 4);
	return 1;
}

/* native.set_index(function(throttle, key)) */
static int
set_index(lua_State *L)
{
	luaL_getmetatable(L, CLASS);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "__index");
	return 0;
}

static void
add(lua_State *L, const char *name, lua_CFunction f)
{
	lua_pushcfunction(L, f);
	lua_setfield(L, -2, name);
}

static const luaL_Reg functions[] = {
	{ "make_throttle", make_throttle },
	{ NULL, NULL },
};

static const struct lb_class class = { CLASS, NULL, NULL, NULL };

void
lb_throttle_open(lua_State *L)
{
	lb_class_open(L, &class);
	luaL_register(L, NULL, functions);
	lb_load_part(L, "throttle.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	add(L, "throttle", throttle_throttle);
	add(L, "sleep", throttle_sleep);
	add(L, "delay", throttle_delay);
	add(L, "explain", throttle_explain);
	add(L, "set_index", set_index);
	lua_call(L, 2, 0);
}
