#include "lb.h"
#include "lb_map.h"
#include "lb_open.h"

#include "milter/packed.h"

#include <string.h>

#define BUILD "kumo.MapBuild"
#define CHARGES "kumo.map charges"
#define CHECK_EVERY 4096 /* entries between two looks at the limits */

/* What is to go when building raises. */
struct build {
	const struct lb_map_kind *kind;
	void *build;
	struct str value; /* of the entry at hand */
};

static int
build_gc(lua_State *L)
{
	struct build *b = lb_check(L, 1, BUILD);

	if (b->build != NULL)
		b->kind->cancel(b->build);
	b->build = NULL;
	str_fini(&b->value);
	return 0;
}

/* ---- values ------------------------------------------------------------- */

static void
pack(lua_State *L, int i, struct str *out)
{
	struct err err;
	json_t *value = lb_tojson(L, i, NULL, &err);

	if (value == NULL)
		luaL_error(L, "%s", err.msg);
	str_clear(out);
	packed_add(out, value);
	json_decref(value);
}

const char *
lb_map_pack(lua_State *L, int i, size_t *len)
{
	struct build *b = lb_new(L, BUILD, sizeof *b);

	pack(L, i, &b->value);
	*len = b->value.len;
	return str_c(&b->value);
}

/* Lua sees how small this is, not what it holds: do not wait for it. */
void
lb_map_pack_done(lua_State *L)
{
	struct build *b = lua_touserdata(L, -1);

	str_fini(&b->value);
	lua_pop(L, 1);
}

static const char *push(lua_State *L, const char *p);

static const char *
push_items(lua_State *L, const char *p, size_t n)
{
	lua_createtable(L, n < 1 << 20 ? (int)n : 0, 0);
	for (size_t i = 1; i <= n; i++) {
		p = push(L, p);
		lua_rawseti(L, -2, (int)i);
	}
	lb_mark_array(L);
	return p;
}

static const char *
push_members(lua_State *L, const char *p, size_t n)
{
	lua_createtable(L, 0, n < 1 << 20 ? (int)n : 0);
	for (size_t i = 0; i < n; i++) {
		p = push(L, p);
		p = push(L, p);
		lua_rawset(L, -3);
	}
	return p;
}

static const char *
push(lua_State *L, const char *p)
{
	struct packed value;

	luaL_checkstack(L, 6, "value nested too deeply");
	p = packed_read(p, &value);
	switch (value.type) {
	case PACKED_FALSE:
	case PACKED_TRUE:
		lua_pushboolean(L, value.type == PACKED_TRUE);
		break;
	case PACKED_NUMBER:
		lua_pushnumber(L, value.number);
		break;
	case PACKED_STRING:
		lua_pushlstring(L, value.text, value.n);
		break;
	case PACKED_ARRAY:
		return push_items(L, p, value.n);
	case PACKED_OBJECT:
		return push_members(L, p, value.n);
	default:
		lua_pushnil(L);
		break;
	}
	return p;
}

void
lb_map_push(lua_State *L, const char *packed)
{
	push(L, packed);
}

/* ---- building ----------------------------------------------------------- */

void
lb_map_charge(lua_State *L, int i, size_t size)
{
	struct lb_map *map = lua_touserdata(L, i);

	/* small steps are not worth a block each */
	if (size <= map->charged + map->charged / 4 + 4096)
		return;
	map->charged = size;
	lua_pushvalue(L, i);
	lua_createtable(L, 1, 0);
	lua_newuserdata(L, size);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
	lua_pop(L, 1);
}

/* Push the table of what is charged for shared maps; it keeps nothing. */
static void
push_charges(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, CHARGES);
	if (!lua_isnil(L, -1))
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, CHARGES);
}

void
lb_map_charge_shared(lua_State *L, size_t size)
{
	int i = lua_gettop(L);
	struct lb_map *map = lua_touserdata(L, i);

	push_charges(L);
	lua_pushlightuserdata(L, map->shared);
	lua_rawget(L, -2);
	if (lua_istable(L, -1)) {
		map->charged = size;
		lua_setfenv(L, i);
	} else {
		lua_pop(L, 1);
		lb_map_charge(L, i, size);
		lua_pushlightuserdata(L, map->shared);
		lua_getfenv(L, i);
		if (map->charged > 0)
			lua_rawset(L, -3);
	}
	lua_settop(L, i);
}

/*
 * Each entry of the table at 1 into the digest, or into the map.  The key is
 * copied, since lua_next() needs it as it was.
 */
static void
each(lua_State *L, struct build *b, struct map_digest *digest)
{
	size_t key_len, n = 0;
	const char *key;
	struct err err;

	lua_pushnil(L);
	while (lua_next(L, 1)) {
		if (n++ % CHECK_EVERY == 0)
			lb_check_limits(L);
		pack(L, lua_gettop(L), &b->value);
		lua_pushvalue(L, -2);
		if (!lua_isstring(L, -1))
			luaL_error(L, "%s: a %s as key", b->kind->what,
			    luaL_typename(L, -1));
		key = lua_tolstring(L, -1, &key_len);
		if (digest != NULL)
			map_digest_add(digest, key, key_len, str_c(&b->value),
			    b->value.len);
		else if (b->kind->add(b->build, key, key_len, str_c(&b->value),
			     b->value.len, &err) != 0)
			luaL_error(L, "%s: %s", b->kind->what, err.msg);
		lua_pop(L, 2);
	}
}

static struct map_shared *
build_new(lua_State *L, const struct lb_map_kind *kind)
{
	struct build *b = lb_new(L, BUILD, sizeof *b);
	struct map_digest digest = { .kind = kind };
	struct map_shared *shared;
	void *map;

	b->kind = kind;
	each(L, b, &digest);
	shared = map_shared_get(&digest);
	if (shared != NULL) {
		lb_map_pack_done(L);
		return shared;
	}
	b->build = kind->begin();
	each(L, b, NULL);
	map = kind->done(b->build);
	b->build = NULL;
	lb_map_pack_done(L);
	return map_shared_put(&digest, map, kind->free_map);
}

void
lb_map_new(lua_State *L, const struct lb_map_kind *kind)
{
	struct lb_map *map;

	lua_settop(L, 1);
	if (!lua_isnil(L, 1) && !lua_istable(L, 1)) {
		const char *text = lua_pushfstring(
		    L, "error converting Lua %s to table", luaL_typename(L, 1));

		luaL_argerror(L, 1, text);
	}
	map = lb_new(L, kind->class, sizeof *map);
	if (lua_isnil(L, 1))
		return;
	map->shared = build_new(L, kind);
	lua_settop(L, 2);
	lb_map_charge(L, 2, kind->size(map->shared->map));
}

void
lb_map_gc(lua_State *L, const struct lb_map_kind *kind)
{
	struct lb_map *map = lb_check(L, 1, kind->class);

	map_shared_unref(map->shared);
	if (map->own != NULL)
		kind->free_own(map->own);
	map->shared = NULL;
	map->own = NULL;
}

static const luaL_Reg build_meta[] = { { "__gc", build_gc }, { NULL, NULL } };

static const struct lb_class build_class = { BUILD, NULL, NULL, build_meta };

void
lb_map_build_open(lua_State *L)
{
	lb_class_open(L, &build_class);
}
