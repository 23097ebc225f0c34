/*
 * What a watcher is told of sessions.
 */
#include "milter/control.h"
#include "milter/trace.h"
#include "milter/trace_session.h"
#include "policy.h"

#include <jansson.h>
#include <pthread.h>

#define LONG (300 * CLOCK_S)

static int
watch(const char *filter)
{
	struct str out = { 0 };
	int fd[2];

	trace_sessions();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(trace_watch(filter, fd[1], &out), CONTROL_KEPT);
	return fd[0];
}

static void
hear_all(int fd, struct str *out)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		str_add(out, buf, (size_t)n);
	close(fd);
}

static void *
hear_in_thread(void *arg)
{
	static struct str out;

	str_clear(&out);
	hear_all(*(int *)arg, &out);
	return &out;
}

static const char *
text_of(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text != NULL ? text : "";
}

/* An item in a word or two. */
static void
add_item(struct str *out, const json_t *item)
{
	static const char *const keys[] = { "client", "line", "event", "action",
		"text" };
	const char *type = text_of(item, "type");
	const json_t *code = json_object_get(item, "code"), *n;

	if (strcmp(type, "trace") == 0 || strcmp(type, "end") == 0)
		return;
	ck_assert_uint_eq(strlen(text_of(item, "session")), 16);
	str_addf(out, "%s%s", out->len > 0 ? "; " : "", type);
	if (code != NULL)
		str_addf(out, " %lld", (long long)json_integer_value(code));
	for (size_t i = 0; i < UNIT_N(keys); i++)
		if (text_of(item, keys[i])[0] != '\0')
			str_addf(out, " %s", text_of(item, keys[i]));
	n = json_array_get(json_object_get(item, "edits"), 0);
	if (n == NULL)
		n = json_array_get(json_object_get(item, "held"), 0);
	if (n != NULL)
		str_addf(out, " %s", json_string_value(n));
}

/* Takes the lines; what they say in words. */
static void
read_items(struct str *lines, struct str *out)
{
	char *p = strchr(lines->data, '\n') + 1, *nl;

	for (; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
		json_t *item = json_loadb(p, (size_t)(nl - p), 0, NULL);

		ck_assert_msg(item != NULL, "%s", p);
		ck_assert_uint_lt((size_t)(nl - p), TRACE_ITEM + 1);
		for (const char *c = p; c < nl; c++)
			ck_assert(*c >= ' ' && *c < 0x7f);
		add_item(out, item);
		json_decref(item);
	}
	str_fini(lines);
}

static void
expect(const char *filter, const char *words, const char *expected)
{
	struct str lines = { 0 }, out = { 0 };
	struct play p = { 0 };
	int fd = watch(filter);

	play_on(&p, words);
	play_over(&p);
	ck_assert(trace_stop(clock_mono() + LONG));
	hear_all(fd, &lines);
	read_items(&lines, &out);
	ck_assert_str_eq(str_c(&out), expected);
	str_fini(&out);
}

/* ---- tests -------------------------------------------------------------- */

#define POLICY                                                                 \
	"kumo.on('smtp_server_rcpt_to', function(a, cm) "                      \
	"cm:set_meta('k', 1) "                                                 \
	"if a.user == 'no' then kumo.reject(550, 'no') end end) "              \
	"kumo.on('smtp_server_message_received', function(msg) "               \
	"msg:prepend_header('X-A', '1') end) "
#define CONNECT "connect 192.0.2.7:40000; server continue; "
#define RCPT "handler smtp_server_rcpt_to; server "
#define TWO                                                                    \
	"C H:a M:<ann@a.example> R:<r@b.example> A M:<joe@b.example> "         \
	"R:<r@b.example> R:<z@c.example> h:From=x b:one E Q"
#define HELO "client EHLO a; server continue; "
#define ANN                                                                    \
	"client MAIL FROM:<ann@a.example>; server continue; "                  \
	"client RCPT TO:<r@b.example>; " RCPT "continue; abort; "
#define JOE                                                                    \
	"client MAIL FROM:<joe@b.example>; server continue; "                  \
	"client RCPT TO:<r@b.example>; " RCPT "continue; "                     \
	"client RCPT TO:<z@c.example>; " RCPT "continue; client; "             \
	"handler smtp_server_message_received; "                               \
	"handler smtp_server_message_received; " /* a batch each */            \
	"message insert header X-A: 1; server continue; "

