/*
 * lb_msys_db.c - native.db: questions to databases
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/co.h"
#include "milter/datasource.h"
#include "milter/sqlite_pool.h"

#include <math.h>
#include <string.h>

#define QUESTION "msys.db question"

struct question {
	struct wait wait;
	const json_t *datasources;
	const char *name;
	struct sqlite_query query; /* what it borrows is in the environment */
	struct sqlite_result result;
	struct err err;
	int rc;
};

static int
question_gc(lua_State *L)
{
	struct question *q = lua_touserdata(L, 1);

	sqlite_result_fini(&q->result);
	return 0;
}

/* Until one of the databases of this name can be asked. */
static void
question_block(struct wait *w, int64_t deadline)
{
	struct question *q = (struct question *)w;
	const char *uri;

	q->rc = 1;
	err_set(&q->err, "no such datasource");
	for (size_t i = 0; q->rc > 0; i++) {
		uri = datasource_uri(q->datasources, q->name, i);
		if (uri == NULL)
			return;
		if (datasource_sqlite(uri) != NULL)
			q->rc = sqlite_pool_run(datasource_sqlite(uri),
			    &q->query, deadline, &q->result, &q->err);
		else
			err_set(&q->err, "built without %.*s",
			    (int)strcspn(uri, ":"), uri);
	}
}

/* Cells are strings, as Momentum gives them; NULL is nil. */
static void
push_row(lua_State *L, const struct sqlite_result *r, size_t row)
{
	const struct sqlite_value *v = &r->value[row * r->n_columns];

	lua_createtable(L, 0, (int)r->n_columns);
	for (size_t i = 0; i < r->n_columns; i++) {
		if (v[i].type == SQLITE_IS_NULL)
			continue;
		lua_pushlstring(L, v[i].text, v[i].len);
		lua_setfield(L, -2, r->column[i]);
	}
}

static int
question_finish(struct wait *w, lua_State *L)
{
	struct question *q = (struct question *)w;

	if (q->rc != 0) {
		lua_pushnil(L);
		lua_pushstring(L, q->err.msg);
		return 2;
	}
	luaL_checkstack(L, 5, NULL);
	lua_createtable(L, (int)q->result.n_rows, 0);
	for (size_t i = 0; i < q->result.n_rows; i++) {
		push_row(L, &q->result, i);
		lua_rawseti(L, -2, (int)i + 1);
	}
	sqlite_result_fini(&q->result);
	return 1;
}

/* ---- what is asked ------------------------------------------------------ */

/* Keep the string on top in the table at `kept`, and pop it. */
static const char *
keep(lua_State *L, int kept, size_t *len)
{
	const char *text = lua_tolstring(L, -1, len);

	lua_rawseti(L, kept, (int)lua_objlen(L, kept) + 1);
	return text;
}

/* The value on top, which is popped. */
static void
take_value(lua_State *L, int kept, struct sqlite_value *v)
{
	double d;

	*v = (struct sqlite_value){ .type = SQLITE_IS_INT };
	switch (lua_type(L, -1)) {
	case LUA_TNIL:
		v->type = SQLITE_IS_NULL;
		break;
	case LUA_TBOOLEAN:
		v->i = lua_toboolean(L, -1);
		break;
	case LUA_TNUMBER:
		d = lua_tonumber(L, -1);
		if (d == floor(d) && fabs(d) < 9007199254740992.0) {
			v->i = (int64_t)d;
			break;
		}
		v->type = SQLITE_IS_REAL;
		v->d = d;
		break;
	case LUA_TUSERDATA: /* an ec_string, an address */
		if (luaL_callmeta(L, -1, "__tostring"))
			lua_replace(L, -2);
		/* fall through */
	default:
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "a parameter cannot be a %s",
			    luaL_typename(L, -1));
		v->type = SQLITE_IS_TEXT;
		v->text = keep(L, kept, &v->len);
		return;
	}
	lua_pop(L, 1);
}

