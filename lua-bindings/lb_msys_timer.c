/*
 * lb_msys_timer.c - native.timer: timers and jobs for msys/timer.lua
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/timer.h"

#include <stdio.h>
#include <string.h>

#define CLASS "msys.timer"
#define LABEL_MAX 128
#define AFTER_MAX 1e9 /* some 30 years */
#define AT_MAX 4e9    /* the year 2096 */
#define EVERY_MIN 0.01

static struct timer *
check(lua_State *L)
{
	return *(struct timer **)lb_check(L, 1, CLASS);
}

/* Push a timer of the function at fn, called by the label at label or by its
 * place. */
static struct timer *
push(lua_State *L, int fn, int label, enum timer_kind kind, double seconds)
{
	struct timer **box;
	char name[LABEL_MAX] = "";

	if (lua_isnoneornil(L, label)) {
		lb_where(L, name, sizeof name);
		if (name[0] != '\0')
			name[strlen(name) - 2] = '\0'; /* "file:line: " */
	} else {
		snprintf(name, sizeof name, "%s", luaL_checkstring(L, label));
	}
	box = lb_new(L, CLASS, sizeof *box);
	timer_init(L, fn, kind, (int64_t)(seconds * (double)CLOCK_S), name);
	return *box;
}

/*
 * timer.after(seconds, fn [, label]), timer.at(epoch, fn [, label]),
 * timer.every(seconds, fn [, label]) -> a timer that is started.  Raises on
 * arguments that do not fit.
 */
static int
make(lua_State *L, enum timer_kind kind, double least, double most)
{
	double seconds = luaL_checknumber(L, 1);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (!(seconds >= least && seconds <= most))
		return luaL_error(
		    L, "seconds from %f to %f expected", least, most);
	timer_start(push(L, 2, 3, kind, seconds));
	return 1;
}

/* timer.after(seconds, fn [, label]) -> timer */
static int
after(lua_State *L)
{
	return make(L, TIMER_AFTER, 0, AFTER_MAX);
}

/* timer.at(epoch, fn [, label]) -> timer */
static int
at(lua_State *L)
{
	return make(L, TIMER_AT, 0, AT_MAX);
}

/* timer.every(seconds, fn [, label]) -> timer */
static int
every(lua_State *L)
{
	return make(L, TIMER_EVERY, EVERY_MIN, AFTER_MAX);
}

/* timer.job(fn, label): runs once, as soon as this handler is over */
static int
job(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	push(L, 1, 2, TIMER_AFTER, 0);
	timer_start_job(L);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "after", after },
	{ "at", at },
	{ "every", every },
	{ "job", job },
	{ NULL, NULL },
};

/* timer:start(): again, from now on; nothing if it is started already */
static int
start(lua_State *L)
{
	timer_start(check(L));
	return 0;
}

/* timer:stop(): it does not run until it is started again */
static int
stop(lua_State *L)
{
	timer_stop(check(L));
	return 0;
}

/* timer:name() -> its label, or where it was made */
static int
name(lua_State *L)
{
	lua_pushstring(L, timer_name(check(L)));
	return 1;
}

static int
gc(lua_State *L)
{
	struct timer **box = lua_touserdata(L, 1);

	timer_free(*box);
	*box = NULL;
	return 0;
}

static const luaL_Reg methods[] = {
	{ "start", start },
	{ "stop", stop },
	{ "name", name },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__gc", gc },
	{ NULL, NULL },
};

void
lb_msys_timer_open(lua_State *L)
{
	static const luaL_Reg none[] = { { NULL, NULL } };
	static const struct lb_class class = { CLASS, none, methods, meta };

	lb_class_open(L, &class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "timer");
}