static const struct {
	const char *filter, *words, *expected;
} rows[] = {
	{ "", "C Q", CONNECT "close" },
	{ "", TWO, CONNECT HELO ANN JOE "close" },
	{ "{\"client\": [\"192.0.2.7\"]}", TWO, CONNECT HELO ANN JOE "close" },
	{ "{\"client\": [\"192.0.2.8\"]}", TWO, "" },
	{ "{\"from\": [\"b.example\"]}", TWO, CONNECT HELO JOE "close" },
	{ "{\"from\": [\"a.example\"]}", TWO, CONNECT HELO ANN "close" },
	{ "{\"from\": [\"a.example\", \"joe@*\"]}", TWO,
	    CONNECT HELO ANN JOE "close" },
	{ "{\"from\": [\"d.example\"]}", TWO, "" },
	{ "{\"rcpt\": [\"c.example\"]}", TWO, CONNECT HELO JOE "close" },
	{ "{\"rcpt\": [\"b.example\"]}", TWO, CONNECT HELO ANN JOE "close" },
	{ "{\"from\": [\"a.example\"], \"rcpt\": [\"c.example\"]}", TWO, "" },
	{ "{\"from\": [\"b.example\"], \"rcpt\": [\"c.example\"]}", TWO,
	    CONNECT HELO JOE "close" },
	{ "{\"from\": [\"b.example\"]}", "C Q", "" },
	/* a recipient that is refused was asked for, too */
	{ "{\"rcpt\": [\"no@*\"]}", "C M:<> R:<no@b.example> U:FOO Q",
	    CONNECT "client MAIL FROM:<>; server continue; "
		    "client RCPT TO:<no@b.example>; "
		    "log smtp_server_rcpt_to: refused 550 no; " RCPT
		    "550; client FOO; server continue; close" },
	{ "{\"from\": [\"<>\"]}", "C M:<> A U:FOO M:<x@y> A Q",
	    CONNECT "client MAIL FROM:<>; server continue; abort; close" },
};

START_TEST(items)
{
	policy_use("", POLICY);
	log_set_level(LOG_LEVEL_INFO);
	expect(rows[_i].filter, rows[_i].words, rows[_i].expected);
	policy_done();
}
END_TEST

START_TEST(what_is_said_later)
{
	policy_use("stage_reject = 'now'",
	    "kumo.on('smtp_server_ehlo', function() kumo.reject(550, 'x') "
	    "end)");
	expect("", "C H:a Q",
	    CONNECT
	    "client EHLO a; handler smtp_server_ehlo; server 550 550 x; "
	    "close");
	policy_done();
}
END_TEST

/* What anybody says is one line of ASCII, however long or odd. */
START_TEST(hostile_clients)
{
	char *many = xasprintf("%070000d", 0);
	struct str words = { 0 };

	policy_use("", "kumo.on('smtp_server_data', function() end)");
	str_adds(&words, "C M:<\x1b[2J\xff\xc2\x9b\r\n> M:<");
	str_add(&words, many, 70000);
	str_adds(&words, "> Q");
	expect("", str_c(&words),
	    CONNECT "client MAIL FROM:<\x1b[2J\\xff\\xc2\\x9b\r\n>; "
		    "server continue; client; server continue; close");
	str_fini(&words);
	free(many);
	policy_done();
}
END_TEST

/* What is kept until the sender is known has an end. */
START_TEST(long_sessions)
{
	struct str words = { 0 }, lines = { 0 };
	struct play p = { 0 };
	int fd = watch("{\"from\": [\"a.example\"]}");

	policy_use("", POLICY);
	str_adds(&words, "C");
	for (int i = 0; i < 1000; i++)
		str_adds(&words, " H:mx.example.org");
	str_adds(&words, " M:<ann@a.example> Q");
	play_on(&p, str_c(&words));
	play_over(&p);
	ck_assert(trace_stop(clock_mono() + LONG));
	hear_all(fd, &lines);
	ck_assert_uint_gt(lines.len, TRACE_HELD / 2);
	ck_assert_uint_lt(lines.len, TRACE_HELD + 2000);
	ck_assert_ptr_nonnull(
	    strstr(lines.data, "{\"type\":\"skipped\",\"items\":1"));
	ck_assert_ptr_nonnull(strstr(lines.data, "ann@a.example"));
	str_fini(&lines);
	str_fini(&words);
	policy_done();
}
END_TEST

#define THREADS 8
#define SESSIONS 125

static void *
play_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < SESSIONS; i++) {
		struct play p = { 0 };

		play_on(&p, TWO);
		play_over(&p);
	}
	return NULL;
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* Watchers that read, that do not, and that go meanwhile. */
START_TEST(a_thousand_sessions)
{
	int reads = watch(""), sleeps = watch(""), goes = watch("");
	int picks = watch("{\"from\": [\"nobody@*\"]}");
	pthread_t reader, thread[THREADS];
	struct str *out, lines = { 0 };
	void *result;

	policy_use("", POLICY);
	pthread_create(&reader, NULL, hear_in_thread, &reads);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, play_many, NULL);
	close(goes);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	close(sleeps);
	ck_assert(trace_stop(clock_mono() + LONG));
	pthread_join(reader, &result);
	out = result;
	ck_assert_uint_eq(count(str_c(out), "\"type\":\"close\""),
	    count(str_c(out), "\"type\":\"connect\""));
	ck_assert_uint_gt(count(str_c(out), "\"type\":\"close\""), 0);
	if (count(str_c(out), "\"type\":\"lost\"") == 0)
		ck_assert_uint_eq(count(str_c(out), "\"type\":\"close\""),
		    THREADS * SESSIONS);
	hear_all(picks, &lines);
	ck_assert_uint_eq(count(str_c(&lines), "\"session\""), 0);
	str_fini(&lines);
	str_fini(out);
	policy_done();
}
END_TEST

static Suite *
trace_session_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("trace_session", &tc);

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, items, 0, UNIT_N(rows));
	tcase_add_test(tc, what_is_said_later);
	tcase_add_test(tc, hostile_clients);
	tcase_add_test(tc, long_sessions);
	tcase_add_test(tc, a_thousand_sessions);
	return s;
}

UNIT_MAIN(trace_session_suite)
