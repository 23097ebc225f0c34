/*
 * bindings.h - the one door from milter/ into lua-bindings/
 *
 * bindings_open() turns a new Lua state into one that a policy can run in:
 * standard libraries, our replacements, the Lua 5.4 prelude, require 'kumo'
 * and the search path.  The rest is what the event driver hands to handlers
 * and takes from them.  Nothing here waits.
 */
#ifndef KUMILTER_BINDINGS_H
#define KUMILTER_BINDINGS_H

#include "lb_coroutine.h"
#include "lb_limits.h"

#include <stdbool.h>
#include <stddef.h>

struct address;
struct lua_State;
struct message;
struct session;
struct verdict;
struct err;
struct json_t;

/* Raises on failure: call it protected.  policy: the file, for its folder. */
void bindings_open(struct lua_State *L, const char *policy);

/*
 * Push a Lua part of the program as a function: "test/pretend.lua".  Raises
 * where there is none.
 */
void bindings_push_part(struct lua_State *L, const char *name);

/* A registry reference to the handler(s) of this event, or LUA_NOREF. */
int bindings_handler(struct lua_State *L, const char *event);

/* Push a handler's arguments.  The state's lock is held. */
/* esmtp: an object of the command's parameters, or NULL. */
void bindings_push_address(
    struct lua_State *L, const struct address *a, const struct json_t *esmtp);
void bindings_push_conn_meta(struct lua_State *L, struct session *s);
void bindings_push_message(struct lua_State *L, struct message *m);

/*
 * Momentum's modules.  bindings_load_modules() runs the scriptlets and every
 * module's init, and raises on failure; config must outlive the call.  It does
 * nothing where there are no scriptlets and no policy asked for msys.
 */
struct lb_msys_config {
	struct json_t *scriptlets; /* array of { name, source } or { file } */
	struct json_t *contexts;   /* array of { peer, set } */
};
void bindings_load_modules(
    struct lua_State *L, const struct lb_msys_config *config);
/* A registry reference to the callouts of all modules, or LUA_NOREF. */
int bindings_callouts(struct lua_State *L, const char *stage);
void bindings_each_module(struct lua_State *L,
    void (*found)(void *arg, const char *module, const char *callout),
    void *arg);
/*
 * Has "kumo.a.b" a value?  If not, near is the name that may have been meant,
 * or "".
 */
bool bindings_has_name(
    struct lua_State *L, const char *name, char *near, size_t size);
/* Push the session's table that the handlers of stages are given. */
void bindings_push_record(struct lua_State *L, struct session *s);
/*
 * Take the results of such a handler, code, text and whether the session ends,
 * from i on: a refusal into *v.  1: nothing is refused, but the session ends.
 */
int bindings_take_code(struct lua_State *L, int i, struct verdict *v);
/* The callout that ran last and its module, or NULL: for the log. */
const char *bindings_callout(
    struct lua_State *L, struct session *s, const char **module);

/* The error value at i is a kumo.reject or kumo.disconnect: true and *v. */
bool bindings_take_reject(struct lua_State *L, int i, struct verdict *v);

void bindings_push_json(struct lua_State *L, const struct json_t *value);

/* The value at i as JSON, or NULL with *err: functions, cycles, ... */
struct json_t *bindings_tojson(struct lua_State *L, int i, struct err *err);

/*
 * smtp_server_split_transaction's result at i: an array of arrays of
 * addresses.  Calls found() for each address with the number of its batch,
 * from 0; returns the number of batches or -1 with *err.
 */
int bindings_each_batch(struct lua_State *L, int i,
    void (*found)(void *arg, int batch, const struct address *a), void *arg,
    struct err *err);

#endif
