/*
 * lb_secret.c - key sources: where a key or a password comes from
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/plain_file.h"

#include <string.h>

#define VAULT "kumo.vault"

static int
no_source(lua_State *L, const char *why)
{
	return luaL_error(
	    L, "deserialize error: %s, while processing a key source", why);
}

static void
push_file(lua_State *L, int i)
{
	struct str text = { 0 };
	struct err err;
	size_t len, skip;
	const char *path = lua_tolstring(L, i, &len);

	if (strlen(path) != len)
		no_source(L, "a path with a NUL in it");
	if (plain_file_get(path, &text, &err) != 0) {
		str_fini(&text);
		/* it begins with the path */
		skip = strncmp(err.msg, path, len) == 0 ? len + 2 : 0;
		luaL_error(L,
		    "KeySource failed to load data from file `%s`: %s", path,
		    err.msg + skip);
	}
	lb_push_str(L, &text);
}

/* The handler of that event, called with the arguments of the array on top. */
static void
push_event(lua_State *L, int name)
{
	int args = lua_gettop(L), n = 0;

	if (lua_istable(L, args))
		n = (int)lua_objlen(L, args);
	else if (!lua_isnil(L, args))
		no_source(L, "event_args is no array");
	luaL_checkstack(L, n + 10, "too many event_args");
	lb_push_handler(L, lua_tostring(L, name));
	if (!lua_isfunction(L, -1))
		luaL_error(L,
		    "key source: there is no handler for the event %s",
		    lua_tostring(L, name));
	for (int i = 1; i <= n; i++)
		lua_rawgeti(L, args, i);
	lua_call(L, n, 1);
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L,
		    "key source: the handler of %s gave a %s, not a string",
		    lua_tostring(L, name), luaL_typename(L, -1));
}

/* vault.lua, from within C: the state waits with it. */
static void
push_vault(lua_State *L, int i)
{
	lua_getfield(L, LUA_REGISTRYINDEX, VAULT);
	lua_pushvalue(L, i);
	lua_call(L, 1, 1);
}

static bool
has(lua_State *L, int i, const char *key)
{
	lua_getfield(L, i, key);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

void
lb_push_secret(lua_State *L, int i)
{
	int top = lua_gettop(L);

	luaL_checkstack(L, 10, "key source");
	if (lua_type(L, i) == LUA_TSTRING) {
		push_file(L, i);
		return;
	}
	if (!lua_istable(L, i))
		no_source(L, "a path or a table expected");
	if (has(L, i, "key_data")) {
		if (lua_type(L, -1) != LUA_TSTRING)
			no_source(L, "key_data is no string");
		return;
	}
	if (has(L, i, "event_name")) {
		if (lua_type(L, -1) != LUA_TSTRING)
			no_source(L, "event_name is no string");
		lua_getfield(L, i, "event_args");
		push_event(L, top + 1);
		lua_replace(L, top + 1);
		lua_settop(L, top + 1);
		return;
	}
	if (has(L, i, "vault_path")) {
		push_vault(L, i);
		lua_replace(L, top + 1);
		lua_settop(L, top + 1);
		return;
	}
	no_source(L, "data did not match any variant of KeySource");
}

/*
 * kumo.secrets.load(source) -> string
 *   source: a path; { key_data = string }; { vault_mount = string, vault_path =
 *   string, vault_key = string ("key"), vault_address = string ($VAULT_ADDR),
 *   vault_token = string ($VAULT_TOKEN) }, a secret of Vault's KV version 2; or
 *   { event_name = string, event_args = array }, which calls the handler of
 *   that event and takes the string that it returns.  Raises where there is
 *   none.
 *   Events: any.  Waits: for Vault; what a handler waits for keeps the whole
 *   state.  From: KumoMTA kumo.secrets.load.
 */
static int
load(lua_State *L)
{
	lua_settop(L, 1);
	lb_push_secret(L, 1);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "load", load },
	{ NULL, NULL },
};

void
lb_secret_open(lua_State *L)
{
	lb_module(L, "secrets", functions);
}

/* Behind all that takes key sources, and behind lb_http.c. */
void
lb_vault_open(lua_State *L)
{
	lb_load_part(L, "vault.lua");
	lua_pushvalue(L, -2);
	lua_call(L, 1, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, VAULT);
}
