/*
 * lb_moment.c - Time and TimeDelta
 *
 * A Time is a point in time, UTC.  Two are equal or not; a Time minus a Time
 * is a TimeDelta, plus or minus a TimeDelta a Time.  A TimeDelta is a time
 * span; two are equal or not, are added and subtracted.
 *
 *   time.year, time.month, time.day, time.hour, time.minute, time.second
 *                               numbers
 *   time.unix_timestamp         seconds since 1970
 *   time.unix_timestamp_millis  the same in milliseconds
 *   time.rfc2822, time.rfc3339  strings
 *   time.elapsed                a TimeDelta: how long ago
 *   tostring(time)              "2026-08-01 12:00:00 UTC"
 *
 *   delta.seconds               with a fraction
 *   delta.milliseconds, delta.microseconds, delta.nanoseconds
 *                               whole
 *   delta.human                 "1h 2m"; raises for a negative one, and so
 *                               does tostring(), which gives it, too
 *
 * All: events any; wait no; from KumoMTA's kumo.time.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/date.h"
#include "milter/duration.h"
#include "milter/moment.h"

#include <math.h>
#include <string.h>

#define TIME "kumo.Time"
#define DELTA "kumo.TimeDelta"
#define NS 1000000000

static const struct moment *
check_time(lua_State *L, int i)
{
	return lb_check(L, i, TIME);
}

static const struct span *
check_delta(lua_State *L, int i)
{
	return lb_check(L, i, DELTA);
}

int
lb_push_time(lua_State *L, int64_t s, int32_t ns)
{
	struct moment m;

	if (moment_at(&m, s, ns) != 0)
		return luaL_error(L, "invalid timestamp");
	*(struct moment *)lb_new(L, TIME, sizeof m) = m;
	return 1;
}

int
lb_push_delta(lua_State *L, int64_t s, int32_t ns)
{
	struct span *d = lb_new(L, DELTA, sizeof *d);

	if (span_add(d, (struct span){ s, ns }, (struct span){ 0, 0 }) != 0)
		return luaL_error(L, "time would overflow");
	return 1;
}

static int
push_now(lua_State *L, struct moment *m)
{
	int64_t now = clock_wall();

	*m = (struct moment){ now / NS, (int32_t)(now % NS) };
	return L != NULL ? lb_push_time(L, m->s, m->ns) : 0;
}

/* ---- Time --------------------------------------------------------------- */

#define EACH_FIELD(X)                                                          \
	X(year, 0)                                                             \
	X(month, 0)                                                            \
	X(day, 0)                                                              \
	X(hour, 0)                                                             \
	X(minute, 0)                                                           \
	X(second, 0)

#define FIELDS(name, unused)                                                   \
	static int get_##name(lua_State *L)                                    \
	{                                                                      \
		struct moment_fields f;                                        \
                                                                               \
		moment_fields(&f, check_time(L, 1));                           \
		lua_pushinteger(L, f.name);                                    \
		return 1;                                                      \
	}
EACH_FIELD(FIELDS)

static int
get_unix_timestamp(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)check_time(L, 1)->s);
	return 1;
}

static int
get_unix_timestamp_millis(lua_State *L)
{
	const struct moment *m = check_time(L, 1);

	lua_pushnumber(L, (lua_Number)(m->s * 1000 + m->ns / 1000000));
	return 1;
}

static int
push_written(
    lua_State *L, void (*write)(struct str *out, const struct moment *m))
{
	const struct moment *m = check_time(L, 1);
	struct str out = { 0 };

	write(&out, m);
	lb_push_str(L, &out);
	return 1;
}

static int
get_rfc2822(lua_State *L)
{
	return push_written(L, moment_write_rfc2822);
}

static int
get_rfc3339(lua_State *L)
{
	return push_written(L, moment_write_rfc3339);
}

static int
time_tostring(lua_State *L)
{
	return push_written(L, moment_write);
}

static int
get_elapsed(lua_State *L)
{
	const struct moment *m = check_time(L, 1);
	struct moment now;
	struct span d;

	push_now(NULL, &now);
	d = moment_since(&now, m);
	return lb_push_delta(L, d.s, d.ns);
}

/*
 * time:format(format) -> string
 *   As strftime, in English, with chrono's additions; what is no conversion
 *   stands for itself.
 */
