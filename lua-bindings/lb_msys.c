/*
 * lb_msys.c - Momentum's API: where it comes into a Lua state
 *
 * Nothing of it is there until a policy asks for a package of it or has
 * scriptlets: then msys/core.lua runs with the table of all primitives in C,
 * and gives back `host`, which the rest of this file calls.
 */
#include "bindings.h"
#include "lb.h"
#include "lb_open.h"

#include "milter/msys_package.h"

#include <string.h>

#define HOST "msys.host"

/* Each adds one table of primitives to that on top of the stack. */
static void (*const natives[])(lua_State *L) = {
	lb_msys_session_open,
	lb_msys_counter_open,
	lb_msys_series_open,
	lb_msys_cidr_open,
	lb_msys_share_open,
	lb_msys_audit_open,
	lb_msys_pcre_open,
	lb_msys_codec_open,
	lb_msys_text_open,
	lb_msys_load_open,
	lb_msys_operator_open,
	lb_msys_db_open,
	lb_msys_file_open,
	lb_msys_dns_open,
	lb_msys_timer_open,
	lb_msys_http_open,
	lb_msys_submit_open,
	lb_msys_mime_open,
	lb_msys_dkim_open,
};

/* native.part(name) -> the chunk of lua-bindings/msys/name.lua */
static int
part(lua_State *L)
{
	lua_pushfstring(L, "msys/%s.lua", luaL_checkstring(L, 1));
	lb_load_part(L, lua_tostring(L, -1));
	return 1;
}

/* Push host; the first time, make it. */
static void
push_host(lua_State *L)
{
	int top;

	luaL_checkstack(L, 20, "msys");
	lua_getfield(L, LUA_REGISTRYINDEX, HOST);
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	lb_load_part(L, "msys/core.lua");
	lua_newtable(L);
	top = lua_gettop(L);
	lua_pushcfunction(L, part);
	lua_setfield(L, -2, "part");
	for (size_t i = 0; i < sizeof natives / sizeof *natives; i++) {
		natives[i](L);
		must(lua_gettop(L) == top);
	}
	lua_call(L, 1, 1);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, HOST);
}

/* host[name](the nargs values on top) */
static void
call_host(lua_State *L, const char *name, int nargs, int nresults)
{
	push_host(L);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_insert(L, -nargs - 1);
	lua_call(L, nargs, nresults);
}

/* package.loaders: the packages of Momentum, for whoever has no file so
 * called. */
static int
search(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	if (!msys_package_is(name)) {
		lua_pushliteral(L, "");
		return 1;
	}
	lua_pushvalue(L, 1);
	call_host(L, "loader", 1, 1);
	return 1;
}

void
lb_msys_open(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "loaders");
	lua_pushcfunction(L, search);
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
	lua_pop(L, 2);
}

void
bindings_load_modules(lua_State *L, const struct lb_msys_config *config)
{
	bool wanted;

	lua_getfield(L, LUA_REGISTRYINDEX, HOST);
	wanted = !lua_isnil(L, -1) || json_array_size(config->scriptlets) != 0;
	lua_pop(L, 1);
	if (!wanted)
		return;
	lua_pushlightuserdata(L, (void *)config);
	call_host(L, "load", 1, 0);
}

int
bindings_callouts(lua_State *L, const char *stage)
{
	lua_getfield(L, LUA_REGISTRYINDEX, HOST);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return LUA_NOREF;
	}
	lua_getfield(L, -1, "handlers");
	lua_getfield(L, -1, stage);
	lua_replace(L, -3);
	lua_pop(L, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return LUA_NOREF;
	}
	return luaL_ref(L, LUA_REGISTRYINDEX);
}

void
bindings_each_module(lua_State *L,
    void (*found)(void *arg, const char *module, const char *callout),
    void *arg)
{
	lua_getfield(L, LUA_REGISTRYINDEX, HOST);
	if (!lua_isnil(L, -1)) {
		lua_getfield(L, -1, "callouts");
		for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
			lua_rawgeti(L, -1, i);
			lua_rawgeti(L, -1, 1);
			lua_rawgeti(L, -2, 2);
			found(arg, lua_tostring(L, -2), lua_tostring(L, -1));
			lua_pop(L, 3);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}
