#include "lb.h"

#include "milter/ip_count.h"
#include "milter/session_learn.h"

#include <math.h>
#include <string.h>

/* Upvalues: fields, methods (tables name -> function), the class's name. */
static int
class_index(lua_State *L)
{
	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(2));
	if (!lua_isnil(L, -1))
		return 1;
	lua_pop(L, 1);
	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	if (lua_isnil(L, -1))
		return luaL_error(L, "attempt to get an unknown field '%s'",
		    lua_isstring(L, 2) ? lua_tostring(L, 2)
				       : luaL_typename(L, 2));
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int
class_newindex(lua_State *L)
{
	return luaL_error(L, "attempt to set an unknown field '%s'",
	    lua_isstring(L, 2) ? lua_tostring(L, 2) : luaL_typename(L, 2));
}

static void
push_functions(lua_State *L, const luaL_Reg *list)
{
	lua_newtable(L);
	for (; list != NULL && list->name != NULL; list++) {
		lua_pushcfunction(L, list->func);
		lua_setfield(L, -2, list->name);
	}
}

void
lb_class_open(lua_State *L, const struct lb_class *class)
{
	must(luaL_newmetatable(L, class->name));
	for (const luaL_Reg *m = class->meta; m != NULL && m->name != NULL;
	     m++) {
		lua_pushcfunction(L, m->func);
		lua_setfield(L, -2, m->name);
	}
	push_functions(L, class->fields);
	push_functions(L, class->methods);
	lua_pushcclosure(L, class_index, 2);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, class_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

void
lb_class_method(lua_State *L, const char *class, const char *name)
{
	luaL_getmetatable(L, class);
	lua_getfield(L, -1, "__index");
	must(lua_getupvalue(L, -1, 2) != NULL); /* the methods */
	lua_pushvalue(L, -4);
	lua_setfield(L, -2, name);
	lua_pop(L, 4);
}

void
lb_module(lua_State *L, const char *name, const luaL_Reg *functions)
{
	lua_getfield(L, -1, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, name);
	}
	for (; functions->name != NULL; functions++) {
		lua_pushcfunction(L, functions->func);
		lua_setfield(L, -2, functions->name);
	}
	lua_pop(L, 1);
}

void
lb_check_limits(lua_State *L)
{
	const struct lb_limits *limits = &state_of(L)->limits;

	if (limits->over != NULL && limits->over(limits->arg))
		luaL_error(L, "interrupted");
}

void *
lb_new(lua_State *L, const char *class, size_t size)
{
	void *p = lua_newuserdata(L, size);

	memset(p, 0, size);
	luaL_getmetatable(L, class);
	lua_setmetatable(L, -2);
	return p;
}

void *
lb_test(lua_State *L, int i, const char *class)
{
	return luaL_testudata(L, i, class);
}

void *
lb_check(lua_State *L, int i, const char *class)
{
	void *p = lb_test(L, i, class);
	const char *text;

	if (p != NULL)
		return p;
	text = lua_pushfstring(L, "%s expected, got %s", class + 5,
	    luaL_typename(L, i)); /* without "kumo." */
	luaL_argerror(L, i, text);
	return NULL;
}

static int
push_str(lua_State *L)
{
	const struct str *s = lua_touserdata(L, 1);

	lua_pushlstring(L, str_c(s), s->len);
	return 1;
}

void
lb_push_str(lua_State *L, struct str *s)
{
	int status;

	lua_pushcfunction(L, push_str);
	lua_pushlightuserdata(L, s);
	status = lua_pcall(L, 1, 1, 0);
	str_fini(s);
	if (status != 0)
		lua_error(L);
}

const char *
lb_text(lua_State *L, int i, size_t *len)
{
	if (lua_type(L, i) != LUA_TSTRING && lua_type(L, i) != LUA_TNUMBER) {
		const char *text = lua_pushfstring(L,
		    "error converting Lua %s to String (expected string or "
		    "number)",
		    lua_isnoneornil(L, i) ? "nil" : luaL_typename(L, i));

		luaL_argerror(L, i, text);
	}
	return lua_tolstring(L, i, len);
}

const char *
lb_opt_text(lua_State *L, int i, size_t *len)
{
	if (lua_isnoneornil(L, i))
		return NULL;
	return lb_text(L, i, len);
}

long long
lb_integer(lua_State *L, int i, long long lo, long long hi)
{
	double d;

	if (!lua_isnumber(L, i)) {
		const char *text =
		    lua_pushfstring(L, "error converting Lua %s to integer",
			lua_isnoneornil(L, i) ? "nil" : luaL_typename(L, i));

		luaL_argerror(L, i, text);
	}
	d = lua_tonumber(L, i);
	if (d != floor(d))
		luaL_argerror(L, i, "number has no integer representation");
	if (!(d >= (double)lo && d <= (double)hi)) {
		const char *text = lua_pushfstring(L, "out of range (%f to %f)",
		    (lua_Number)lo, (lua_Number)hi);

		luaL_argerror(L, i, text);
	}
	return (long long)d;
}

void
lb_where(lua_State *L, char *out, size_t size)
{
	state_place(L, out, size);
}

const char *
lb_session_id(lua_State *L)
{
	const struct run *run = state_of(L)->run;

	return run != NULL && run->session != NULL ? run->session->id : NULL;
}

bool
lb_network(lua_State *L, int i, const char *what, struct cidr *net)
{
	const struct run *run = state_of(L)->run;
	struct session *s = run != NULL ? run->session : NULL;
	const char *text = lb_opt_text(L, i, NULL);
	bool needs_peer = text == NULL || text[0] == '/', has_peer;
	struct ip peer;
	struct err err;
	int port;

	has_peer = needs_peer && s != NULL && session_peer(s, &peer, &port);
	if (needs_peer && s != NULL && !has_peer)
		return false;
	if (ip_count_net(net, text, has_peer ? &peer : NULL, &err) != 0)
		luaL_error(L, "%s: %s", what, err.msg);
	return true;
}
