#include "timer_run.h"

#include "clock.h"
#include "co.h"
#include "failure.h"
#include "log.h"
#include "timer_inside.h"

#include <lauxlib.h>
#include <lua.h>

/* When the state could not be had in time. */
#define TRY_AGAIN CLOCK_S

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
	lua_getfield(L, LUA_REGISTRYINDEX, TIMER_USERDATA);
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
		timer_job_done();
}

void
timer_run(struct timer *t)
{
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
	timer_unref(t);
}
