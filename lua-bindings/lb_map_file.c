/*
 * lb_map_file.c - what map_file.lua needs: maps from files
 *
 * A `load` has what was read until it is taken, which counts its memory and
 * so may raise.
 */
#include "lb.h"
#include "lb_map.h"
#include "lb_open.h"

#include "milter/co.h"
#include "milter/map_file.h"
#include "milter/xmalloc.h"

#include <stdlib.h>

#define LOAD "kumo.MapFile"

struct load {
	struct wait wait;
	const struct lb_map_kind *kind;
	char *path;
	struct map_shared *shared;
	struct err err;
};

static void
load_block(struct wait *w, int64_t deadline)
{
	struct load *load = (struct load *)w;
	const struct lb_map_kind *k = load->kind;
	const struct map_file_kind kind = { k->class, k->begin, k->add, k->done,
		k->cancel, k->free_map };

	load->shared = map_file_get(load->path, &kind, deadline, &load->err);
}

static int
load_finish(struct wait *w, lua_State *L)
{
	struct load *load = (struct load *)w;

	if (load->shared != NULL)
		lua_pushnil(L);
	else
		lua_pushstring(L, load->err.msg);
	return 1;
}

static int
load_gc(lua_State *L)
{
	struct load *load = lb_check(L, 1, LOAD);

	map_shared_unref(load->shared);
	load->shared = NULL;
	free(load->path);
	load->path = NULL;
	return 0;
}

/* begin(class, path) -> load */
static int
begin(lua_State *L)
{
	const struct lb_map_kind *kind = lb_map_kind_named(lb_text(L, 1, NULL));
	const char *path = lb_text(L, 2, NULL);
	struct load *load = lb_new(L, LOAD, sizeof *load);

	must(kind != NULL);
	load->wait =
	    (struct wait){ load_block, load_finish, "kumo.milter.*_map_file" };
	load->kind = kind;
	load->path = xstrdup(path);
	return 1;
}

/* wait(load) -> why it failed, or nil */
static int
wait(lua_State *L)
{
	lb_check(L, 1, LOAD);
	lua_settop(L, 1);
	return co_wait(L);
}

/* take(load) -> map */
static int
take(lua_State *L)
{
	struct load *load = lb_check(L, 1, LOAD);
	struct lb_map *map = lb_new(L, load->kind->class, sizeof *map);

	map->shared = load->shared;
	load->shared = NULL;
	lb_map_charge_shared(L, load->kind->size(map->shared->map));
	return 1;
}

/* Behind lb_milter.c. */
void
lb_map_file_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", load_gc }, { NULL, NULL } };
	static const struct lb_class class = { LOAD, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "map_file.lua");
	lua_pushvalue(L, -2);
	lua_pushcfunction(L, begin);
	lua_pushcfunction(L, wait);
	lua_pushcfunction(L, take);
	lua_call(L, 4, 0);
}
