#include "domain_map.h"

#include "atoms.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define ROOT 0

struct node {
	uint32_t parent, label,
	    value; /* ATOM_NONE: only on the way to others */
};

struct domain_map {
	struct atoms labels, values;
	struct node *node; /* the first is the root */
	size_t n, cap;
	uint32_t *slot; /* nodes by parent and label, ROOT: free */
	size_t n_slots;
	size_t replaced; /* values that are perhaps nobody's any more */
};

struct domain_map *
domain_map_new(void)
{
	struct domain_map *map = xcalloc(1, sizeof *map);

	map->n = 1;
	map->cap = 16;
	map->node = xcalloc(map->cap, sizeof *map->node);
	map->node[ROOT].value = ATOM_NONE;
	map->n_slots = 32;
	map->slot = xcalloc(map->n_slots, sizeof *map->slot);
	return map;
}

struct domain_map *
domain_map_copy(const struct domain_map *from)
{
	struct domain_map *map = xmalloc(sizeof *map);

	*map = *from;
	map->cap = map->n;
	map->node = xmalloc(map->cap * sizeof *map->node);
	memcpy(map->node, from->node, map->n * sizeof *map->node);
	map->slot = xmalloc(map->n_slots * sizeof *map->slot);
	memcpy(map->slot, from->slot, map->n_slots * sizeof *map->slot);
	atoms_copy(&map->labels, &from->labels);
	atoms_copy(&map->values, &from->values);
	return map;
}

void
domain_map_free(struct domain_map *map)
{
	if (map == NULL)
		return;
	atoms_fini(&map->labels);
	atoms_fini(&map->values);
	free(map->node);
	free(map->slot);
	free(map);
}

size_t
domain_map_size(const struct domain_map *map)
{
	return sizeof *map + map->cap * sizeof *map->node +
	       map->n_slots * sizeof *map->slot + atoms_size(&map->labels) +
	       atoms_size(&map->values);
}

/* The slot of that child, or where it would be. */
static size_t
place(const struct domain_map *map, uint32_t parent, uint32_t label)
{
	uint64_t h = ((uint64_t)parent << 32 | label) * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(h >> 32) & (map->n_slots - 1);

	while (map->slot[i] != ROOT) {
		const struct node *node = &map->node[map->slot[i]];

		if (node->parent == parent && node->label == label)
			break;
		i = (i + 1) & (map->n_slots - 1);
	}
	return i;
}

/* ROOT: there is none. */
static uint32_t
child(const struct domain_map *map, uint32_t parent, const char *p, size_t len)
{
	uint32_t label = atoms_find(&map->labels, p, len);

	return label == ATOM_NONE ? ROOT : map->slot[place(map, parent, label)];
}

static const char *
value_of(const struct domain_map *map, uint32_t node, size_t *len)
{
	uint32_t value = map->node[node].value;

	return value == ATOM_NONE ? NULL : atoms_get(&map->values, value, len);
}

/* The label that ends at *end, which is moved before its dot; NULL: last. */
static const char *
last_label(const char *name, const char **end, size_t *len)
{
	const char *dot = memrchr(name, '.', (size_t)(*end - name));
	const char *label = dot != NULL ? dot + 1 : name;

	*len = (size_t)(*end - label);
	*end = dot;
	return label;
}

const char *
domain_map_lookup(const struct domain_map *map, const char *name,
    size_t name_len, size_t *len)
{
	const char *end = name + name_len;
	uint32_t node = ROOT, next;

	while (end != NULL) {
		size_t n;
		const char *label = last_label(name, &end, &n);

		next = child(map, node, label, n);
		if (next == ROOT) {
			next = child(map, node, "*", 1);
			return next != ROOT ? value_of(map, next, len) : NULL;
		}
		node = next;
	}
	return value_of(map, node, len);
}

/* ---- setting ------------------------------------------------------------ */

static void
grow(struct domain_map *map)
{
	if (map->n == map->cap) {
		map->cap = map->cap + map->cap / 2 + 16;
		map->node = xrealloc(map->node, map->cap * sizeof *map->node);
	}
	if ((map->n + 1) * 4 <= map->n_slots * 3)
		return;
	map->n_slots *= 2;
	free(map->slot);
	map->slot = xcalloc(map->n_slots, sizeof *map->slot);
	for (uint32_t i = ROOT + 1; i < map->n; i++)
		map->slot[place(map, map->node[i].parent, map->node[i].label)] =
		    i;
}

static uint32_t
make_child(struct domain_map *map, uint32_t parent, const char *p, size_t len)
{
	uint32_t label = atoms_add(&map->labels, p, len);
	size_t at;

	grow(map);
	at = place(map, parent, label);
	if (map->slot[at] == ROOT) {
		map->node[map->n] = (struct node){ parent, label, ATOM_NONE };
		map->slot[at] = (uint32_t)map->n++;
	}
	return map->slot[at];
}

/* Values that no name has any more go. */
static void
sweep(struct domain_map *map)
{
	struct atoms old = map->values;

	map->values = (struct atoms){ 0 };
	map->replaced = 0;
	for (size_t i = 0; i < map->n; i++) {
		size_t len;
		const char *value;

		if (map->node[i].value == ATOM_NONE)
			continue;
		value = atoms_get(&old, map->node[i].value, &len);
		map->node[i].value = atoms_add(&map->values, value, len);
	}
	atoms_fini(&old);
}

int
domain_map_set(struct domain_map *map, const char *name, size_t name_len,
    const char *value, size_t len, struct err *err)
{
	const char *end = name + name_len;
	uint32_t node = ROOT, number;

	/* the arrays may double; each byte of a name may be a label */
	if (domain_map_size(map) * 2 + len + name_len * 64 > DOMAIN_MAP_BYTES)
		return err_set(
		    err, "a map of more than %zu MB", DOMAIN_MAP_BYTES >> 20);
	while (end != NULL) {
		size_t n;
		const char *label = last_label(name, &end, &n);

		node = make_child(map, node, label, n);
	}
	number = atoms_add(&map->values, value, len);
	if (map->node[node].value != ATOM_NONE &&
	    map->node[node].value != number)
		map->replaced++;
	map->node[node].value = number;
	if (map->replaced > map->n + 1024)
		sweep(map);
	return 0;
}
