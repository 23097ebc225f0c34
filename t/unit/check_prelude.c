/*
 * Runs t/lua/prelude_*.lua, each in a new Lua state as a policy has it, on a
 * thread that is driven as a handler is.  What those files find beyond that:
 *   stock      the functions of string and coroutine as LuaJIT has them
 *   rounds     how much to do by chance
 *   ask(x)     a primitive that waits: the driver answers x .. "!"
 *   can_wait() lb_coroutine_can_wait
 *   warned     the last line that warn() gave
 *   limit(n)   over() says yes the n-th time it is asked; 0: never
 */
#include "lua-bindings/embed.h"
#include "lua-bindings/lb_coroutine.h"
#include "lua-bindings/lb_limits.h"
#include "lua-bindings/lb_prelude.h"
#include "lua-bindings/lb_string.h"
#include "t/unit/unit.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <string.h>

static const char *const files[] = {
	"t/lua/prelude_corpus.lua",
	"t/lua/prelude_string.lua",
	"t/lua/prelude_coroutine.lua",
	"t/lua/prelude_lua54.lua",
	"t/lua/prelude_refused.lua",
	"t/lua/prelude_utf8.lua",
};

static struct lb_coroutine_state coroutines;
static int asks_left; /* 0: never over */

static bool
is_over(void *arg)
{
	ck_assert_ptr_eq(arg, &asks_left);
	return asks_left > 0 && --asks_left == 0;
}

static const struct lb_limits limits = { is_over, &asks_left };

static int
ask(lua_State *L)
{
	if (!lb_coroutine_can_wait(L, &coroutines))
		return luaL_error(L, "cannot wait here");
	lua_settop(L, 1);
	lua_pushlightuserdata(L, (void *)lb_request_tag());
	lua_insert(L, 1);
	return lua_yield(L, 2);
}

static int
can_wait(lua_State *L)
{
	lua_pushboolean(L, lb_coroutine_can_wait(L, &coroutines));
	return 1;
}

static int
set_limit(lua_State *L)
{
	asks_left = (int)luaL_checkinteger(L, 1);
	return 0;
}

static int
warned(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_setglobal(L, "warned");
	return 0;
}

/* stock = the functions of both libraries, as they are now. */
static void
keep_stock(lua_State *L)
{
	static const char *const libraries[] = { "string", "coroutine" };

	lua_newtable(L);
	for (int i = 0; i < 2; i++) {
		lua_getglobal(L, libraries[i]);
		for (lua_pushnil(L); lua_next(L, -2) != 0;) {
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_settable(L, -5);
		}
		lua_pop(L, 1);
	}
	lua_setglobal(L, "stock");
}

static int
open_all(lua_State *L)
{
	luaL_openlibs(L); /* turns the JIT on */
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	keep_stock(L);
	lb_string_open(L, &limits);
	lb_coroutine_open(L, &coroutines);
	lb_prelude_open(L, warned);
	ck_assert_int_eq(lua_gettop(L), 1); /* the argument */
	lua_register(L, "ask", ask);
	lua_register(L, "can_wait", can_wait);
	lua_register(L, "limit", set_limit);
	lua_pushinteger(L, 8000);
	lua_setglobal(L, "rounds");
	return 0;
}

static lua_State *
open_state(void)
{
	lua_State *L = luaL_newstate();

	ck_assert_ptr_nonnull(L);
	memset(&coroutines, 0, sizeof coroutines);
	asks_left = 0;
	ck_assert_int_eq(lua_cpcall(L, open_all, NULL), 0);
	return L;
}

/* As the engine's driver: answers each request, until the end or an error. */
static int
drive(lua_State *co)
{
	int status, n = 0;

	for (;;) {
		coroutines.depth = 0;
		status = lua_resume(co, n);
		if (status != LUA_YIELD)
			return status;
		ck_assert_int_eq(lua_gettop(co), 2);
		ck_assert_ptr_eq(lua_touserdata(co, 1), lb_request_tag());
		lua_pushliteral(co, "!");
		lua_concat(co, 2);
		lua_remove(co, 1);
		n = 1;
	}
}

START_TEST(lua_file_runs)
{
	lua_State *L = open_state(), *co = lua_newthread(L);
	int status = luaL_loadfilex(co, files[_i], "t");

	if (status == 0)
		status = drive(co);
	if (status != 0) {
		luaL_traceback(L, co, lua_tostring(co, -1), 0);
		ck_abort_msg("%s", lua_tostring(L, -1));
	}
	lua_close(L);
}
END_TEST

START_TEST(parts_are_in_the_program)
{
	const struct embed *e = embed_find("prelude.lua");

	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->len, strlen(e->data));
	ck_assert_int_eq(strncmp(e->data, "-- prelude.lua", 14), 0);
	ck_assert_ptr_null(embed_find("prelude"));
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("prelude", &tcase);

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, parts_are_in_the_program);
	tcase_add_loop_test(tcase, lua_file_runs, 0, UNIT_N(files));
	return s;
}

UNIT_MAIN(suite)
