/*
 * Handlers that go wrong, each followed by a session that must be served as
 * ever by the same single Lua state: see policy.h for the words.
 *
 * The policies run() the lines of a row at MAIL from <run@...>; any other
 * sender is answered "450 fine N", N being counted by the state.
 */
#include "policy.h"

#define BROKEN "C -; H -; M 451 4.3.0 mx.example.test technical difficulties"
#define LIMITS                                                                 \
	"event_timeout = '15s', memory_limit = '16MB', on_error = "            \
	"'tempfail', "
#define SHORT LIMITS "cpu_limit = '40ms'"
#define LONG LIMITS "cpu_limit = '10s'" /* what else ends it comes first */

#define POLICY                                                                 \
	"local n = 0\n"                                                        \
	"local function run(a, cm) %s end\n"                                   \
	"kumo.on('smtp_server_mail_from', function(a, cm)\n"                   \
	"  if a.user == 'run' then return run(a, cm) end\n"                    \
	"  n = n + 1 kumo.reject(450, 'fine ' .. n) end)"

enum { FRESH = 1 }; /* the state is replaced: it counts from 1 again */

static const struct row {
	enum metric counted;
	const char *run;
	int flags;
} rows[] = {
	/* loops */
	{ METRIC_ERROR_CPU, "while true do end", 0 },
	{ METRIC_ERROR_CPU, "repeat until false", 0 },
	{ METRIC_ERROR_CPU, "for i = 1, math.huge do end", 0 },
	{ METRIC_ERROR_CPU, "::again:: goto again", 0 },
	{ METRIC_ERROR_CPU, "local function f() return f() end f()", 0 },
	{ METRIC_ERROR_CPU, "while true do local s = ('x'):upper() end", 0 },
	{ METRIC_ERROR_CPU, "pcall(function() while true do end end)", 0 },
	{ METRIC_ERROR_CPU,
	    "while true do pcall(function() while true do end end) end", 0 },
	{ METRIC_ERROR_CPU, "while true do pcall(error) end", 0 },
	{ METRIC_ERROR_CPU,
	    "coroutine.wrap(function() while true do end end)()", 0 },
	{ METRIC_ERROR_CPU,
	    "while true do pcall(coroutine.wrap(function() while true do end "
	    "end)) end",
	    0 },
	{ METRIC_ERROR_CPU,
	    "local co = coroutine.create(function() while true do\n"
	    "  coroutine.yield() end end)\n"
	    "while true do coroutine.resume(co) end",
	    0 },
	{ METRIC_ERROR_CPU,
	    "coroutine.wrap(function() while true do pcall(\n"
	    "  coroutine.wrap(function() while true do end end)) end end)()",
	    0 },
	{ METRIC_ERROR_CPU,
	    "table.sort({3, 2, 1}, function() while true do end end)", 0 },
	{ METRIC_ERROR_CPU,
	    "while true do pcall(table.sort, {3, 2, 1}, function()\n"
	    "  while true do end end) end",
	    0 },
	{ METRIC_ERROR_CPU, "('x'):gsub('x', function() while true do end end)",
	    0 },
	{ METRIC_ERROR_CPU, "xpcall(error, function() while true do end end)",
	    0 },
	{ METRIC_ERROR_CPU,
	    "xpcall(function() while true do end end,\n"
	    "  function() while true do end end)",
	    0 },
	{ METRIC_ERROR_CPU,
	    "local t = setmetatable({}, { __index = function()\n"
	    "  while true do end end }) local x = t.x",
	    0 },
	{ METRIC_ERROR_CPU,
	    "tostring(setmetatable({}, { __tostring = function()\n"
	    "  while true do end end }))",
	    0 },
	{ METRIC_ERROR_CPU, "for x in function() while true do end end do end",
	    0 },
	{ METRIC_ERROR_CPU,
	    "load(function() while true do end end) while true do end", 0 },
	{ METRIC_ERROR_CPU, "load('while true do end')()", 0 },

	/* patterns */
	{ METRIC_ERROR_CPU,
	    "(('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(40) .. 'b')", 0 },
	{ METRIC_ERROR_CPU, "(('a'):rep(30000)):match('.-.-.-.-b')", 0 },
	{ METRIC_ERROR_CPU,
	    "while true do pcall(string.gsub, ('a'):rep(30000),\n"
	    "  '.-.-.-.-b', '') end",
	    0 },
	{ METRIC_ERROR_CPU,
	    "for w in (('a'):rep(30000)):gmatch('.-.-.-.-b') do end", 0 },

	/* depth */
	{ METRIC_ERROR_LUA, "local function f() return 1 + f() end f()", 0 },
	{ METRIC_ERROR_LUA,
	    "local function f() return (('a'):gsub('a', f)) end f()", 0 },
	{ METRIC_ERROR_LUA,
	    "local function f() return coroutine.wrap(f)() end f()", 0 },
	{ METRIC_ERROR_LUA, "local function f() table.sort({1, 2}, f) end f()",
	    0 },
	{ METRIC_ERROR_LUA,
	    "local t = {} setmetatable(t, { __index = function(_, k)\n"
	    "  return t.y .. 1 end }) local x = t.x",
	    0 },
	{ METRIC_ERROR_LUA, "assert(load(('('):rep(1e5)))", 0 },
	{ METRIC_ERROR_LUA, "(('a'):rep(250)):match(('(a'):rep(250))", 0 },

	/* memory */
	{ METRIC_ERROR_MEMORY, "local t = {} while true do t[#t + 1] = {} end",
	    0 },
	{ METRIC_ERROR_MEMORY,
	    "local t = {} while true do t[#t + 1] = #t .. 'x' end", 0 },
	{ METRIC_ERROR_MEMORY,
	    "pcall(function() local t = {} while true do\n"
	    "  t[#t + 1] = {} end end) while true do end",
	    0 },
	{ METRIC_ERROR_MEMORY, "local s = 'x' while true do s = s .. s end",
	    0 },
	{ METRIC_ERROR_MEMORY, "local s = ('x'):rep(1e9)", 0 },
	{ METRIC_ERROR_MEMORY,
	    "pcall(string.rep, 'x', 1e9) for i = 1, 1e5 do end", 0 },
	{ METRIC_ERROR_MEMORY, "while true do pcall(string.rep, 'x', 1e9) end",
	    0 },
	{ METRIC_ERROR_MEMORY,
	    "local t = {} for i = 1, 1000 do t[i] = ('x'):rep(1e4) .. i end\n"
	    "local s = table.concat(t) .. table.concat(t, ', ')",
	    0 },
	{ METRIC_ERROR_MEMORY,
	    "local t = {} for i = 1, 1e9 do\n"
	    "  t[i] = coroutine.create(print) end",
	    0 },
	{ METRIC_ERROR_MEMORY,
	    "coroutine.wrap(function() local t = {} while true do\n"
	    "  t[#t + 1] = {} end end)()",
	    0 },
	{ METRIC_ERROR_MEMORY,
	    "grown = grown or {} while true do grown[#grown + 1] = {} end",
	    FRESH },
	{ METRIC_ERROR_MEMORY,
	    "grown = grown or {} while true do grown[#grown + 1] =\n"
	    "  'text ' .. #grown end",
	    FRESH },
	{ METRIC_ERROR_MEMORY,
	    "pcall(function() grown = {} while true do\n"
	    "  grown[#grown + 1] = {} end end) while true do end",
	    FRESH },

	/* what string.format and others refuse by themselves */
	{ METRIC_ERROR_LUA, "string.format('%99999d', 1)", 0 },
	{ METRIC_ERROR_LUA, "string.format('%' .. ('9'):rep(1e5) .. 's', 1)",
	    0 },
	{ METRIC_ERROR_LUA, "unpack({}, 1, 1e8)", 0 },
	{ METRIC_ERROR_LUA, "(('x'):rep(1e6)):byte(1, -1)", 0 },

	/* error objects */
	{ METRIC_ERROR_LUA, "error()", 0 },
	{ METRIC_ERROR_LUA, "error(nil)", 0 },
	{ METRIC_ERROR_LUA, "error({})", 0 },
	{ METRIC_ERROR_LUA, "error(function() end)", 0 },
	{ METRIC_ERROR_LUA, "error(coroutine.create(print))", 0 },
	{ METRIC_ERROR_LUA, "error(io.stderr)", 0 },
	{ METRIC_ERROR_LUA, "error(('x'):rep(1e6))", 0 },
	{ METRIC_ERROR_LUA, "error(a)", 0 },
	{ METRIC_ERROR_LUA, "error(cm)", 0 },
	{ METRIC_ERROR_LUA, "error('a\\0b\\nc\\27')", 0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  return 'mine' end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  error('again') end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  return {} end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  kumo.reject(550, 'no') end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  while true do end end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  while true do pcall(function() while true do end end) end\n"
	    "  end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  kumo.sleep(0.001) end }))",
	    0 },
	{ METRIC_ERROR_LUA,
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  return ('x'):rep(1e9) end }))",
	    0 },

	/* coroutines and waits */
	{ METRIC_ERROR_LUA, "coroutine.yield()", 0 },
	{ METRIC_ERROR_LUA, "coroutine.yield(1, 2)", 0 },
	{ METRIC_ERROR_LUA, "pcall(coroutine.yield, nil, {})", 0 },
	{ METRIC_ERROR_LUA, "kumo.sleep(-1)", 0 },
	{ METRIC_ERROR_LUA, "kumo.sleep('long')", 0 },
	{ METRIC_ERROR_LUA, "kumo.sleep(1e9)", 0 },
	{ METRIC_ERROR_LUA, "kumo.sleep(0/0)", 0 },
	{ METRIC_ERROR_LUA,
	    "local s = ('x'):rep(6e6)\n"
	    "for i = 1, 3 do cm:set_meta('x' .. i, s) end",
	    0 },
};

