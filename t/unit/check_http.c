/*
 * http, http_transfer and http_multi, against a server of the test's own.
 */
#include "http_server.h"
#include "unit.h"

#include "milter/clock.h"
#include "milter/http.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define TO(status, path)                                                       \
	"HTTP/1.1 " status " x\r\nLocation: " path                             \
	"\r\nContent-Length: 4\r\n\r\ngone"
#define PACKED                                                                 \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\x48\x4c\xce\x4e\x4d\x51" \
	"\x28\x18\xa5\x50\x29\x00\x7c\x37\xa0\x5b\x18\x01\x00\x00"
#define GZIP OK "Content-Encoding: gzip\r\nContent-Length: 31\r\n\r\n" PACKED

static const struct http_row rows[] = {
	HTTP_KEPT("/ok",
	    OK "Content-Length: 5\r\nX-One:  a b \r\nx-one: 2\r\n\r\nhello"),
	HTTP_KEPT("/echo", "ECHO"),
	HTTP_ROW("/close", "CLOSE"),
	HTTP_KEPT("/silent", "SILENT"),
	HTTP_ROW("/endless", "ENDLESS"),
	HTTP_ROW("/long", "LONG 65536"),
	HTTP_ROW("/too-little", OK "Content-Length: 50\r\n\r\nhello"),
	HTTP_ROW("/too-much", OK "Content-Length: 2\r\n\r\nhello"),
	HTTP_ROW("/no-length", OK "\r\nhello"),
	HTTP_ROW("/no-http", "220 mx.example.com ESMTP\r\n"),
	HTTP_ROW("/half-headers", OK "X-One: 1\r\nX-Tw"),
	HTTP_ROW(
	    "/bad-chunk", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
	HTTP_ROW("/interim", "HTTP/1.1 103 Early\r\nX-No: 1\r\n\r\n" OK
			     "Content-Length: 2\r\nX-Yes: 1\r\n\r\nhi"),
	HTTP_ROW("/trailer",
	    OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
	       "X-No: 1\r\n\r\n"),
	{ .path = "/gzip", .answer = GZIP, .len = sizeof GZIP - 1 },
	HTTP_ROW("/500", "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"),
	HTTP_ROW("/204", "HTTP/1.1 204 x\r\n\r\n"),
	HTTP_KEPT("/301", TO("301", "/echo")),
	HTTP_KEPT("/302", TO("302", "echo?x=y")),
	HTTP_KEPT("/303", TO("303", "/echo")),
	HTTP_KEPT("/307", TO("307", "/echo")),
	HTTP_KEPT("/308", TO("308", "/echo")),
	HTTP_KEPT("/304", TO("304", "/echo")),
	HTTP_KEPT("/circle", TO("302", "/circle")),
	HTTP_KEPT("/ftp", TO("302", "ftp://example.com/")),
	HTTP_ROW("/nowhere", "HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n"),
};

static struct http_server *server;

static void
begin(void)
{
	server = http_server_start(rows, UNIT_N(rows));
}

static void
end(void)
{
	http_server_stop(server);
}

/* What comes of a request; r may lack URL, method and limit. */
static int
ask(const char *path, struct http_request r, int64_t patience,
    struct http_response *out, struct err *err)
{
	char *url = xasprintf("%s%s", server->url, path);
	int rc;

	r.url = r.url != NULL ? r.url : url;
	r.method = r.method != NULL ? r.method : "GET";
	r.body_limit = r.body_limit != 0 ? r.body_limit : 1 << 20;
	r.idle_timeout = 90 * CLOCK_S;
	rc = http_perform(&r, clock_mono() + patience, out, err);
	free(url);
	return rc;
}

#define LONG_TIME (60 * CLOCK_S)

static const struct {
	const char *path;
	int status; /* 0: it fails, with text as a part of why */
	const char *text;
	const char *incomplete;
} answers[] = {
	{ "/ok", 200, "hello", NULL },
	{ "/none", 404, "none\n", NULL },
	{ "/500", 500, "", NULL },
	{ "/204", 204, "", NULL },
	{ "/no-length", 200, "hello", NULL },
	{ "/too-much", 200, "he", NULL },
	{ "/interim", 200, "hi", NULL },
	{ "/trailer", 200, "hi", NULL },
	{ "/304", 304, "", NULL },
	{ "/nowhere", 302, "", NULL },
	{ "/too-little", 200, NULL, "with 45 bytes remaining" },
	{ "/bad-chunk", 200, NULL, "" },
	{ "/endless", 200, NULL, "larger than http_body_limit" },
	{ "/close", 0, "Empty reply from server", NULL },
	{ "/no-http", 0, "Received HTTP/0.9 when not allowed", NULL },
	{ "/half-headers", 0, "the response ends in its headers", NULL },
	{ "/circle", 0, "too many redirects", NULL },
	{ "/ftp", 0, "neither http: nor https:", NULL },
};

START_TEST(answer)
{
	struct http_response out;
	struct err err = { "" };
	const char *path = answers[_i].path;
	int rc = ask(path, (struct http_request){ 0 }, LONG_TIME, &out, &err);

	ck_assert_msg((rc == 0) == (answers[_i].status != 0), "%s: %d %s", path,
	    rc, err.msg);
	if (rc != 0) {
		ck_assert_msg(
		    strstr(err.msg, answers[_i].text) != NULL &&
			strstr(err.msg, "error sending request") != NULL &&
			strstr(err.msg, server->url) != NULL,
		    "%s: %s", path, err.msg);
	} else {
		ck_assert_int_eq(out.status, answers[_i].status);
		ck_assert_msg(
		    out.incomplete == (answers[_i].incomplete != NULL),
		    "%s: %s", path, out.why.msg);
		if (out.incomplete)
			ck_assert_msg(
			    strstr(out.why.msg, answers[_i].incomplete) != NULL,
			    "%s: %s", path, out.why.msg);
		else
			ck_assert_str_eq(str_c(&out.body), answers[_i].text);
	}
	http_response_fini(&out);
}
END_TEST

START_TEST(headers_of_a_response)
{
	struct http_response out;
	struct err err;

	ck_assert_int_eq(
	    ask("/ok", (struct http_request){ 0 }, LONG_TIME, &out, &err), 0);
	ck_assert_uint_eq(out.n_headers, 3);
	ck_assert_str_eq(out.header[1].name, "x-one");
	ck_assert_str_eq(out.header[1].value, "a b");
	ck_assert_str_eq(http_response_header(&out, "x-one"), "a b");
	ck_assert_str_eq(out.header[2].value, "2");
	ck_assert_ptr_null(http_response_header(&out, "X-One"));
	http_response_fini(&out);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    ask(i == 0 ? "/interim" : "/trailer",
			(struct http_request){ 0 }, LONG_TIME, &out, &err),
		    0);
		ck_assert_ptr_null(http_response_header(&out, "x-no"));
		http_response_fini(&out);
	}
}
END_TEST

