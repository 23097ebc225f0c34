/*
 * lb_milter.c - kumo.milter: what KumoMTA does not have
 *
 * Everything of ours stands in this table (or is marked in the manual), so
 * that a policy's portability shows.
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"

#include "milter/audit.h"
#include "milter/datasource.h"
#include "milter/draft.h"
#include "milter/xmalloc.h"

#include <string.h>

static struct draft *
draft_of(lua_State *L, const char *what)
{
	struct state *st = state_of(L);

	if (!st->loading && st->draft == NULL)
		luaL_error(L, "%s: call it in kumo.on('init', ...)", what);
	return st->draft; /* NULL: not the state that configures */
}

/* An option whose value is a table: into *kept. */
static void
set_list(lua_State *L, const char *key, json_t **kept,
    int (*check)(const json_t *list, struct err *err))
{
	struct err err;
	json_t *list = lb_tojson(L, -1, NULL, &err);

	if (list == NULL || check(list, &err) != 0) {
		json_decref(list);
		luaL_error(L, "kumo.milter.configure: %s: %s", key, err.msg);
	}
	json_decref(*kept);
	*kept = list;
}

/* A list of strings as one, blanks between them. */
static void
set_words(lua_State *L, const char *key, struct settings *settings)
{
	int list = lua_gettop(L), n = (int)lua_objlen(L, list);
	struct err err;
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, list, i);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L,
			    "kumo.milter.configure: %s[%d]: string "
			    "expected, got %s",
			    key, i, luaL_typename(L, -1));
		luaL_addvalue(&b);
		luaL_addchar(&b, ' ');
	}
	luaL_pushresult(&b);
	if (settings_set(settings, key, lua_tostring(L, -1), false, &err) != 0)
		luaL_error(L, "kumo.milter.configure: %s", err.msg);
	lua_settop(L, list);
}

/* audit = { "60,1", ... } */
static void
add_monitors(lua_State *L)
{
	struct err err;
	bool new;

	if (!lua_istable(L, -1))
		luaL_error(L, "kumo.milter.configure: audit: an array of "
			      "monitors such as \"60,1\" expected");
	for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
		lua_rawgeti(L, -1, i);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "kumo.milter.configure: audit: a "
				      "monitor such as \"60,1\" expected");
		if (audit_monitor(lua_tostring(L, -1), &new, &err) < 0)
			luaL_error(
			    L, "kumo.milter.configure: audit: %s", err.msg);
		lua_pop(L, 1);
	}
}

static void
set_option(lua_State *L, struct draft *d)
{
	struct settings *settings = &d->settings;
	struct err err;
	const char *key, *value;
	bool is_number = lua_type(L, -1) == LUA_TNUMBER;

	if (lua_type(L, -2) != LUA_TSTRING)
		luaL_error(L, "kumo.milter.configure: a %s is no option",
		    luaL_typename(L, -2));
	key = lua_tostring(L, -2);
	if (strcmp(key, "scriptlets") == 0) {
		set_list(L, key, &d->scriptlets, draft_check_scriptlets);
		return;
	}
	if (strcmp(key, "contexts") == 0) {
		set_list(L, key, &d->contexts, draft_check_contexts);
		return;
	}
	if (strcmp(key, "audit") == 0) {
		add_monitors(L);
		return;
	}
	if (strcmp(key, "decision_log") == 0) {
		set_list(L, key, &d->decision_log, draft_check_decision_log);
		return;
	}
	if (strcmp(key, "datasources") == 0) {
		set_list(L, key, &settings->datasources, datasource_check);
		return;
	}
	if (lua_istable(L, -1) &&
	    (strcmp(key, "dns_servers") == 0 || strcmp(key, "dry_run") == 0)) {
		set_words(L, key, settings);
		return;
	}
	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN:
		value = lua_toboolean(L, -1) ? "true" : "false";
		break;
	case LUA_TSTRING:
	case LUA_TNUMBER:
		value = lua_tostring(L, -1);
		break;
	default:
		value = luaL_typename(L, -1);
	}
	if (settings_set(settings, key, value, is_number, &err) != 0)
		luaL_error(L, "kumo.milter.configure: %s", err.msg);
}

/*
 * kumo.milter.configure{ option = value, ... }
 *   Sets limits and behaviour of this policy; kumilter-policy(7) lists the
 *   options with unit and default.  May be called more than once; later calls
 *   win.  Raises on an unknown option or a value that does not fit.
 *   Events: init (or the top level).  Waits: no.
 */
static int
configure(lua_State *L)
{
	struct draft *d = draft_of(L, "kumo.milter.configure");

	luaL_checktype(L, 1, LUA_TTABLE);
	if (d == NULL)
		return 0;
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		set_option(L, d);
	return 0;
}

static const luaL_Reg milter_functions[] = {
	{ "configure", configure },
	{ "remove_authentication_results", lb_message_remove_auth_results },
	{ NULL, NULL },
};

/*
 * kumo.start_milter_listener{ listen = "unix:/path" }
 *   listen: as --listen of `kumilter serve`, which wins over it.
 *   Raises when called twice (libmilter has one socket) or with other keys.
 *   Events: init (or the top level).  Waits: no.  From: ours.
 */
static int
start_milter_listener(lua_State *L)
{
	struct draft *d = draft_of(L, "kumo.start_milter_listener");

	luaL_checktype(L, 1, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		if (lua_type(L, -2) != LUA_TSTRING ||
		    strcmp(lua_tostring(L, -2), "listen") != 0)
			return luaL_error(L,
			    "kumo.start_milter_listener: the only key is "
			    "listen");
	lua_getfield(L, 1, "listen");
	if (lua_type(L, -1) != LUA_TSTRING)
		return luaL_error(L,
		    "kumo.start_milter_listener: listen: a string such as "
		    "'unix:/run/kumilter/milter.sock' expected");
	if (d == NULL)
		return 0;
	if (d->listen != NULL)
		return luaL_error(L,
		    "kumo.start_milter_listener: called twice; a milter has "
		    "one socket (the first is %s)",
		    d->listen);
	d->listen = xstrdup(lua_tostring(L, -1));
	return 0;
}

static const luaL_Reg functions[] = {
	{ "start_milter_listener", start_milter_listener },
	{ NULL, NULL },
};

void
lb_milter_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
	lua_newtable(L);
	luaL_register(L, NULL, milter_functions);
	lua_setfield(L, -2, "milter");
}