static void
expect_fine(int n, const char *name)
{
	char *expected = xasprintf("C -; H -; M 450 fine %d", n);

	play_expect("C H:a M:<fine@a.example> Q", expected, name);
	free(expected);
}

START_TEST(next_session_is_fine)
{
	const struct row *r = &rows[_i];
	char *policy = xasprintf(POLICY, r->run);
	long before[METRIC_COUNT];

	policy_use(r->counted == METRIC_ERROR_CPU ||
			   strstr(r->run, "__tostring") != NULL
		       ? SHORT
		       : LONG,
	    policy);
	expect_fine(1, r->run);
	for (int i = 0; i < METRIC_COUNT; i++)
		before[i] = metric_get((enum metric)i);
	play_expect("C H:a M:<run@a.example>", BROKEN, r->run);
	for (enum metric m = METRIC_ERROR_LUA; m <= METRIC_ERROR_BUSY; m++)
		ck_assert_msg(metric_get(m) - before[m] == (m == r->counted),
		    "%s: counter %d is %ld", r->run, (int)m,
		    metric_get(m) - before[m]);
	expect_fine(r->flags & FRESH ? 1 : 2, r->run);
	ck_assert_int_eq(
	    metric_get(METRIC_STATES_REPLACED) - before[METRIC_STATES_REPLACED],
	    r->flags & FRESH ? 1 : 0);
	policy_done();
	free(policy);
}
END_TEST

