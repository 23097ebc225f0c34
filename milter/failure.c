#include "failure.h"

#include "clock.h"
#include "memo.h"
#include "metric.h"
#include "mutual.h"
#include "timer.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

void
failure_count(enum run_result r)
{
	static const enum metric counters[RUN_RESULTS] = {
		[RUN_OK] = METRIC_ERROR_LUA, /* its results are the error */
		[RUN_ERROR] = METRIC_ERROR_LUA,
		[RUN_CPU] = METRIC_ERROR_CPU,
		[RUN_WALL] = METRIC_ERROR_TIME,
		[RUN_MEMORY] = METRIC_ERROR_MEMORY,
		[RUN_BUSY] = METRIC_ERROR_BUSY,
	};

	metric_count(counters[r]);
}

struct report {
	lua_State *co;
	enum run_result result;
	char place[128]; /* where the handler was ended */
};

/* Error value and traceback of co, made on the main thread's stack. */
static int
describe(lua_State *L)
{
	struct report *r = lua_touserdata(L, 1);
	const char *text;
	char place[128];

	if (r->result == RUN_ERROR) {
		lua_pushvalue(r->co, -1);
		lua_xmove(r->co, L, 1);
		if (luaL_callmeta(L, -1, "__tostring"))
			lua_remove(L, -2);
		text = lua_tostring(L, -1);
		if (text == NULL)
			text = lua_pushfstring(
			    L, "(error object is a %s)", luaL_typename(L, -1));
	} else {
		state_place(r->co, place, sizeof place);
		text = lua_pushfstring(L, "%s%s",
		    place[0] != '\0' ? place : r->place,
		    run_result_text(r->result));
	}
	luaL_traceback(L, r->co, text, 0);
	return 1;
}

const char *
failure_push(struct state *st, struct lua_State *co, enum run_result result,
    struct run *run)
{
	struct report r = { .co = co, .result = result };
	lua_State *L = st->L;

	memcpy(r.place, st->place, sizeof r.place);
	lua_pushcfunction(L, describe);
	lua_pushlightuserdata(L, &r);
	run->may_wait = false;
	state_enter(st, clock_mono() + st->settings->event_timeout,
	    st->settings->cpu_limit);
	lua_pcall(L, 1, 1, 0);
	state_leave(st);
	mutual_release(&run->locks); /* a __tostring may take one */
	memo_release(&run->flights);
	timer_begin_jobs(run);
	return lua_tostring(L, -1) != NULL ? lua_tostring(L, -1) : "error";
}