static int
format(lua_State *L)
{
	const struct moment *m = check_time(L, 1);
	struct str out = { 0 };
	size_t len;
	const char *text = lb_text(L, 2, &len);

	moment_format(&out, m, text, len);
	lb_push_str(L, &out);
	return 1;
}

static int
time_eq(lua_State *L)
{
	const struct moment *a = check_time(L, 1), *b = check_time(L, 2);

	lua_pushboolean(L, a->s == b->s && a->ns == b->ns);
	return 1;
}

static int
push_moved(lua_State *L, const struct moment *a, struct span d)
{
	struct moment m;

	if (moment_add(&m, a, d) != 0)
		return luaL_error(L, "time would overflow");
	return lb_push_time(L, m.s, m.ns);
}

static int
time_add(lua_State *L)
{
	return push_moved(L, check_time(L, 1), *check_delta(L, 2));
}

static int
time_sub(lua_State *L)
{
	const struct moment *a = check_time(L, 1);
	const struct moment *b = lb_test(L, 2, TIME);
	struct span d;

	if (b == NULL)
		return push_moved(L, a, span_negate(*check_delta(L, 2)));
	d = moment_since(a, b);
	return lb_push_delta(L, d.s, d.ns);
}

#define ROWS(name, unused) { #name, get_##name },

static const luaL_Reg time_fields[] = {
	EACH_FIELD(ROWS){ "unix_timestamp", get_unix_timestamp },
	{ "unix_timestamp_millis", get_unix_timestamp_millis },
	{ "rfc2822", get_rfc2822 },
	{ "rfc3339", get_rfc3339 },
	{ "elapsed", get_elapsed },
	{ NULL, NULL },
};

static const luaL_Reg time_methods[] = {
	{ "format", format },
	{ NULL, NULL },
};

static const luaL_Reg time_meta[] = {
	{ "__tostring", time_tostring },
	{ "__eq", time_eq },
	{ "__add", time_add },
	{ "__sub", time_sub },
	{ NULL, NULL },
};

static const struct lb_class time_class = { TIME, time_fields, time_methods,
	time_meta };

/* ---- TimeDelta ---------------------------------------------------------- */

static int
get_seconds(lua_State *L)
{
	const struct span *d = check_delta(L, 1);

	lua_pushnumber(L, (lua_Number)d->s + (lua_Number)d->ns / NS);
	return 1;
}

/* Whole ones, towards zero. */
static int
push_units(lua_State *L, int per_second)
{
	const struct span *d = check_delta(L, 1);
	lua_Number part = (lua_Number)(d->ns / (NS / per_second));

	if (d->s < 0 && d->ns % (NS / per_second) != 0)
		part++;
	lua_pushnumber(L, (lua_Number)d->s * per_second + part);
	return 1;
}

static int
get_milliseconds(lua_State *L)
{
	return push_units(L, 1000);
}

static int
get_microseconds(lua_State *L)
{
	return push_units(L, 1000000);
}

static int
get_nanoseconds(lua_State *L)
{
	return push_units(L, NS);
}

static int
get_human(lua_State *L)
{
	const struct span *d = check_delta(L, 1);
	struct str out = { 0 };

	if (span_write(&out, *d) != 0)
		return luaL_error(L, "a negative TimeDelta has no text");
	lb_push_str(L, &out);
	return 1;
}

static int
delta_eq(lua_State *L)
{
	const struct span *a = check_delta(L, 1), *b = check_delta(L, 2);

	lua_pushboolean(L, a->s == b->s && a->ns == b->ns);
	return 1;
}

static int
push_sum(lua_State *L, struct span a, struct span b)
{
	struct span d;

	if (span_add(&d, a, b) != 0)
		return luaL_error(L, "time would overflow");
	return lb_push_delta(L, d.s, d.ns);
}

static int
delta_add(lua_State *L)
{
	return push_sum(L, *check_delta(L, 1), *check_delta(L, 2));
}

static int
delta_sub(lua_State *L)
{
	return push_sum(L, *check_delta(L, 1), span_negate(*check_delta(L, 2)));
}

static const luaL_Reg delta_fields[] = {
	{ "seconds", get_seconds },
	{ "milliseconds", get_milliseconds },
	{ "microseconds", get_microseconds },
	{ "nanoseconds", get_nanoseconds },
	{ "human", get_human },
	{ NULL, NULL },
};

static const luaL_Reg delta_meta[] = {
	{ "__tostring", get_human },
	{ "__eq", delta_eq },
	{ "__add", delta_add },
	{ "__sub", delta_sub },
	{ NULL, NULL },
};

