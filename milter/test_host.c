#include "test_inside.h"

#include "clock.h"
#include "lua-bindings/bindings.h"
#include "test_cover.h"
#include "test_json.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* "a/b_test.lua" -> "a/", as the policy's sources are named. */
char *
test_host_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? xmemdup0(path, (size_t)(slash - path) + 1)
			     : xstrdup("");
}

static int
on_error(lua_State *L)
{
	const char *text = lua_tostring(L, 1);

	if (text == NULL && luaL_callmeta(L, 1, "__tostring"))
		text = lua_tostring(L, -1);
	luaL_traceback(L, L, text != NULL ? text : "(error without text)", 1);
	return 1;
}

/* The Lua half: a function of the native half gives { run, names, lines }. */
static int
open_host(lua_State *L)
{
	struct test_host *h = lua_touserdata(L, 1);

	bindings_push_part(L, "test/test.lua");
	test_native_push(h);
	lua_pushstring(L, h->path);
	lua_pushstring(L, h->folder);
	lua_call(L, 3, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, "kumilter.host");
	if (luaL_loadfile(L, h->path) != 0)
		return lua_error(L);
	lua_call(L, 0, 0);
	return 0;
}

static void
take_names(struct test_host *h)
{
	lua_State *L = h->L;

	lua_getfield(L, LUA_REGISTRYINDEX, "kumilter.host");
	lua_getfield(L, -1, "names");
	h->n = lua_objlen(L, -1);
	h->name = xcalloc(h->n + 1, sizeof *h->name);
	for (size_t i = 0; i < h->n; i++) {
		lua_rawgeti(L, -1, (int)i + 1);
		h->name[i] = xstrdup(lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}

struct test_host *
test_host_load(
    const char *path, const struct test_host_options *o, struct err *err)
{
	struct test_host *h = xcalloc(1, sizeof *h);
	lua_State *L = luaL_newstate();

	must(L != NULL);
	h->L = L;
	h->o = *o;
	h->path = xstrdup(path);
	h->folder = test_host_folder(path);
	luaL_openlibs(L);
	/* a unit of systemd's may forbid to make code */
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	lua_pushcfunction(L, on_error);
	lua_pushcfunction(L, open_host);
	lua_pushlightuserdata(L, h);
	if (lua_pcall(L, 1, 0, 1) != 0) {
		err_set(err, "%s", lua_tostring(L, -1));
		test_host_free(h);
		return NULL;
	}
	lua_settop(L, 0);
	take_names(h);
	return h;
}

void
test_host_free(struct test_host *h)
{
	if (h == NULL)
		return;
	lua_close(h->L);
	for (size_t i = 0; i < h->n; i++)
		free(h->name[i]);
	free(h->name);
	free(h->path);
	free(h->folder);
	free(h);
}

size_t
test_host_count(const struct test_host *h)
{
	return h->n;
}

const char *
test_host_name(const struct test_host *h, size_t i)
{
	return h->name[i];
}

static void
keep_item(void *arg, const json_t *item)
{
	struct test_host *h = arg;

	json_array_append(h->items, (json_t *)item);
}

static json_t *
transcript_of(const struct test_host *h)
{
	struct str out = { 0 };
	json_t *item, *j;
	size_t i;

	json_array_foreach (h->items, i, item)
		transcript_text(&out, item, false);
	j = json_stringn_nocheck(str_c(&out), out.len);
	str_fini(&out);
	return j;
}

/* lua: run(i) -> result. */
static int
run(lua_State *L)
{
	json_t **result = lua_touserdata(L, 2);

	lua_getfield(L, LUA_REGISTRYINDEX, "kumilter.host");
	lua_getfield(L, -1, "run");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	*result = test_json_at(L, -1);
	return 0;
}

json_t *
test_host_run(struct test_host *h, size_t i)
{
	lua_State *L = h->L;
	int64_t begin = clock_cpu(CLOCK_MONOTONIC); /* not the pretended one */
	int64_t wall = clock_wall();
	json_t *result = NULL;

	log_set_level(h->o.level);
	h->items = json_array();
	h->t = (struct transcript){ .item = keep_item, .arg = h };
	transcript_begin(&h->t);
	clock_pretend(wall - wall % CLOCK_S);
	lua_pushcfunction(L, run);
	lua_pushnumber(L, (lua_Number)(i + 1));
	lua_pushlightuserdata(L, &result);
	if (lua_pcall(L, 2, 0, 0) != 0)
		result = json_pack("{sbss}", "ok", 0, "message",
		    lua_tostring(L, -1) != NULL ? lua_tostring(L, -1) : "?");
	transcript_end(&h->t);
	json_object_set_new(result, "ms",
	    json_real((double)((clock_cpu(CLOCK_MONOTONIC) - begin) / 1000) /
		      1000.0));
	if (!json_is_true(json_object_get(result, "ok")))
		json_object_set_new(result, "transcript", transcript_of(h));
	if (h->o.cover)
		json_object_set_new(result, "cover", test_cover_result());
	return result;
}

static int
lines_of(lua_State *L)
{
	json_t **result = lua_touserdata(L, 2);

	lua_getfield(L, LUA_REGISTRYINDEX, "kumilter.host");
	lua_getfield(L, -1, "lines");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	*result = test_json_at(L, -1);
	return 0;
}

json_t *
test_host_lines(struct test_host *h, const char *path)
{
	json_t *result = NULL;

	lua_pushcfunction(h->L, lines_of);
	lua_pushstring(h->L, path);
	lua_pushlightuserdata(h->L, &result);
	if (lua_pcall(h->L, 2, 0, 0) != 0)
		lua_settop(h->L, 0);
	return result;
}