START_TEST(packed_bodies)
{
	struct http_field own = { "Accept-Encoding", "gzip" };
	struct http_response out;
	struct err err;

	ck_assert_int_eq(
	    ask("/gzip", (struct http_request){ 0 }, LONG_TIME, &out, &err), 0);
	ck_assert_uint_eq(out.body.len, 280);
	ck_assert_uint_eq(out.n_headers, 0);
	http_response_fini(&out);
	/* who asks for it gets it */
	ck_assert_int_eq(
	    ask("/gzip",
		(struct http_request){ .header = &own, .n_headers = 1 },
		LONG_TIME, &out, &err),
	    0);
	ck_assert_uint_eq(out.body.len, 31);
	ck_assert_str_eq(
	    http_response_header(&out, "content-encoding"), "gzip");
	http_response_fini(&out);
	/* the limit is that of the unpacked body */
	ck_assert_int_eq(
	    ask("/gzip", (struct http_request){ .body_limit = 100 }, LONG_TIME,
		&out, &err),
	    0);
	ck_assert(out.incomplete);
	http_response_fini(&out);
}
END_TEST

/* Parts of the request that the server must, and must not, have seen. */
static const struct {
	const char *path, *method, *body, *header, *value;
	const char *has[4], *lacks[4];
} sent[] = {
	{ "/echo?a=b", "GET", NULL, "X-Own", "1 2",
	    { "GET /echo?a=b HTTP/1.1\r\n", "\r\nX-Own: 1 2\r\n",
		"\r\nAccept: */*\r\n" },
	    { "Content-Type", "Content-Length", "Referer" } },
	{ "/echo", "GET", NULL, "x-empty", "", { "\r\nx-empty:" }, { 0 } },
	{ "/echo", "POST", "body", "Content-Type", "text/x",
	    { "POST /echo HTTP/1.1\r\n", "\r\nContent-Type: text/x\r\n",
		"\r\nContent-Length: 4\r\n", "\r\n\r\nbody" },
	    { "urlencoded", "Expect" } },
	{ "/echo", "POST", "body", "content-length", "9999",
	    { "\r\nContent-Length: 4\r\n", "\r\n\r\nbody" },
	    { "9999", "Content-Type" } },
	{ "/echo", "PUT", "body", "Transfer-Encoding", "chunked",
	    { "PUT /echo HTTP/1.1\r\n", "\r\nContent-Length: 4\r\n" },
	    { "chunked" } },
	{ "/echo", "POST", NULL, "A", "b", { "\r\nContent-Length: 0\r\n" },
	    { 0 } },
	{ "/echo", "DELETE", NULL, "A", "b", { "DELETE /echo HTTP/1.1\r\n" },
	    { "Content-Length" } },
	{ "/echo", "GET", "body", "A", "b",
	    { "GET /echo HTTP/1.1\r\n", "\r\n\r\nbody" }, { 0 } },
	/* the method and the body change or stay */
	{ "/301", "POST", "body", "Content-Type", "text/x",
	    { "GET /echo HTTP/1.1\r\n", "/301\r\n" },
	    { "body", "Content-Type", "Content-Length" } },
	{ "/302", "PUT", "body", "Authorization", "secret",
	    { "GET /echo?x=y HTTP/1.1\r\n", "Authorization: secret" },
	    { "body" } },
	{ "/303", "POST", "body", "A", "b", { "GET /echo HTTP/1.1\r\n" },
	    { "body" } },
	{ "/307", "POST", "body", "Content-Type", "text/x",
	    { "POST /echo HTTP/1.1\r\n", "\r\n\r\nbody",
		"\r\nContent-Type: text/x\r\n" },
	    { 0 } },
	{ "/308", "PUT", "body", "A", "b",
	    { "PUT /echo HTTP/1.1\r\n", "\r\n\r\nbody" }, { 0 } },
	{ "/301", "DELETE", NULL, "A", "b", { "GET /echo HTTP/1.1\r\n" },
	    { 0 } },
};

