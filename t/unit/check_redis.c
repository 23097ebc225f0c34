#include "unit.h"

#include "milter/redis.h"
#include "redis_server.h"

#include <fcntl.h>

#ifdef HAVE_HIREDIS

#define FAR (clock_mono() + 60 * CLOCK_S)

static struct redis_server server;
static struct redis_client *client;

static struct redis_client *
open_client(const char *options)
{
	json_t *json = json_loads(options, 0, NULL);
	struct redis_client *c;
	struct err err;

	ck_assert_msg(json != NULL, "%s", options);
	c = redis_client_get(json, &err);
	ck_assert_msg(c != NULL, "%s", err.msg);
	json_decref(json);
	return c;
}

static struct redis_client *
open_server(const struct redis_server *r, const char *more)
{
	char *text = xasprintf("{\"node\": \"%s%s}", r->url, more);
	struct redis_client *c = open_client(text);

	free(text);
	return c;
}

/* Its text, "nil", a number, or "!error". */
static char *
ask_until(struct redis_client *c, const char *words, int64_t deadline)
{
	struct redis_command command = { 0 };
	struct redis_value *v;
	struct err err;
	char *got;

	redis_command_words(&command, words);
	if (redis_client_call(c, &command, deadline, &v, &err) != 0)
		got = xasprintf("!%s", err.msg);
	else if (v->kind == REDIS_INT)
		got = xasprintf("%d", (int)v->i);
	else if (v->kind == REDIS_LIST)
		got = xasprintf("list of %zu", v->len);
	else
		got = xstrdup(v->text != NULL ? v->text : "nil");
	redis_value_free(v);
	redis_command_fini(&command);
	return got;
}

static void
expect(struct redis_client *c, const char *words, const char *want)
{
	char *got = ask_until(c, words, FAR);

	if (want[0] == '!')
		ck_assert_msg(got[0] == '!' && strstr(got, want + 1) != NULL,
		    "%s: expected %s, got %s", words, want, got);
	else
		ck_assert_msg(strcmp(got, want) == 0, "%s: expected %s, got %s",
		    words, want, got);
	free(got);
}

static void
setup(void)
{
	redis_server_start(&server, NULL);
	client = open_server(&server, "\"");
}

static void
teardown(void)
{
	redis_client_unref(client);
	redis_close_idle();
	redis_server_stop(&server);
}

START_TEST(commands_are_answered)
{
	expect(client, "SET a 1", "OK");
	expect(client, "GET a", "1");
	expect(client, "GET b", "nil");
	expect(client, "INCRBY a 41", "42");
	expect(client, "LPUSH l 1 2 3", "3");
	expect(client, "LRANGE l 0 -1", "list of 3");
	expect(client, "NOSUCH",
	    "ERR unknown command 'NOSUCH', with args "
	    "beginning with: ");
	expect(client, "LPUSH a 1",
	    "WRONGTYPE Operation against a key holding "
	    "the wrong kind of value");
	/* errors of the server keep the connection */
	expect(client, "PING", "PONG");
}
END_TEST

START_TEST(identical_options_are_one_client)
{
	struct redis_client *same = open_server(&server, "\"");
	struct redis_client *other = open_server(&server, "?db=1\"");

	ck_assert_ptr_eq(same, client);
	ck_assert_ptr_ne(other, client);
	expect(client, "SET a 1", "OK");
	expect(other, "GET a", "nil");
	redis_client_unref(same);
	redis_client_unref(other);
	same = open_server(&server, "?db=1\"");
	ck_assert_ptr_eq(same, other);
	redis_client_unref(same);
}
END_TEST

START_TEST(clients_are_bounded)
{
	struct redis_client *many[REDIS_CLIENTS_MAX];
	json_t *json;
	struct err err;
	char more[32];

	/* those that nobody has go */
	for (int i = 0; i < 3 * REDIS_CLIENTS_MAX; i++) {
		snprintf(more, sizeof more, "?db=%d\"", 1 + i % 8 + i * 16);
		redis_client_unref(open_server(&server, more));
	}
	for (int i = 1; i < REDIS_CLIENTS_MAX; i++) {
		snprintf(more, sizeof more, "?db=%d\"", i);
		many[i] = open_server(&server, more);
	}
	json = json_pack("{s:s}", "node", "redis://one.more");
	ck_assert_ptr_null(redis_client_get(json, &err));
	ck_assert_str_eq(err.msg, "more than 64 different clients of Redis");
	json_decref(json);
	for (int i = 1; i < REDIS_CLIENTS_MAX; i++)
		redis_client_unref(many[i]);
}
END_TEST

