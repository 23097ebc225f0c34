/*
 * lb_msys_series.c - native.series and native.gauge: counts by key, in windows
 * of time and in caches
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/gauge.h"
#include "milter/series.h"

#include <math.h>
#include <string.h>

static int64_t
number_at(lua_State *L, int i)
{
	double d = luaL_checknumber(L, i);

	luaL_argcheck(
	    L, fabs(d) < 9e15, i, "a number that is not so large expected");
	return (int64_t)d;
}

static const char *
key_at(lua_State *L, int i, const char *what, size_t max, size_t *len)
{
	const char *key;

	if (lua_isnoneornil(L, i))
		luaL_error(L, "%s: a key expected, got nil", what);
	key = lb_text(L, i, len);
	if (*len > max)
		luaL_error(L, "%s: a key of at most %d bytes expected", what,
		    (int)max);
	return key;
}

/* ---- series ------------------------------------------------------------- */

/* series.define(name, type, interval, windows) -> was it new, or changed? */
static int
series_define_(lua_State *L)
{
	static const char *const kinds[] = { "string", "cidr", "cidr_ipv6",
		NULL };
	const char *name = luaL_checkstring(L, 1);
	int kind = luaL_checkoption(L, 2, NULL, kinds), rc;
	struct err err;

	rc = series_define(name, (enum series_kind)kind, number_at(L, 3),
	    number_at(L, 4), &err);
	if (rc < 0)
		return luaL_error(
		    L, "msys.audit_series.define: %s: %s", name, err.msg);
	lua_pushboolean(L, rc);
	return 1;
}

/*
 * The series of the name at 1 and the key at 2; NULL where the key is the
 * client and that has no IP address.
 */
static struct series *
series_at(lua_State *L, const char *what, struct series_key *key)
{
	struct series *s;

	if (lua_type(L, 1) != LUA_TSTRING)
		luaL_error(L, "%s: the name of a series expected, got %s", what,
		    luaL_typename(L, 1));
	s = series_find(lua_tostring(L, 1));
	if (s == NULL)
		luaL_error(L, "%s: no series \"%s\" is defined", what,
		    lua_tostring(L, 1));
	*key = (struct series_key){ 0 };
	if (series_kind(s) == SERIES_STRING)
		key->text = key_at(L, 2, what, SERIES_KEY_MAX, &key->len);
	else if (!lb_network(L, 2, what, &key->net))
		return NULL;
	return s;
}

/* series.add(name, key, delta) */
static int
series_add_(lua_State *L)
{
	int64_t delta = number_at(L, 3);
	struct series_key key;
	struct series *s = series_at(L, "msys.audit_series.add", &key);

	if (s != NULL)
		series_add(s, &key, delta, clock_mono());
	return 0;
}

/* series.count(name, key, first, last) -> number */
static int
series_count_(lua_State *L)
{
	int64_t first = number_at(L, 3), last = number_at(L, 4), n = 0;
	struct series_key key;
	struct series *s = series_at(L, "msys.audit_series.count", &key);

	if (s != NULL)
		n = series_count(s, &key, first, last, clock_mono());
	lua_pushnumber(L, (lua_Number)n);
	return 1;
}

/* series.remove_item(name, key) */
static int
series_remove_item(lua_State *L)
{
	struct series_key key;
	struct series *s = series_at(L, "msys.audit_series.remove_item", &key);

	if (s != NULL)
		series_remove(s, &key);
	return 0;
}

static const luaL_Reg series_functions[] = {
	{ "define", series_define_ },
	{ "add", series_add_ },
	{ "count", series_count_ },
	{ "remove_item", series_remove_item },
	{ NULL, NULL },
};

/* ---- gauges ------------------------------------------------------------- */

/* gauge.define(name, maxelems, ttl) */
static int
gauge_define_(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	double ttl = luaL_checknumber(L, 3);
	struct err err;

	luaL_argcheck(
	    L, ttl >= 0 && ttl < 1e9, 3, "seconds, 0 or above, expected");
	if (gauge_define(name, number_at(L, 2),
		(int64_t)(ttl * (double)CLOCK_S), &err) != 0)
		return luaL_error(
		    L, "msys.gauge_cache.define: %s: %s", name, err.msg);
	return 0;
}

static struct gauge *
gauge_at(lua_State *L, const char *what, const char **key, size_t *len)
{
	struct gauge *g;

	if (lua_type(L, 1) != LUA_TSTRING)
		luaL_error(L, "%s: the name of a cache expected, got %s", what,
		    luaL_typename(L, 1));
	g = gauge_find(lua_tostring(L, 1));
	if (g == NULL)
		luaL_error(L, "%s: no cache \"%s\" is defined", what,
		    lua_tostring(L, 1));
	*key = key_at(L, 2, what, GAUGE_KEY_MAX, len);
	return g;
}

/* gauge.get(name, key) -> number */
static int
gauge_get_(lua_State *L)
{
	const char *key;
	size_t len;
	struct gauge *g = gauge_at(L, "msys.gauge_cache.get", &key, &len);

	lua_pushnumber(L, (lua_Number)gauge_get(g, key, len, clock_mono()));
	return 1;
}

/* gauge.inc(name, key) -> number, the new one */
static int
gauge_inc(lua_State *L)
{
	const char *key;
	size_t len;
	struct gauge *g = gauge_at(L, "msys.gauge_cache.inc", &key, &len);

	lua_pushnumber(L, (lua_Number)gauge_add(g, key, len, 1, clock_mono()));
	return 1;
}

/* gauge.dec(name, key) -> number, the new one */
static int
gauge_dec(lua_State *L)
{
	const char *key;
	size_t len;
	struct gauge *g = gauge_at(L, "msys.gauge_cache.dec", &key, &len);

	lua_pushnumber(L, (lua_Number)gauge_add(g, key, len, -1, clock_mono()));
	return 1;
}

/* gauge.remove_item(name, key) */
static int
gauge_remove_item(lua_State *L)
{
	const char *key;
	size_t len;
	struct gauge *g =
	    gauge_at(L, "msys.gauge_cache.remove_item", &key, &len);

	gauge_remove(g, key, len);
	return 0;
}

static const luaL_Reg gauge_functions[] = {
	{ "define", gauge_define_ },
	{ "get", gauge_get_ },
	{ "inc", gauge_inc },
	{ "dec", gauge_dec },
	{ "remove_item", gauge_remove_item },
	{ NULL, NULL },
};

void
lb_msys_series_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, series_functions);
	lua_setfield(L, -2, "series");
	lua_newtable(L);
	luaL_register(L, NULL, gauge_functions);
	lua_setfield(L, -2, "gauge");
}
