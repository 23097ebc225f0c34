#include "lb_coroutine.h"

#include "embed.h"

#include <lauxlib.h>
#include <lua.h>

/*
 * In depth: how many resumes are under way, and whether one of them, or the
 * place where the outermost was made, cannot yield.
 */
#define PINNED 0x10000
#define LEVELS 0xffff

const void *
lb_request_tag(void)
{
	static const char tag;

	return &tag;
}

bool
lb_coroutine_can_wait(lua_State *L, const struct lb_coroutine_state *st)
{
	return lua_isyieldable(L) && !(st->depth & PINNED);
}

static struct lb_coroutine_state *
state_from(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

/*
 * enter() -> outside, inside | nil
 *   Called before a resume.  Goes one level in and gives what to hand to
 *   level() behind the resume, and in front of another one; nil: too deep.
 *   Events: any.  Yields: no.  Stack: [-0, +1..2, -].
 */
static int
lb_coroutine_enter(lua_State *L)
{
	struct lb_coroutine_state *st = state_from(L);
	int outside = st->depth;

	if ((outside & LEVELS) == LB_COROUTINE_NESTED)
		return 0;
	st->depth++;
	if (!lua_isyieldable(L))
		st->depth |= PINNED;
	lua_pushinteger(L, outside);
	lua_pushinteger(L, st->depth);
	return 2;
}

/*
 * level(n)
 *   Sets the level outright: it is right again after an error that came past
 *   and after the driver, which starts from 0, has answered a request.
 *   Events: any.  Yields: no.  Stack: [-0, +0, -].
 */
static int
lb_coroutine_level(lua_State *L)
{
	state_from(L)->depth = (int)lua_tointeger(L, 1);
	return 0;
}

void
lb_coroutine_open(lua_State *L, struct lb_coroutine_state *st)
{
	const struct embed *source = embed_find("coroutine.lua");

	if (luaL_loadbufferx(L, source->data, source->len,
		"=kumilter:coroutine.lua", "t") != 0)
		lua_error(L);
	lua_pushlightuserdata(L, (void *)lb_request_tag());
	lua_pushlightuserdata(L, st);
	lua_pushcclosure(L, lb_coroutine_enter, 1);
	lua_pushlightuserdata(L, st);
	lua_pushcclosure(L, lb_coroutine_level, 1);
	lua_pushinteger(L, LB_COROUTINE_NESTED);
	lua_call(L, 4, 0);
}
