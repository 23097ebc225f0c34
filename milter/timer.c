#include "timer.h"

#include "clock.h"
#include "co.h"
#include "failure.h"
#include "log.h"
#include "tick.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* In the registry: timer -> userdata, as long as somebody has that. */
#define USERDATA "kumilter.timers"
/* When the state could not be had in time. */
#define TRY_AGAIN CLOCK_S

struct timer {
	struct tick tick;
	struct state *st;
	char *name;
	enum timer_kind kind;
	int64_t time;
	bool loaded; /* made while the policy loaded */
	bool is_job, counted;
	bool kept;          /* the state is, already before it is due */
	int pin;            /* a job's userdata, which nobody else has */
	struct timer *next; /* among the jobs of a handler */
	atomic_int refs;    /* the userdata's, and that of a run */

	pthread_mutex_t lock; /* for the rest; tick.h's comes behind it */
	int64_t due;
	bool armed;   /* to run, or to run again */
	bool running; /* just now */
	bool dead;    /* the userdata has gone */
};

static atomic_long jobs;

long
timer_jobs(void)
{
	return atomic_load(&jobs);
}

static struct timer *
of_tick(struct tick *tick)
{
	return (struct timer *)((char *)tick - offsetof(struct timer, tick));
}

static void
unref(struct timer *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t->name);
	free(t);
}

/* ---- one run ------------------------------------------------------------ */

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

/* Is it to run now?  Then it is running. */
static bool
begin(struct timer *t)
{
	int64_t now = clock_mono();
	bool yes;

	pthread_mutex_lock(&t->lock);
	yes = t->armed && !t->running && !t->dead && now >= t->due;
	if (yes) {
		t->running = true;
		t->armed = t->kind == TIMER_EVERY;
		t->due += t->time;
	}
	pthread_mutex_unlock(&t->lock);
	return yes;
}

/*
 * A timer that takes longer than its time pauses for as long: sessions of its
 * state want to run, too, and a mutex is not fair.
 */
static void
end(struct timer *t)
{
	int64_t now = clock_mono();

	pthread_mutex_lock(&t->lock);
	t->running = false;
	if (t->kind == TIMER_EVERY && t->due < now)
		t->due = now + t->time;
	if (t->armed && !t->dead)
		tick_put(&t->tick, t->due);
	pthread_mutex_unlock(&t->lock);
}

/* The state was not to be had: what has no next time gets one. */
static void
put_off(struct timer *t)
{
	pthread_mutex_lock(&t->lock);
	if (t->armed && !t->dead && !t->running) {
		t->due = clock_mono() +
			 (t->kind == TIMER_EVERY ? t->time : TRY_AGAIN);
		tick_put(&t->tick, t->due);
	}
	pthread_mutex_unlock(&t->lock);
}

static const char *
what(const struct timer *t)
{
	return t->is_job ? "job" : "timer";
}

static void
say_failed(struct timer *t, enum run_result r, const char *text)
{
	failure_count(r);
	log_error(NULL, "%s %s: %s", what(t), t->name, text);
}

/* Push the function, or nothing where it is about to be collected. */
static bool
push_function(lua_State *L, struct timer *t)
{
	lua_getfield(L, LUA_REGISTRYINDEX, USERDATA);
	lua_pushlightuserdata(L, t);
	lua_rawget(L, -2);
	if (lua_isuserdata(L, -1)) {
		lua_getfenv(L, -1);
		lua_rawgeti(L, -1, 1);
		lua_replace(L, 1);
		lua_settop(L, 1);
		return true;
	}
	lua_settop(L, 0);
	return false;
}

/* With the state's lock; false: it is not held any more. */
static bool
call(struct timer *t)
{
	struct state *st = t->st;
	struct co co = CO_NONE;
	struct run run = { .event = t->name,
		.deadline = clock_mono() + st->settings->event_timeout,
		.may_wait = true };
	enum run_result r = RUN_OK;

	co_make(st, &co);
	if (push_function(co.L, t))
		r = co_run(st, &co, 0, &run);
	if (r == RUN_BUSY) {
		say_failed(t, r, run_result_text(r));
		return false;
	}
	if (r != RUN_OK) {
		say_failed(t, r, failure_push(st, co.L, r, &run));
		lua_pop(st->L, 1);
	}
	co_drop(st, &co);
	if (r == RUN_MEMORY && state_is_full(st))
		atomic_store(&st->spoiled, true);
	st->run = NULL;
	return true;
}

/* A job has been run, or cannot be. */
static void
let_go(struct timer *t, bool locked)
{
	struct grave g = { .ref = t->pin };

	if (!t->is_job)
		return;
	if (locked)
		state_release(t->st, g);
	else
		state_bury(t->st, g);
	if (t->counted)
		atomic_fetch_sub(&jobs, 1);
}

static void
run(struct tick *tick)
{
	struct timer *t = of_tick(tick);
	struct state *st = t->st;
	int64_t deadline = clock_mono() + st->settings->event_timeout;
	bool locked = state_lock(st, deadline);

	if (!locked) {
		say_failed(t, RUN_BUSY, run_result_text(RUN_BUSY));
		if (!t->is_job)
			put_off(t);
		let_go(t, false);
	} else if (begin(t)) {
		locked = call(t);
		end(t);
		let_go(t, locked);
	}
	if (locked)
		state_unlock(st);
	st->owner->leave(st);
	unref(t);
}

/* ---- from Lua ----------------------------------------------------------- */

static void
remember(lua_State *L, struct timer *t)
{
	int userdata = lua_gettop(L);

	lua_getfield(L, LUA_REGISTRYINDEX, USERDATA);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, USERDATA);
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
	unref(t);
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
