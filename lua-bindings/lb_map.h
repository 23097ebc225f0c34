/*
 * lb_map.h - what the bindings of maps share
 *
 * An object has a map that it shares with all Lua states which made the same
 * from a table, and perhaps one of its own, of what was set since.  Lua
 * counts neither's memory, so an object also holds a block of that size that
 * is never used: collector and memory limit see it.
 */
#ifndef KUMILTER_LB_MAP_H
#define KUMILTER_LB_MAP_H

#include "milter/err.h"
#include "milter/map_shared.h"

struct lua_State;
struct str;

struct lb_map {
	struct map_shared *shared; /* NULL: made without a table */
	void *own;                 /* or NULL */
	size_t charged;
};

/* How one kind of maps is built. */
struct lb_map_kind {
	const char *class, *what; /* "kumo.DomainMap", "kumo.domain_map.new" */
	void *(*begin)(void);
	int (*add)(void *build, const char *key, size_t key_len,
	    const char *value, size_t len, struct err *err);
	void *(*done)(void *build);
	void (*cancel)(void *build);
	void (*free_map)(void *map);
	void (*free_own)(void *own);
	size_t (*size)(const void *map);
	/* a map of all that the object has now; NULL: it never has its own */
	void *(*freeze)(const struct lb_map *map);
};

/* What the object at i is, or NULL: no map. */
const struct lb_map_kind *lb_map_kind_of(struct lua_State *L, int i);
/* The kind of this class, or NULL. */
const struct lb_map_kind *lb_map_kind_named(const char *class);

/* Push a map made of the table at 1, or nil: an empty one. */
void lb_map_new(struct lua_State *L, const struct lb_map_kind *kind);
void lb_map_gc(struct lua_State *L, const struct lb_map_kind *kind);

/* The object at i has so many bytes: have Lua count them. */
void lb_map_charge(struct lua_State *L, int i, size_t size);
/* The same for the one on top, which has nothing of its own: once a state. */
void lb_map_charge_shared(struct lua_State *L, size_t size);

/* Push what stands for the value at i as bytes, which are *p; raises. */
const char *lb_map_pack(struct lua_State *L, int i, size_t *len);
/* Free the bytes that lb_map_pack() made, and pop it. */
void lb_map_pack_done(struct lua_State *L);
void lb_map_push(struct lua_State *L, const char *packed);

#endif
