#include "lb_prelude.h"

#include "embed.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>

/*
 * room()
 *   Raises "stack overflow" while there is still room for the count hook to
 *   run: at the very end of the stack the hook itself fails, and a policy that
 *   catches that over and over could not be stopped.
 */
static int
lb_prelude_room(lua_State *L)
{
	luaL_checkstack(L, 200, NULL);
	return 0;
}

/*
 * random() -> number
 *   52 bits of the kernel's, or of the clock where it has none.
 *   Events: any.  Yields: no.  Stack: [-0, +1, -].
 */
static int
lb_prelude_random(lua_State *L)
{
	uint64_t bits;
	struct timespec now;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits)) {
		clock_gettime(CLOCK_REALTIME, &now);
		bits = (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec;
	}
	lua_pushnumber(L, (lua_Number)(bits >> 12));
	return 1;
}

/*
 * A literal such as 1LL in a policy makes LuaJIT load the ffi and leave it
 * where require finds it, but only if it is not loaded yet: so it is, and
 * prelude.lua takes it from sight.  The registry keeps it, for LuaJIT goes on
 * to use tables that nothing else would keep (and crashes in lua_close).
 */
static void
load_ffi(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ffi");
	lua_call(L, 1, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, "kumilter.ffi");
}

/* Run a file with the table on top of the stack, which stays there. */
static void
run(lua_State *L, const char *name, const char *chunk)
{
	const struct embed *source = embed_find(name);

	if (luaL_loadbufferx(L, source->data, source->len, chunk, "t") != 0)
		lua_error(L);
	lua_pushvalue(L, -2);
	lua_call(L, 1, 0);
}

void
lb_prelude_open(lua_State *L, int (*warn)(lua_State *L))
{
	load_ffi(L);
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, warn);
	lua_setfield(L, -2, "warn");
	lua_pushcfunction(L, lb_prelude_random);
	lua_setfield(L, -2, "random");
	lua_pushcfunction(L, lb_prelude_room);
	lua_setfield(L, -2, "room");
	run(L, "utf8.lua", "=kumilter:utf8.lua");
	run(L, "prelude.lua", "=kumilter:prelude.lua");
	/* for the other loaders: what a reader gives, as one string */
	lua_getfield(L, -1, "read_all");
	lua_setfield(L, LUA_REGISTRYINDEX, "kumilter.read_all");
	lua_pop(L, 1);
}
