/*
 * lb_message_import.c - Message: headers into metadata
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"

#include "milter/header_import.h"

#include <string.h>

#define NAME_SIZE 256
#define RULES_MAX 1000

/* A rule and the storage of its name; a Lua userdata owns the array. */
struct rule {
	struct header_import import;
	char name[NAME_SIZE];
};

static void
run(lua_State *L, struct message *m, const struct rule *rules, int n)
{
	struct header_import *list =
	    lua_newuserdata(L, sizeof *list * (size_t)(n + 1));

	for (int i = 0; i < n; i++)
		list[i] = rules[i].import;
	header_import(m, list, (size_t)n);
}

static struct rule *
new_rules(lua_State *L, int n)
{
	struct rule *rules;

	if (n > RULES_MAX)
		luaL_argerror(L, 2, "more than 1000 entries");
	rules = lua_newuserdata(L, sizeof *rules * (size_t)(n + 1));
	memset(rules, 0, sizeof *rules * (size_t)(n + 1));
	return rules;
}

static void
set_name(lua_State *L, struct rule *rule, const char *pattern)
{
	struct err err;

	if (header_import_name(&rule->import, pattern, rule->name,
		sizeof rule->name, &err) != 0)
		luaL_error(L, "%s", err.msg);
}

/*
 * message:import_x_headers([names])
 *   names: array of header names, each exact or a prefix with a final '*';
 *   nil or empty: every X- header.  The value of "X-Foo" goes to the metadata
 *   "x_foo"; of several the last one.
 *   Raises on a '*' elsewhere.
 *   From: KumoMTA.
 */
int
lb_message_import_x_headers(lua_State *L)
{
	struct message *m = lb_message_check(L);
	int n = 0;
	struct rule *rules;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		n = (int)lua_objlen(L, 2);
	}
	rules = new_rules(L, n + 1);
	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, 2, i + 1);
		set_name(L, &rules[i], lb_text(L, -1, NULL));
		lua_pop(L, 1);
	}
	if (n == 0)
		set_name(L, &rules[n++], "X-*");
	run(L, m, rules, n);
	return 0;
}

/* One key of a spec; the value is on top. */
static void
take_key(lua_State *L, struct rule *rule, const char *key)
{
	struct err err;
	int rc = 0;

	if (strcmp(key, "name") == 0)
		set_name(L, rule, lb_text(L, -1, NULL));
	else if (strcmp(key, "match") == 0)
		rc = header_import_match(
		    lb_text(L, -1, NULL), &rule->import.match, &err);
	else if (strcmp(key, "transform") == 0)
		rc = header_import_style(
		    lb_text(L, -1, NULL), &rule->import.style, &err);
	else if (strcmp(key, "target") == 0)
		rule->import.target = lb_text(L, -1, NULL);
	else if (strcmp(key, "remove") == 0)
		rule->import.remove = lua_toboolean(L, -1);
	else
		rc = err_set(&err, "unknown key \"%s\"", key);
	if (rc != 0)
		luaL_error(L, "import_headers: %s", err.msg);
}

static void
take_spec(lua_State *L, struct rule *rule)
{
	luaL_checktype(L, -1, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "import_headers: a key is no string");
		take_key(L, rule, lua_tostring(L, -2));
	}
	if (rule->import.name == NULL)
		luaL_error(L, "import_headers: name is missing");
	if (rule->import.wildcard && rule->import.target != NULL)
		luaL_error(L,
		    "import_headers: target cannot be given with a wildcard");
}

/*
 * message:import_headers(specs)
 *   specs: array of { name=, match=, transform=, target=, remove= }.
 *     name: exact, or a prefix with a final '*'.
 *     match: "first", "last" (default) or "all", which stores an array.
 *     transform: how the metadata's key is made of the name: "snake_case"
 *       (default), "kebab_case", "camel_case", "pascal_case".
 *     target: the key itself; not with a wildcard.
 *     remove: true takes the imported headers out of the message.
 *   A header belongs to the first spec that names it.
 *   Raises on unknown keys.
 *   From: KumoMTA.
 */
int
lb_message_import_headers(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct rule *rules;
	int n;

	luaL_checktype(L, 2, LUA_TTABLE);
	n = (int)lua_objlen(L, 2);
	rules = new_rules(L, n);
	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, 2, i + 1);
		take_spec(L, &rules[i]);
		lua_pop(L, 1);
	}
	run(L, m, rules, n);
	return 0;
}

/*
 * message:import_scheduling_header(name [, remove]) -> nil
 *   There is no queue to schedule in; remove true still takes the header out.
 *   From: KumoMTA.
 */
int
lb_message_import_scheduling(lua_State *L)
{
	struct message *m = lb_message_check(L);
	const char *name = lb_text(L, 2, NULL);

	if (lua_toboolean(L, 3))
		headers_remove(&m->headers, name);
	lb_message_no_effect(L);
	lua_pushnil(L);
	return 1;
}
