/*
 * lb_msys_load.c - native.load: scriptlets, from the configuration to functions
 *
 * The configuration is the epoch's and comes as a light userdata, good while
 * modules load.  Texts are kept in it: all states of an epoch run the same.
 */
#include "bindings.h"
#include "lb.h"
#include "lb_open.h"

#include "milter/log.h"
#include "milter/msys_source.h"
#include "milter/plain_file.h"
#include "milter/xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 * 1024 * 1024)

static const struct lb_msys_config *
config_at(lua_State *L, int i)
{
	luaL_checktype(L, i, LUA_TLIGHTUSERDATA);
	return lua_touserdata(L, i);
}

/* load.scriptlets(config) -> array of { name=, source=, file=, path=, text= }
 */
static int
scriptlets(lua_State *L)
{
	lb_pushjson(L, config_at(L, 1)->scriptlets);
	return 1;
}

/* load.contexts(config) -> array of { peer=, set= } */
static int
contexts(lua_State *L)
{
	lb_pushjson(L, config_at(L, 1)->contexts);
	return 1;
}

/* load.keep(config, i, path, text): what scriptlet number i was read as */
static int
keep(lua_State *L)
{
	json_t *entry = json_array_get(
	    config_at(L, 1)->scriptlets, (size_t)luaL_checkinteger(L, 2) - 1);
	size_t len;
	const char *text = luaL_checklstring(L, 4, &len);

	json_object_set_new_nocheck(
	    entry, "path", json_string_nocheck(luaL_checkstring(L, 3)));
	json_object_set_new_nocheck(
	    entry, "text", json_stringn_nocheck(text, len));
	return 0;
}

/* 0 or an errno */
static int
read_all(const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), why = 0;

	if (fd < 0)
		return errno;
	if (plain_file_read(fd, FILE_MAX + 1, out, NULL) != 0)
		why = errno;
	close(fd);
	return why != 0 ? why : out->len > FILE_MAX ? EFBIG : 0;
}

/* load.read(path) -> text, or nil, why, errno */
static int
read_file(lua_State *L)
{
	struct str text = { 0 };
	int why = read_all(luaL_checkstring(L, 1), &text);

	if (why == 0) {
		lb_push_str(L, &text);
		return 1;
	}
	str_fini(&text);
	lua_pushnil(L);
	lua_pushstring(L, strerror(why));
	lua_pushinteger(L, why);
	return 3;
}

/* load.filter(text) -> text, Momentum's Lua as LuaJIT compiles it */
static int
filter(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	struct str made = { 0 };

	lua_settop(L, 1);
	if (msys_source(text, len, &made))
		lb_push_str(L, &made);
	return 1;
}

/* load.compile(text, chunkname) -> function, or nil, why */
static int
compile(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	const char *name = luaL_checkstring(L, 2);

	if (len > 0 && text[0] == LUA_SIGNATURE[0]) {
		lua_pushnil(L);
		lua_pushfstring(L, "%s: is bytecode, not Lua source", name + 1);
		return 2;
	}
	if (luaL_loadbufferx(L, text, len, name, "t") == 0)
		return 1;
	lua_pushnil(L);
	lua_insert(L, -2);
	return 2;
}

static int
write_log(lua_State *L, enum log_level level)
{
	log_line(level, lb_session_id(L), "%s", luaL_checkstring(L, 1));
	return 0;
}

/* load.log_error(text) */
static int
error_line(lua_State *L)
{
	return write_log(L, LOG_LEVEL_ERROR);
}

/* load.log_warn(text) */
static int
warn_line(lua_State *L)
{
	return write_log(L, LOG_LEVEL_WARN);
}

/* load.log_info(text) */
static int
info_line(lua_State *L)
{
	return write_log(L, LOG_LEVEL_INFO);
}

/* load.is_first(text) -> boolean: the first time in this process */
static int
is_first(lua_State *L)
{
	lua_pushboolean(L, log_first_time(luaL_checkstring(L, 1)));
	return 1;
}

/* load.is_loading() -> boolean */
static int
is_loading(lua_State *L)
{
	lua_pushboolean(L, state_of(L)->loading);
	return 1;
}

/* load.is_first_state() -> boolean: does the first state of a policy load? */
static int
is_first_state(lua_State *L)
{
	lua_pushboolean(L, state_of(L)->draft != NULL);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "scriptlets", scriptlets },
	{ "contexts", contexts },
	{ "keep", keep },
	{ "read", read_file },
	{ "compile", compile },
	{ "filter", filter },
	{ "log_error", error_line },
	{ "log_warn", warn_line },
	{ "log_info", info_line },
	{ "is_first", is_first },
	{ "is_loading", is_loading },
	{ "is_first_state", is_first_state },
	{ NULL, NULL },
};

/* object.new(metatable, data) -> userdata whose environment is data */
static int
new_object(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_newuserdata(L, 0);
	lua_pushvalue(L, 2);
	lua_setfenv(L, -2);
	lua_pushvalue(L, 1);
	lua_setmetatable(L, -2);
	return 1;
}

/* object.data(userdata) -> data */
static int
data(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TUSERDATA);
	lua_getfenv(L, 1);
	return 1;
}

static const luaL_Reg object_functions[] = {
	{ "new", new_object },
	{ "data", data },
	{ NULL, NULL },
};

void
lb_msys_load_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_getfield(L, LUA_REGISTRYINDEX, "kumo.notice");
	lua_setfield(L, -2, "notice");
	lua_getfield(L, LUA_REGISTRYINDEX, "kumilter.read_all");
	lua_setfield(L, -2, "read_all");
	lua_setfield(L, -2, "load");
	lua_newtable(L);
	luaL_register(L, NULL, object_functions);
	lua_setfield(L, -2, "object");
}
