#include "timer.h"

#include "clock.h"
#include "timer_inside.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_long jobs;

long
timer_jobs(void)
{
	return atomic_load(&jobs);
}

void
timer_job_done(void)
{
	atomic_fetch_sub(&jobs, 1);
}

static struct timer *
of_tick(struct tick *tick)
{
	return (struct timer *)((char *)tick - offsetof(struct timer, tick));
}

void
timer_unref(struct timer *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t->name);
	free(t);
}

static enum tick_answer
take(struct tick *tick)
{
	struct timer *t = of_tick(tick);
	enum tick_answer answer = TICK_RUN;

	if (!t->kept)
		answer = t->st->owner->may_work(t->st, t->loaded);
	t->kept = false; /* what is kept is the run's now */
	if (answer == TICK_RUN)
		atomic_fetch_add(&t->refs, 1);
	return answer;
}

static void
run(struct tick *tick)
{
	struct timer *t = of_tick(tick);

	t->st->owner->run(t);
}

/* ---- from Lua ----------------------------------------------------------- */

static void
remember(lua_State *L, struct timer *t)
{
	int userdata = lua_gettop(L);

	lua_getfield(L, LUA_REGISTRYINDEX, TIMER_USERDATA);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, TIMER_USERDATA);
	}
	lua_pushlightuserdata(L, t);
	lua_pushvalue(L, userdata);
	lua_rawset(L, -3);
	lua_settop(L, userdata);
}

void
timer_init(
    lua_State *L, int fn, enum timer_kind kind, int64_t time, const char *name)
{
	struct timer **box = lua_touserdata(L, -1);
	struct timer *t = xcalloc(1, sizeof *t);

	*box = t; /* whose __gc frees it, whatever comes */
	t->tick = (struct tick){ .take = take, .run = run };
	t->st = state_of(L);
	t->loaded = t->st->loading || t->st->draft != NULL;
	t->name = xstrdup(name);
	t->kind = kind;
	t->time = time;
	t->pin = LUA_NOREF;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, fn);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
	remember(L, t);
}

void
timer_start(struct timer *t)
{
	int64_t now = clock_mono();

	pthread_mutex_lock(&t->lock);
	if (!t->armed) {
		t->armed = true;
		t->due = t->kind == TIMER_AT ? now + t->time - clock_wall()
					     : now + t->time;
		if (!t->running)
			tick_put(&t->tick, t->due);
	}
	pthread_mutex_unlock(&t->lock);
}

void
timer_stop(struct timer *t)
{
	pthread_mutex_lock(&t->lock);
	t->armed = false;
	tick_cancel(&t->tick);
	pthread_mutex_unlock(&t->lock);
}

const char *
timer_name(const struct timer *t)
{
	return t->name;
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	t->dead = true;
	tick_cancel(&t->tick);
	pthread_mutex_unlock(&t->lock);
	timer_unref(t);
}

void
timer_start_job(lua_State *L)
{
	struct timer *t = *(struct timer **)lua_touserdata(L, -1);
	struct run *handler = t->st->run;

	lua_pushvalue(L, -1);
	t->pin = luaL_ref(L, LUA_REGISTRYINDEX);
	t->is_job = true;
	if (handler == NULL || handler->thread == NULL) {
		timer_start(t);
		return;
	}
	t->st->owner->keep(t->st);
	t->kept = t->counted = true;
	atomic_fetch_add(&jobs, 1);
	t->next = handler->after;
	handler->after = t;
}

void
timer_begin_jobs(struct run *handler)
{
	struct timer *list = NULL, *t;

	while ((t = handler->after) != NULL) { /* the first made comes last */
		handler->after = t->next;
		t->next = list;
		list = t;
	}
	while ((t = list) != NULL) {
		list = t->next;
		timer_start(t);
	}
}
