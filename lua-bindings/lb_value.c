/*
 * lb_value.c - Lua values as JSON and back
 *
 * What conn_meta and message metadata keep.  Reading a table here raises
 * nothing: a failure comes back as text, so no half-built value leaks.
 */
#include "lb.h"

#include "milter/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 100
#define META_MAX ((size_t)16 * 1024 * 1024)
#define NODE_COST 64

static const char array_key; /* its address names the metatable */

void
lb_mark_array(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)&array_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
		lua_pushlightuserdata(L, (void *)&array_key);
		lua_pushvalue(L, -2);
		lua_rawset(L, LUA_REGISTRYINDEX);
	}
	lua_setmetatable(L, -2);
}

static bool
is_array(lua_State *L, int i)
{
	bool marked;

	if (lua_objlen(L, i) > 0)
		return true;
	if (!lua_getmetatable(L, i))
		return false;
	lua_pushlightuserdata(L, (void *)&array_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	marked = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return marked;
}

/* The key of what stands for a kept object; policies have no such keys. */
#define KEPT_KEY "\0kept"
#define KEPT_LEN (sizeof KEPT_KEY - 1)

/* One conversion to JSON. */
struct making {
	size_t *cost;
	struct lb_kept **kept; /* NULL: objects are not taken */
	struct err *err;
};

static json_t *convert(lua_State *L, int i, int depth, const struct making *m);

static json_t *
from_number(double d)
{
	if (!isfinite(d))
		return json_null();
	if (d == floor(d) && fabs(d) <= 9007199254740992.0)
		return json_integer((json_int_t)d);
	return json_real(d);
}

static json_t *
from_array(lua_State *L, int i, int depth, const struct making *m)
{
	json_t *array = json_array();
	int n = (int)lua_objlen(L, i);

	for (int k = 1; k <= n; k++) {
		json_t *item;

		lua_rawgeti(L, i, k);
		item = convert(L, lua_gettop(L), depth + 1, m);
		lua_pop(L, 1);
		if (item == NULL) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, item);
	}
	return array;
}

/* The key at -2 as text, without converting it in place. */
static const char *
key_text(lua_State *L, char number[32], size_t *len, struct err *err)
{
	switch (lua_type(L, -2)) {
	case LUA_TSTRING:
		return lua_tolstring(L, -2, len);
	case LUA_TNUMBER:
		*len =
		    (size_t)snprintf(number, 32, "%.14g", lua_tonumber(L, -2));
		return number;
	default:
		err_set(err, "cannot serialize a table with a %s as key",
		    luaL_typename(L, -2));
		return NULL;
	}
}

static json_t *
from_object(lua_State *L, int i, int depth, const struct making *m)
{
	json_t *object = json_object();

	lua_pushnil(L);
	while (lua_next(L, i)) {
		char number[32];
		size_t len;
		const char *key = key_text(L, number, &len, m->err);
		json_t *item = key == NULL
				   ? NULL
				   : convert(L, lua_gettop(L), depth + 1, m);

		if (item == NULL) {
			json_decref(object);
			return NULL;
		}
		*m->cost += len;
		json_object_setn_new_nocheck(object, key, len, item);
		lua_pop(L, 1);
	}
	return object;
}

static json_t *
from_table(lua_State *L, int i, int depth, const struct making *m)
{
	if (depth >= DEPTH_MAX || !lua_checkstack(L, 8)) {
		err_set(m->err,
		    "cannot serialize a table that is recursive or nested "
		    "more than %d deep",
		    DEPTH_MAX);
		return NULL;
	}
	return is_array(L, i) ? from_array(L, i, depth, m)
			      : from_object(L, i, depth, m);
}

static json_t *
from_userdata(lua_State *L, int i, const struct making *m)
{
	json_t *object;
	int number = m->kept == NULL ? -1 : lb_kept_add(L, i, m->kept);

	if (number < 0) {
		err_set(m->err, "cannot serialize userdata");
		return NULL;
	}
	object = json_object();
	json_object_setn_new_nocheck(
	    object, KEPT_KEY, KEPT_LEN, json_integer(number));
	return object;
}

static json_t *
convert(lua_State *L, int i, int depth, const struct making *m)
{
	size_t len;
	const char *text;

	*m->cost += NODE_COST;
	if (*m->cost > META_MAX) {
		err_set(
		    m->err, "cannot serialize more than %zu bytes", META_MAX);
		return NULL;
	}
	switch (lua_type(L, i)) {
	case LUA_TNIL:
		return json_null();
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, i));
	case LUA_TNUMBER:
		return from_number(lua_tonumber(L, i));
	case LUA_TSTRING:
		text = lua_tolstring(L, i, &len);
		*m->cost += len;
		return json_stringn_nocheck(text, len);
	case LUA_TTABLE:
		return from_table(L, i, depth, m);
	case LUA_TUSERDATA:
		return from_userdata(L, i, m);
	default:
		err_set(m->err, "cannot serialize %s", luaL_typename(L, i));
		return NULL;
	}
}

