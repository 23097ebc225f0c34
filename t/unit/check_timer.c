/*
 * Timers and jobs of policies: what runs, when it does not, what of it is
 * logged and counted.  A session waits in its handler until a timer has done
 * what it waits for.
 */
#include "policy.h"

#include "milter/clock.h"
#include "milter/timer.h"

#include <sys/stat.h>

/*
 * add(text) adds a line to a file that all states share; lines(n) waits until
 * it has n, and gives them.
 */
#define PRELUDE                                                                \
	"local kumo = require 'kumo' require 'msys.core' "                     \
	"kumo.milter.configure { states = %d, event_timeout = '20s',"          \
	" message_timeout = '20s', cpu_limit = '100ms',"                       \
	" memory_limit = '16MB' } "                                            \
	"local FILE = '%s' "                                                   \
	"local function add(text) local f = assert(io.open(FILE, 'a')) "       \
	"f:write(text, '\\n') f:close() end "                                  \
	"local function lines(n) while true do local all = {} "                \
	"local f = io.open(FILE) "                                             \
	"if f then for line in f:lines() do all[#all + 1] = line end "         \
	"f:close() end if #all >= n then return table.concat(all, ' ') end "   \
	"kumo.sleep(0.001) end end "                                           \
	"local function say(text) kumo.reject(550, 'is ' .. tostring(text)) "  \
	"end\n"
#define MAIL(body)                                                             \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)\n"

static char folder[] = "/tmp/check_timer.XXXXXX";
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
	unlink(shared);
	rmdir(folder);
	free(shared);
}

