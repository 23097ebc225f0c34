/*
 * lb_count_series.c - kumo.counter_series
 *
 * All: events any; wait no; from KumoMTA's kumo.counter_series.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/count_series.h"
#include "milter/duration.h"

#include <string.h>

#define CLASS "kumo.CounterSeries"
#define COUNT_MAX 9007199254740992LL

/* The value at i: "5 minutes", or seconds. */
static int64_t
duration(lua_State *L, int i, const char *what)
{
	struct err err;
	int64_t ns = 0;
	double s;

	if (lua_type(L, i) == LUA_TNUMBER) {
		s = lua_tonumber(L, i);
		if (!(s >= 0))
			luaL_error(L, "%s: a duration expected", what);
		return s < 9e9 ? (int64_t)(s * (double)CLOCK_S) : INT64_MAX;
	}
	if (lua_type(L, i) != LUA_TSTRING)
		luaL_error(L, "%s: a duration expected, got %s", what,
		    luaL_typename(L, i));
	if (duration_parse(lua_tostring(L, i), &ns, &err) != 0)
		luaL_error(L, "%s: %s", what, err.msg);
	return ns;
}

static void
check_keys(lua_State *L)
{
	static const char *const keys[] = { "name", "num_buckets",
		"bucket_size", "initial_value", NULL };

	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
		const char *key =
		    lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
		int i = 0;

		while (keys[i] != NULL && strcmp(keys[i], key) != 0)
			i++;
		if (keys[i] == NULL)
			luaL_error(L,
			    "kumo.counter_series.define: unknown key \"%s\"",
			    key);
	}
}

static int64_t
integer(lua_State *L, int i, const char *key, int64_t lo, int64_t hi)
{
	double d = lua_tonumber(L, i);

	if (!lua_isnumber(L, i) || !(d >= (double)lo && d <= (double)hi) ||
	    d != (double)(int64_t)d)
		luaL_error(L,
		    "kumo.counter_series.define: %s: an integer from %f to %f "
		    "expected",
		    key, (double)lo, (double)hi);
	return (int64_t)d;
}

/*
 * kumo.counter_series.define{ name =, num_buckets =, bucket_size =,
 *                             initial_value = } -> series
 *   num_buckets: 1 to 255; bucket_size: a duration, rounded up to seconds;
 *   initial_value: of the first bucket, 0.  Raises on anything else.
 */
static int
define(lua_State *L)
{
	struct count_series **s;
	int64_t buckets, size, initial = 0;
	const char *name;
	struct err err;
	size_t len;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	check_keys(L);
	lua_getfield(L, 1, "name");
	lua_getfield(L, 1, "num_buckets");
	lua_getfield(L, 1, "bucket_size");
	lua_getfield(L, 1, "initial_value");
	name = lua_tolstring(L, 2, &len);
	if (name == NULL || len > COUNT_SERIES_NAME_MAX)
		return luaL_error(L,
		    "kumo.counter_series.define: name: a string of at most %d "
		    "bytes expected",
		    COUNT_SERIES_NAME_MAX);
	buckets = integer(L, 3, "num_buckets", 1, COUNT_SERIES_BUCKETS_MAX);
	size = duration(L, 4, "kumo.counter_series.define: bucket_size");
	if (!lua_isnil(L, 5))
		initial = integer(L, 5, "initial_value", 0, COUNT_MAX);
	size = size / CLOCK_S + (size % CLOCK_S != 0);
	if (size < 1 || size > INT32_MAX)
		return luaL_error(L,
		    "kumo.counter_series.define: bucket_size: more than 0 and "
		    "less than 68 years expected");
	s = lb_new(L, CLASS, sizeof(struct count_series *));
	*s = count_series_define(
	    name, len, (int)buckets, size, initial, clock_mono(), &err);
	if (*s == NULL)
		return luaL_error(L, "kumo.counter_series.define: %s", err.msg);
	return 1;
}

static struct count_series *
self(lua_State *L)
{
	return *(struct count_series **)lb_check(L, 1, CLASS);
}

/* s:increment(n): n more, not negative */
static int
series_increment(lua_State *L)
{
	struct count_series *s = self(L);

	count_series_add(s, lb_integer(L, 2, 0, COUNT_MAX), clock_mono());
	return 0;
}

/* s:delta(n): n more, or less down to 0 */
static int
series_delta(lua_State *L)
{
	struct count_series *s = self(L);

	count_series_add(
	    s, lb_integer(L, 2, -COUNT_MAX, COUNT_MAX), clock_mono());
	return 0;
}

/* s:observe(n): the bucket at hand is n */
static int
series_observe(lua_State *L)
{
	struct count_series *s = self(L);

	count_series_set(s, lb_integer(L, 2, 0, COUNT_MAX), clock_mono());
	return 0;
}

/* s:sum() -> of all buckets */
static int
series_sum(lua_State *L)
{
	lua_pushnumber(
	    L, (lua_Number)count_series_sum(self(L), INT64_MAX, clock_mono()));
	return 1;
}

/* s:sum_over(duration) -> of as many buckets as that has, rounded up */
static int
series_sum_over(lua_State *L)
{
	struct count_series *s = self(L);
	int64_t ns = duration(L, 2, "sum_over");

	lua_pushnumber(L, (lua_Number)count_series_sum(s, ns, clock_mono()));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "increment", series_increment },
	{ "delta", series_delta },
	{ "observe", series_observe },
	{ "sum", series_sum },
	{ "sum_over", series_sum_over },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "define", define },
	{ NULL, NULL },
};

static const struct lb_class class = { CLASS, NULL, methods, NULL };

void
lb_count_series_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_module(L, "counter_series", functions);
}
