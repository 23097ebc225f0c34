/*
 * lb_stub.c - what KumoMTA has and a milter has no use for, or not yet
 *
 * Every function of api_names.h's table exists: those without a meaning in a
 * milter accept anything, say so once per process and give something
 * harmless; those that this version does not have raise when called.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/api_names.h"
#include "milter/log.h"

#include <string.h>

void
lb_notice(lua_State *L, const char *name, const char *why)
{
	struct state *st = state_of(L);
	char where[128];

	lb_where(L, where, sizeof where);
	if (st->settings->strict && !st->loading)
		luaL_error(L, "%s has no effect in a milter: %s", name, why);
	if (log_first_time(name))
		log_info(lb_session_id(L),
		    "%snotice: %s has no effect in a milter: %s", where, name,
		    why);
}

/* For the Lua parts. */
static int
lua_notice(lua_State *L)
{
	lb_notice(L, lb_text(L, 1, NULL), lb_text(L, 2, NULL));
	return 0;
}

/* Upvalue 1: the row.  Upvalue 2: makes an object that accepts everything. */
static int
stub(lua_State *L)
{
	const struct api_stub *row = lua_touserdata(L, lua_upvalueindex(1));

	if (row->result == API_STUB_MISSING)
		return luaL_error(
		    L, "%s: not in this version of kumilter", row->name);
	lb_notice(L, row->name, row->notice);
	switch (row->result) {
	case API_STUB_TRUE:
		lua_pushboolean(L, 1);
		return 1;
	case API_STUB_NIL:
		lua_pushnil(L);
		return 1;
	case API_STUB_ARGUMENT:
		lua_settop(L, 1);
		return 1;
	case API_STUB_OBJECT:
		lua_pushvalue(L, lua_upvalueindex(2));
		lua_pushvalue(L, 1);
		lua_call(L, 1, 1);
		return 1;
	default:
		return 0;
	}
}

/* Push the table at path "a.b" below the table at `top`, made where missing. */
static void
push_room(lua_State *L, int top, const char *path, size_t len)
{
	lua_pushvalue(L, top);
	while (len > 0) {
		const char *dot = memchr(path, '.', len);
		size_t part = dot != NULL ? (size_t)(dot - path) : len;

		lua_pushlstring(L, path, part);
		lua_rawget(L, -2);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_newtable(L);
			lua_pushlstring(L, path, part);
			lua_pushvalue(L, -2);
			lua_rawset(L, -4);
		}
		lua_remove(L, -2);
		path += part + (dot != NULL);
		len -= part + (dot != NULL);
	}
}

/*
 * A function below kumo goes into kumo's table at `top`; one of another
 * module ("redis.open") into package.loaded.
 */
static void
add_stub(lua_State *L, int top, int make_object, const struct api_stub *row)
{
	const char *path = row->name, *last;

	if (strncmp(path, "kumo.", 5) == 0)
		path += 5;
	else {
		lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
		top = lua_gettop(L);
	}
	last = strrchr(path, '.');
	last = last != NULL ? last + 1 : path;
	push_room(L, top, path, last > path ? (size_t)(last - path - 1) : 0);
	lua_pushstring(L, last);
	lua_rawget(L, -2);
	if (lua_isnil(L, -1)) { /* the real one is there already otherwise */
		lua_pushlightuserdata(L, (void *)row);
		lua_pushvalue(L, make_object);
		lua_pushcclosure(L, stub, 2);
		lua_setfield(L, -3, last);
	}
	lua_pop(L, 2);
}

/* Stack: ..., make_object, kumo.  Called last: real functions win. */
void
lb_stub_open(lua_State *L)
{
	int top = lua_gettop(L);
	size_t n;
	const struct api_stub *rows = api_stubs(&n);

	for (size_t i = 0; i < n; i++) {
		add_stub(L, top, top - 1, &rows[i]);
		lua_settop(L, top);
	}
	lua_pushcfunction(L, lua_notice);
	lua_setfield(L, LUA_REGISTRYINDEX, "kumo.notice");
}
