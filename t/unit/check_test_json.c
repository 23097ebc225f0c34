#include "unit.h"

#include "milter/test_json.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* A Lua value, as JSON, as Lua again, as JSON again. */
static const struct {
	const char *lua, *json;
} rows[] = {
	{ "nil", "null" },
	{ "true", "true" },
	{ "12", "12" },
	{ "-1.5", "-1.5" },
	{ "0.25", "0.25" },
	{ "'a\\0b'", "\"a\\u0000b\"" },
	{ "{}", "{}" },
	{ "{ 1, 'x', { a = {} } }", "[1,\"x\",{\"a\":{}}]" },
	{ "{ b = 1, a = { 2 } }", "{\"a\":[2],\"b\":1}" },
	{ "{ [7] = 'x' }", "{\"7\":\"x\"}" },
};

struct trip {
	const char *lua;
	json_t *first, *second;
};

static int
go(lua_State *L)
{
	struct trip *t = lua_touserdata(L, 1);

	lua_pushfstring(L, "return %s", t->lua);
	if (luaL_loadstring(L, lua_tostring(L, -1)) != 0)
		return lua_error(L);
	lua_call(L, 0, 1);
	t->first = test_json_at(L, -1);
	test_json_push(L, t->first);
	t->second = test_json_at(L, -1);
	return 0;
}

static int
run(lua_State *L, struct trip *t)
{
	lua_pushcfunction(L, go);
	lua_pushlightuserdata(L, t);
	return lua_pcall(L, 1, 0, 0);
}

START_TEST(values_go_there_and_back)
{
	struct trip t = { .lua = rows[_i].lua };
	lua_State *L = luaL_newstate();
	char *text;

	ck_assert_msg(run(L, &t) == 0, "%s: %s", t.lua, lua_tostring(L, -1));
	text = json_dumps(
	    t.first, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(text, rows[_i].json);
	ck_assert(json_equal(t.first, t.second));
	free(text);
	json_decref(t.first);
	json_decref(t.second);
	lua_close(L);
}
END_TEST

START_TEST(what_is_no_json_raises)
{
	static const struct {
		const char *lua, *says;
	} bad[] = {
		{ "function() end", "a function cannot be given to a policy" },
		{ "{ a = function() end }", "a function cannot be given" },
		{ "(function() local t = {} t.t = t return t end)()",
		    "nested too deep" },
	};

	for (size_t i = 0; i < UNIT_N(bad); i++) {
		struct trip t = { .lua = bad[i].lua };
		lua_State *L = luaL_newstate();

		ck_assert_int_ne(run(L, &t), 0);
		ck_assert_ptr_nonnull(strstr(lua_tostring(L, -1), bad[i].says));
		lua_close(L);
	}
}
END_TEST

static Suite *
test_json_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("test_json", &tc);

	tcase_add_loop_test(tc, values_go_there_and_back, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, what_is_no_json_raises);
	return s;
}

UNIT_MAIN(test_json_suite)
