/*
 * kumo.spawn_task: what runs, in which state, and that it ends with its
 * epoch, wherever it waits.  A session waits until a task has done what it is
 * to do.
 */
#include "policy.h"

#include "milter/clock.h"
#include "milter/task.h"

/*
 * add(text) adds a line to a file that all states share; lines(n) waits until
 * it has n, and gives them.  on(fn) is what the task "t" runs.
 */
#define PRELUDE                                                                \
	"local kumo = require 'kumo' require 'msys.core' "                     \
	"kumo.on('pre_init', function() "                                      \
	"kumo.milter.configure { states = 2, event_timeout = '20s',"           \
	" message_timeout = '20s', cpu_limit = '100ms',"                       \
	" memory_limit = '16MB' } end) "                                       \
	"local FILE = '%s' "                                                   \
	"local function add(text) local f = assert(io.open(FILE, 'a')) "       \
	"f:write(text, '\\n') f:close() end "                                  \
	"local function lines(n) while true do local all = {} "                \
	"local f = io.open(FILE) "                                             \
	"if f then for line in f:lines() do all[#all + 1] = line end "         \
	"f:close() end if #all >= n then return table.concat(all, ' ') end "   \
	"kumo.sleep(0.001) end end "                                           \
	"local function say(text) kumo.reject(550, 'is ' .. tostring(text)) "  \
	"end "                                                                 \
	"local function on(fn) kumo.on('t', fn) end\n"
#define MAIL(body)                                                             \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)\n"
#define INIT(body) "kumo.on('init', function() " body " end)\n"
#define SPAWN "kumo.spawn_task { event_name = 't' } "
#define TASK(body) "on(function(args) " body " end)\n"

static char folder[] = "/tmp/check_task.XXXXXX";
static char *shared;

