/*
 * lb_log.c - kumo.log_error, log_warn, log_info, log_debug
 *
 * For each NAME of error, warn, info and debug:
 *
 * kumo.log_NAME(...)
 *   Any values, joined by one space, tostring() on each; the line begins
 *   with the file and line of the call and carries the session's id.
 *   Costs nothing but the call where the level is not logged.
 *
 * kumo.set_diagnostic_log_filter(spec)
 *   spec: KumoMTA's filter, "kumod=debug,lua=info".  The level for target
 *   lua, else kumod, else the bare one is taken.  Raises on a bad spec.
 *
 * print(...) goes to the log at level info, with tabs between the values
 * (standard output belongs to nobody in a daemon), and warn(...) as a warning.
 *
 * All: events any; waits no; from KumoMTA kumo.log_*.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/log.h"

#include <stdio.h>
#include <string.h>

static int
log_at(lua_State *L, enum log_level level, const char *separator)
{
	int n = lua_gettop(L);
	char where[128];

	if (!log_wants(level))
		return 0;
	luaL_checkstack(L, n + 3, "too many values to log");
	lua_getglobal(L, "tostring");
	for (int i = 1; i <= n; i++) {
		lua_pushvalue(L, n + 1);
		lua_pushvalue(L, i);
		lua_call(L, 1, 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			return luaL_error(L, "'tostring' must return a string");
		lua_replace(L, i);
	}
	lua_settop(L, n);
	for (int i = 1; i < n; i++) {
		lua_pushstring(L, separator);
		lua_insert(L, 2 * i);
	}
	lua_concat(L, lua_gettop(L));
	lb_where(L, where, sizeof where);
	log_line(level, lb_session_id(L), "%s%s", where, lua_tostring(L, -1));
	return 0;
}

static int
log_error_(lua_State *L)
{
	return log_at(L, LOG_LEVEL_ERROR, " ");
}

int
lb_log_warn(lua_State *L)
{
	return log_at(L, LOG_LEVEL_WARN, " ");
}

static int
log_info_(lua_State *L)
{
	return log_at(L, LOG_LEVEL_INFO, " ");
}

static int
log_debug_(lua_State *L)
{
	return log_at(L, LOG_LEVEL_DEBUG, " ");
}

static int
print(lua_State *L)
{
	return log_at(L, LOG_LEVEL_INFO, "\t");
}

/* How much a target's name counts; 0: none of ours. */
static int
rank(const char *target, size_t len)
{
	static const char *const ours[] = { "", "kumod", "lua" };

	for (int i = 2; i >= 0; i--)
		if (strlen(ours[i]) == len && memcmp(ours[i], target, len) == 0)
			return i + 1;
	return 0;
}

static int
set_filter(lua_State *L)
{
	const char *spec = lb_text(L, 1, NULL);
	enum log_level level = LOG_LEVEL_INFO;
	int best = 0;

	for (const char *p = spec; *p != '\0';) {
		size_t len = strcspn(p, ",");
		const char *eq = memchr(p, '=', len);
		const char *name = eq != NULL ? eq + 1 : p;
		size_t target = eq != NULL ? (size_t)(eq - p) : 0;
		enum log_level found;
		struct err err;
		char text[32];

		snprintf(
		    text, sizeof text, "%.*s", (int)(p + len - name), name);
		if (strcmp(text, "trace") == 0)
			strcpy(text, "debug");
		if (log_level_parse(text, &found, &err) != 0)
			return luaL_argerror(
			    L, 1, lua_pushfstring(L, "%s", err.msg));
		if (rank(p, target) > best) {
			best = rank(p, target);
			level = found;
		}
		p += len + (p[len] == ',');
	}
	if (best > 0)
		log_set_level(level);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "log_error", log_error_ },
	{ "log_warn", lb_log_warn },
	{ "log_info", log_info_ },
	{ "log_debug", log_debug_ },
	{ "set_diagnostic_log_filter", set_filter },
	{ NULL, NULL },
};

void
lb_log_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
	lua_pushcfunction(L, print);
	lua_setglobal(L, "print");
}
