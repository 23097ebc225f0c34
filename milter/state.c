#include "state.h"

#include "clock.h"
#include "session.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define HOOK_EVERY 1000

static const char *const result_texts[RUN_RESULTS] = {
	[RUN_OK] = "done",
	[RUN_ERROR] = "error",
	[RUN_CPU] = "cpu_limit passed",
	[RUN_WALL] = "event_timeout passed",
	[RUN_MEMORY] = "memory_limit passed",
	[RUN_STOPPED] = "stopped",
	[RUN_BUSY] = "the Lua state was busy for all of event_timeout",
};

const char *
run_result_text(enum run_result r)
{
	return result_texts[r];
}

static struct state *
state_of_memory(void *mem)
{
	return (struct state *)((char *)mem - offsetof(struct state, mem));
}

struct state *
state_of(struct lua_State *L)
{
	void *ud;

	lua_getallocf(L, &ud);
	return state_of_memory(ud);
}

void
state_place(struct lua_State *L, char *out, size_t size)
{
	lua_Debug ar;

	out[0] = '\0';
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0 && ar.source[0] == '@') {
			snprintf(
			    out, size, "%s:%d: ", ar.short_src, ar.currentline);
			return;
		}
	}
}

/*
 * A handler that memory ends inside an instruction leaves no line behind, so
 * it is noted while the instruction still runs.
 */
static void
on_refusing(struct lmem *mem)
{
	struct state *st = state_of_memory(mem);

	if (st->run != NULL && st->run->thread != NULL && st->place[0] == '\0')
		state_place(st->run->thread, st->place, sizeof st->place);
}

enum run_result
state_killed(struct state *st)
{
	switch (watch_killed(&st->watch)) {
	case WATCH_CPU:
		return RUN_CPU;
	case WATCH_WALL:
		return RUN_WALL;
	default:
		return st->mem.over ? RUN_MEMORY : RUN_OK;
	}
}

static bool
is_over(void *arg)
{
	return state_killed(arg) != RUN_OK;
}

/* Written before any state is made. */
static state_line_fn *on_line;

void
state_on_line(state_line_fn *fn)
{
	on_line = fn;
}

/*
 * On a Lua thread that can yield, a yield out of the hook ends the handler for
 * good: no pcall sees it and the driver never resumes it.  Elsewhere (in a
 * sort comparator, in a policy's own coroutine) an error at every instruction
 * unwinds to a place that can.
 */
static void
hook(lua_State *L, lua_Debug *ar)
{
	struct state *st = state_of(L);
	enum run_result why;

	if (ar->event == LUA_HOOKLINE) {
		on_line(L, ar);
		return;
	}
	why = state_killed(st);
	if (why == RUN_OK)
		return;
	if (st->place[0] == '\0')
		state_place(L, st->place, sizeof st->place);
	lua_sethook(L, hook, LUA_MASKCOUNT, 1);
	if (st->run != NULL && st->run->thread == L && lua_isyieldable(L)) {
		lua_yield(L, 0);
		return;
	}
	luaL_error(L, "%s", run_result_text(why));
}

/* Errors outside every protected call: memory is gone, or our bug. */
static int
panic(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	fprintf(stderr, "kumilter: Lua error outside a handler: %s\n",
	    text != NULL ? text : "(no text)");
	abort();
}

static void
set_hook(struct state *st)
{
	lua_sethook(st->L, hook,
	    on_line != NULL ? LUA_MASKCOUNT | LUA_MASKLINE : LUA_MASKCOUNT,
	    HOOK_EVERY);
}

struct state *
state_new(const struct settings *settings, struct epoch *epoch)
{
	struct state *st = xcalloc(1, sizeof *st);

	pthread_mutex_init(&st->lock, NULL);
	pthread_mutex_init(&st->grave_lock, NULL);
	st->settings = settings;
	st->epoch = epoch;
	atomic_init(&st->number, -1);
	st->limits = (struct lb_limits){ is_over, st };
	for (int i = 0; i < EVENT_COUNT; i++)
		st->handler[i] = LUA_NOREF;
	st->mem.refusing = on_refusing;
	st->L = lua_newstate(lmem_alloc, &st->mem);
	must(st->L != NULL);
	lua_atpanic(st->L, panic);
	set_hook(st);
	watch_add(&st->watch);
	return st;
}

static void
release_message(struct state *st, struct message *m)
{
	if (m == NULL)
		return;
	luaL_unref(st->L, LUA_REGISTRYINDEX, m->handle_ref);
	message_free(m);
}

void
state_release(struct state *st, struct grave g)
{
	luaL_unref(st->L, LUA_REGISTRYINDEX, g.ref);
	release_message(st, g.message);
	if (g.session == NULL)
		return;
	luaL_unref(st->L, LUA_REGISTRYINDEX, g.session->handle_ref);
	luaL_unref(st->L, LUA_REGISTRYINDEX, g.session->record_ref);
	release_message(st, g.session->message);
	g.session->message = NULL;
	session_free(g.session);
}

static void
empty_graves(struct state *st)
{
	pthread_mutex_lock(&st->grave_lock);
	for (size_t i = 0; i < st->n_graves; i++)
		state_release(st, st->grave[i]);
	st->n_graves = 0;
	pthread_mutex_unlock(&st->grave_lock);
}

void
state_free(struct state *st)
{
	if (st == NULL)
		return;
	watch_remove(&st->watch);
	empty_graves(st);
	st->mem.soft = 0;
	lua_sethook(st->L, NULL, 0, 0);
	lua_close(st->L);
	pthread_mutex_destroy(&st->lock);
	pthread_mutex_destroy(&st->grave_lock);
	free(st->grave);
	free(st);
}

/* pthread_mutex_clocklock(); gcc 12's TSan does not know that one. */
static int
lock_until(pthread_mutex_t *lock, int64_t deadline)
{
#ifdef __SANITIZE_THREAD__
	struct timespec ts =
	    clock_timespec(deadline - clock_mono() + clock_wall());

	return pthread_mutex_timedlock(lock, &ts);
#else
	struct timespec ts = clock_timespec(deadline);

	return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &ts);
#endif
}

bool
state_lock(struct state *st, int64_t deadline)
{
	if (pthread_mutex_trylock(&st->lock) != 0 &&
	    lock_until(&st->lock, deadline) != 0)
		return false;
	empty_graves(st);
	return true;
}

void
state_unlock(struct state *st)
{
	st->run = NULL;
	pthread_mutex_unlock(&st->lock);
}

void
state_enter(struct state *st, int64_t wall_deadline, int64_t cpu_limit)
{
	lmem_arm(&st->mem);
	st->place[0] = '\0';
	st->coroutines.depth = 0;
	watch_begin(&st->watch, wall_deadline, cpu_limit);
}

void
state_leave(struct state *st)
{
	if (state_killed(st) != RUN_OK)
		set_hook(st);
	watch_end(&st->watch);
	lmem_disarm(&st->mem);
}

void
state_bury(struct state *st, struct grave g)
{
	pthread_mutex_lock(&st->grave_lock);
	if (st->n_graves == st->cap_graves) {
		st->cap_graves = st->cap_graves != 0 ? st->cap_graves * 2 : 16;
		st->grave =
		    xrealloc(st->grave, st->cap_graves * sizeof *st->grave);
	}
	st->grave[st->n_graves++] = g;
	pthread_mutex_unlock(&st->grave_lock);
}

bool
state_is_full(struct state *st)
{
	if (st->mem.soft == 0)
		return false;
	lua_gc(st->L, LUA_GCCOLLECT, 0);
	return lmem_used(&st->mem) > st->mem.soft / 4 * 3;
}
