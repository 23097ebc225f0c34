#include "co.h"

#include "clock.h"
#include "halt.h"
#include "log.h"
#include "memo.h"
#include "metric.h"
#include "mutual.h"
#include "nudge.h"
#include "session.h"
#include "timer.h"

#include <lauxlib.h>
#include <lua.h>

void
co_make(struct state *st, struct co *co)
{
	if (co->L != NULL)
		return;
	co->L = lua_newthread(st->L);
	co->ref = luaL_ref(st->L, LUA_REGISTRYINDEX);
}

void
co_drop(struct state *st, struct co *co)
{
	luaL_unref(st->L, LUA_REGISTRYINDEX, co->ref);
	*co = (struct co)CO_NONE;
}

static void
say_it_holds_the_state(
    lua_State *L, const struct run *run, const struct wait *w)
{
	if (run == NULL || run->thread == NULL || !log_first_time(w->what))
		return;
	luaL_where(L, 1);
	log_warn(run->session != NULL ? run->session->id : NULL,
	    "%s%s waits where Lua cannot yield (inside sort, a gsub callback "
	    "or require): all sessions of this Lua state wait with it",
	    lua_tostring(L, -1), w->what);
	lua_pop(L, 1);
}

/* A wait is bounded also where its handler is not. */
static int64_t
end_of_wait(const struct state *st, const struct run *run)
{
	int64_t until;

	if (run == NULL)
		return clock_mono() + 60 * CLOCK_S;
	until = clock_mono() + st->settings->message_timeout;
	return run->is_task && until < run->deadline ? until : run->deadline;
}

int
co_wait(lua_State *L)
{
	struct state *st = state_of(L);
	struct wait *w = lua_touserdata(L, -1);
	struct run *run = st->run;

	if (run != NULL && run->thread != NULL && !run->may_wait)
		return luaL_error(
		    L, "%s: cannot wait in %s", w->what, run->event);
	if (run != NULL && run->thread != NULL &&
	    lb_coroutine_can_wait(L, &st->coroutines)) {
		lua_pushlightuserdata(L, (void *)lb_request_tag());
		lua_insert(L, -2);
		return lua_yield(L, 2);
	}
	say_it_holds_the_state(L, run, w);
	w->block(w, end_of_wait(st, run));
	return w->finish(w, L);
}

/* The wait that the handler yielded, or NULL when it yielded of its own. */
static struct wait *
requested(lua_State *L)
{
	if (lua_gettop(L) != 2 || lua_touserdata(L, 1) != lb_request_tag())
		return NULL;
	return lua_touserdata(L, 2);
}

static int
finish(lua_State *L)
{
	struct wait *w = lua_touserdata(L, 1);

	lua_settop(L, 0);
	return w->finish(w, L);
}

/*
 * The results of the wait, for the handler.  Where there is no catching: an
 * error here is on no coroutine's stack that runs, so it ends the handler.
 */
static enum run_result
take_results(struct state *st, struct co *co, struct wait *w, int *nresults)
{
	int base = lua_gettop(st->L);
	int status;

	lua_pushcfunction(st->L, finish);
	lua_pushlightuserdata(st->L, w);
	status = lua_pcall(st->L, 1, LUA_MULTRET, 0);
	*nresults = lua_gettop(st->L) - base;
	lua_settop(co->L, 0);
	if (!lua_checkstack(co->L, *nresults)) {
		lua_settop(st->L, base);
		return RUN_MEMORY;
	}
	lua_xmove(st->L, co->L, *nresults);
	return status == 0 ? RUN_OK : RUN_ERROR;
}

/* The userdata stays on the handler's stack, so it lives while we block. */
static enum run_result
wait_outside(struct state *st, struct co *co, struct run *run, int *nresults)
{
	struct wait *w = requested(co->L);
	int64_t begin, until;

	if (w == NULL) {
		lua_settop(co->L, 0);
		lua_pushfstring(co->L,
		    "%s: a handler cannot yield outside a coroutine of its own",
		    run->event);
		return RUN_ERROR;
	}
	metric_count(METRIC_WAITS);
	begin = clock_mono();
	until = end_of_wait(st, run);
	state_unlock(st);
	if (run->session != NULL)
		nudge_begin();
	w->block(w, until);
	if (run->session != NULL)
		nudge_end();
	metric_time(METRIC_TIME_WAIT, clock_mono() - begin);
	run->waited += clock_mono() - begin;
	if (!state_lock(st, run->deadline + st->settings->cpu_limit)) {
		state_bury(st, (struct grave){ .ref = co->ref });
		*co = (struct co)CO_NONE;
		return RUN_BUSY;
	}
	st->run = run;
	if (halt_asked())
		return RUN_STOPPED;
	if (clock_mono() >= run->deadline)
		return RUN_WALL;
	return take_results(st, co, w, nresults);
}

static enum run_result
run_to_its_end(struct state *st, struct co *co, int nargs, struct run *run)
{
	enum run_result r;
	int status;

	run->thread = co->L;
	st->run = run;
	metric_count(METRIC_EVENTS);
	for (;;) {
		state_enter(st, run->deadline, st->settings->cpu_limit);
		status = lua_resume(co->L, nargs);
		r = state_killed(st);
		state_leave(st);
		if (status == 0)
			return RUN_OK;
		/* killed: by a yield, or by an error that went all the way */
		if (r != RUN_OK)
			return r;
		if (status != LUA_YIELD)
			return RUN_ERROR;
		r = wait_outside(st, co, run, &nargs);
		if (r != RUN_OK)
			return r;
	}
}

/* A policy that forgets its locks, or fails while it holds them. */
static void
give_back_locks(struct run *run)
{
	int n = mutual_release(&run->locks);

	memo_release(&run->flights);
	if (n > 0 && log_first_time("locks held at the end"))
		log_warn(run->session != NULL ? run->session->id : NULL,
		    "%s ended with %d lock%s of msys.lock or thread.mutex "
		    "held: given back (said once)",
		    run->event, n, n == 1 ? "" : "s");
}

enum run_result
co_run(struct state *st, struct co *co, int nargs, struct run *run)
{
	enum run_result r = run_to_its_end(st, co, nargs, run);

	give_back_locks(run);
	timer_begin_jobs(run);
	return r;
}