/* The key below the value on top, which stays: its number or 0. */
static size_t
take_key(lua_State *L, int kept, struct sqlite_param *p)
{
	lua_Number n = lua_tonumber(L, -2);

	p->name = NULL;
	if (lua_type(L, -2) == LUA_TSTRING) {
		lua_pushvalue(L, -2);
		p->name = keep(L, kept, NULL);
		if (strchr(":$@", p->name[0]) != NULL && p->name[0] != '\0')
			p->name++;
		return 0;
	}
	if (lua_type(L, -2) != LUA_TNUMBER || n != floor(n) || n < 1 ||
	    n > 32766)
		luaL_error(L, "a parameter's key is a string or a number from "
			      "1 on");
	return (size_t)n;
}

/*
 * The parameters at i into q: those with numbers first, 1 to the largest, then
 * those with names.
 */
static void
take_params(lua_State *L, int i, int kept, struct sqlite_query *q)
{
	struct sqlite_param *p, ignored;
	size_t most = 0, names = 0;

	for (lua_pushnil(L); lua_next(L, i) != 0; lua_pop(L, 1)) {
		size_t n = take_key(L, kept, &ignored);

		names += n == 0;
		if (n > most)
			most = n;
	}
	p = lua_newuserdata(L, (most + names + 1) * sizeof *p);
	lua_rawseti(L, kept, (int)lua_objlen(L, kept) + 1);
	for (size_t n = 0; n < most; n++) {
		p[n].name = NULL;
		lua_rawgeti(L, i, (int)n + 1);
		take_value(L, kept, &p[n].value);
	}
	q->param = p;
	q->n_params = most;
	for (lua_pushnil(L); lua_next(L, i) != 0;) {
		if (lua_type(L, -2) != LUA_TSTRING) {
			lua_pop(L, 1);
			continue;
		}
		/* a __tostring may have added names meanwhile */
		if (q->n_params == most + names)
			luaL_error(L, "the parameters change");
		take_key(L, kept, &p[q->n_params]);
		take_value(L, kept, &p[q->n_params++].value);
	}
}

/*
 * db.run(name, sql, params, rows) -> array of rows, or nil, why
 *   name: that of a datasource.  params: table or nil.  rows: how many are
 *   enough, or 0 for all.  Raises on parameters that no database takes.
 *   Events: any.  Waits: yes.
 */
static int
run(lua_State *L)
{
	struct question *q;
	size_t len;
	int kept;

	luaL_checkstring(L, 1);
	luaL_checkstring(L, 2);
	if (!lua_isnoneornil(L, 3))
		luaL_checktype(L, 3, LUA_TTABLE);
	luaL_checkstack(L, 20, NULL);
	lua_settop(L, 4);
	q = lb_new(L, QUESTION, sizeof *q);
	lua_newtable(L);
	kept = lua_gettop(L);
	lua_pushvalue(L, kept);
	lua_setfenv(L, kept - 1);
	*q = (struct question){ .wait = { question_block, question_finish,
				    "msys.db" },
		.datasources = state_of(L)->settings->datasources };
	lua_pushvalue(L, 1);
	q->name = keep(L, kept, NULL);
	lua_pushvalue(L, 2);
	q->query.sql = keep(L, kept, &len);
	q->query.len = len;
	q->query.rows = (size_t)luaL_optinteger(L, 4, 0);
	if (lua_istable(L, 3))
		take_params(L, 3, kept, &q->query);
	lua_settop(L, kept - 1);
	return co_wait(L);
}

static const luaL_Reg question_meta[] = {
	{ "__gc", question_gc },
	{ NULL, NULL },
};
static const struct lb_class question_class = { QUESTION, NULL, NULL,
	question_meta };

static const luaL_Reg functions[] = {
	{ "run", run },
	{ NULL, NULL },
};

void
lb_msys_db_open(lua_State *L)
{
	lb_class_open(L, &question_class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "db");
}
