/*
 * lb_msys_cidr.c - native.cidr: maps of networks by name
 *
 * Files are read and databases are asked without the Lua state.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/cidr_named.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/datasource.h"

#include <string.h>

#define PATH_LEN 4096
#define READING "msys.reading"

struct reading {
	struct wait wait;
	char name[CIDR_NAMED_NAME_MAX + 1], path[PATH_LEN];
	struct cidr_terms terms;
	json_t *query;
	bool defines;
	int rc;
	struct err err;
};

static void
reading_block(struct wait *w, int64_t deadline)
{
	struct reading *r = (struct reading *)w;

	r->terms.deadline = deadline; /* a file is on a disk, and bounded */
	r->rc = r->defines ? cidr_named_define(r->name, &r->terms, &r->err)
			   : cidr_named_reload(r->name, deadline, &r->err);
}

/* true, or nil and the reason */
static int
reading_finish(struct wait *w, lua_State *L)
{
	struct reading *r = (struct reading *)w;

	if (r->rc == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, r->err.msg);
	return 2;
}

static const char *
name_at(lua_State *L, int i)
{
	size_t len;
	const char *name = luaL_checklstring(L, i, &len);

	luaL_argcheck(L,
	    len > 0 && len <= CIDR_NAMED_NAME_MAX && strlen(name) == len, i,
	    "a name of 1 to 255 bytes expected");
	return name;
}

static struct reading *
reading_new(lua_State *L, const char *what, const char *name)
{
	struct reading *r = lb_new(L, READING, sizeof *r);

	r->wait = (struct wait){ reading_block, reading_finish, what };
	strcpy(r->name, name);
	return r;
}

/*
 * cidr.define(name, path or nil, "a" or "txt", refresh, interpolate) -> true,
 * or nil, reason
 */
static int
define(lua_State *L)
{
	static const char *const values[] = { "a", "txt", NULL };
	const char *name = name_at(L, 1);
	const char *path = luaL_optstring(L, 2, NULL);
	int value = luaL_checkoption(L, 3, "a", values);
	double refresh = luaL_checknumber(L, 4);
	struct reading *r;

	luaL_argcheck(L, path == NULL || strlen(path) < PATH_LEN, 2,
	    "a path that is not so long expected");
	luaL_argcheck(L, refresh >= 0 && refresh < 1e9, 4,
	    "seconds, 0 or above, expected");
	r = reading_new(L, "msys.cidr.define", name);
	r->defines = true;
	r->terms.value = (enum rbldnsd_value)value;
	r->terms.refresh = (int64_t)(refresh * (double)CLOCK_S);
	r->terms.interpolate = lua_toboolean(L, 5);
	if (path != NULL)
		r->terms.path = strcpy(r->path, path);
	return co_wait(L);
}

/* { "uris", "sql", ... } of the arguments from 2 on */
static void
set_query(lua_State *L, struct reading *r)
{
	static const char *const keys[] = { "sql", "cidr_column",
		"value_column" };
	const json_t *all = state_of(L)->settings->datasources;
	const char *uri;
	json_t *uris = json_array();

	r->query = json_object();
	json_object_set_new(r->query, "uris", uris);
	for (size_t i = 0;
	     (uri = datasource_uri(all, lua_tostring(L, 2), i)) != NULL; i++)
		json_array_append_new(uris, json_string(uri));
	for (int i = 0; i < 3; i++)
		if (!lua_isnil(L, 3 + i))
			json_object_set_new(r->query, keys[i],
			    json_stringn_nocheck(
				lua_tostring(L, 3 + i), lua_objlen(L, 3 + i)));
	r->terms.query = r->query;
}

/*
 * cidr.define_query(name, datasource, sql, cidr_column or nil, value_column
 * or nil, refresh) -> true, or nil, reason
 */
static int
define_query(lua_State *L)
{
	const char *name = name_at(L, 1);
	double refresh = luaL_checknumber(L, 6);
	struct reading *r;

	luaL_checkstring(L, 2);
	luaL_checkstring(L, 3);
	luaL_optstring(L, 4, NULL);
	luaL_optstring(L, 5, NULL);
	luaL_argcheck(L, refresh >= 0 && refresh < 1e9, 6,
	    "seconds, 0 or above, expected");
	r = reading_new(L, "msys.cidr.define", name);
	r->defines = true;
	r->terms.refresh = (int64_t)(refresh * (double)CLOCK_S);
	set_query(L, r);
	return co_wait(L);
}

/* cidr.reload(name) -> true, or nil, reason */
static int
reload(lua_State *L)
{
	reading_new(L, "msys.cidr.reload", name_at(L, 1));
	return co_wait(L);
}

/* cidr.query(name, address or nil) -> string, or nil */
static int
query(lua_State *L)
{
	const char *name = name_at(L, 1);
	struct str out = { 0 };
	struct cidr net;
	int rc;

	if (!lb_network(L, 2, "msys.cidr.query", &net))
		return 0;
	rc = cidr_named_query(name, &net.ip, clock_mono(), &out);
	if (rc < 0)
		return luaL_error(
		    L, "msys.cidr.query: no networks \"%s\" are defined", name);
	if (rc == 0)
		return 0;
	lb_push_str(L, &out);
	return 1;
}

static int
reading_gc(lua_State *L)
{
	struct reading *r = lua_touserdata(L, 1);

	json_decref(r->query);
	r->query = NULL;
	return 0;
}

static const luaL_Reg reading_meta[] = {
	{ "__gc", reading_gc },
	{ NULL, NULL },
};

static const struct lb_class reading_class = { READING, NULL, NULL,
	reading_meta };

static const luaL_Reg functions[] = {
	{ "define", define },
	{ "define_query", define_query },
	{ "reload", reload },
	{ "query", query },
	{ NULL, NULL },
};

void
lb_msys_cidr_open(lua_State *L)
{
	lb_class_open(L, &reading_class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "cidr");
}
