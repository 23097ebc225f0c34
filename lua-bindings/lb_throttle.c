/*
 * lb_throttle.c - kumo.make_throttle, and the primitives of throttle.lua
 *
 * What fails while it waits cannot raise, so it is a result.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/draft.h"
#include "milter/halt.h"
#include "milter/throttle_shared.h"

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

static void
push_answer(lua_State *L, const struct throttle_answer *a)
{
	lua_createtable(L, 0, 5);
	lua_pushboolean(L, a->throttled);
	lua_setfield(L, -2, "throttled");
	lua_pushnumber(L, (lua_Number)a->limit);
	lua_setfield(L, -2, "limit");
	lua_pushnumber(L, (lua_Number)a->remaining);
	lua_setfield(L, -2, "remaining");
	set_duration(L, "reset_after", a->reset_after);
	if (a->throttled)
		set_duration(L, "retry_after", a->retry_after);
}

/* ---- waiting ------------------------------------------------------------ */

/* A sleep that ends so near to the handler's own end comes to nothing. */
#define MARGIN (100 * CLOCK_MS)

struct taking {
	struct wait wait;
	const struct throttle *t; /* the method's self, on the stack below */
	struct throttle_shared *shared; /* or NULL */
	bool sleeps, slept;
	int rc;
	struct throttle_answer a;
	struct err err;
};

static void
take(struct taking *w, int64_t deadline)
{
	const struct throttle *t = w->t;

	w->rc = 0;
	if (w->shared != NULL)
		w->rc = throttle_shared_take(w->shared, &t->spec, t->name,
		    t->len, deadline, &w->a, &w->err);
	else
		w->a = throttle_take(&t->spec, t->name, t->len, clock_mono());
}

static void
taking_block(struct wait *wait, int64_t deadline)
{
	struct taking *w = (struct taking *)wait;
	int64_t now, until;

	deadline = halt_patience(deadline);
	if (w->shared != NULL)
		take(w, deadline);
	while (w->sleeps && w->rc == 0 && w->a.throttled && !halt_asked()) {
		now = clock_mono();
		until = now + w->a.retry_after;
		if (until >= deadline - MARGIN)
			return;
		w->slept = true;
		halt_nap(now, until);
		take(w, deadline);
	}
}

/* A table; for those that sleep: did it?, or nil for lack of time. */
static int
taking_finish(struct wait *wait, lua_State *L)
{
	struct taking *w = (struct taking *)wait;

	if (w->rc != 0) {
		lua_pushnil(L);
		lua_pushstring(L, w->err.msg);
		return 2;
	}
	if (!w->sleeps)
		push_answer(L, &w->a);
	else if (w->a.throttled)
		lua_pushnil(L);
	else
		lua_pushboolean(L, w->slept);
	return 1;
}

/* Redis is asked without the Lua state; what is at hand needs no wait. */
static int
take_for(lua_State *L, bool sleeps, const char *what)
{
	const struct throttle *t = lb_check(L, 1, CLASS);
	struct taking *w;

	lua_settop(L, 1);
	w = lua_newuserdata(L, sizeof *w);
	*w = (struct taking){ { taking_block, taking_finish, what }, .t = t,
		.sleeps = sleeps };
	if (!t->spec.local)
		w->shared = state_of(L)->settings->throttles;
	if (w->shared == NULL) {
		take(w, 0);
		if (!sleeps || !w->a.throttled)
			return taking_finish(&w->wait, L);
	}
	return co_wait(L);
}

/* native.throttle(throttle) -> table; or nil, why */
static int
throttle_throttle(lua_State *L)
{
	return take_for(L, false, "throttle");
}

/* native.sleep(throttle) -> did it wait?; nil: no time for it; or nil, why */
static int
throttle_sleep(lua_State *L)
{
	return take_for(L, true, "sleep_if_throttled");
}

/* native.notice(throttle, message): it will not be delayed */
static int
throttle_notice(lua_State *L)
{
	lb_check(L, 1, CLASS);
	lb_check(L, 2, "kumo.Message");
	lb_notice(L, "delay_message_if_throttled", "queueing is the MTA's job");
	return 0;
}

/* ---- configuration ------------------------------------------------------ */

struct ping {
	struct wait wait;
	struct throttle_shared *shared;
	int rc;
	struct err err;
};

static void
ping_block(struct wait *wait, int64_t deadline)
{
	struct ping *w = (struct ping *)wait;

	w->rc = throttle_shared_ping(w->shared, deadline, &w->err);
}

static int
ping_finish(struct wait *wait, lua_State *L)
{
	struct ping *w = (struct ping *)wait;

	lua_pushstring(L, w->err.msg);
	if (w->rc == 0)
		lua_pushnil(L);
	return 1;
}

/* native.configure(options) -> nil, or why not */
static int
configure(lua_State *L)
{
	struct state *st = state_of(L);
	struct throttle_shared *shared;
	json_t *options;
	struct ping *w;
	struct err err;

	if (!st->loading && st->draft == NULL) {
		lua_pushliteral(L, "call it in kumo.on('init', ...)");
		return 1;
	}
	if (st->draft == NULL) /* the first state has done it for all */
		return 0;
	if (st->draft->settings.throttles != NULL) {
		lua_pushliteral(L, "redis already configured for throttles");
		return 1;
	}
	options = lb_tojson(L, 1, NULL, &err);
	shared = options != NULL ? throttle_shared_get(options, &err) : NULL;
	json_decref(options);
	if (shared == NULL) {
		lua_pushstring(L, err.msg);
		return 1;
	}
	st->draft->settings.throttles = shared;
	w = lua_newuserdata(L, sizeof *w);
	*w = (struct ping){ { ping_block, ping_finish,
				"kumo.configure_redis_throttles" },
		shared, 0, { "" } };
	return co_wait(L);
}

/* ---- the rest ----------------------------------------------------------- */

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
	add(L, "notice", throttle_notice);
	add(L, "configure", configure);
	add(L, "explain", throttle_explain);
	add(L, "set_index", set_index);
	lua_call(L, 2, 0);
}
