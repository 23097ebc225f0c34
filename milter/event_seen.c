#include "event_seen.h"

#include "clock.h"
#include "event_dry.h"
#include "observe.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call_seen {
	char where[128];
	char *args;
	int64_t begin;
	json_t *meta;
};

/* "@/etc/kumilter/init.lua" and a line: what of the path tells most. */
static void
note_place(struct call_seen *seen, lua_State *L)
{
	lua_Debug ar;
	const char *file;

	lua_pushvalue(L, -1);
	lua_getinfo(L, ">S", &ar);
	if (ar.source[0] != '@')
		return;
	file = strrchr(ar.source, '/');
	snprintf(seen->where, sizeof seen->where, "%s:%d",
	    file != NULL ? file + 1 : ar.source + 1, ar.linedefined);
}

void
seen_begin(struct call *c)
{
	struct call_seen *seen = xcalloc(1, sizeof *seen);

	seen->begin = clock_mono();
	if (observe_details(c->s))
		seen->meta = json_deep_copy(c->s->meta);
	if (!event_is_msys(c->event))
		note_place(seen, c->L);
	c->seen = seen;
}

/* The arguments: text, numbers and what tostring() knows more of than its type.
 */
static int
describe(lua_State *L)
{
	int n = lua_gettop(L), shown = 0;

	lua_checkstack(L, 2 * n + 2);
	for (int i = 1; i <= n; i++) {
		const char *quote = lua_type(L, i) == LUA_TSTRING ? "\"" : "";
		const char *text;

		if (!luaL_callmeta(L, i, "__tostring"))
			lua_pushvalue(L, i);
		text = lua_tostring(L, -1);
		if (text == NULL)
			continue;
		lua_pushfstring(
		    L, "%s%s%s%s", shown++ > 0 ? ", " : "", quote, text, quote);
		lua_replace(L, shown); /* an argument that is behind us */
	}
	lua_settop(L, shown);
	lua_concat(L, shown);
	return 1;
}

void
seen_args(struct call *c, int nargs)
{
	int first = lua_gettop(c->L) - nargs + 1;

	if (!observe_details(c->s) || !lua_checkstack(c->L, nargs + 1))
		return;
	lua_pushcfunction(c->L, describe);
	for (int i = 0; i < nargs; i++)
		lua_pushvalue(c->L, first + i);
	if (lua_pcall(c->L, nargs, 1, 0) == 0)
		c->seen->args = xstrdup(lua_tostring(c->L, -1));
	lua_pop(c->L, 1);
}

void
seen_callout(struct call *c)
{
	const char *module = NULL;

	if (event_is_msys(c->event) && c->L != NULL &&
	    bindings_callout(c->L, c->s, &module) != NULL && module != NULL)
		snprintf(
		    c->seen->where, sizeof c->seen->where, "module %s", module);
}

void
seen_end(struct call *c, const struct verdict *v)
{
	struct observed o = { .event = event_name(c->event),
		.where = c->seen->where,
		.args = c->seen->args != NULL ? c->seen->args : "",
		.took = clock_mono() - c->seen->begin,
		.waited = c->run.waited,
		.failed = c->failed,
		.dry = dry_is(c->s, c->event),
		.verdict = v,
		.meta_before = c->seen->meta };

	observe_handler(c->s, &o);
	json_decref(c->seen->meta);
	free(c->seen->args);
	free(c->seen);
	c->seen = NULL;
}
