/*
 * lb_msys_counter.c - native.counter: numbers of the process, by path
 *
 * A handle of Lua's holds a reference to the number.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/counter.h"

#include <math.h>

#define HANDLE "msys.counter"

static const char *
path_at(lua_State *L, int i, size_t *len)
{
	const char *path = lb_text(L, i, len);

	luaL_argcheck(L, *len > 0 && *len <= COUNTER_PATH_MAX, i,
	    "a path of 1 to 512 bytes expected");
	return path;
}

/* The counter of the handle or path at 1; a handle that owns it is on top. */
static struct counter *
counter_at(lua_State *L)
{
	struct counter **handle = lb_test(L, 1, HANDLE);
	const char *path;
	size_t len;

	if (handle == NULL) {
		path = path_at(L, 1, &len);
		handle = lb_new(L, HANDLE, sizeof(struct counter *));
		*handle = counter_open(path, len);
	}
	return *handle;
}

/* counter.open(path) -> handle */
static int
open_path(lua_State *L)
{
	lua_settop(L, 1);
	path_at(L, 1, &(size_t){ 0 });
	counter_at(L);
	return 1;
}

/* counter.add(handle or path, delta): delta's fraction is cut off */
static int
add(lua_State *L)
{
	double delta = luaL_checknumber(L, 2);

	luaL_argcheck(
	    L, fabs(delta) < 9e18, 2, "a number that fits 64 bits expected");
	counter_add(counter_at(L), (int64_t)delta);
	return 0;
}

/* counter.read(handle or path) -> number */
static int
read_value(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)counter_read(counter_at(L)));
	return 1;
}

/* counter.reset(handle or path) */
static int
reset(lua_State *L)
{
	counter_reset(counter_at(L));
	return 0;
}

/* counter.unlink(path) */
static int
unlink_path(lua_State *L)
{
	size_t len;
	const char *path = path_at(L, 1, &len);

	counter_unlink(path, len);
	return 0;
}

static int
handle_gc(lua_State *L)
{
	struct counter **handle = lua_touserdata(L, 1);

	counter_unref(*handle);
	*handle = NULL;
	return 0;
}

static const luaL_Reg handle_meta[] = {
	{ "__gc", handle_gc },
	{ NULL, NULL },
};

static const struct lb_class handle_class = { HANDLE, NULL, NULL, handle_meta };

static const luaL_Reg functions[] = {
	{ "open", open_path },
	{ "add", add },
	{ "read", read_value },
	{ "reset", reset },
	{ "unlink", unlink_path },
	{ NULL, NULL },
};

void
lb_msys_counter_open(lua_State *L)
{
	lb_class_open(L, &handle_class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "counter");
}
