/*
 * lb_kumo.c - kumo.on and the small functions of the top level
 *
 * Handlers live in two registry tables: name -> function (Single events) or
 * array of functions (Multiple), and name -> array of call stacks.
 */
#include "bindings.h"
#include "lb.h"
#include "lb_open.h"

#include "milter/api_names.h"
#include "milter/draft.h"
#include "milter/log.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The KumoMTA whose API this is; policies compare kumo.version as text. */
#define API_DATE "2026.08.01"

#define HANDLERS "kumo.handlers"
#define REGISTRARS "kumo.registrars"

/* Push registry[table][name]. */
static void
push_entry(lua_State *L, const char *table, const char *name)
{
	lua_getfield(L, LUA_REGISTRYINDEX, table);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
}

void
lb_push_handler(lua_State *L, const char *event)
{
	push_entry(L, HANDLERS, event);
}

/* registry[table][name] = the value on top, which is popped. */
static void
set_entry(lua_State *L, const char *table, const char *name)
{
	lua_getfield(L, LUA_REGISTRYINDEX, table);
	lua_insert(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
}

static void
push_call_stack(lua_State *L)
{
	lua_Debug ar;
	int n = 0;

	lua_newtable(L);
	for (int level = 1; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0)
			continue;
		lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
		lua_rawseti(L, -2, ++n);
	}
	lb_mark_array(L);
}

static void
remember_registrar(lua_State *L, const char *name)
{
	push_entry(L, REGISTRARS, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lb_mark_array(L);
		lua_pushvalue(L, -1);
		set_entry(L, REGISTRARS, name);
	}
	push_call_stack(L);
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
	lua_pop(L, 1);
}

static int
already_defined(lua_State *L, const char *name)
{
	push_entry(L, REGISTRARS, name);
	lua_rawgeti(L, -1, 1);
	lua_rawgeti(L, -1, 1);
	return luaL_error(L, "%s event already has a handler defined at %s",
	    name, lua_isstring(L, -1) ? lua_tostring(L, -1) : "?");
}

static void
add_multiple(lua_State *L, const char *name)
{
	push_entry(L, HANDLERS, name);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		set_entry(L, HANDLERS, name);
	}
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
	lua_pop(L, 1);
}

/* A name that is text to its end. */
static const char *
check_name(lua_State *L, int i)
{
	size_t len;
	const char *name = lb_text(L, i, &len);

	luaL_argcheck(L, strlen(name) == len, i, "a name without NUL expected");
	return name;
}

/*
 * kumo.on(event, handler)
 *   event: string, any name.  handler: function.
 *   Registers.  A second handler for a Single event raises; Multiple events
 *   (pre_init, validate_config, ...) run all of theirs in order until one
 *   returns a value.
 *   Raises inside a handler: events are registered while the policy loads.
 *   Events: none, at the top level alone.  Waits: no.  From: KumoMTA kumo.on
 *   (its code, not its page: a second registration is an error).
 */
static int
on(lua_State *L)
{
	struct state *st = state_of(L);
	const char *name = check_name(L, 1);
	const struct api_event *event = api_event_find(name);
	bool multiple = event->multiple;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (!st->loading)
		return luaL_error(L,
		    "Attempting to register an event handler via "
		    "kumo.on('%s', ...) from within the event handler '%s': "
		    "move the kumo.on to the top level of the policy",
		    name,
		    st->run != NULL && st->run->event != NULL ? st->run->event
							      : "?");
	if (multiple) {
		add_multiple(L, name);
	} else {
		push_entry(L, HANDLERS, name);
		if (!lua_isnil(L, -1))
			return already_defined(L, name);
		lua_pop(L, 1);
		lua_pushvalue(L, 2);
		set_entry(L, HANDLERS, name);
	}
	remember_registrar(L, name);
	return 0;
}

/*
 * kumo.get_event_registrars(event) -> array of call stacks, or nil
 *   Each stack is an array of "file:line".  Events: any.  Waits: no.
 *   From: KumoMTA.
 */
static int
get_event_registrars(lua_State *L)
{
	push_entry(L, REGISTRARS, check_name(L, 1));
	return 1;
}

