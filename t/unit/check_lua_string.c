/*
 * The string functions in a bare state: memory, OS threads, no limits.
 * What they answer is in t/lua/prelude_string.lua and prelude_corpus.lua.
 */
#include "lua-bindings/lb_string.h"
#include "t/unit/unit.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdlib.h>

/* As the engine's: says no to single requests that are large. */
static size_t used, most;

static void *
allocate(void *arg, void *p, size_t old, size_t new)
{
	(void)arg;
	if (new > old &&new >= 256 * 1024 && used - old + new > most)
		return NULL;
	used += new - old;
	if (new == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, new);
}

static int
open_all(lua_State *L)
{
	luaL_openlibs(L);
	lb_string_open(L, NULL);
	return 0;
}

static lua_State *
open_state(void)
{
	lua_State *L;

	used = 0;
	most = (size_t)1 << 40;
	L = lua_newstate(allocate, NULL);
	ck_assert_ptr_nonnull(L);
	ck_assert_int_eq(lua_cpcall(L, open_all, NULL), 0);
	return L;
}

static void
must_run(lua_State *L, const char *source)
{
	if (luaL_dostring(L, source) != 0)
		ck_abort_msg("%s", lua_tostring(L, -1));
}

START_TEST(results_are_within_the_memory_limit)
{
	lua_State *L = open_state();
	size_t before;

	must_run(L, "subject = ('x'):rep(200000) collectgarbage()");
	before = used;
	most = used + 4000000;
	must_run(L,
	    "local ok, why = pcall(string.gsub, subject, 'x', ('y'):rep(99))\n"
	    "assert(not ok and why == 'not enough memory', why)\n"
	    "local n = 0\n"
	    "ok, why = pcall(string.gsub, subject, 'x', function()\n"
	    "	n = n + 1\n"
	    "	return ('y'):rep(1000)\n"
	    "end)\n"
	    "assert(not ok and why == 'not enough memory', why)\n"
	    "assert(n < 4000, n)\n"
	    "assert(#subject:gsub('x', 'yy') == 400000)\n"
	    "collectgarbage() collectgarbage()");
	ck_assert_msg(used < before + 100000, "%zu bytes stay", used - before);
	lua_close(L);
	ck_assert_uint_eq(used, 0);
}
END_TEST

static void *
fail_once(void *arg)
{
	lua_State *L = arg;

	must_run(L, "local ok, why = pcall(string.gsub, 'a', 'a', function()\n"
		    "	return (('b'):gsub('b', function() error('no') end))\n"
		    "end)\n"
		    "assert(not ok and why:find('no'), why)");
	return NULL;
}

/* What an error left behind on one thread does not count on another. */
START_TEST(nesting_is_of_this_thread)
{
	lua_State *L = open_state();
	pthread_t thread;

	for (int i = 0; i < 4 * LB_GSUB_NESTED; i++) {
		ck_assert_int_eq(
		    pthread_create(&thread, NULL, fail_once, L), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		fail_once(L);
	}
	must_run(L,
	    "local function nest(n)\n"
	    "	return n == 0 and 'end' or\n"
	    "	    (('a'):gsub('a', function() return nest(n - 1) end))\n"
	    "end\n"
	    "assert(nest(50) == 'end')\n"
	    "assert(not pcall(nest, 51))");
	lua_close(L);
}
END_TEST

START_TEST(no_limits_is_no_limit)
{
	lua_State *L = open_state();

	must_run(L,
	    "assert(('a'):rep(300):find('.-.-.-b') == nil)\n"
	    "assert(('a'):rep(1000):gsub('a', '%0%0') == ('a'):rep(2000))\n"
	    "assert(('x'):find('x') == 1 and ('xy'):match('(.)y') == 'x')");
	lua_close(L);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("lua_string", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, results_are_within_the_memory_limit);
	tcase_add_test(tcase, nesting_is_of_this_thread);
	tcase_add_test(tcase, no_limits_is_no_limit);
	return s;
}

UNIT_MAIN(suite)
