/*
 * The manual of the functions is whole: t/lua/api.lua, in a state whose library
 * debug shows everything.
 */
#include "policy.h"

#include <lauxlib.h>
#include <lualib.h>

static int
open_debug(lua_State *L)
{
	lua_pushcfunction(L, luaopen_debug);
	lua_pushliteral(L, LUA_DBLIBNAME);
	lua_call(L, 1, 0);
	return 0;
}

START_TEST(the_manual_has_every_function)
{
	char *folder = policy_folder();
	char *path = policy_file(folder, "init.lua", "dofile 't/lua/api.lua'");
	struct epoch_options o = { .policy = path,
		.states = 1,
		.timeout = 600 * CLOCK_S,
		.prepare = open_debug };
	struct err err;
	struct epoch *e;

	log_set_level(LOG_LEVEL_ERROR);
	e = epoch_load(&o, &err);
	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
	unlink(path);
	rmdir(folder);
	free(path);
	free(folder);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("api", &t);

	tcase_add_test(t, the_manual_has_every_function);
	return s;
}

UNIT_MAIN(suite)