/* What name_what and namewhat say when there is nothing to say. */
static void
set_text(lua_State *L, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void
set_line(lua_State *L, const char *key, int value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
}

static void
push_frame(lua_State *L, lua_Debug *ar)
{
	lua_getinfo(L, "nSl", ar);
	lua_createtable(L, 0, 9);
	set_text(L, "name", ar->name);
	set_text(L, "name_what", ar->namewhat);
	set_text(L, "source", ar->source);
	set_text(L, "short_src", ar->short_src);
	set_text(L, "what", ar->what);
	set_text(L, "event", "call");
	set_line(L, "line_defined", ar->linedefined);
	set_line(L, "last_line_defined", ar->lastlinedefined);
	set_line(L, "curr_line", ar->currentline);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "is_tail_call");
}

/*
 * kumo.traceback(level) -> array of frames
 *   level: integer; 1 is the function that called.  A frame has name,
 *   name_what, source, short_src, what, line_defined, last_line_defined,
 *   curr_line, is_tail_call.  Events: any.  Waits: no.  From: KumoMTA.
 */
static int
traceback(lua_State *L)
{
	int level = (int)lb_integer(L, 1, 0, 10000);
	lua_Debug ar;
	int n = 0;

	lua_newtable(L);
	for (; n < 200 && lua_getstack(L, level, &ar); level++) {
		push_frame(L, &ar);
		lua_rawseti(L, -2, ++n);
	}
	lb_mark_array(L);
	return 1;
}

/*
 * kumo.validation_failed()
 *   `kumilter check` fails then.
 *   Events: validate_config.  Waits: no.  From: KumoMTA.
 */
static int
validation_failed(lua_State *L)
{
	struct state *st = state_of(L);

	if (st->draft != NULL)
		st->draft->validation_failed = true;
	return 0;
}

/*
 * kumo.available_parallelism() -> number of CPUs
 *   Events: any.  Waits: no.  From: KumoMTA.
 */
static int
available_parallelism(lua_State *L)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	lua_pushinteger(L, n > 0 ? n : 1);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "on", on },
	{ "get_event_registrars", get_event_registrars },
	{ "traceback", traceback },
	{ "validation_failed", validation_failed },
	{ "available_parallelism", available_parallelism },
	{ NULL, NULL },
};

void
lb_kumo_open(lua_State *L)
{
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, HANDLERS);
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, REGISTRARS);
	luaL_register(L, NULL, functions);
	lua_pushliteral(L, API_DATE "-kumilter-" KUMILTER_VERSION);
	lua_setfield(L, -2, "version");
}

int
bindings_handler(lua_State *L, const char *event)
{
	push_entry(L, HANDLERS, event);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return LUA_NOREF;
	}
	return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* The key of the table on top that is written most like name. */
static void
nearest_key(lua_State *L, const char *name, int prefix, char *near, size_t size)
{
	const char *last = name + prefix;
	size_t len = strcspn(last, "."), best = len / 3;
	char *wanted = xmemdup0(last, len);

	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		size_t d = lua_type(L, -2) == LUA_TSTRING
			       ? api_name_distance(wanted, lua_tostring(L, -2))
			       : SIZE_MAX;

		if (d < best || (d == best && d > 0 && near[0] == '\0')) {
			best = d;
			snprintf(near, size, "%.*s%s", prefix, name,
			    lua_tostring(L, -2));
		}
		lua_pop(L, 1);
	}
	free(wanted);
}

bool
bindings_has_name(lua_State *L, const char *name, char *near, size_t size)
{
	int top = lua_gettop(L);
	bool has = true;

	near[0] = '\0';
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	for (const char *p = name; has && *p != '\0';) {
		size_t len = strcspn(p, ".");

		lua_pushlstring(L, p, len);
		lua_rawget(L, -2);
		has = !lua_isnil(L, -1);
		if (!has && p != name) {
			lua_pop(L, 1);
			nearest_key(L, name, (int)(p - name), near, size);
			break;
		}
		p += len + (p[len] == '.');
		/* what only its metatable knows, nobody can say from here */
		if (!lua_istable(L, -1) || luaL_getmetafield(L, -1, "__index"))
			break;
	}
	lua_settop(L, top);
	return has;
}
