/*
 * lb_time.c - kumo.sleep, kumo.time.sleep
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"

#define SLEEP_MAX 86400.0

struct nap {
	struct wait wait;
	int64_t until;
};

static void
nap_block(struct wait *w, int64_t deadline)
{
	struct nap *nap = (struct nap *)w;

	clock_sleep_until(nap->until < deadline ? nap->until : deadline);
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
	struct nap *nap;

	luaL_argcheck(L, seconds >= 0 && seconds <= SLEEP_MAX, 1,
	    "seconds from 0 to 86400 expected");
	lua_settop(L, 0);
	nap = lua_newuserdata(L, sizeof *nap);
	*nap = (struct nap){ { nap_block, nap_finish, "kumo.sleep" },
		clock_mono() + (int64_t)(seconds * (double)CLOCK_S) };
	return co_wait(L);
}

static const luaL_Reg functions[] = {
	{ "sleep", kumo_sleep },
	{ NULL, NULL },
};

void
lb_time_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
	lua_getfield(L, -1, "time");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, "time");
	}
	luaL_register(L, NULL, functions);
	lua_pop(L, 1);
}
