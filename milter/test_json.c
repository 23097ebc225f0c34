#include "test_json.h"

#include <lauxlib.h>
#include <lua.h>
#include <math.h>

#define DEPTH_MAX 64

void
test_json_push(lua_State *L, const json_t *value)
{
	const char *key;
	json_t *one;
	size_t i;

	luaL_checkstack(L, 4, "JSON");
	switch (value != NULL ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
		lua_newtable(L);
		json_object_foreach ((json_t *)value, key, one) {
			test_json_push(L, one);
			lua_setfield(L, -2, key);
		}
		break;
	case JSON_ARRAY:
		lua_newtable(L);
		json_array_foreach (value, i, one) {
			test_json_push(L, one);
			lua_rawseti(L, -2, (int)i + 1);
		}
		break;
	case JSON_STRING:
		lua_pushlstring(
		    L, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		lua_pushnumber(L, json_number_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(value));
		break;
	case JSON_NULL:
		lua_pushnil(L);
	}
}

static json_t *
number(double n)
{
	if (floor(n) == n && fabs(n) < 9e15)
		return json_integer((json_int_t)n);
	return json_real(n);
}

static json_t *at(lua_State *L, int i);

static json_t *
table(lua_State *L, int i)
{
	size_t n = lua_objlen(L, i);
	json_t *j = n > 0 ? json_array() : json_object();

	for (size_t k = 1; k <= n; k++) {
		lua_rawgeti(L, i, (int)k);
		json_array_append_new(j, at(L, lua_gettop(L)));
		lua_pop(L, 1);
	}
	if (n > 0)
		return j;
	for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
		const char *key;

		lua_pushvalue(L, -2); /* lua_next() needs the key as it is */
		key = lua_tostring(L, -1);
		json_object_set_new_nocheck(
		    j, key != NULL ? key : "?", at(L, lua_gettop(L) - 1));
		lua_pop(L, 1);
	}
	return j;
}

static json_t *
at(lua_State *L, int i)
{
	const char *text;
	size_t len;

	switch (lua_type(L, i)) {
	case LUA_TNIL:
		return json_null();
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, i));
	case LUA_TNUMBER:
		return number(lua_tonumber(L, i));
	case LUA_TSTRING:
		text = lua_tolstring(L, i, &len);
		return json_stringn_nocheck(text, len);
	case LUA_TTABLE:
		return table(L, i);
	default:
		return NULL; /* check() has raised */
	}
}

/* Before anything is made that an error would leave behind. */
static void
check(lua_State *L, int i, int depth)
{
	int type = lua_type(L, i);

	luaL_checkstack(L, 6, "JSON");
	if (depth > DEPTH_MAX)
		luaL_error(L, "tables are nested too deep");
	if (type > LUA_TTABLE || type == LUA_TLIGHTUSERDATA)
		luaL_error(
		    L, "a %s cannot be given to a policy", luaL_typename(L, i));
	if (type != LUA_TTABLE)
		return;
	for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1))
		check(L, lua_gettop(L), depth + 1);
}

json_t *
test_json_at(lua_State *L, int i)
{
	if (i < 0)
		i += lua_gettop(L) + 1;
	check(L, i, 0);
	return at(L, i);
}