json_t *
lb_tojson_kept(
    lua_State *L, int i, size_t *cost, struct lb_kept **kept, struct err *err)
{
	struct making m = { cost, kept, err };

	if (i < 0)
		i = lua_gettop(L) + i + 1;
	return convert(L, i, 0, &m);
}

json_t *
lb_tojson(lua_State *L, int i, size_t *cost, struct err *err)
{
	size_t own = 0;

	return lb_tojson_kept(L, i, cost != NULL ? cost : &own, NULL, err);
}

void
lb_push_json_text(lua_State *L, int i, bool pretty)
{
	struct str out = { 0 };
	struct err err;
	json_t *value = lb_tojson(L, i, NULL, &err);

	if (value == NULL)
		luaL_error(L, "%s", err.msg);
	json_text_write(&out, value, pretty);
	json_decref(value);
	lb_push_str(L, &out);
}

static void
push_object(lua_State *L, const json_t *value, const struct lb_kept *kept)
{
	const json_t *number = json_object_getn(value, KEPT_KEY, KEPT_LEN);
	const char *key;
	json_t *item;

	if (kept != NULL && number != NULL) {
		lb_kept_push(L, kept, (size_t)json_integer_value(number));
		return;
	}
	lua_createtable(L, 0, (int)json_object_size(value));
	for (void *it = json_object_iter((json_t *)value); it != NULL;
	     it = json_object_iter_next((json_t *)value, it)) {
		key = json_object_iter_key(it);
		item = json_object_iter_value(it);
		if (json_is_null(item))
			continue;
		lua_pushlstring(L, key, json_object_iter_key_len(it));
		lb_pushjson_kept(L, item, kept);
		lua_rawset(L, -3);
	}
}

void
lb_pushjson_kept(lua_State *L, const json_t *value, const struct lb_kept *kept)
{
	luaL_checkstack(L, 6, "value nested too deeply");
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		push_object(L, value, kept);
		break;
	case JSON_ARRAY:
		lua_createtable(L, (int)json_array_size(value), 0);
		for (size_t i = 0; i < json_array_size(value); i++) {
			lb_pushjson_kept(L, json_array_get(value, i), kept);
			lua_rawseti(L, -2, (int)i + 1);
		}
		lb_mark_array(L);
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
	default:
		lua_pushnil(L);
		break;
	}
}

void
lb_pushjson(lua_State *L, const json_t *value)
{
	lb_pushjson_kept(L, value, NULL);
}

static size_t
cost_of(const json_t *value)
{
	size_t cost = NODE_COST + json_string_length(value);
	const char *key;
	json_t *item;

	for (size_t i = 0; i < json_array_size(value); i++)
		cost += cost_of(json_array_get(value, i));
	json_object_foreach ((json_t *)value, key, item)
		cost += strlen(key) + cost_of(item);
	return cost;
}

int
lb_meta_get(lua_State *L, const json_t *meta)
{
	size_t len;
	const char *key = lb_text(L, 2, &len);
	const json_t *value = json_object_getn(meta, key, len);

	if (value == NULL)
		lua_pushnil(L);
	else
		lb_pushjson(L, value);
	return 1;
}

int
lb_meta_set(lua_State *L, json_t *meta)
{
	size_t len, cost = 0;
	const char *key = lb_text(L, 2, &len);
	struct err err;
	json_t *value;

	luaL_checkany(L, 3);
	lua_settop(L, 3);
	if (lua_isnil(L, 3)) {
		json_object_deln(meta, key, len);
		return 0;
	}
	value = lb_tojson(L, 3, &cost, &err);
	if (value == NULL)
		return luaL_argerror(L, 3, lua_pushfstring(L, "%s", err.msg));
	/* few sessions keep much: only then is the sum worth making */
	if (cost + len + json_object_size(meta) * 256 > META_MAX / 64 &&
	    cost_of(meta) + cost + len > META_MAX) {
		json_decref(value);
		return luaL_error(L, "set_meta: more than %d MiB of metadata",
		    (int)(META_MAX >> 20));
	}
	json_object_setn_new_nocheck(meta, key, len, value);
	return 0;
}
