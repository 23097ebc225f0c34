/*
 * lb_prelude.h - what every policy finds in its Lua state
 *
 * lb_prelude_open() runs utf8.lua and prelude.lua: the library of Lua 5.4 as
 * far as LuaJIT can have it, and without what would let a policy out of its
 * state (bytecode, ffi, jit, most of debug, os.exit).
 *
 * Order, in a new state: luaL_openlibs, lb_string_open, lb_coroutine_open,
 * lb_prelude_open.  What the engine itself wants of ffi, jit.* or
 * string.buffer it must take before.
 */
#ifndef KUMILTER_LB_PRELUDE_H
#define KUMILTER_LB_PRELUDE_H

struct lua_State;

/*
 * warn: called from Lua with one string, a line for the log.
 * Raises when memory is gone.
 */
void lb_prelude_open(struct lua_State *L, int (*warn)(struct lua_State *L));

#endif