START_TEST(request)
{
	struct http_field h = { sent[_i].header, sent[_i].value };
	struct http_request r = { .method = sent[_i].method,
		.body = sent[_i].body,
		.body_len = sent[_i].body != NULL ? strlen(sent[_i].body) : 0,
		.header = &h,
		.n_headers = 1 };
	struct http_response out;
	struct err err;
	const char *got;

	ck_assert_msg(
	    ask(sent[_i].path, r, LONG_TIME, &out, &err) == 0, "%s", err.msg);
	got = str_c(&out.body);
	for (int i = 0; i < 4 && sent[_i].has[i] != NULL; i++)
		ck_assert_msg(strstr(got, sent[_i].has[i]) != NULL,
		    "%s %s: no %s in\n%s", r.method, sent[_i].path,
		    sent[_i].has[i], got);
	for (int i = 0; i < 4 && sent[_i].lacks[i] != NULL; i++)
		ck_assert_msg(strstr(got, sent[_i].lacks[i]) == NULL,
		    "%s %s: %s in\n%s", r.method, sent[_i].path,
		    sent[_i].lacks[i], got);
	http_response_fini(&out);
}
END_TEST

/* Secrets stay with whom they are for. */
START_TEST(another_origin)
{
	char *to = xasprintf(TO("307", "%s/echo"), server->url);
	struct http_row own[] = { HTTP_ROW("/away", to) };
	struct http_server *other = http_server_start(own, 1);
	char *url = xasprintf("http://u:p@127.0.0.1:%d/away", other->port);
	struct http_field h[] = { { "Authorization", "secret" },
		{ "Cookie", "secret" }, { "X-Own", "stays" } };
	struct http_response out;
	struct err err;

	ck_assert_int_eq(ask("",
			     (struct http_request){
				 .url = url, .header = h, .n_headers = 3 },
			     LONG_TIME, &out, &err),
	    0);
	ck_assert_ptr_null(strstr(str_c(&out.body), "secret"));
	ck_assert_ptr_null(strstr(str_c(&out.body), "Basic"));
	ck_assert_ptr_nonnull(strstr(str_c(&out.body), "X-Own: stays"));
	http_response_fini(&out);
	http_server_stop(other);
	free(url);
	free(to);
}
END_TEST

