/*
 * lb.h - what every binding needs
 *
 * A binding checks its arguments, calls C and pushes; it includes this file
 * and C rooms below it, never another binding's C functions unless they are
 * declared here.  Misuse raises, naming the argument; nothing is acquired
 * before the last check that may raise, unless a userdata owns it.
 */
#ifndef KUMILTER_LB_H
#define KUMILTER_LB_H

#include "milter/address.h"
#include "milter/ip.h"
#include "milter/state.h"
#include "milter/verdict.h"

#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>

/*
 * Classes.  A class is a metatable in the registry under its name.  fields
 * are computed properties (called with the object at 1, they push one value),
 * methods need ':'.  Asking for anything else raises as KumoMTA does:
 * "attempt to get an unknown field 'x'".
 */
struct lb_class {
	const char *name; /* "kumo.Address" */
	const luaL_Reg *fields, *methods, *meta;
};
void lb_class_open(lua_State *L, const struct lb_class *class);
/* The function on top becomes a method: one of our Lua parts. */
void lb_class_method(lua_State *L, const char *class, const char *name);
void *lb_new(lua_State *L, const char *class, size_t size);
/* The object at i, or an error "X expected, got Y". */
void *lb_check(lua_State *L, int i, const char *class);
void *lb_test(lua_State *L, int i, const char *class); /* NULL if it is not */

/* Add functions to the table `name` of the table on top, made where missing. */
void lb_module(lua_State *L, const char *name, const luaL_Reg *functions);

/* Raise when the handler is to be ended: for loops that may be long. */
void lb_check_limits(lua_State *L);

/* Arguments, with KumoMTA's conversions. */
const char *lb_text(lua_State *L, int i, size_t *len); /* string or number */
const char *lb_opt_text(lua_State *L, int i, size_t *len); /* nil: NULL */
long long lb_integer(lua_State *L, int i, long long lo, long long hi);

/* Lua values as JSON and back (kumo-api 0: "table -> JSON"). */
json_t *lb_tojson(lua_State *L, int i, size_t *cost, struct err *err);
void lb_pushjson(lua_State *L, const json_t *value);
/*
 * The same with maps, which no JSON can hold: what they share is kept beside
 * the value and stands as long as it does.  *kept is NULL at first.
 */
struct lb_kept;
json_t *lb_tojson_kept(
    lua_State *L, int i, size_t *cost, struct lb_kept **kept, struct err *err);
void lb_pushjson_kept(
    lua_State *L, const json_t *value, const struct lb_kept *kept);
/* The number that the object at i has among them, or -1: it is no map. */
int lb_kept_add(lua_State *L, int i, struct lb_kept **kept);
void lb_kept_push(lua_State *L, const struct lb_kept *kept, size_t number);
size_t lb_kept_size(const struct lb_kept *kept); /* bytes; NULL: 0 */
void lb_kept_free(struct lb_kept *kept);         /* NULL is allowed */

/* Give the table on top of the stack the metatable of arrays. */
void lb_mark_array(lua_State *L);

/* Push the value at i as JSON text; raises on what is none. */
void lb_push_json_text(lua_State *L, int i, bool pretty);

/* Push a BinaryResult of these bytes. */
void lb_push_binary(lua_State *L, const void *p, size_t n);

/* Push a Time, a TimeDelta; raise past the years that they have. */
int lb_push_time(lua_State *L, int64_t s, int32_t ns);
int lb_push_delta(lua_State *L, int64_t s, int32_t ns);

/* Push the string that the key source at i stands for, or raise. */
void lb_push_secret(lua_State *L, int i);

/* Push the function (or functions) of an event, or nil. */
void lb_push_handler(lua_State *L, const char *event);

/*
 * Push what s holds and free it, also when that raises: a large text does not
 * fit into memory_limit.
 */
void lb_push_str(lua_State *L, struct str *s);

/* get_meta(name) and set_meta(name, value) of conn_meta and Message. */
int lb_meta_get(lua_State *L, const json_t *meta);
int lb_meta_set(lua_State *L, json_t *meta);

/* EnvelopeAddress */
void lb_push_address(lua_State *L, const struct address *a);
/* With the ESMTP parameters of its command; NULL: none. */
void lb_push_command_address(
    lua_State *L, const struct address *a, const json_t *esmtp);
/* A string or an address at i, parsed into *a (owned by a userdata that this
 * pushes); raises on anything else. */
const struct address *lb_to_address(lua_State *L, int i);

/* The object raised by kumo.reject and kumo.disconnect: 1 and *v, or 0. */
int lb_reject_take(lua_State *L, int i, struct verdict *v);

/*
 * Say once per process that name has no effect in a milter; with the option
 * strict it raises, unless the policy is loading.
 */
void lb_notice(lua_State *L, const char *name, const char *why);

/* Push the chunk of one of our own Lua parts, "msys/core.lua". */
void lb_load_part(lua_State *L, const char *name);

/* "file:line: " of the Lua function that called, or "" */
void lb_where(lua_State *L, char *out, size_t size);
const char *lb_session_id(lua_State *L);

/*
 * The network that argument i names: "192.0.2.7", "192.0.2.0/24"; nil and
 * "/24" are about the session's client.  false: that has no IP address.
 * Raises "what: ..." on other values, and on those two without a session.
 */
bool lb_network(lua_State *L, int i, const char *what, struct cidr *net);

#endif