static void
begin(void)
{
	strcpy(strrchr(folder, '.'), ".XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	shared = xasprintf("%s/lines", folder);
}

static void
end(void)
{
	epoch_set_current(NULL);
	ck_assert_int_eq(task_wait(clock_mono() + 10 * CLOCK_S), 0);
	unlink(shared);
	rmdir(folder);
	free(shared);
}

static struct epoch *
load(const char *body)
{
	char *head = xasprintf(PRELUDE, shared);
	char *text = xasprintf("%s%s", head, body);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(head);
	free(text);
	return e;
}

static const struct {
	const char *name, *policy, *answer;
} rows[] = {
	{ "from init, with its arguments",
	    INIT("kumo.spawn_task { event_name = 't', "
		 "args = { 'a', 2, { x = true } } }")
		TASK("add(args[1] .. args[2] .. tostring(args[3].x) .. "
		     "#args)") MAIL("say(lines(1))"),
	    "a2true3" },
	{ "without arguments",
	    INIT(SPAWN) TASK("add(tostring(args))") MAIL("say(lines(1))"),
	    "nil" },
	{ "an empty array stays one",
	    INIT("kumo.spawn_task { event_name = 't', args = {} }")
		TASK("add(type(args) .. #args)") MAIL("say(lines(1))"),
	    "table0" },
	{ "from pre_init",
	    "kumo.on('pre_init', function() " SPAWN "end)\n" TASK("add('a')")
		MAIL("say(lines(1))"),
	    "a" },
	{ "from the top level: once, and not by the task's own state",
	    SPAWN TASK("add('a')") MAIL("local got = lines(1) kumo.sleep(0.05) "
					"say(got .. ' ' .. lines(1))"),
	    "a a" },
	{ "from a handler", TASK("add('a')") MAIL(SPAWN "say(lines(1))"), "a" },
	{ "from a task",
	    INIT(SPAWN) TASK("add('a') kumo.spawn_task { event_name = 'u' "
			     "}") "kumo.on('u', function() add('b') "
				  "end)\n" MAIL("say(lines(2))"),
	    "a b" },
	{ "a state of its own",
	    "x = 1 " INIT("x = 2 " SPAWN) TASK("add(x) x = 3")
		MAIL("say(lines(1) .. x)"),
	    NULL },
	{ "waits as sessions do, beside them",
	    INIT(SPAWN) TASK("for i = 1, 3 do kumo.sleep(0.01) add(i) end")
		MAIL("say(lines(3))"),
	    "1 2 3" },
	{ "a loop that sleeps has no timeout and no cpu_limit",
	    INIT(SPAWN) TASK("local t0 = os.clock() local n = 0 "
			     "while os.clock() - t0 < 0.2 do n = n + 1 "
			     "if n % 1000 == 0 then kumo.sleep(0) end end "
			     "add('a')") MAIL("say(lines(1))"),
	    "a" },
	{ "a loop that does not sleep is ended, the others go on",
	    INIT("kumo.spawn_task { event_name = 't', args = { 1 } } "
		 "kumo.spawn_task { event_name = 't', args = { 2 } }")
		TASK("if args[1] == 1 then pcall(function() "
		     "while true do end end) add('no') end "
		     "kumo.sleep(0.3) add('end')") MAIL("say(lines(1))"),
	    "end" },
	{ "pcall catches errors, and nothing else",
	    INIT(SPAWN) TASK("while true do pcall(function() "
			     "add('a') kumo.sleep(0.01) error('x') end) end")
		MAIL("say(lines(3):sub(1, 5))"),
	    "a a a" },
	{ "timers that it makes, not those of the policy",
	    "keep = msys.timer.after(0, function() add('once') end)\n" INIT(
		SPAWN)
		TASK("local t = msys.timer.after(0, function() "
		     "add('timer') end) lines(2) add('end') kumo.sleep(9)"
		     "return t") MAIL("lines(3) kumo.sleep(0.05) "
				      "say(#lines(3))"),
	    "14" },
	{ "no session is there",
	    INIT(SPAWN) TASK("kumo.log_info('from a task') "
			     "add(tostring(pcall(kumo.reject, 550, 'x')))")
		MAIL("say(lines(1))"),
	    NULL },
	{ "misuse",
	    MAIL("local function no(...) local ok, why = "
		 "pcall(kumo.spawn_task, ...) "
		 "return ok and 'ok' or why:match('spawn_task: (.*)') or why "
		 "end "
		 "say(no { event_name = 1 } .. '; ' .. no {} .. '; ' .. "
		 "no { event_name = 'x', arg = 1 } .. '; ' .. "
		 "no { event_name = 'x', args = { print } } .. '; ' .. "
		 "tostring(pcall(kumo.spawn_task)))"),
	    "event_name: a string expected; event_name: a string expected; "
	    "unknown key \"arg\"; "
	    "cannot serialize function; false" },
};

START_TEST(task_row)
{
	struct play p = { 0 };
	char *expected = xasprintf(
	    "C -; M 550 is %s", rows[_i].answer != NULL ? rows[_i].answer : "");

	epoch_set_current(load(rows[_i].policy));
	play_on(&p, "C M:<s@a.example> Q");
	if (rows[_i].answer != NULL)
		ck_assert_msg(strcmp(str_c(&p.out), expected) == 0,
		    "%s: %s, not %s", rows[_i].name, str_c(&p.out), expected);
	else /* what it says is no matter, but that it says something */
		ck_assert_msg(strstr(str_c(&p.out), "M 550 is ") != NULL,
		    "%s: %s", rows[_i].name, str_c(&p.out));
	play_over(&p);
	free(expected);
}
END_TEST

/* ---- the end ------------------------------------------------------------ */

/* Where a task may be when it is told to stop. */
static const char *const places[] = {
	"kumo.sleep(86400)",
	"while true do kumo.sleep(0) end",
	"while true do pcall(kumo.sleep, 1000) end",
	"coroutine.wrap(function() kumo.sleep(1000) end)()",
	"table.sort({ 1, 2 }, function() kumo.sleep(1000) end)",
	"msys.lock('held')",
	"local m = kumo.memoize(function() kumo.sleep(1000) end, "
	"{ name = 'm', ttl = 1, capacity = 1 }) m()",
	"local t = kumo.make_throttle('t', '1/d') "
	"while true do t:sleep_if_throttled() end",
	"kumo.spawn_task { event_name = 't' } kumo.sleep(1000)",
	"while true do end",
};

/*
 * Two of them, so that each wait for another's has one; a holder of the lock
 * beside them.
 */
static struct epoch *
load_place(const char *place)
{
	char *body = xasprintf(
	    INIT("kumo.spawn_task { event_name = 'hold' } " SPAWN SPAWN)
		TASK("add('t') %s add('end')") "kumo.on('hold', function() "
					       "msys.lock('held') add('h') "
					       "kumo.sleep(1000) end)\n" MAIL(
						   "lines(3) say('x')"),
	    place);
	struct epoch *e = load(body);

	free(body);
	return e;
}

START_TEST(ends_with_its_epoch)
{
	struct epoch *e = load_place(places[_i]);

	epoch_set_current(epoch_ref(e));
	play_expect("C M:<s@a.example> Q", "C -; M 550 is x", places[_i]);
	epoch_set_current(load(""));
	ck_assert_int_eq(task_wait(clock_mono() + 10 * CLOCK_S), 0);
	ck_assert_msg(atomic_load(&e->refs) == 1, "%s: %ld references",
	    places[_i], atomic_load(&e->refs));
	ck_assert_int_eq(e->n_retired, 0);
	epoch_unref(e);
}
END_TEST

START_TEST(ends_with_the_process)
{
	epoch_set_current(load_place(places[_i]));
	play_expect("C M:<s@a.example> Q", "C -; M 550 is x", places[_i]);
	epoch_end();
	ck_assert_int_eq(task_wait(clock_mono() + 10 * CLOCK_S), 0);
}
END_TEST

/* Not while it was only loaded; not by a session of an old policy. */
START_TEST(only_while_it_serves)
{
	struct play p = { 0 };
	struct epoch *e =
	    load(INIT(SPAWN) TASK("add('a')") MAIL(SPAWN "say('x')"));

	epoch_unref(e);
	ck_assert_int_eq(task_wait(0), 0);
	epoch_set_current(load(TASK("add('a')") MAIL(SPAWN "say('x')")));
	play_on(&p, "C");
	epoch_set_current(load(""));
	play_on(&p, "M:<s@a.example> Q");
	ck_assert_str_eq(str_c(&p.out), "C -; M 550 is x");
	ck_assert_int_eq(task_wait(clock_mono() + 10 * CLOCK_S), 0);
	ck_assert_int_ne(access(shared, F_OK), 0);
	play_over(&p);
}
END_TEST

/* A policy that cannot have more is told so. */
START_TEST(so_many_at_once)
{
	epoch_set_current(load(TASK("add('t') kumo.sleep(1000)")
		MAIL("for i = 1, 64 do " SPAWN "end lines(64) local ok, why = "
		     "pcall(kumo.spawn_task, { event_name = 't' }) "
		     "say(tostring(ok) .. why:match('%d+ tasks.*'))")));
	play_expect("C M:<s@a.example> Q",
	    "C -; M 550 is false64 tasks run already", "64");
	ck_assert_int_eq(metric_get(METRIC_TASKS), 64);
}
END_TEST

/* Failures are counted as those of handlers are; no handler is one, too. */
START_TEST(failures_are_counted)
{
	long lua = metric_get(METRIC_ERROR_LUA),
	     cpu = metric_get(METRIC_ERROR_CPU),
	     memory = metric_get(METRIC_ERROR_MEMORY);

	epoch_set_current(
	    load(INIT("for i = 1, 3 do kumo.spawn_task { event_name = 't', "
		      "args = i } end kumo.spawn_task { event_name = 'none' }")
		    TASK("if args == 1 then error('x') elseif args == 2 then "
			 "while true do end end local a = {} "
			 "for i = 1, 1e9 do a[i] = i end")));
	ck_assert_int_eq(task_wait(clock_mono() + 60 * CLOCK_S), 0);
	ck_assert_int_eq(metric_get(METRIC_ERROR_LUA), lua + 1);
	ck_assert_int_eq(metric_get(METRIC_ERROR_CPU), cpu + 1);
	ck_assert_int_eq(metric_get(METRIC_ERROR_MEMORY), memory + 1);
	ck_assert_int_eq(metric_get(METRIC_TASKS), 0);
}
END_TEST

/* Policies come and go while their tasks load, run and wait. */
START_TEST(many_reloads)
{
	for (int i = 0; i < 40; i++)
		epoch_set_current(load(
		    INIT("for i = 1, 4 do kumo.spawn_task { event_name = 't', "
			 "args = i } end")
			TASK("while true do kumo.sleep(args == 1 and 0 or 0.01)"
			     "if args == 4 then return end end")));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("task", &t);

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, task_row, 0, UNIT_N(rows));
	tcase_add_loop_test(t, ends_with_its_epoch, 0, UNIT_N(places));
	tcase_add_loop_test(t, ends_with_the_process, 0, UNIT_N(places));
	tcase_add_test(t, only_while_it_serves);
	tcase_add_test(t, so_many_at_once);
	tcase_add_test(t, failures_are_counted);
	tcase_add_test(t, many_reloads);
	return s;
}

UNIT_MAIN(suite)
