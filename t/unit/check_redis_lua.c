/*
 * Runs t/lua/kumo_redis.lua as a policy, and sessions whose handlers ask a
 * Redis server.
 */
#include "policy.h"

#include "milter/redis.h"
#include "redis_server.h"

#ifdef HAVE_HIREDIS

static struct redis_server server;

static void
setup(void)
{
	redis_server_start(&server, NULL);
}

static void
teardown(void)
{
	policy_done();
	redis_close_idle();
	redis_server_stop(&server);
}

/* A socket that takes connections and says nothing. */
static int
silence(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

START_TEST(lua_file_runs)
{
	char *path = xasprintf("%s/silent", server.folder);
	int fd = silence(path);
	char *text = xasprintf("assert(loadfile('t/lua/kumo_redis.lua'))('%s', "
			       "'unix://%s')",
	    server.url, path);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	unlink(path);
	close(fd);
	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
	free(text);
	free(path);
}
END_TEST

#define MAIL(body)                                                             \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)"
#define SAY(value) "kumo.reject(550, 'n' .. tostring(" value ")) "
#define FAILED "421 4.3.0 mx.example.test technical difficulties!"

/* What a session gets while the server runs, and while it is frozen. */
static const struct {
	const char *name, *config, *policy, *expected, *frozen;
} rows[] = {
	{ "a value", "event_timeout = '10s'",
	    MAIL("db:query('SET', sender.user, sender.domain) " SAY(
		"db:query('GET', sender.user)")),
	    "550 na.example", NULL },
	{ "in a coroutine", "event_timeout = '10s'",
	    MAIL("local co = coroutine.wrap(function() "
		 "coroutine.yield(db:query('ECHO', 'hi')) end) " SAY("co()")),
	    "550 nhi", NULL },
	{ "a failure is the policy's", "event_timeout = '10s'",
	    MAIL("db:query('NOSUCH')"), FAILED, NULL },
	{ "that can be caught", "event_timeout = '10s'",
	    MAIL(SAY("pcall(db.query, db, 'NOSUCH')")), "550 nfalse", NULL },
	{ "a timeout can be caught", "event_timeout = '60s'",
	    "local quick = require 'redis'.open { node = url, "
	    "response_timeout = '30ms' } " MAIL(
		SAY("pcall(quick.query, quick, 'PING')")),
	    "550 ntrue", "550 nfalse" },
	{ "the handler's time is the end", "event_timeout = '200ms'",
	    MAIL("pcall(db.query, db, 'PING') " SAY("'here'")), "550 nhere",
	    FAILED },
	{ "where Lua cannot yield", "event_timeout = '10s'",
	    MAIL("local t = { 2, 1 } table.sort(t, function(a, b) "
		 "return tonumber(db:query('ECHO', a)) < b end) " SAY("t[1]")),
	    "550 n1", NULL },
	{ "a client made in the handler", "event_timeout = '10s'",
	    MAIL(SAY("require 'redis'.open { node = url, pool_size = 1 }"
		     ":query('ECHO', 1)")),
	    "550 n1", NULL },
};

START_TEST(session_row)
{
	char *policy = xasprintf("local url = '%s' "
				 "local db = require 'redis'.open { node = url "
				 "} %s",
	    server.url, rows[_i].policy);
	char *expected = xasprintf("C -; M %s", rows[_i].expected);

	policy_use(rows[_i].config, policy);
	play_expect("C M:<s@a.example> Q", expected, rows[_i].name);
	free(expected);
	if (rows[_i].frozen != NULL) {
		expected = xasprintf("C -; M %s", rows[_i].frozen);
		kill(server.pid, SIGSTOP);
		play_expect("C M:<s@a.example> Q", expected, rows[_i].name);
		kill(server.pid, SIGCONT);
		free(expected);
	}
	free(policy);
}
END_TEST

#endif

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_lua", &t);

#ifdef HAVE_HIREDIS
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lua_file_runs);
	tcase_add_loop_test(t, session_row, 0, UNIT_N(rows));
#endif
	return s;
}

UNIT_MAIN(suite)
