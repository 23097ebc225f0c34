/*
 * lb_redis.c - require 'redis': the primitives of redis.lua
 *
 * What fails while it waits cannot raise, so these give true and the result,
 * or false and a text.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/co.h"
#include "milter/metric.h"
#include "milter/redis.h"
#include "milter/redis_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONN "kumo.RedisConnection"
#define QUERY "kumo.RedisQuery"
#define DEPTH_MAX 32

struct conn {
	struct redis_client *c; /* NULL: too many */
};

static int
conn_gc(lua_State *L)
{
	struct conn *conn = lua_touserdata(L, 1);

	redis_client_unref(conn->c);
	conn->c = NULL;
	return 0;
}

static int
fail(lua_State *L, const char *why)
{
	lua_pushboolean(L, 0);
	lua_pushstring(L, why);
	return 2;
}

/* ---- opening ------------------------------------------------------------ */

/* "deserialize error: WHY, while processing {...}", without secrets */
static int
misfit(lua_State *L, const json_t *options, const char *why)
{
	char *shown = redis_options_show(options);

	lua_pushboolean(L, 0);
	lua_pushfstring(
	    L, "deserialize error: %s, while processing %s", why, shown);
	free(shown);
	return 2;
}

/* native.open(options) -> conn; or false, why */
static int
redis_open(lua_State *L)
{
	struct conn *conn;
	struct err err;
	json_t *options = lb_tojson(L, 1, NULL, &err);
	int n = 1;

	if (options == NULL)
		return fail(L, err.msg);
	conn = lb_new(L, CONN, sizeof *conn);
	conn->c = redis_client_get(options, &err);
	if (conn->c == NULL) { /* those that nobody has make room */
		lua_gc(L, LUA_GCCOLLECT, 0);
		conn->c = redis_client_get(options, &err);
	}
	if (conn->c == NULL)
		n = misfit(L, options, err.msg);
	json_decref(options);
	return n;
}

/* ---- arguments ---------------------------------------------------------- */

static int add(
    lua_State *L, int i, int depth, struct redis_command *c, struct err *err);

/* Whole numbers without a fraction, others with as many digits as they need. */
static int
add_number(double d, struct redis_command *c, struct err *err)
{
	char text[40];

	if (!isfinite(d))
		return err_set(err, "a number that is none");
	if (d == floor(d) && fabs(d) < 1e17)
		snprintf(text, sizeof text, "%.0f", d);
	else
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, d);
			if (strtod(text, NULL) == d)
				break;
		}
	return redis_command_add(c, text, strlen(text), err);
}

/* An array's items; else keys and values. */
static int
add_table(
    lua_State *L, int i, int depth, struct redis_command *c, struct err *err)
{
	int n = (int)lua_objlen(L, i), rc = 0;

	if (depth == DEPTH_MAX || !lua_checkstack(L, 6))
		return err_set(err, "a table nested too deeply");
	for (int k = 1; k <= n && rc == 0; k++) {
		lua_rawgeti(L, i, k);
		rc = add(L, lua_gettop(L), depth + 1, c, err);
		lua_pop(L, 1);
	}
	if (n > 0)
		return rc;
	for (lua_pushnil(L); rc == 0 && lua_next(L, i); lua_pop(L, 1)) {
		int top = lua_gettop(L);

		rc = add(L, top - 1, depth + 1, c, err);
		if (rc == 0)
			rc = add(L, top, depth + 1, c, err);
	}
	return rc;
}

/* The value at i, an absolute index. */
static int
add(lua_State *L, int i, int depth, struct redis_command *c, struct err *err)
{
	size_t len;
	const char *text;

	switch (lua_type(L, i)) {
	case LUA_TNIL:
		return 0;
	case LUA_TBOOLEAN:
		return redis_command_add(
		    c, lua_toboolean(L, i) ? "1" : "0", 1, err);
	case LUA_TNUMBER:
		return add_number(lua_tonumber(L, i), c, err);
	case LUA_TSTRING:
		text = lua_tolstring(L, i, &len);
		return redis_command_add(c, text, len, err);
	case LUA_TTABLE:
		return add_table(L, i, depth, c, err);
	default:
		return err_set(
		    err, "cannot serialize <%s>", luaL_typename(L, i));
	}
}

/* ---- queries ------------------------------------------------------------ */

struct query {
	struct wait wait;
	struct redis_client *c; /* a reference of its own */
	struct redis_command command;
	struct redis_value *value;
	int rc;
	struct err err;
};

static void
query_block(struct wait *w, int64_t deadline)
{
	struct query *q = (struct query *)w;

	q->rc =
	    redis_client_call(q->c, &q->command, deadline, &q->value, &q->err);
	if (q->rc != 0)
		metric_count(METRIC_REDIS_FAILURES);
}