START_TEST(user_of_the_url)
{
	char *url =
	    xasprintf("http://u%%3Aser:p@127.0.0.1:%d/301", server->port);
	struct http_response out;
	struct err err;

	ck_assert_int_eq(
	    ask("", (struct http_request){ .url = url }, LONG_TIME, &out, &err),
	    0);
	/* "u:ser:p" */
	ck_assert_ptr_nonnull(strstr(
	    str_c(&out.body), "\r\nAuthorization: Basic dTpzZXI6cA==\r\n"));
	http_response_fini(&out);
	free(url);
}
END_TEST

START_TEST(deadlines)
{
	static const int64_t patience[] = { -CLOCK_S, 0, 100 * CLOCK_MS };
	struct http_response out;
	struct err err;

	for (size_t i = 0; i < UNIT_N(patience); i++) {
		ck_assert_int_eq(ask("/silent", (struct http_request){ 0 },
				     patience[i], &out, &err),
		    -1);
		ck_assert_msg(strstr(err.msg, "operation timed out") != NULL,
		    "%s", err.msg);
		http_response_fini(&out);
	}
	/* and in the middle of a body */
	ck_assert_int_eq(
	    ask("/endless", (struct http_request){ .body_limit = SIZE_MAX / 2 },
		100 * CLOCK_MS, &out, &err),
	    0);
	ck_assert(out.incomplete);
	http_response_fini(&out);
}
END_TEST

START_TEST(nobody_is_there)
{
	int port = server->port;
	char *url;
	struct http_response out;
	struct err err;

	http_server_stop(server);
	url = xasprintf("http://127.0.0.1:%d/", port);
	server = http_server_start(rows, UNIT_N(rows));
	if (server->port != port) {
		ck_assert_int_eq(ask("", (struct http_request){ .url = url },
				     LONG_TIME, &out, &err),
		    -1);
		ck_assert_msg(strstr(err.msg, "Failed to connect") != NULL,
		    "%s", err.msg);
		http_response_fini(&out);
	}
	free(url);
}
END_TEST

START_TEST(connections_are_kept)
{
	struct http_request r = { 0 };
	struct http_response out;
	struct err err;

	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(ask("/ok", r, LONG_TIME, &out, &err), 0);
		http_response_fini(&out);
	}
	ck_assert_int_eq(atomic_load(&server->connections), 1);
	ck_assert_int_eq(atomic_load(&server->requests), 5);
}
END_TEST

