/*
 * Runs t/lua/kumo_sqlite.lua as a policy, and sessions whose handlers ask a
 * database.
 */
#include "policy.h"

#ifdef HAVE_SQLITE3

START_TEST(lua_file_runs)
{
	struct err err;
	struct epoch *e =
	    policy_load("dofile('t/lua/kumo_sqlite.lua')", 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	epoch_set_current(NULL);
}
END_TEST

#define ENDLESS                                                                \
	"'with recursive c(n) as (select 1 union all select n + 1 from c) "    \
	"select count(*) from c'"
#define MAIL(body)                                                             \
	"local sqlite = require 'sqlite' "                                     \
	"local db = sqlite.open(':memory:') "                                  \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)"

static const struct {
	const char *name, *config, *policy, *expected;
} rows[] = {
	{ "a connection of the handler's own", "",
	    MAIL("local own = sqlite.open(':memory:') "
		 "own:execute('create table t (n)') "
		 "own:execute('insert into t values (?)', sender.user) "
		 "kumo.reject(550, own:execute('select n from t')[1])"),
	    "C -; M 550 s" },
	{ "in a coroutine", "",
	    MAIL("local co = coroutine.wrap(function() "
		 "coroutine.yield(db:execute('select ?', 'hi')[1]) end) "
		 "kumo.reject(550, co())"),
	    "C -; M 550 hi" },
	{ "a failure is an error of the policy's", "",
	    MAIL("db:execute('selec')"),
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!" },
	{ "that can be caught", "",
	    MAIL("local ok = pcall(db.execute, db, 'selec') "
		 "kumo.reject(550, tostring(ok))"),
	    "C -; M 550 false" },
	{ "the handler's time ends a query", "event_timeout = '200ms'",
	    MAIL("pcall(db.execute, db, " ENDLESS ") kumo.reject(550, 'no')"),
	    "C -; M 421 4.3.0 mx.example.test technical difficulties!" },
};

START_TEST(session_row)
{
	policy_use(rows[_i].config, rows[_i].policy);
	play_expect("C M:<s@a.example> Q", rows[_i].expected, rows[_i].name);
	policy_done();
}
END_TEST

#endif

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("sqlite_lua", &tcase);

	tcase_set_timeout(tcase, 60);
#ifdef HAVE_SQLITE3
	tcase_add_test(tcase, lua_file_runs);
	tcase_add_loop_test(tcase, session_row, 0, UNIT_N(rows));
#endif
	return s;
}

UNIT_MAIN(suite)
