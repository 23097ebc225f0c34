/*
 * lb_sqlite.c - require 'sqlite': the primitives of sqlite.lua
 *
 * What fails while it waits cannot raise, so these give true and the result,
 * or false and a text.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/sqlite_conn.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define CONN "kumo.SqliteConnection"
#define OPENING "kumo.SqliteOpening"
#define QUERY "kumo.SqliteQuery"

/* About what a connection takes: the collector is to know of it. */
#define CONN_COST ((size_t)64 << 10)

/* Its environment has a block of CONN_COST. */
struct conn {
	struct sqlite_conn *c; /* NULL: too many */
};

static int
conn_gc(lua_State *L)
{
	struct conn *conn = lua_touserdata(L, 1);

	sqlite_conn_free(conn->c);
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

/* The value at i lives as long as what is on top of the stack. */
static void
keep(lua_State *L, int i)
{
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, i);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
}

/* ---- opening ------------------------------------------------------------ */

struct opening {
	struct wait wait;
	struct sqlite_conn *c;
	char *path;
	int64_t lock_wait;
	int rc;
	struct err err;
};

static void
opening_block(struct wait *w, int64_t deadline)
{
	struct opening *o = (struct opening *)w;

	(void)deadline;
	o->rc = sqlite_conn_open(o->c, o->path, o->lock_wait, &o->err);
}

static int
opening_finish(struct wait *w, lua_State *L)
{
	struct opening *o = (struct opening *)w;

	if (o->rc != 0)
		return fail(L, o->err.msg);
	lua_pushboolean(L, 1);
	return 1;
}

static int
opening_gc(lua_State *L)
{
	struct opening *o = lua_touserdata(L, 1);

	free(o->path);
	return 0;
}

/*
 * native.new() -> conn, or false, why
 * Where there are too many, those that nobody has make room.
 */
static int
sqlite_new(lua_State *L)
{
	struct conn *conn = lb_new(L, CONN, sizeof *conn);

	lua_newtable(L);
	lua_newuserdata(L, CONN_COST);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
	conn->c = sqlite_conn_new();
	if (conn->c == NULL) {
		lua_gc(L, LUA_GCCOLLECT, 0);
		conn->c = sqlite_conn_new();
	}
	if (conn->c == NULL)
		return fail(L, "too many connections to databases");
	return 1;
}

/* native.open(conn, path [, busy_timeout]) -> true; or false, why */
static int
sqlite_open(lua_State *L)
{
	struct conn *conn = lb_check(L, 1, CONN);
	size_t len;
	const char *path = lua_tolstring(L, 2, &len);
	struct opening *o;

	if (strlen(path) != len)
		return fail(L, "a path with a NUL in it");
	o = lb_new(L, OPENING, sizeof *o);
	*o = (struct opening){ { opening_block, opening_finish, "sqlite.open" },
		.c = conn->c,
		.lock_wait = (int64_t)lua_tonumber(L, 3) * CLOCK_MS };
	keep(L, 1);
	o->path = xmemdup0(path, len);
	return co_wait(L);
}

/* ---- queries ------------------------------------------------------------ */

struct query {
	struct wait wait;
	struct sqlite_conn *c; /* its object is in the environment */
	json_t *params;
	char *sql;
	struct sqlite_param *param;
	struct sqlite_query query;
	struct sqlite_result result;
	int rc;
	struct err err;
};

static void
query_block(struct wait *w, int64_t deadline)
{
	struct query *q = (struct query *)w;

	q->rc = sqlite_conn_run(q->c, &q->query, deadline, &q->result, &q->err);
}

static void
push_cell(lua_State *L, const struct sqlite_value *v)
{
	switch (v->type) {
	case SQLITE_IS_NULL:
		lua_pushnil(L);
		break;
	case SQLITE_IS_INT:
		lua_pushnumber(L, (lua_Number)v->i);
		break;
	case SQLITE_IS_REAL:
		lua_pushnumber(L, v->d);
		break;
	case SQLITE_IS_TEXT:
		lua_pushlstring(L, v->text, v->len);
		break;
	}
}

static void
push_row(lua_State *L, const struct sqlite_result *r, size_t row)
{
	const struct sqlite_value *v = &r->value[row * r->n_columns];

	if (r->n_columns == 1) {
		push_cell(L, v);
		return;
	}
	lua_createtable(L, 0, (int)r->n_columns);
	for (size_t i = 0; i < r->n_columns; i++) {
		push_cell(L, &v[i]);
		lua_setfield(L, -2, r->column[i]);
	}
}

