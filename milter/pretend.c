#include "pretend.h"

#include "clock.h"
#include "lua-bindings/bindings.h"
#include "moment.h"

#include <lua.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool seeded;
	int64_t seed;
} chance;

int
pretend_time(const char *text, struct err *err)
{
	struct moment m;
	char *end;
	long long secs = strtoll(text, &end, 10);

	if (end != text && *end == '\0') {
		clock_pretend(secs * CLOCK_S);
		return 0;
	}
	if (moment_parse_rfc3339(&m, text, strlen(text)) != 0)
		return err_set(err,
		    "\"%s\" is no time: 2026-11-21T12:00:00Z or seconds since "
		    "1970 expected",
		    text);
	clock_pretend(m.s * CLOCK_S + m.ns);
	return 0;
}

void
pretend_seed(int64_t seed)
{
	chance.seeded = true;
	chance.seed = seed;
}

static int
now(lua_State *L)
{
	lua_pushnumber(
	    L, (lua_Number)(clock_wall() / CLOCK_MS) / (lua_Number)1000);
	return 1;
}

int
pretend_prepare(lua_State *L)
{
	bindings_push_part(L, "test/pretend.lua");
	if (clock_pretends())
		lua_pushcfunction(L, now);
	else
		lua_pushnil(L);
	if (chance.seeded)
		lua_pushnumber(L, (lua_Number)chance.seed);
	else
		lua_pushnil(L);
	lua_call(L, 2, 0);
	return 0;
}
