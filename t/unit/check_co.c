/*
 * Waits of a handler: what they give, and what happens when they cannot.
 */
#include "policy.h"

#include "milter/co.h"

#include <lauxlib.h>

static void
block(struct wait *w, int64_t deadline)
{
	(void)w;
	(void)deadline;
}

static int
give_two(struct wait *w, lua_State *L)
{
	(void)w;
	lua_pushstring(L, "one");
	lua_pushstring(L, "two");
	return 2;
}

static int
give_nothing(struct wait *w, lua_State *L)
{
	(void)w;
	(void)L;
	return 0;
}

static int
raise(struct wait *w, lua_State *L)
{
	return luaL_error(L, "%s: no luck", w->what);
}

/* trip(kind): waits in a way of its own */
static int
trip(lua_State *L)
{
	static int (*const ways[])(
	    struct wait * w, lua_State * L) = { give_two, give_nothing, raise };
	struct wait *w;
	int way = (int)luaL_checkinteger(L, 1);

	w = lua_newuserdata(L, sizeof *w);
	*w = (struct wait){ block, ways[way], "trip" };
	return co_wait(L);
}

static const struct {
	const char *code, *expected;
} rows[] = {
	{ "local a, b, c = trip(0) kumo.reject(550, a .. b .. tostring(c))",
	    "M 550 onetwonil" },
	{ "kumo.reject(550, 'n' .. select('#', trip(1)))", "M 550 n0" },
	{ "local a, b = coroutine.wrap(function() return trip(0) end)() "
	  "kumo.reject(550, a .. b)",
	    "M 550 onetwo" },
	{ "trip(2)", "M 421 4.3.0 mx.example.test technical difficulties!" },
	{ "pcall(trip, 2)",
	    "M 421 4.3.0 mx.example.test technical difficulties!" },
	/* where Lua cannot yield it is an error like any other */
	{ "local why ('x'):gsub('x', function() why = "
	  "select(2, pcall(trip, 2)) end) kumo.reject(550, why)",
	    "M 550 trip: no luck" },
};

START_TEST(wait_and_go_on)
{
	char *body = xasprintf("kumo.on('smtp_server_mail_from', function(a) "
			       "if a.user == 'well' then kumo.reject(550, "
			       "'well') end %s end)",
	    rows[_i].code);
	char *expected =
	    xasprintf("C -; H -; %s; C -; H -; M 550 well", rows[_i].expected);
	struct epoch *e;

	policy_use("", body);
	e = epoch_current();
	lua_register(e->state[0]->L, "trip", trip);
	play_expect("C H:a M:<s@a.example> Q C H:a M:<well@a.example> Q",
	    expected, rows[_i].code);
	epoch_unref(e);
	policy_done();
	free(expected);
	free(body);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("co", &tcase);

	tcase_add_loop_test(tcase, wait_and_go_on, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
