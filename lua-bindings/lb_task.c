/*
 * lb_task.c - kumo.spawn_task
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/draft.h"

#include <string.h>

#define TASKS_MAX 64 /* that one policy may ask for while it loads */

/* The table at 1 has event_name, perhaps args, and nothing else. */
static void
check_params(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
		const char *key =
		    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";

		if (strcmp(key, "event_name") != 0 && strcmp(key, "args") != 0)
			luaL_error(
			    L, "kumo.spawn_task: unknown key \"%s\"", key);
	}
	lua_getfield(L, 1, "event_name");
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "kumo.spawn_task: event_name: a string expected");
	lua_getfield(L, 1, "args");
}

/* args are taken. */
static int
ask_for(struct state *st, const char *event, json_t *args, struct err *err)
{
	json_t *tasks;

	if (st->draft != NULL) {
		tasks = st->draft->tasks;
		if (json_array_size(tasks) >= TASKS_MAX) {
			json_decref(args);
			return err_set(
			    err, "%d tasks are asked for already", TASKS_MAX);
		}
		return json_array_append_new(
		    tasks, json_pack("{soso}", "event_name",
			       json_string_nocheck(event), "args", args));
	}
	if (st->loading) {
		json_decref(args);
		return 0;
	}
	return st->owner->spawn(st, event, args, err);
}

/*
 * kumo.spawn_task{ event_name =, args = }
 *   Run the event's handler beside all sessions, in a thread and a Lua state
 *   of its own, with args, a copy, as its one argument.  It may loop for ever
 *   as long as it waits in each round.  What it raises is logged and ends it.
 *   While the policy loads it is asked for, by the first state alone; it
 *   begins when the policy serves, and so never in `kumilter check`.  It is
 *   stopped when the policy is replaced, or the daemon ends.
 *   Raises on unknown keys, on args that are no JSON and on a 65th task.
 *   Events: any.  Waits: no.  From: KumoMTA kumo.spawn_task, which never
 *   loads init again and stops tasks at its end alone.
 */
static int
spawn_task(lua_State *L)
{
	json_t *args;
	struct err err;

	check_params(L);
	args = lb_tojson(L, -1, NULL, &err);
	if (args == NULL ||
	    ask_for(state_of(L), lua_tostring(L, -2), args, &err) != 0)
		return luaL_error(L, "kumo.spawn_task: %s", err.msg);
	return 0;
}

void
lb_task_open(lua_State *L)
{
	lua_pushcfunction(L, spawn_task);
	lua_setfield(L, -2, "spawn_task");
}
