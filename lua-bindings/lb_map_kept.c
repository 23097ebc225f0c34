/*
 * lb_map_kept.c - maps that are kept beside a value as JSON
 *
 * What an object has is there once, whoever keeps it; of one that was changed
 * a map is made that nobody changes any more.
 */
#include "lb.h"
#include "lb_map.h"

#include "milter/xmalloc.h"

#include <stdatomic.h>
#include <stdlib.h>

struct lb_kept {
	size_t n;
	struct one {
		const struct lb_map_kind *kind;
		struct map_shared *shared; /* NULL: an empty map */
	} * one;
};

/* A digest that no other map has. */
static struct map_shared *
freeze(const struct lb_map_kind *kind, const struct lb_map *map)
{
	static atomic_ulong serial;
	struct map_digest digest = { .kind = &serial,
		.a = atomic_fetch_add(&serial, 1) };

	return map_shared_put(&digest, kind->freeze(map), kind->free_map);
}

int
lb_kept_add(lua_State *L, int i, struct lb_kept **kept)
{
	const struct lb_map_kind *kind = lb_map_kind_of(L, i);
	const struct lb_map *map = lua_touserdata(L, i);
	struct one *one;

	if (kind == NULL)
		return -1;
	if (*kept == NULL)
		*kept = xcalloc(1, sizeof **kept);
	(*kept)->one =
	    xrealloc((*kept)->one, ((*kept)->n + 1) * sizeof *(*kept)->one);
	one = &(*kept)->one[(*kept)->n++];
	one->kind = kind;
	one->shared =
	    map->own != NULL ? freeze(kind, map) : map_shared_ref(map->shared);
	return (int)(*kept)->n - 1;
}

void
lb_kept_push(lua_State *L, const struct lb_kept *kept, size_t number)
{
	const struct lb_map_kind *kind;
	struct lb_map *map;

	if (number >= kept->n) {
		lua_pushnil(L);
		return;
	}
	kind = kept->one[number].kind;
	map = lb_new(L, kind->class, sizeof *map);
	map->shared = map_shared_ref(kept->one[number].shared);
	if (map->shared != NULL)
		lb_map_charge_shared(L, kind->size(map->shared->map));
}

size_t
lb_kept_size(const struct lb_kept *kept)
{
	size_t size = 0;

	for (size_t i = 0; kept != NULL && i < kept->n; i++)
		if (kept->one[i].shared != NULL)
			size +=
			    kept->one[i].kind->size(kept->one[i].shared->map);
	return size;
}

void
lb_kept_free(struct lb_kept *kept)
{
	if (kept == NULL)
		return;
	for (size_t i = 0; i < kept->n; i++)
		map_shared_unref(kept->one[i].shared);
	free(kept->one);
	free(kept);
}
