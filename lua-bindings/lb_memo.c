/*
 * lb_memo.c - what memoize.lua needs: kumo.memoize in the process
 *
 * A call of a memoized function is a `lookup`; what it may wait for and what
 * it found stand in it, so that pushing them can fail without harm.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/config_epoch.h"
#include "milter/duration.h"
#include "milter/halt.h"
#include "milter/json_text.h"
#include "milter/log.h"
#include "milter/memo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CACHE "kumo.memoize"
#define LOOKUP "kumo.memoize lookup"

struct cache {
	struct memo *m;
};

struct lookup {
	struct wait wait;
	struct memo *m;
	struct memo_flight *f;
	struct memo_value *v;
	int64_t timeout;
	char *why;
};

/* ---- options ------------------------------------------------------------ */

/* The value on top: "5 minutes", or seconds. */
static int64_t
duration(lua_State *L, const char *key)
{
	struct err err;
	int64_t ns = 0;
	double s;

	if (lua_type(L, -1) == LUA_TNUMBER) {
		s = lua_tonumber(L, -1);
		if (!(s >= 0))
			luaL_error(
			    L, "kumo.memoize: %s: a duration expected", key);
		return s < 9e9 ? (int64_t)(s * (double)CLOCK_S) : INT64_MAX;
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "kumo.memoize: %s: a duration expected, got %s",
		    key, luaL_typename(L, -1));
	if (duration_parse(lua_tostring(L, -1), &ns, &err) != 0)
		luaL_error(L, "kumo.memoize: %s: %s", key, err.msg);
	return ns;
}

static size_t
capacity(lua_State *L)
{
	double n = lua_tonumber(L, -1);

	if (!lua_isnumber(L, -1) || !(n >= 0 && n <= 2147483647) ||
	    n != floor(n))
		luaL_error(L,
		    "kumo.memoize: capacity: an integer from 0 to 2147483647 "
		    "expected");
	return (size_t)n;
}

/* One option, its value on top of the stack and its key below. */
static void
take_option(lua_State *L, struct memo_options *o)
{
	const char *key =
	    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";

	if (strcmp(key, "ttl") == 0)
		o->ttl = duration(L, key);
	else if (strcmp(key, "populate_timeout") == 0)
		o->populate_timeout = duration(L, key);
	else if (strcmp(key, "capacity") == 0)
		o->capacity = capacity(L);
	else if (strcmp(key, "invalidate_with_epoch") == 0)
		o->with_epoch = lua_toboolean(L, -1);
	else if (strcmp(key, "retry_on_populate_timeout") == 0)
		o->retry = lua_toboolean(L, -1);
	else if (strcmp(key, "allow_stale_reads") == 0)
		o->stale = lua_toboolean(L, -1);
	else if (strcmp(key, "name") != 0)
		luaL_error(L, "kumo.memoize: unknown key \"%s\"", key);
}

/* define(options) -> cache, how often a call is tried */
static int
define(lua_State *L)
{
	static const char *const needed[] = { "name", "ttl", "capacity" };
	struct memo_options o = { .populate_timeout = 120 * CLOCK_S };
	struct cache *c;
	const char *name;
	struct err err;
	size_t len;

	lua_settop(L, 1);
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		lua_pushstring(L, needed[i]);
		lua_rawget(L, 1);
		if (lua_isnil(L, -1))
			return luaL_error(
			    L, "kumo.memoize: missing key \"%s\"", needed[i]);
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		take_option(L, &o);
	lua_getfield(L, 1, "name");
	if (!lua_isstring(L, -1))
		return luaL_error(L, "kumo.memoize: name: a string expected");
	name = lua_tolstring(L, -1, &len);
	if (len > MEMO_NAME_MAX)
		return luaL_error(L,
		    "kumo.memoize: name: at most %d bytes expected",
		    MEMO_NAME_MAX);
	c = lb_new(L, CACHE, sizeof *c);
	c->m = memo_define(name, len, &o, &err);
	if (c->m == NULL)
		return luaL_error(L, "kumo.memoize: %s", err.msg);
	lua_pushinteger(L, o.retry ? 3 : 1);
	return 2;
}

/* ---- lookups ------------------------------------------------------------ */

/*
 * The values from index i on as one: none is null, one is itself, more are an
 * array.  NULL with *err.
 */
static json_t *
values_json(
    lua_State *L, int i, size_t *cost, struct lb_kept **kept, struct err *err)
{
	int n = lua_gettop(L);
	json_t *array, *item;

	*cost = 0;
	if (n < i)
		return json_null();
	if (n == i)
		return lb_tojson_kept(L, i, cost, kept, err);
	array = json_array();
	for (; i <= n; i++) {
		item = lb_tojson_kept(L, i, cost, kept, err);
		if (item == NULL) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, item);
	}
	return array;
}

/*
 * The arguments from index 2 on as text; with the policy's number in front of
 * it where that is to count.
 */
static void
push_key(lua_State *L, const struct memo_options *o)
{
	struct str key = { 0 };
	struct err err;
	size_t cost;
	json_t *args = values_json(L, 2, &cost, NULL, &err);

	if (args == NULL)
		luaL_error(L, "kumo.memoize: arguments: %s", err.msg);
	if (o->with_epoch && !o->stale)
		str_addf(
		    &key, "%u %lu ", state_of(L)->epoch_number, config_epoch());
	json_text_write(&key, args, true);
	json_decref(args);
	lb_push_str(L, &key);
	if (lua_objlen(L, -1) > MEMO_KEY_MAX)
		luaL_error(L, "kumo.memoize: arguments of more than %d bytes",
		    (int)MEMO_KEY_MAX);
}