static struct epoch *
load(int states, const char *body)
{
	char *head = xasprintf(PRELUDE, states, shared);
	char *text = xasprintf("%s%s", head, body);
	struct err err;
	struct epoch *e = policy_load(text, states, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(head);
	free(text);
	return e;
}

static const struct {
	const char *name, *policy, *answer;
} rows[] = {
	{ "after",
	    "keep = msys.timer.after(0.01, function() add('a') end)\n" MAIL(
		"say(lines(1))"),
	    "a" },
	{ "at once",
	    "keep = msys.timer.after(0, function() add('a') end)\n" MAIL(
		"say(lines(1))"),
	    "a" },
	{ "at a time of the clock",
	    "keep = msys.timer.at(os.time(), function() add('a') end)\n" MAIL(
		"say(lines(1))"),
	    "a" },
	{ "every, and stopped by itself",
	    "local t, n = nil, 0\n"
	    "t = msys.timer.every(0.01, function() n = n + 1 add(n) "
	    "if n == 3 then t:stop() add('end') end end, 'tick')\n" MAIL(
		"say(lines(4) .. ' ' .. t:name())"),
	    "1 2 3 end tick" },
	{ "made in a handler",
	    MAIL("local t = msys.timer.after(0, function() add('a') end) "
		 "say(lines(1) .. tostring(t ~= nil))"),
	    "atrue" },
	{ "stopped before its time",
	    MAIL("local t = msys.timer.after(0.02, function() add('a') end) "
		 "t:stop() "
		 "local u = msys.timer.after(0.04, function() add('b') end) "
		 "say(lines(1) .. tostring(t) and lines(1))"),
	    "b" },
	{ "started again",
	    MAIL("local t = msys.timer.after(0, function() add('a') end) "
		 "lines(1) t:start() t:start() lines(2) "
		 "local u = msys.timer.after(0.02, function() add('b') end) "
		 "say(lines(3) .. #t:name())"),
	    NULL },
	{ "named by its place",
	    MAIL("\nsay(msys.timer.after(9, function() end):name()"
		 ":match('[^/]*$'))"),
	    "init.lua:3" },
	{ "waits and others run meanwhile",
	    "keep = msys.timer.after(0, function() add('a') "
	    "while not done do kumo.sleep(0.001) end add('b') end)\n"
	    "keep2 = msys.timer.after(0.02, function() done = true "
	    "end)\n" MAIL("say(lines(2))"),
	    "a b" },
	{ "an error, and it runs on",
	    "local n = 0\n"
	    "local t = msys.timer.every(0.01, function() n = n + 1 add(n) "
	    "error('broken') end)\n" MAIL("say(lines(3) and t and 'x')"),
	    "x" },
	{ "a loop is ended, and it runs on",
	    "local n = 0\n"
	    "local t = msys.timer.every(0.01, function() n = n + 1 add(n) "
	    "while true do end end)\n" MAIL("say(lines(2) and t and 'x')"),
	    "x" },
	{ "no session, no conn_meta",
	    "local t = msys.timer.after(0, function() "
	    "add(tostring(pcall(msys.core.get_now_ts))) "
	    "kumo.log_info('from a timer') add('b') end)\n" MAIL(
		"say(lines(2) and t and 'x')"),
	    "x" },
	{ "a refusal is an error there",
	    "local t = msys.timer.after(0, function() add('a') "
	    "kumo.reject(550, 'no') end)\n" MAIL("say(lines(1) and t and 'x')"),
	    "x" },
	{ "once in the process",
	    "local a = msys.timer.after(0, function() add('a') end)\n"
	    "local b = msys.timer.after(0.1, function() add('b') end)\n" MAIL(
		"say(lines(2) .. tostring(a) and lines(2) .. "
		"(b and '' or ''))"),
	    "a b" },
	{ "collected",
	    MAIL("do msys.timer.after(0.05, function() add('a') end) end "
		 "collectgarbage() collectgarbage() "
		 "local u = msys.timer.after(0.1, function() add('b') end) "
		 "say(lines(1) .. (u and '' or ''))"),
	    "b" },
	{ "a timer and its function that know each other are collected, too",
	    MAIL("do local t t = msys.timer.every(0.05, function() add('a') "
		 "t:stop() end) end collectgarbage() collectgarbage() "
		 "local u = msys.timer.after(0.1, function() add('b') end) "
		 "say(lines(1) .. (u and '' or ''))"),
	    "b" },
	{ "what is no timer",
	    MAIL("local ok, why = pcall(msys.timer.every, 0, print) "
		 "local no, what = pcall(msys.timer.after, 1, 'x') "
		 "say(tostring(ok) .. tostring(no) .. "
		 "tostring(pcall(msys.timer.at, 0/0, print)))"),
	    "falsefalsefalse" },
	{ "sync runInPool",
	    MAIL("local function f(...) return msys.runInPool('cpu', ...) end "
		 "local ok, a, b = f(function() return 1, 2 end) "
		 "local no, why = f(function() error('x', 0) end) "
		 "say(tostring(ok) .. a .. b .. tostring(no) .. why)"),
	    "true12falsex" },
	{ "async runInPool",
	    MAIL("local v = msys.runInPool('io', function() add('a') end, "
		 "true) say(tostring(v) .. lines(0))"),
	    "nil" },
	{ "the other messages of async runInPool",
	    MAIL("if sender.user == 's' then say('x') end"), "x" },
	{ "runInPool of what is no function",
	    MAIL("say(tostring(pcall(msys.runInPool, 'x', 'y')) .. "
		 "tostring(pcall(msys.runInPool, 'x', print, 'z')))"),
	    "falsefalse" },
	{ "sleep", MAIL("msys.sleep(0.01) say('x')"), "x" },
};

START_TEST(timer_row)
{
	struct play p = { 0 };
	char *expected = xasprintf(
	    "C -; M 550 is %s", rows[_i].answer != NULL ? rows[_i].answer : "");

	epoch_set_current(load(3, rows[_i].policy));
	play_on(&p, "C M:<s@a.example> Q");
	if (rows[_i].answer != NULL)
		ck_assert_msg(strcmp(str_c(&p.out), expected) == 0, "%s: %s",
		    rows[_i].name, str_c(&p.out));
	else
		ck_assert_msg(
		    strncmp(str_c(&p.out), "C -; M 550 is a a b", 19) == 0,
		    "%s: %s", rows[_i].name, str_c(&p.out));
	play_over(&p);
	free(expected);
}
END_TEST

static void
wait_for_jobs(void)
{
	while (timer_jobs() > 0)
		clock_sleep_until(clock_mono() + CLOCK_MS);
}

/* A job begins when its handler is over, even if that waits. */
START_TEST(job_begins_after_its_handler)
{
	epoch_set_current(load(
	    1, MAIL("if sender.user == 'look' then say(lines(2)) end "
		    "msys.runInPool(1, function() add('job') return 7 end, "
		    "function(ok, v) add(tostring(ok) .. v) end) "
		    "kumo.sleep(0.02) say(lines(0))")));
	play_expect("C M:<s@a.example> M:<look@a.example> Q",
	    "C -; M 550 is ; M 550 is job true7", "job");
	wait_for_jobs();
}
END_TEST

/* Also when its session, and the policy's service, have ended. */
START_TEST(job_outlives_its_session)
{
	struct play p = { 0 };
	struct stat st;

	epoch_set_current(
	    load(1, MAIL("for i = 1, 20 do msys.runInPool(1, function() "
			 "kumo.sleep(0.01) add(i) end, true) end say('x')")));
	play_on(&p, "C M:<s@a.example> Q");
	epoch_set_current(NULL);
	ck_assert_str_eq(str_c(&p.out), "C -; M 550 is x");
	wait_for_jobs();
	ck_assert_int_eq(stat(shared, &st), 0);
	ck_assert_int_eq(st.st_size, 9 * 2 + 11 * 3);
	play_over(&p);
}
END_TEST

/* A handler that fails, or is ended, leaves its jobs behind, too. */
START_TEST(job_of_a_failed_handler)
{
	struct stat st;

	epoch_set_current(
	    load(1, MAIL("msys.runInPool(1, function() add('a') end, true) "
			 "if sender.user == 'loop' then while true do end end "
			 "error(setmetatable({}, { __tostring = function() "
			 "msys.runInPool(1, function() add('b') end, true) "
			 "return 'bad' end }))")));
	play_expect("C M:<s@a.example> Q",
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!",
	    "error");
	play_expect("C M:<loop@a.example> Q",
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!", "loop");
	wait_for_jobs();
	ck_assert_int_eq(stat(shared, &st), 0);
	ck_assert_int_eq(st.st_size, 6);
}
END_TEST

/* Not before the policy serves, and not when another does. */
START_TEST(only_while_it_serves)
{
	struct epoch *first = load(2,
	    "local t = msys.timer.after(0, function() add('one') end)\n"
	    "local u = msys.timer.every(0.01, function() add('-') end)\n"
	    "keep = { t, u }\n" MAIL("local n, all = 1 repeat all = lines(n) "
				     "n = n + 1 until all:find 'one' "
				     "say('one')"));
	struct epoch *second =
	    load(2, "local t = msys.timer.after(0.05, function() add('two') "
		    "end)\n" MAIL("say(lines(1) .. (t and '' or ''))"));
	struct stat st;

	/* what is due has been asked when this session has slept */
	epoch_set_current(second);
	play_expect("C M:<s@a.example> Q", "C -; M 550 is two", "second");
	unlink(shared);
	epoch_set_current(first);
	play_expect("C M:<s@a.example> Q", "C -; M 550 is one", "first");
	epoch_ref(first);
	epoch_set_current(NULL);
	while (atomic_load(&first->refs) > 1) /* a run under way ends */
		clock_sleep_until(clock_mono() + CLOCK_MS);
	unlink(shared);
	clock_sleep_until(clock_mono() + 50 * CLOCK_MS);
	ck_assert_int_ne(stat(shared, &st), 0);
	epoch_unref(first);
}
END_TEST

/* How often the file holds the line; -1 while there is none. */
static int
lines_of(const char *line)
{
	FILE *f = fopen(shared, "re");
	char one[64];
	int n = f != NULL ? 0 : -1;

	while (f != NULL && fgets(one, sizeof one, f) != NULL)
		n += strncmp(one, line, strlen(line)) == 0;
	if (f != NULL)
		fclose(f);
	return n;
}

static void
wait_for_lines(const char *line, int n)
{
	while (lines_of(line) < n)
		clock_sleep_until(clock_mono() + CLOCK_MS);
}

/* A state that is replaced takes its timers along; the new one has them. */
START_TEST(timers_of_a_replaced_state)
{
	struct epoch *e = load(1,
	    "local f = io.open(FILE) local n = f and 2 or 1 "
	    "if f then f:close() end add('load') "
	    "keep = msys.timer.every(0.01, function() add('of' .. n) end)\n");

	epoch_set_current(epoch_ref(e));
	wait_for_lines("of1", 2);
	atomic_store(&e->state[0]->spoiled, true);
	epoch_leave_state(e, epoch_take_state(e));
	wait_for_lines("of2", 1);
	while (e->n_retired > 0)
		epoch_leave_state(e, epoch_take_state(e));
	unlink(shared);
	wait_for_lines("of2", 3);
	ck_assert_int_eq(lines_of("of1"), 0);
	epoch_set_current(NULL);
	epoch_unref(e);
}
END_TEST

/* Failures are counted as those of handlers are. */
START_TEST(failures_are_counted)
{
	long lua = metric_get(METRIC_ERROR_LUA),
	     cpu = metric_get(METRIC_ERROR_CPU);

	epoch_set_current(load(1,
	    "keep = { msys.timer.after(0, function() add('a') error('x') "
	    "end), msys.timer.after(0, function() add('b') "
	    "while true do end end),"
	    "msys.timer.after(0, function() while not done do "
	    "kumo.sleep(0.001) end add('c') local a = {} "
	    "for i = 1, 1e9 do a[i] = i end end) }\n" MAIL(
		"lines(2) done = true lines(3) say('x')")));
	play_expect("C M:<s@a.example> Q", "C -; M 550 is x", "failures");
	while (metric_get(METRIC_ERROR_LUA) == lua ||
	       metric_get(METRIC_ERROR_CPU) == cpu ||
	       metric_get(METRIC_ERROR_MEMORY) == 0)
		clock_sleep_until(clock_mono() + CLOCK_MS);
}
END_TEST

/* Policies come and go while their timers and jobs run. */
START_TEST(many_reloads)
{
	struct play p = { 0 };

	for (int i = 0; i < 40; i++) {
		epoch_set_current(load(2,
		    "keep = {}\nfor i = 1, 20 do keep[i] = "
		    "msys.timer.every(0.01, function() kumo.sleep(0.001) end) "
		    "msys.timer.after(0, function() end) end\n" MAIL(
			"msys.runInPool(1, function() kumo.sleep(0.002) end, "
			"true) kumo.sleep(0.002)")));
		play_on(&p, "C M:<s@a.example> Q");
		str_clear(&p.out);
	}
	play_over(&p);
	wait_for_jobs();
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("timer", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, timer_row, 0, UNIT_N(rows));
	tcase_add_test(t, job_begins_after_its_handler);
	tcase_add_test(t, job_outlives_its_session);
	tcase_add_test(t, job_of_a_failed_handler);
	tcase_add_test(t, only_while_it_serves);
	tcase_add_test(t, timers_of_a_replaced_state);
	tcase_add_test(t, failures_are_counted);
	tcase_add_test(t, many_reloads);
	return s;
}

UNIT_MAIN(suite)
