/*
 * clamd, and kumo.milter.clamd_scan in sessions, against a daemon of the
 * test's own.
 */
#include "clamd_server.h"
#include "policy.h"

#include "milter/clamd.h"

static const struct clamd_row rows[] = {
	{ "EICAR", "stream: Eicar-Signature FOUND" },
	{ "LINES", "stream: a\r\nb\x01\xff FOUND" },
	{ "NAMELESS", "stream:  FOUND" },
	{ "TOO MUCH", "EARLY INSTREAM size limit exceeded. ERROR" },
	{ "HASTY", "EARLY stream: OK" },
	{ "EARLY VIRUS", "EARLY stream: Early FOUND" },
	{ "BROKEN", "stream: Can't allocate memory ERROR" },
	{ "OTHER", "220 mx.example.com ESMTP" },
	{ "NOTHING", "" },
	{ "SILENT", "SILENT" },
	{ "CLOSE", "CLOSE" },
	{ "LONG", "LONG" },
};

static struct clamd_daemon *clamd;

static void
begin(void)
{
	clamd = clamd_daemon_start(rows, UNIT_N(rows));
}

static void
end(void)
{
	epoch_set_current(NULL);
	clamd_daemon_stop(clamd);
}

static int
ask(const char *head, size_t len, const struct body *body, int64_t patience,
    struct clamd_answer *out, struct err *err)
{
	struct clamd_server s = { .port = clamd->port };
	struct clamd_data d = { head, len, body };

	must(ip_parse(&s.ip, "127.0.0.1", NULL) == 0);
	if (patience % 2 == 0)
		s.path = clamd->path;
	return clamd_scan(&s, &d, clock_mono() + patience, out, err);
}

#define LONG_TIME (60 * CLOCK_S)

static const struct {
	const char *text;
	const char *virus; /* NULL: clean, or an error */
	const char *why;
} answers[] = {
	{ "", NULL, NULL },
	{ "a clean text", NULL, NULL },
	{ "here is EICAR", "Eicar-Signature", NULL },
	{ "LINES", "a??b??", NULL },
	{ "NAMELESS", "", NULL },
	{ "EARLY VIRUS", "Early", NULL },
	{ "TOO MUCH", NULL, "INSTREAM size limit exceeded." },
	{ "BROKEN", NULL, "Can't allocate memory" },
	{ "OTHER", NULL, "an answer of another program: 220 mx.example.com" },
	{ "NOTHING", NULL, "an answer of another program: " },
	{ "CLOSE", NULL, "it hung up" },
	{ "LONG", NULL, "its answer is too long" },
};

START_TEST(answer)
{
	const char *text = answers[_i].text;
	struct clamd_answer out;
	struct err err = { "" };

	for (int over_tcp = 0; over_tcp < 2; over_tcp++) {
		int rc = ask(
		    text, strlen(text), NULL, LONG_TIME + over_tcp, &out, &err);

		if (answers[_i].why != NULL) {
			ck_assert_msg(
			    rc == -1 && strncmp(err.msg, answers[_i].why,
					    strlen(answers[_i].why)) == 0,
			    "%s: %d %s", text, rc, err.msg);
			continue;
		}
		ck_assert_msg(rc == 0, "%s: %s", text, err.msg);
		ck_assert_int_eq(out.clean, answers[_i].virus == NULL);
		ck_assert_str_eq(out.virus,
		    answers[_i].virus != NULL ? answers[_i].virus : "");
	}
}
END_TEST