#define THREADS 24
#define ROUNDS 200

static void *
count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		free(ask_until(arg, "INCR n", FAR));
	return NULL;
}

START_TEST(side_by_side)
{
	struct redis_client *c = open_server(&server, "\", \"pool_size\": 3");
	pthread_t thread[THREADS];
	char *got, want[16];

	expect(c, "SET n 0", "OK");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, count, c);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	snprintf(want, sizeof want, "%d", THREADS * ROUNDS);
	expect(c, "GET n", want);
	got = ask_until(c, "CLIENT LIST", FAR);
	ck_assert_int_eq(strstr(got, "\nid=") != NULL, 1);
	for (int i = 0; i < 3; i++) {
		char *next = strstr(got + 1, "id=");

		if (next == NULL)
			break;
		memmove(got, next, strlen(next) + 1);
		ck_assert_int_lt(i, 3);
	}
	ck_assert_ptr_null(strstr(got + 1, "\nid="));
	free(got);
	redis_client_unref(c);
}
END_TEST

START_TEST(a_dead_server_is_an_error_until_it_is_back)
{
	expect(client, "PING", "PONG");
	redis_server_kill(&server);
	expect(client, "PING", "!Redis at /tmp/");
	expect(client, "PING", "!Connection refused");
	redis_server_run(&server, NULL);
	expect(client, "PING", "PONG");
	unlink(server.socket);
	redis_server_kill(&server);
	expect(client, "PING", "!No such file");
}
END_TEST

START_TEST(a_frozen_server_ends_by_its_timeouts)
{
	struct redis_client *c = open_server(&server,
	    "\", \"response_timeout\": \"50ms\", \"recycle_timeout\": "
	    "\"50ms\", "
	    "\"pool_size\": 1, \"wait_timeout\": \"20ms\"");
	int64_t deadline;
	char *got;

	expect(c, "SET a 1", "OK");
	kill(server.pid, SIGSTOP);
	expect(c, "GET a", "!no answer in time");
	expect(c, "GET a", "!no answer in time");
	/* whatever they are, the deadline */
	deadline = clock_mono() + 50 * CLOCK_MS;
	got = ask_until(client, "GET a", deadline);
	ck_assert_msg(strstr(got, "no answer in time") != NULL, "%s", got);
	ck_assert_int_ge(clock_mono(), deadline);
	free(got);
	kill(server.pid, SIGCONT);
	/* no late reply is taken for another's */
	expect(c, "INCR n", "1");
	expect(c, "GET a", "1");
	expect(client, "GET a", "1");
	redis_client_unref(c);
}
END_TEST

static void *
block(void *arg)
{
	free(ask_until(arg, "BLPOP never 30", FAR));
	return NULL;
}

START_TEST(a_full_pool_is_waited_for)
{
	struct redis_client *c = open_server(&server,
	    "\", \"pool_size\": 1, \"wait_timeout\": \"30ms\", "
	    "\"response_timeout\": 60");
	pthread_t thread;
	char *got;

	pthread_create(&thread, NULL, block, c);
	do { /* until the other one has the connection */
		got = ask_until(client, "CLIENT LIST", FAR);
		if (strstr(got, "cmd=blpop") != NULL)
			break;
		free(got);
	} while (true);
	free(got);
	expect(c, "PING", "!all 1 connections are in use");
	expect(client, "LPUSH never 1", "1");
	pthread_join(thread, NULL);
	expect(c, "PING", "PONG");
	redis_client_unref(c);
}
END_TEST