static int
query_finish(struct wait *w, lua_State *L)
{
	struct query *q = (struct query *)w;

	if (q->rc != 0)
		return fail(L, q->err.msg);
	luaL_checkstack(L, 5, NULL);
	lua_pushboolean(L, 1);
	if (q->result.n_columns == 0) {
		lua_pushnumber(L, (lua_Number)q->result.changes);
		return 2;
	}
	lua_createtable(L, (int)q->result.n_rows, 0);
	for (size_t i = 0; i < q->result.n_rows; i++) {
		push_row(L, &q->result, i);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lb_mark_array(L);
	sqlite_result_fini(&q->result);
	return 2;
}

static int
query_gc(lua_State *L)
{
	struct query *q = lua_touserdata(L, 1);

	sqlite_result_fini(&q->result);
	json_decref(q->params);
	free(q->param);
	free(q->sql);
	return 0;
}

static int
take_value(struct sqlite_value *v, const json_t *json, struct err *err)
{
	*v = (struct sqlite_value){ .type = SQLITE_IS_NULL };
	switch (json_typeof(json)) {
	case JSON_NULL:
		return 0;
	case JSON_INTEGER:
		v->type = SQLITE_IS_INT;
		v->i = json_integer_value(json);
		return 0;
	case JSON_REAL:
		v->type = SQLITE_IS_REAL;
		v->d = json_real_value(json);
		return 0;
	case JSON_STRING:
		v->type = SQLITE_IS_TEXT;
		v->text = json_string_value(json);
		v->len = json_string_length(json);
		return 0;
	default:
		return err_set(err, "only numbers, strings and nil can be "
				    "passed as parameter values");
	}
}

/* One value, an array of them or an object; nil alone is none. */
static int
take_params(struct query *q, struct err *err)
{
	size_t n = json_is_object(q->params)  ? json_object_size(q->params)
		   : json_is_array(q->params) ? json_array_size(q->params)
					      : 1;
	const char *name;
	json_t *value;
	int rc = 0;

	q->param = xcalloc(n + 1, sizeof *q->param);
	q->query.param = q->param;
	if (json_is_object(q->params)) {
		json_object_foreach (q->params, name, value) {
			struct sqlite_param *p = &q->param[q->query.n_params++];

			p->name = name;
			rc = rc != 0 ? rc : take_value(&p->value, value, err);
		}
		return rc;
	}
	if (json_is_null(q->params))
		return 0;
	q->query.n_params = n;
	if (!json_is_array(q->params))
		return take_value(&q->param[0].value, q->params, err);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_value(
		    &q->param[i].value, json_array_get(q->params, i), err);
	return rc;
}

/* The values from index i on. */
static json_t *
to_params(lua_State *L, int i, int n, struct err *err)
{
	size_t cost = 0;
	json_t *list, *one;

	if (n == 0)
		return json_null();
	if (n == 1)
		return lb_tojson(L, i, &cost, err);
	list = json_array();
	for (; n > 0; n--, i++) {
		one = lb_tojson(L, i, &cost, err);
		if (one == NULL) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, one);
	}
	return list;
}

/* native.execute(conn, sql, ...) -> true, result; or false, why */
static int
sqlite_execute(lua_State *L)
{
	struct conn *conn = lb_check(L, 1, CONN);
	size_t len;
	const char *sql = lua_tolstring(L, 2, &len);
	int n = lua_gettop(L) - 2;
	struct query *q = lb_new(L, QUERY, sizeof *q);
	struct err err;

	q->wait = (struct wait){ query_block, query_finish, "sqlite execute" };
	q->c = conn->c;
	keep(L, 1);
	q->params = to_params(L, 3, n, &err);
	if (q->params == NULL || take_params(q, &err) != 0)
		return fail(L, err.msg);
	q->sql = xmemdup0(sql, len);
	q->query.sql = q->sql;
	q->query.len = len;
	q->query.strict = true;
	return co_wait(L);
}

/* native.close(conn) */
static int
sqlite_close(lua_State *L)
{
	struct conn *conn = lb_check(L, 1, CONN);

	sqlite_conn_close(conn->c);
	return 0;
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

/* require 'sqlite' */
static int
load(lua_State *L)
{
	open_class(L, CONN, conn_gc);
	open_class(L, OPENING, opening_gc);
	open_class(L, QUERY, query_gc);
	lb_load_part(L, "sqlite.lua");
	lua_newtable(L);
	lua_pushcfunction(L, sqlite_new);
	lua_setfield(L, -2, "new");
	lua_pushcfunction(L, sqlite_open);
	lua_setfield(L, -2, "open");
	lua_pushcfunction(L, sqlite_execute);
	lua_setfield(L, -2, "execute");
	lua_pushcfunction(L, sqlite_close);
	lua_setfield(L, -2, "close");
	lua_pushcfunction(L, set_index);
	lua_setfield(L, -2, "set_index");
	lua_call(L, 1, 1);
	return 1;
}

void
lb_sqlite_open(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, load);
	lua_setfield(L, -2, "sqlite");
	lua_pop(L, 2);
}