/* Large ones, of a head and a body, arrive as they are. */
START_TEST(all_bytes)
{
	static char bytes[300000];
	struct body_limits limits = { 1000, SIZE_MAX, "/tmp" };
	struct body *body = body_new();
	struct clamd_answer out;
	struct err err;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	ck_assert_int_eq(body_add(body, bytes, sizeof bytes, &limits, &err), 0);
	ck_assert(body_is_spooled(body));
	ck_assert_msg(ask(bytes, 200000, body, LONG_TIME, &out, &err) == 0,
	    "%s", err.msg);
	ck_assert(out.clean);
	pthread_mutex_lock(&clamd->lock);
	ck_assert_uint_eq(clamd->given.len, 500000);
	ck_assert_mem_eq(clamd->given.data, bytes, 200000);
	ck_assert_mem_eq(clamd->given.data + 200000, bytes, sizeof bytes);
	pthread_mutex_unlock(&clamd->lock);
	body_unref(body);
}
END_TEST

/* It answers and hangs up while most is not sent yet. */
START_TEST(what_it_does_not_take)
{
	static char bytes[16 << 20];
	struct clamd_answer out;
	struct err err;

	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes, "TOO MUCH", 8);
	ck_assert_int_eq(
	    ask(bytes, sizeof bytes, NULL, LONG_TIME, &out, &err), -1);
	/* what it says is lost when it has not read all that came */
	ck_assert_msg(strcmp(err.msg, "INSTREAM size limit exceeded.") == 0 ||
			  strcmp(err.msg, "Connection reset by peer") == 0,
	    "%s", err.msg);
	memcpy(bytes, "HASTY   ", 8);
	ck_assert_int_eq(
	    ask(bytes, sizeof bytes, NULL, LONG_TIME, &out, &err), -1);
	ck_assert_msg(strcmp(err.msg, "it did not look at all of it") == 0 ||
			  strcmp(err.msg, "Connection reset by peer") == 0,
	    "%s", err.msg);
}
END_TEST

START_TEST(deadlines)
{
	static const int64_t patience[] = { -CLOCK_S, 0, 100 * CLOCK_MS,
		100 * CLOCK_MS + 1 };
	struct clamd_answer out;
	struct err err;

	for (size_t i = 0; i < UNIT_N(patience); i++) {
		ck_assert_int_eq(
		    ask("SILENT", 6, NULL, patience[i], &out, &err), -1);
		ck_assert_str_eq(err.msg, "no answer in time");
	}
}
END_TEST

START_TEST(nobody_is_there)
{
	struct clamd_server s = { .path = "/nonexistent/clamd.ctl" };
	struct clamd_data d = { "x", 1, NULL };
	struct clamd_answer out;
	struct err err;
	char path[200];

	ck_assert_int_eq(
	    clamd_scan(&s, &d, clock_mono() + LONG_TIME, &out, &err), -1);
	ck_assert_str_eq(err.msg, "No such file or directory");
	memset(path, 'x', sizeof path);
	path[199] = '\0';
	s.path = path;
	ck_assert_int_eq(
	    clamd_scan(&s, &d, clock_mono() + LONG_TIME, &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "the path is too long"));
	s = (struct clamd_server){ .port = clamd->port };
	must(ip_parse(&s.ip, "127.99.0.1", NULL) == 0);
	ck_assert_int_eq(
	    clamd_scan(&s, &d, clock_mono() + LONG_TIME, &out, &err), -1);
	ck_assert_str_eq(err.msg, "Connection refused");
}
END_TEST

#define REFUSED "C -; M -; R -; D -; E "
#define SCAN "kumo.milter.clamd_scan"