START_TEST(login)
{
	static const char *const more[] = { "--requirepass", "sesame", "--user",
		"ann", "on", ">pw", "~*", "+@all", NULL };
	static const struct {
		const char *options, *answer;
	} rows[] = {
		{ "?pass=sesame\"", "PONG" },
		{ "?user=ann&pass=pw\"", "PONG" },
		{ "\", \"username\": \"ann\", \"password\": \"pw\"", "PONG" },
		{ "\"", "NOAUTH Authentication required." },
		{ "?pass=wrong\"", "!WRONGPASS" },
		{ "?user=ann&pass=pw&db=99999\"", "!DB index is out of range" },
	};
	struct redis_server closed;

	redis_server_start(&closed, more);
	for (size_t i = 0; i < UNIT_N(rows); i++) {
		struct redis_client *c = open_server(&closed, rows[i].options);

		expect(c, "PING", rows[i].answer);
		redis_client_unref(c);
	}
	redis_close_idle();
	redis_server_stop(&closed);
}
END_TEST

/* ---- what no real server says ------------------------------------------- */

static const struct redis_line odd[] = {
	{ "GET silent", NULL },
	{ "GET close", "" },
	{ "GET garbage", "GARBAGE\r\n" },
	{ "GET large", "*300000\r\n" },
	{ "GET two", "+one\r\n+two\r\n" },
	{ "GET ok", "+fine\r\n" },
	{ NULL, NULL },
};

START_TEST(odd_servers)
{
	struct redis_fake f;
	struct redis_client *c;
	char *text;

	redis_fake_bind(&f);
	redis_fake_start(&f, odd);
	text = xasprintf("{\"node\": \"redis://localhost:%d\", "
			 "\"response_timeout\": \"50ms\"}",
	    f.port);
	c = open_client(text);
	expect(c, "GET ok", "fine");
	expect(c, "GET silent", "!no answer in time");
	expect(c, "GET close", "!the server closed the connection");
	expect(c, "GET garbage", "!Protocol error");
	expect(c, "GET large", "!too many values");
	/* a reply too many belongs to nobody */
	expect(c, "GET two", "one");
	expect(c, "GET ok", "fine");
	expect(c, "GET x", "ERR not in the list");
	redis_client_unref(c);
	redis_close_idle();
	redis_fake_stop(&f);
	free(text);
}
END_TEST

/* ---- clusters ----------------------------------------------------------- */

#define ROUTES 3

struct trio {
	struct redis_fake node[ROUTES];
	struct redis_line lines[ROUTES][8];
	char *table, *moved, *ask;
	struct redis_client *client;
};

/* Node 0 has the first half of the slots, 1 the second, 2 is 0's replica. */
static void
trio_start(struct trio *t, const char *more)
{
	static const struct redis_line end = { NULL, NULL };
	char *text;

	for (int i = 0; i < ROUTES; i++)
		redis_fake_bind(&t->node[i]);
	t->table = xasprintf("*2\r\n"
			     "*4\r\n:0\r\n:8191\r\n"
			     "*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
			     "*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
			     "*3\r\n:8192\r\n:16383\r\n"
			     "*2\r\n$0\r\n\r\n:%d\r\n",
	    t->node[0].port, t->node[2].port, t->node[1].port);
	t->moved = xasprintf("-MOVED 1 127.0.0.1:%d\r\n", t->node[1].port);
	t->ask = xasprintf("-ASK 2 127.0.0.1:%d\r\n", t->node[2].port);
	for (int i = 0; i < ROUTES; i++) {
		struct redis_line *l = t->lines[i];

		*l++ = (struct redis_line){ "CLUSTER SLOTS", t->table };
		*l++ = (struct redis_line){ "ASKING", "+OK\r\n" };
		*l++ = (struct redis_line){ "READONLY", "+OK\r\n" };
		*l++ = (struct redis_line){ "SET moved",
			i == 0 ? t->moved : "+arrived\r\n" };
		*l++ = (struct redis_line){ "SET ask",
			i == 1 ? t->ask : "+asked\r\n" };
		*l++ = (struct redis_line){ "SET down",
			"-CLUSTERDOWN The cluster is down\r\n" };
		*l++ = (struct redis_line){ "", i == 0   ? "+zero\r\n"
						: i == 1 ? "+one\r\n"
							 : "+two\r\n" };
		*l = end;
		redis_fake_start(&t->node[i], t->lines[i]);
	}
	text = xasprintf("{\"node\": [\"redis://127.0.0.1:%d\", "
			 "\"redis://127.0.0.1:%d\"] %s}",
	    t->node[0].port, t->node[1].port, more);
	t->client = open_client(text);
	free(text);
}

