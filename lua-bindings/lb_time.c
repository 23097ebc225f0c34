/*
 * lb_time.c - kumo.sleep, kumo.time.sleep, and timers
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/halt.h"

#define SLEEP_MAX 86400.0

struct nap {
	struct wait wait;
	int64_t begin, until;
};

static void
nap_block(struct wait *w, int64_t deadline)
{
	struct nap *nap = (struct nap *)w;

	deadline = halt_patience(deadline);
	halt_nap(nap->begin, nap->until < deadline ? nap->until : deadline);
}

static int
nap_finish(struct wait *w, lua_State *L)
{
	(void)w;
	(void)L;
	return 0;
}

/*
 * kumo.sleep(seconds), kumo.time.sleep(seconds)
 *   seconds: number, fractions allowed, 0 to 86400.
 *   Only this handler waits: other sessions go on.  The sleep counts against
 *   event_timeout; a sleep that would pass it ends the handler there.
 *   Raises on anything but a number in range.
 *   Events: all but milter_close.  Waits: yes.  From: KumoMTA kumo.sleep.
 */
static int
kumo_sleep(lua_State *L)
{
	double seconds = luaL_checknumber(L, 1);
	int64_t now = clock_mono();
	struct nap *nap;

	luaL_argcheck(L, seconds >= 0 && seconds <= SLEEP_MAX, 1,
	    "seconds from 0 to 86400 expected");
	lua_settop(L, 0);
	nap = lua_newuserdata(L, sizeof *nap);
	*nap = (struct nap){ { nap_block, nap_finish, "kumo.sleep" }, now,
		now + (int64_t)(seconds * (double)CLOCK_S) };
	return co_wait(L);
}

/* ---- Timer -------------------------------------------------------------- */

#define TIMER "kumo.Timer"

struct timer {
	int64_t since; /* 0: done */
};

/*
 * timer:done() -> seconds since it was started; nil from the second time on
 *   Events: any.  Waits: no.  From: KumoMTA.
 */
static int
timer_done(lua_State *L)
{
	struct timer *timer = lb_check(L, 1, TIMER);

	if (timer->since == 0)
		lua_pushnil(L);
	else
		lua_pushnumber(L, (lua_Number)(clock_mono() - timer->since) /
				      (lua_Number)CLOCK_S);
	timer->since = 0;
	return 1;
}

/*
 * kumo.time.start_timer(label) -> Timer
 *   label: string.  Nothing counts what was measured: KumoMTA keeps a
 *   histogram for each label.  Events: any.  Waits: no.  From: KumoMTA.
 */
static int
start_timer(lua_State *L)
{
	struct timer *timer;

	lb_text(L, 1, NULL);
	timer = lb_new(L, TIMER, sizeof *timer);
	timer->since = clock_mono();
	return 1;
}

static const luaL_Reg timer_methods[] = {
	{ "done", timer_done },
	{ NULL, NULL },
};

static const luaL_Reg timer_meta[] = {
	{ "__close", timer_done },
	{ NULL, NULL },
};

static const struct lb_class timer_class = { TIMER, NULL, timer_methods,
	timer_meta };

static const luaL_Reg functions[] = {
	{ "sleep", kumo_sleep },
	{ "start_timer", start_timer },
	{ NULL, NULL },
};

void
lb_time_open(lua_State *L)
{
	lb_class_open(L, &timer_class);
	lua_pushcfunction(L, kumo_sleep);
	lua_setfield(L, -2, "sleep");
	lb_module(L, "time", functions);
}
