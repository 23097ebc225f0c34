/*
 * test_fake.c - a policy's questions to the world, answered by its test
 *
 * In the policy's states test/fake.lua stands in for what would go out; it
 * asks a function of the test's own state, in the same thread.
 */
#include "test_inside.h"

#include "lua-bindings/bindings.h"
#include "pretend.h"
#include "test_json.h"

#include <lauxlib.h>
#include <lua.h>

/* One test in a process: its host, what its policy is told. */
static struct {
	struct test_host *h;
	json_t *settings;
} fake;

void
test_fake_begin(struct test_host *h, const json_t *settings)
{
	json_decref(fake.settings);
	fake.h = h;
	fake.settings = json_deep_copy(settings);
}

/* In the test's state: question, JSON -> answer's JSON. */
static int
answer(lua_State *L)
{
	const json_t *question = lua_touserdata(L, 1);
	json_t **given = lua_touserdata(L, 2);

	lua_getfield(L, LUA_REGISTRYINDEX, "kumilter.host");
	lua_getfield(L, -1, "answer");
	test_json_push(L, question);
	lua_call(L, 1, 1);
	*given = test_json_at(L, -1);
	return 0;
}

/* ask(question) -> answer; raises what the test raises. */
static int
ask(lua_State *L)
{
	lua_State *T = fake.h->L;
	json_t *question, *given = NULL;
	struct err err;
	int top = lua_gettop(T);

	question = bindings_tojson(L, 1, &err);
	if (question == NULL)
		return luaL_error(L, "%s", err.msg);
	lua_pushcfunction(T, answer);
	lua_pushlightuserdata(T, question);
	lua_pushlightuserdata(T, &given);
	if (lua_pcall(T, 2, 0, 0) != 0) {
		const char *text = lua_tostring(T, -1);

		lua_pushstring(L, text != NULL ? text : "the fake failed");
	}
	lua_settop(T, top);
	json_decref(question);
	if (given == NULL)
		return lua_error(L);
	bindings_push_json(L, given);
	json_decref(given);
	return 1;
}

int
test_fake_prepare(lua_State *L)
{
	pretend_prepare(L);
	bindings_push_part(L, "test/fake.lua");
	lua_pushcfunction(L, ask);
	bindings_push_json(L, fake.settings);
	lua_call(L, 2, 0);
	return 0;
}