static void
trio_stop(struct trio *t)
{
	redis_client_unref(t->client);
	redis_close_idle();
	for (int i = 0; i < ROUTES; i++)
		if (t->node[i].fd >= 0)
			redis_fake_stop(&t->node[i]);
	free(t->table);
	free(t->moved);
	free(t->ask);
}

static bool
saw(struct redis_fake *f, const char *text)
{
	bool yes;

	pthread_mutex_lock(&f->lock);
	yes = strstr(str_c(&f->seen), text) != NULL;
	pthread_mutex_unlock(&f->lock);
	return yes;
}

START_TEST(a_cluster_is_one)
{
	struct trio t;

	trio_start(&t, "");
	expect(t.client, "GET bar", "zero"); /* slot 5061 */
	expect(t.client, "GET foo", "one");  /* slot 12182 */
	expect(t.client, "EVAL x 1 bar", "zero");
	ck_assert(!saw(&t.node[2], "GET"));
	/* "moved" is in slot 3152, "ask" in 10594 */
	expect(t.client, "SET moved 1", "arrived");
	expect(t.client, "SET ask 1", "asked");
	ck_assert(saw(&t.node[2], "ASKING;SET ask 1;"));
	expect(t.client, "SET down 1", "CLUSTERDOWN The cluster is down");
	trio_stop(&t);
}
END_TEST

START_TEST(replicas_are_read)
{
	struct trio t;

	trio_start(&t, ", \"read_from_replicas\": true");
	expect(t.client, "GET bar", "two");
	ck_assert(saw(&t.node[2], "READONLY;GET bar;"));
	expect(t.client, "SET bar 1", "zero");
	expect(t.client, "GET foo", "one");
	trio_stop(&t);
}
END_TEST

/* A replica that is gone, then a primary. */
START_TEST(a_member_dies)
{
	struct trio t;

	trio_start(&t, ", \"read_from_replicas\": true");
	redis_fake_stop(&t.node[2]);
	t.node[2].fd = -1;
	expect(t.client, "GET bar", "zero");
	redis_fake_stop(&t.node[1]);
	t.node[1].fd = -1;
	expect(t.client, "GET foo", "!Connection refused");
	expect(t.client, "GET bar", "zero");
	trio_stop(&t);
}
END_TEST

START_TEST(no_cluster_at_all)
{
	struct redis_client *c =
	    open_client("{\"node\": [\"redis://127.0.0.1:1\"]}");

	expect(c, "GET a", "!Connection refused");
	redis_client_unref(c);
	redis_close_idle();
}
END_TEST

static Suite *
suite(void)
{
	TCase *t, *fakes = tcase_create("fakes");
	Suite *s = unit_suite("redis", &t);

	suite_add_tcase(s, fakes);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, commands_are_answered);
	tcase_add_test(t, identical_options_are_one_client);
	tcase_add_test(t, clients_are_bounded);
	tcase_add_test(t, side_by_side);
	tcase_add_test(t, a_dead_server_is_an_error_until_it_is_back);
	tcase_add_test(t, a_frozen_server_ends_by_its_timeouts);
	tcase_add_test(t, a_full_pool_is_waited_for);
	tcase_add_test(t, login);
	tcase_set_timeout(fakes, 60);
	tcase_add_test(fakes, odd_servers);
	tcase_add_test(fakes, a_cluster_is_one);
	tcase_add_test(fakes, replicas_are_read);
	tcase_add_test(fakes, a_member_dies);
	tcase_add_test(fakes, no_cluster_at_all);
	return s;
}

#else

static Suite *
suite(void)
{
	TCase *t;

	return unit_suite("redis", &t);
}

#endif

UNIT_MAIN(suite)