static const struct {
	const char *call, *body, *answer;
} sessions[] = {
	{ "found { socket = SOCKET, data = msg }", "clean", "550 is clean" },
	{ "found { socket = SOCKET, data = msg }", "EICAR",
	    "550 is Eicar-Signature" },
	{ "found { socket = SOCKET, data = msg:get_data() }", "EICAR",
	    "550 is Eicar-Signature" },
	{ "found { host = '127.0.0.1', port = PORT, data = msg }", "EICAR",
	    "550 is Eicar-Signature" },
	{ "found { host = 'localhost', port = PORT, data = 'EICAR' }", "x",
	    "550 is Eicar-Signature" },
	{ "found { port = PORT, data = 'EICAR', timeout = '1m' }", "x",
	    "550 is Eicar-Signature" },
	/* in what the policy has made of it */
	{ "edited(msg)", "x", "550 is Eicar-Signature" },
	{ "try { socket = SOCKET, data = msg }", "CLOSE",
	    "550 is clamd at SOCKET: it hung up" },
	{ "try { socket = SOCKET, data = msg, timeout = 0.05 }", "SILENT",
	    "550 is clamd at SOCKET: no answer in time" },
	{ "try { socket = '/x', data = msg }", "x",
	    "550 is clamd at /x: No such file or directory" },
	{ "try { host = '127.99.0.1', port = PORT, data = msg }", "x",
	    "550 is clamd at 127.99.0.1:PORT: Connection refused" },
	{ "try(nil)", "x", "550 is a table expected, got nil" },
	{ "try { socket = SOCKET }", "x", "550 is data is missing" },
	{ "try { socket = SOCKET, data = 7 }", "x",
	    "550 is data: string or userdata expected, got number" },
	{ "try { sockets = SOCKET, data = msg }", "x",
	    "550 is there is no option \"sockets\"" },
	{ "try { socket = SOCKET, host = 'a', data = msg }", "x",
	    "550 is either a socket or a host" },
	{ "try { port = 0, data = msg }", "x",
	    "550 is port: 1 to 65535 expected" },
	{ "try { socket = SOCKET, data = msg, timeout = 'soon' }", "x",
	    "550 is ..." },
	{ "try { socket = 'a\\0b', data = msg }", "x",
	    "550 is a NUL in the server's name" },
	{ "msg and try { socket = SOCKET, data = conn_meta }", "x",
	    "550 is ..." },
	{ "found { socket = SOCKET, data = msg }", "CLOSE",
	    "421 4.3.0 mx.example.test technical difficulties!" },
};

#define POLICY                                                                 \
	"local SOCKET, PORT = '%s', %d\n"                                      \
	"local scan = kumo.milter.clamd_scan\n"                                \
	"local function found(o)\n"                                            \
	"  local r = scan(o)\n"                                                \
	"  assert(r.clean == (r.virus == nil))\n"                              \
	"  return r.virus or 'clean'\n"                                        \
	"end\n"                                                                \
	"local function edited(msg)\n"                                         \
	"  msg:append_header('X-Test', 'EICAR')\n"                             \
	"  return found { socket = SOCKET, data = msg }\n"                     \
	"end\n"                                                                \
	"local function try(...)\n"                                            \
	"  local ok, why = pcall(scan, ...)\n"                                 \
	"  assert(not ok)\n"                                                   \
	"  local text = why:match('clamd_scan: (.*)$') or '...'\n"             \
	"  if text:find('soon') then text = '...' end\n"                       \
	"  text = text:gsub(SOCKET:gsub('%%p', '%%%%%%0'), 'SOCKET')\n"        \
	"  return (text:gsub(PORT, 'PORT'))\n"                                 \
	"end\n"                                                                \
	"kumo.on('smtp_server_data', function(msg, conn_meta)\n"               \
	"  kumo.reject(550, 'is ' .. (%s)) end)\n"

START_TEST(session_row)
{
	char *text =
	    xasprintf(POLICY, clamd->path, clamd->port, sessions[_i].call);
	char *words = xasprintf("C M:<s@a.example> R:<r@b.example> D "
				"h:Subject=x b:%s E Q",
	    sessions[_i].body);
	char *expected = xasprintf(REFUSED "%s", sessions[_i].answer);

	policy_use("", text);
	play_expect(words, expected, sessions[_i].call);
	free(text);
	free(words);
	free(expected);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("clamd", &t);

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, answer, 0, UNIT_N(answers));
	tcase_add_test(t, all_bytes);
	tcase_add_test(t, what_it_does_not_take);
	tcase_add_test(t, deadlines);
	tcase_add_test(t, nobody_is_there);
	tcase_add_loop_test(t, session_row, 0, UNIT_N(sessions));
	return s;
}

UNIT_MAIN(suite)