static void
query_done(struct query *q)
{
	redis_value_free(q->value);
	q->value = NULL;
	redis_command_fini(&q->command);
	redis_client_unref(q->c);
	q->c = NULL;
}

static void push_value(lua_State *L, const struct redis_value *v);

static void
push_list(lua_State *L, const struct redis_value *v)
{
	lua_createtable(L, (int)v->len, 0);
	for (size_t i = 0; i < v->len; i++) {
		push_value(L, v->item[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
}

static void
push_map(lua_State *L, const struct redis_value *v)
{
	lua_createtable(L, 0, (int)(v->len / 2));
	for (size_t i = 0; i + 1 < v->len; i += 2) {
		push_value(L, v->item[i]);
		if (lua_isnil(L, -1) ||
		    (lua_isnumber(L, -1) && isnan(lua_tonumber(L, -1)))) {
			lua_pop(L, 1);
			continue;
		}
		push_value(L, v->item[i + 1]);
		lua_rawset(L, -3);
	}
}

/* No deeper than REDIS_REPLY_DEPTH_MAX. */
static void
push_value(lua_State *L, const struct redis_value *v)
{
	luaL_checkstack(L, 4, NULL);
	switch (v != NULL ? v->kind : REDIS_NIL) {
	case REDIS_NIL:
		lua_pushnil(L);
		break;
	case REDIS_INT:
		lua_pushnumber(L, (lua_Number)v->i);
		break;
	case REDIS_REAL:
		lua_pushnumber(L, v->d);
		break;
	case REDIS_BOOL:
		lua_pushboolean(L, v->i != 0);
		break;
	case REDIS_STATUS:
		if (strcmp(v->text, "OK") == 0) {
			lua_pushboolean(L, 1);
			break;
		}
		/* fallthrough */
	case REDIS_TEXT:
	case REDIS_ERROR:
		lua_pushlstring(L, v->text, v->len);
		break;
	case REDIS_LIST:
		push_list(L, v);
		break;
	case REDIS_MAP:
		push_map(L, v);
		break;
	}
}

static int
query_finish(struct wait *w, lua_State *L)
{
	struct query *q = (struct query *)w;
	const struct redis_value *error =
	    q->rc == 0 ? redis_value_error(q->value) : NULL;

	if (q->rc != 0 || error != NULL) {
		fail(L, q->rc != 0 ? q->err.msg : error->text);
	} else {
		lua_pushboolean(L, 1);
		push_value(L, q->value);
	}
	query_done(q);
	return 2;
}

static int
query_gc(lua_State *L)
{
	query_done(lua_touserdata(L, 1));
	return 0;
}

/* native.query(conn, ...) -> true, result; or false, why */
static int
redis_query(lua_State *L)
{
	struct conn *conn = lb_check(L, 1, CONN);
	int n = lua_gettop(L);
	struct query *q = lb_new(L, QUERY, sizeof *q);
	struct err err;
	int rc = 0;

	q->wait = (struct wait){ query_block, query_finish, "redis query" };
	q->c = redis_client_ref(conn->c);
	for (int i = 2; i <= n && rc == 0; i++)
		rc = add(L, i, 0, &q->command, &err);
	if (rc != 0 || redis_command_check(&q->command, &err) != 0)
		return fail(L, err.msg);
	return co_wait(L);
}

/* native.set_index(function(conn, key)) */
static int
set_index(lua_State *L)
{
	luaL_getmetatable(L, CONN);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "__index");
	return 0;
}

/* ---- the module --------------------------------------------------------- */

static void
open_class(lua_State *L, const char *name, lua_CFunction gc)
{
	const luaL_Reg meta[] = { { "__gc", gc }, { NULL, NULL } };
	const struct lb_class class = { name, NULL, NULL, meta };

	lb_class_open(L, &class);
}

static void
add_function(lua_State *L, const char *name, lua_CFunction f)
{
	lua_pushcfunction(L, f);
	lua_setfield(L, -2, name);
}

/* require 'redis' */
static int
load(lua_State *L)
{
	open_class(L, CONN, conn_gc);
	open_class(L, QUERY, query_gc);
	lb_load_part(L, "redis.lua");
	lua_newtable(L);
	lua_pushboolean(L, redis_is_built());
	lua_setfield(L, -2, "is_built");
	add_function(L, "open", redis_open);
	add_function(L, "query", redis_query);
	add_function(L, "set_index", set_index);
	lua_call(L, 1, 1);
	return 1;
}

void
lb_redis_open(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, load);
	lua_setfield(L, -2, "redis");
	lua_pop(L, 2);
}