static const struct lb_class delta_class = { DELTA, delta_fields, NULL,
	delta_meta };

/* ---- kumo.time ---------------------------------------------------------- */

/* kumo.time.now() -> Time */
static int
now(lua_State *L)
{
	struct moment m;

	return push_now(L, &m);
}

/*
 * kumo.time.from_unix_timestamp(seconds) -> Time
 *   seconds: number, since 1970; a fraction counts.  Raises on anything else,
 *   and past the years -9999 to 9999.
 */
static int
from_unix_timestamp(lua_State *L)
{
	lua_Number n, whole;

	if (lua_type(L, 1) != LUA_TNUMBER)
		return luaL_error(L,
		    "timestamp must be either an integer or floating point "
		    "number of seconds");
	n = lua_tonumber(L, 1);
	whole = floor(n);
	if (!(fabs(n) < 1e12))
		return luaL_error(L, "invalid timestamp");
	return lb_push_time(L, (int64_t)whole, (int32_t)((n - whole) * NS));
}

/*
 * kumo.time.with_ymd_hms(year, month, day, hour, minute, second) -> Time
 *   Raises where there is no such time.
 */
static int
with_ymd_hms(lua_State *L)
{
	struct moment m;
	long long field[6];

	for (int i = 0; i < 6; i++)
		field[i] =
		    lb_integer(L, i + 1, i == 0 ? INT32_MIN : 0, INT32_MAX);
	if (moment_of_fields(&m, field[0], field[1], field[2], field[3],
		field[4], field[5]) != 0)
		return luaL_error(
		    L, "time cannot be represented due to a gap in local time");
	return lb_push_time(L, m.s, m.ns);
}

/*
 * kumo.time.parse_rfc3339(text) -> Time
 *   "2026-08-01T12:00:00.5+02:00".  Raises on what is none.
 */
static int
parse_rfc3339(lua_State *L)
{
	struct moment m;
	size_t len;
	const char *text = lb_text(L, 1, &len);

	if (moment_parse_rfc3339(&m, text, len) != 0)
		return luaL_error(
		    L, "kumo.time.parse_rfc3339: not a date as of RFC 3339");
	return lb_push_time(L, m.s, m.ns);
}

/*
 * kumo.time.parse_rfc2822(text) -> Time
 *   A date as in mail, with the forms that are obsolete (date.h).  Raises on
 *   what is none.
 */
static int
parse_rfc2822(lua_State *L)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	int64_t at;

	if (date_parse(text, len, &at) != 0)
		return luaL_error(
		    L, "kumo.time.parse_rfc2822: not a date as of RFC 2822");
	return lb_push_time(L, at, 0);
}

/*
 * kumo.time.parse_duration(value) -> TimeDelta
 *   value: seconds, or text such as "1h 30m" (duration.h).  Whole seconds may
 *   be negative.  Raises on anything else.
 */
static int
parse_duration(lua_State *L)
{
	lua_Number n, whole;
	struct err err;
	int64_t ns;

	if (lua_type(L, 1) == LUA_TSTRING) {
		if (strlen(lua_tostring(L, 1)) != lua_objlen(L, 1))
			return luaL_error(L, "invalid duration value");
		if (duration_parse(lua_tostring(L, 1), &ns, &err) != 0)
			return luaL_error(L, "%s", err.msg);
		return lb_push_delta(L, ns / NS, (int32_t)(ns % NS));
	}
	n = lua_type(L, 1) == LUA_TNUMBER ? lua_tonumber(L, 1) : NAN;
	whole = floor(n);
	if (!(fabs(n) < 9e15) || (n < 0 && n != whole))
		return luaL_error(L, "invalid duration value");
	return lb_push_delta(L, (int64_t)whole, (int32_t)((n - whole) * NS));
}

static const luaL_Reg functions[] = {
	{ "now", now },
	{ "from_unix_timestamp", from_unix_timestamp },
	{ "with_ymd_hms", with_ymd_hms },
	{ "parse_rfc3339", parse_rfc3339 },
	{ "parse_rfc2822", parse_rfc2822 },
	{ "parse_duration", parse_duration },
	{ NULL, NULL },
};

void
lb_moment_open(lua_State *L)
{
	lb_class_open(L, &time_class);
	lb_class_open(L, &delta_class);
	lb_module(L, "time", functions);
}
