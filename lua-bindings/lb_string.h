/*
 * lb_string.h - string.find, match, gmatch and gsub that can be stopped
 *
 * They take the place of LuaJIT's in the table `string` (and so behind
 * ("x"):find as well) and answer as those do, except:
 *  - a match over its limits raises "interrupted";
 *  - gsub within a function given to gsub raises past LB_GSUB_NESTED levels,
 *    where LuaJIT's overflows the C stack and takes the process with it;
 *  - as in Lua 5.4 an empty match directly behind the last match does not
 *    count in gmatch and gsub (("abc"):gsub("%w*", "x") is "x", not "xx"),
 *    an init behind the subject finds nothing, gmatch takes an init, and a
 *    '%' that ends gsub's replacement is an error.
 *
 * No memory is held outside of Lua, so an error on the way leaks nothing and
 * results count against the state's memory limit.
 */
#ifndef KUMILTER_LB_STRING_H
#define KUMILTER_LB_STRING_H

struct lua_State;
struct lb_limits;

#define LB_GSUB_NESTED 50

/* *limits must live as long as L.  NULL: no limits. */
void lb_string_open(struct lua_State *L, const struct lb_limits *limits);

#endif