/* The limit is one for the headers, too. */
START_TEST(many_headers)
{
	struct str text = { 0 };
	struct http_row own = { .path = "/many" };
	struct http_response out;
	struct err err;

	str_adds(&text, OK);
	while (text.len <= HTTP_HEADERS_MAX)
		str_addf(&text, "X-%zu: %0100d\r\n", text.len, 0);
	str_adds(&text, "\r\nhello");
	own.answer = str_c(&text);
	http_server_stop(server);
	server = http_server_start(&own, 1);
	ck_assert_int_eq(
	    ask("/many", (struct http_request){ 0 }, LONG_TIME, &out, &err),
	    -1);
	ck_assert_msg(
	    strstr(err.msg, "headers are larger than 256 KiB") != NULL, "%s",
	    err.msg);
	http_response_fini(&out);
	http_server_stop(server); /* it has the text */
	server = http_server_start(rows, UNIT_N(rows));
	str_fini(&text);
}
END_TEST

static const struct {
	const char *name, *value;
	bool fine;
} checked[] = {
	{ "X-A", "b", true },
	{ "x!#$%&'*+-.^_`|~1", "\t \xe4", true },
	{ "A", "", true },
	{ "", "b", false },
	{ "A ", "b", false },
	{ "A:", "b", false },
	{ "A\r\nB", "b", false },
	{ "\xe4", "b", false },
	{ "A", "b\r\nC: d", false },
	{ "A", "b\n", false },
	{ "A", "\x01", false },
	{ "A", "\x7f", false },
};

START_TEST(what_may_be_sent)
{
	struct err err;

	for (size_t i = 0; i < UNIT_N(checked); i++) {
		int rc =
		    http_check_header(checked[i].name, strlen(checked[i].name),
			checked[i].value, strlen(checked[i].value), &err);

		ck_assert_msg((rc == 0) == checked[i].fine, "%s: %s",
		    checked[i].name, checked[i].value);
	}
	ck_assert_int_eq(http_check_header("A\0B", 3, "b", 1, &err), -1);
	ck_assert_int_eq(http_check_header("A", 1, "b\0c", 3, &err), -1);
	ck_assert_int_eq(http_check_method("GET", &err), 0);
	ck_assert_int_eq(http_check_method("GET / HTTP/1.1\r\n", &err), -1);
	ck_assert_int_eq(http_check_method("", &err), -1);
}
END_TEST

static void *
ask_often(void *arg)
{
	static const char *const paths[] = { "/ok", "/close", "/silent",
		"/long", "/echo", "/too-little" };
	long seed = (long)(intptr_t)arg;

	for (int i = 0; i < 20; i++) {
		struct http_response out;
		struct err err;
		const char *path = paths[(seed + i) % 6];

		ask(path, (struct http_request){ 0 },
		    strcmp(path, "/silent") == 0 ? CLOCK_MS * (seed % 7)
						 : LONG_TIME,
		    &out, &err);
		if (strcmp(path, "/ok") == 0)
			ck_assert_str_eq(str_c(&out.body), "hello");
		http_response_fini(&out);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t t[16];

	for (size_t i = 0; i < UNIT_N(t); i++)
		ck_assert_int_eq(
		    pthread_create(&t[i], NULL, ask_often, (void *)i), 0);
	for (size_t i = 0; i < UNIT_N(t); i++)
		pthread_join(t[i], NULL);
}
END_TEST

START_TEST(statuses)
{
	ck_assert_str_eq(http_status_text(404), "Not Found");
	ck_assert_ptr_null(http_status_text(299));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("http", &t);

	tcase_add_test(t, what_may_be_sent);
	tcase_add_test(t, statuses);
	if (!http_is_built())
		return s;
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, answer, 0, UNIT_N(answers));
	tcase_add_loop_test(t, request, 0, UNIT_N(sent));
	tcase_add_test(t, headers_of_a_response);
	tcase_add_test(t, packed_bodies);
	tcase_add_test(t, another_origin);
	tcase_add_test(t, user_of_the_url);
	tcase_add_test(t, deadlines);
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, connections_are_kept);
	tcase_add_test(t, many_headers);
	tcase_add_test(t, threads);
	return s;
}

UNIT_MAIN(suite)
