/* rediss:// to a redis-server with a certificate of the test's own. */
#include "unit.h"

#include "milter/redis_conn.h"
#include "redis_server.h"

#if defined(HAVE_HIREDIS) && defined(HAVE_LIBSSL)

static struct redis_server server;
static int port;

/* A port that nobody has just now. */
static int
free_port(void)
{
	struct redis_fake f;

	redis_fake_bind(&f);
	close(f.fd);
	pthread_mutex_destroy(&f.lock);
	return f.port;
}

static void
setup(void)
{
	char *command, *cert, *key, text[16];

	strcpy(server.folder, "/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.folder));
	snprintf(
	    server.socket, sizeof server.socket, "%s/redis", server.folder);
	cert = xasprintf("%s/cert", server.folder);
	key = xasprintf("%s/key", server.folder);
	command = xasprintf(
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -days 2 -subj /CN=localhost "
	    "-addext subjectAltName=DNS:localhost -keyout %s -out %s "
	    "2>/dev/null",
	    key, cert);
	ck_assert_int_eq(system(command), 0);
	free(command);
	signal(SIGPIPE, SIG_IGN);
	setenv("SSL_CERT_FILE", cert, 1);
	port = free_port();
	snprintf(text, sizeof text, "%d", port);
	redis_server_run(&server,
	    (const char *const[]){ "--tls-port", text, "--tls-cert-file", cert,
		"--tls-key-file", key, "--tls-ca-cert-file", cert,
		"--tls-auth-clients", "no", NULL });
	free(cert);
	free(key);
}

static void
teardown(void)
{
	static const char *const files[] = { "cert", "key" };

	for (size_t i = 0; i < UNIT_N(files); i++) {
		char *path = xasprintf("%s/%s", server.folder, files[i]);

		unlink(path);
		free(path);
	}
	redis_server_stop(&server);
}

static struct redis_conn *
open_url(const char *host, const char *more, struct err *err)
{
	char *url = xasprintf("rediss://%s:%d%s", host, port, more);
	struct redis_node node;
	struct redis_conn *c;

	ck_assert_int_eq(redis_url_parse(&node, url, NULL), 0);
	free(url);
	c = redis_conn_open(&node, false, clock_mono() + 60 * CLOCK_S, err);
	return c;
}

static void
expect_echo(struct redis_conn *c, size_t size)
{
	struct redis_command command = { 0 };
	struct redis_value *v;
	char *text = xcalloc(1, size);
	struct err err;

	memset(text, 'x', size);
	redis_command_words(&command, "ECHO");
	ck_assert_int_eq(redis_command_add(&command, text, size, NULL), 0);
	ck_assert_msg(redis_conn_call(c, &command, clock_mono() + 60 * CLOCK_S,
			  &v, &err) == 0,
	    "%s", err.msg);
	ck_assert_uint_eq(v->len, size);
	ck_assert_mem_eq(v->text, text, size);
	redis_value_free(v);
	redis_command_fini(&command);
	free(text);
}

/* All in one: a process has one list of whom it trusts. */
START_TEST(tls)
{
	static const struct {
		const char *host, *more, *error;
	} rows[] = {
		{ "localhost", "", NULL },
		{ "localhost", "/2", NULL },
		{ "127.0.0.1", "", "TLS: its certificate: " },
		{ "127.0.0.1", "#insecure", NULL },
	};
	struct redis_conn *c;
	struct err err;

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		c = open_url(rows[i].host, rows[i].more, &err);
		if (rows[i].error != NULL) {
			ck_assert_ptr_null(c);
			ck_assert_msg(strstr(err.msg, rows[i].error) != NULL,
			    "%s", err.msg);
			continue;
		}
		ck_assert_msg(c != NULL, "%s", err.msg);
		expect_echo(c, 10);
		expect_echo(c, 3000000);
		ck_assert(redis_conn_is_quiet(c));
		redis_conn_close(c);
	}
	/* the end of the server is seen, and so is its silence */
	c = open_url("localhost", "", &err);
	redis_server_kill(&server);
	while (redis_conn_is_quiet(c))
		clock_sleep_until(clock_mono() + CLOCK_MS);
	redis_conn_close(c);
}
END_TEST

START_TEST(silence)
{
	struct redis_fake f;
	struct redis_node node = { .host = "127.0.0.1", .tls = true };
	struct err err;

	redis_fake_bind(&f);
	node.port = f.port;
	ck_assert_ptr_null(
	    redis_conn_open(&node, false, clock_mono() + 30 * CLOCK_MS, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "no answer in time"));
	close(f.fd);
	pthread_mutex_destroy(&f.lock);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_tls", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, tls);
	tcase_add_test(t, silence);
	return s;
}

#else

static Suite *
suite(void)
{
	TCase *t;

	return unit_suite("redis_tls", &t);
}

#endif

UNIT_MAIN(suite)