/* What is allowed: ends well and is no failure. */
static const struct fine {
	const char *name, *run, *says;
} fines[] = {
	{ "sleep", "kumo.sleep(0.001) kumo.time.sleep(0)", "-" },
	{ "sleep in pcall",
	    "assert(pcall(kumo.sleep, 0.001)) kumo.reject(450, 'awake')",
	    "450 awake" },
	{ "sleep in a coroutine",
	    "local co = coroutine.wrap(function(x) kumo.sleep(0.001)\n"
	    "  local y = coroutine.yield(x + 1) kumo.sleep(0.001)\n"
	    "  return y * 2 end)\n"
	    "kumo.reject(450, 'got ' .. co(1) .. ' ' .. co(5))",
	    "450 got 2 10" },
	{ "sleep in nested coroutines and pcall",
	    "local w = coroutine.wrap\n"
	    "w(function() assert(pcall(w(function() pcall(function()\n"
	    "  kumo.sleep(0.001) error 'x' end) kumo.sleep(0.001) end)))\n"
	    "end)() kumo.reject(450, 'awake')",
	    "450 awake" },
	{ "sleep in a sort comparator",
	    "local t = {3, 2, 1} table.sort(t, function(x, y)\n"
	    "  kumo.sleep(0.001) return x < y end)\n"
	    "kumo.reject(450, 'sorted ' .. table.concat(t))",
	    "450 sorted 123" },
	{ "sleep in a gsub callback",
	    "kumo.reject(450, (('sub x'):gsub('x', function()\n"
	    "  kumo.sleep(0.001) return 'y' end)))",
	    "450 sub y" },
	{ "sleep in a coroutine in a gsub callback",
	    "kumo.reject(450, (('sub x'):gsub('x', function()\n"
	    "  return coroutine.wrap(function() kumo.sleep(0.001)\n"
	    "    return 'y' end)() end)))",
	    "450 sub y" },
	{ "sleep in metamethods",
	    "local t = setmetatable({}, {\n"
	    "  __index = function(_, k) kumo.sleep(0.001) return k end,\n"
	    "  __add = function(_, n) kumo.sleep(0.001) return n end,\n"
	    "  __call = function(_, n) kumo.sleep(0.001) return n end,\n"
	    "  __tostring = function() kumo.sleep(0.001) return 's' end })\n"
	    "kumo.reject(450, t.x .. t + 1 .. t(2) .. tostring(t))",
	    "450 x12s" },
	{ "sleep in an iterator",
	    "local n = 0 for i in function() kumo.sleep(0.001) n = n + 1\n"
	    "  return n < 4 and n or nil end do end\n"
	    "kumo.reject(450, 'n ' .. n)",
	    "450 n 4" },
	{ "much, but not too much memory",
	    "local t = {} for i = 1, 100 do t[i] = ('x'):rep(5e4) .. i end\n"
	    "for i = 1, 1000 do local s = ('x'):rep(1e5) .. i end",
	    "-" },
	{ "a caught overflow",
	    "local function f() return 1 + f() end\n"
	    "local ok, e = pcall(f) kumo.reject(450, tostring(ok))",
	    "450 false" },
};