static struct memo_flight **
mine(lua_State *L)
{
	struct run *run = state_of(L)->run;

	if (run == NULL)
		luaL_error(L, "kumo.memoize: no handler runs");
	return &run->flights;
}

static void
lookup_block(struct wait *w, int64_t deadline)
{
	struct lookup *l = (struct lookup *)w;
	int64_t until;

	deadline = halt_patience(deadline);
	if (__builtin_add_overflow(clock_mono(), l->timeout, &until) ||
	    until > deadline)
		until = deadline;
	l->v = memo_wait(l->f, until, &l->why);
}

static int
lookup_finish(struct wait *w, lua_State *L)
{
	(void)w;
	(void)L;
	return 0;
}

/* look(cache, arguments...) -> lookup, "value" or "caller" or "wait" */
static int
look(lua_State *L)
{
	static const char *const kinds[] = { "value", "caller", "wait" };
	struct memo *m = ((struct cache *)lb_check(L, 1, CACHE))->m;
	struct memo_flight **list = mine(L);
	struct memo_options o = memo_options(m);
	enum memo_answer a;
	struct lookup *l;
	const char *key;
	size_t len;

	push_key(L, &o);
	l = lb_new(L, LOOKUP, sizeof *l);
	l->wait = (struct wait){ lookup_block, lookup_finish, "kumo.memoize" };
	l->m = m;
	l->timeout = o.populate_timeout;
	key = lua_tolstring(L, -2, &len);
	a = memo_ask(m, key, len, list, clock_mono(), &l->v, &l->f);
	if (a == MEMO_SELF)
		return luaL_error(L,
		    "kumo.memoize: a function that calls itself with the same "
		    "arguments");
	lua_pushstring(L, kinds[a]);
	return 2;
}

/* wait(lookup): until another's call has ended */
static int
wait(lua_State *L)
{
	lb_check(L, 1, LOOKUP);
	lua_settop(L, 1);
	return co_wait(L);
}

/* failure(lookup) -> why that did not bring a value, or nil */
static int
failure(lua_State *L)
{
	struct lookup *l = lb_check(L, 1, LOOKUP);

	if (l->v != NULL)
		lua_pushnil(L);
	else if (l->why != NULL)
		lua_pushstring(L, l->why);
	else
		lua_pushliteral(L,
		    "kumo.memoize: populate_timeout passed while another "
		    "session's call ran");
	return 1;
}

static void
free_kept(void *kept)
{
	lb_kept_free(kept);
}

/* As in KumoMTA also where the policy catches it. */
static void
say_failed(lua_State *L, const struct lookup *l, const char *why)
{
	log_error(
	    lb_session_id(L), "kumo.memoize %s: %s", memo_name(l->m), why);
	memo_fail(l->f, mine(L), why);
}

/* done(lookup, results...) -> why they cannot be kept, or nil */
static int
done(lua_State *L)
{
	struct lookup *l = lb_check(L, 1, LOOKUP);
	struct memo_flight **list = mine(L);
	struct memo_result r = { .free_objects = free_kept };
	struct lb_kept *kept = NULL;
	struct err err;

	r.json = values_json(L, 2, &r.cost, &kept, &err);
	r.cost += lb_kept_size(kept);
	r.objects = kept;
	if (r.json == NULL) {
		lb_kept_free(kept);
		say_failed(L, l, err.msg);
		lua_pushfstring(L, "kumo.memoize: result: %s", err.msg);
		return 1;
	}
	l->v = memo_done(l->f, list, &r, clock_mono());
	lua_pushnil(L);
	return 1;
}

/* fail(lookup, text): what the function raised, for all who wait */
static int
fail(lua_State *L)
{
	struct lookup *l = lb_check(L, 1, LOOKUP);

	say_failed(L, l, lb_text(L, 2, NULL));
	return 0;
}

/* value(lookup) -> the value, a copy of its own */
static int
value(lua_State *L)
{
	struct lookup *l = lb_check(L, 1, LOOKUP);

	lb_pushjson_kept(L, memo_json(l->v), memo_objects(l->v));
	return 1;
}

static int
lookup_gc(lua_State *L)
{
	struct lookup *l = lua_touserdata(L, 1);

	memo_value_unref(l->v);
	memo_flight_unref(l->f);
	free(l->why);
	*l = (struct lookup){ 0 };
	return 0;
}

static const luaL_Reg lookup_meta[] = {
	{ "__gc", lookup_gc },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "define", define },
	{ "look", look },
	{ "wait", wait },
	{ "failure", failure },
	{ "done", done },
	{ "fail", fail },
	{ "value", value },
	{ NULL, NULL },
};

static const struct lb_class cache_class = { CACHE, NULL, NULL, NULL };
static const struct lb_class lookup_class = { LOOKUP, NULL, NULL, lookup_meta };

void
lb_memo_open(lua_State *L)
{
	lb_class_open(L, &cache_class);
	lb_class_open(L, &lookup_class);
	lb_load_part(L, "memoize.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_call(L, 2, 0);
}