START_TEST(ends_well)
{
	const struct fine *f = &fines[_i];
	char *policy = xasprintf(POLICY, f->run);
	char *expected = xasprintf("C -; H -; M %s", f->says);
	long before = metric_get(METRIC_ERROR_LUA);

	policy_use(LONG, policy);
	for (int i = 0; i < 3; i++)
		play_expect("C H:a M:<run@a.example>", expected, f->name);
	expect_fine(1, f->name);
	ck_assert_int_eq(metric_get(METRIC_ERROR_LUA), before);
	policy_done();
	free(policy);
	free(expected);
}
END_TEST

/* event_timeout counts waits; what waits is ended when it wakes. */
static const char *const too_long[] = {
	"kumo.sleep(30)",
	"pcall(kumo.sleep, 30) kumo.reject(450, 'no')",
	"while true do kumo.sleep(0.01) end",
	"while true do pcall(kumo.sleep, 0.01) end",
	"coroutine.wrap(function() kumo.sleep(30) end)()",
	"while true do pcall(coroutine.wrap(function()\n"
	"  kumo.sleep(0.01) end)) end",
	"table.sort({2, 1}, function() kumo.sleep(30) end)"
	"  while true do end",
	"('x'):gsub('x', function() kumo.sleep(30) end) while true do end",
};

START_TEST(waiting_too_long)
{
	char *policy = xasprintf(POLICY, too_long[_i]);
	long before = metric_get(METRIC_ERROR_TIME);

	policy_use("event_timeout = '100ms', on_error = 'tempfail'", policy);
	play_expect("C H:a M:<run@a.example>", BROKEN, too_long[_i]);
	ck_assert_int_eq(metric_get(METRIC_ERROR_TIME), before + 1);
	expect_fine(1, too_long[_i]);
	policy_done();
	free(policy);
}
END_TEST

START_TEST(nothing_waits_at_close)
{
	struct play p = { 0 };
	long before = metric_get(METRIC_ERROR_LUA);

	policy_use(
	    "", "kumo.on('milter_close', function(cm) kumo.sleep(30) end)");
	play_on(&p, "C Q");
	ck_assert_int_eq(metric_get(METRIC_ERROR_LUA), before + 1);
	play_over(&p);
	policy_done();
}
END_TEST

/*
 * A state that is full of what the policy keeps still has sessions: whatever
 * LuaJIT then wants to allocate for them, the process lives.
 */
START_TEST(sessions_of_a_full_state)
{
	/* strings that stay: at one of these limits the table of all strings
	 * must grow when it cannot */
	int limit = 1024 + 96 * _i;
	struct play p = { 0 };
	long before = metric_get(METRIC_ERROR_MEMORY);
	char *config = xasprintf("cpu_limit = '5s', memory_limit = %d * 1024, "
				 "on_error = 'tempfail'",
	    limit);

	policy_use(config, "local kept = {}\n"
			   "kumo.on('smtp_server_mail_from', function(a)\n"
			   "  if a.user == 'run' then for i = 1, 1e9 do\n"
			   "    kept = { kept, i .. 'x' } end end\n"
			   "end)\n"
			   "kumo.on('smtp_server_ehlo', function(a) end)");
	play_on(&p, "C H:a @2 C H:a M:<run@x.example> @1");
	for (int i = 0; i < 8000; i++) {
		char word[64];

		snprintf(word, sizeof word, "H:x%d.example", i);
		play_on(&p, word);
	}
	ck_assert_int_gt(metric_get(METRIC_ERROR_MEMORY), before);
	play_over(&p);
	play_expect("C H:a M:<x@y.example> Q", "C -; H -; M -", "fresh");
	policy_done();
	free(config);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("event_limits", &t);

	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, next_session_is_fine, 0, UNIT_N(rows));
	tcase_add_loop_test(t, ends_well, 0, UNIT_N(fines));
	tcase_add_loop_test(t, waiting_too_long, 0, UNIT_N(too_long));
	tcase_add_test(t, nothing_waits_at_close);
	tcase_add_loop_test(t, sessions_of_a_full_state, 0, 16);
	return s;
}

UNIT_MAIN(suite)
