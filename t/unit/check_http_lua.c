/*
 * Runs t/lua/kumo_http.lua as a policy, and sessions whose handlers ask a
 * server of their own.
 */
#include "policy.h"

#include "http_server.h"
#include "milter/http.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct http_row rows[] = {
	HTTP_KEPT("/ok", OK "Content-Length: 5\r\nX-One: 1\r\nSet-Cookie: a\r\n"
			    "Set-Cookie: b\r\n\r\nhello"),
	HTTP_KEPT("/echo", "ECHO"),
	HTTP_KEPT("/silent", "SILENT"),
	HTTP_ROW("/close", "CLOSE"),
	HTTP_ROW("/endless", "ENDLESS"),
	HTTP_ROW("/long", "LONG 4096"),
	HTTP_ROW("/huge", "LONG 4194304"),
	HTTP_ROW("/short", OK "Content-Length: 50\r\n\r\nhello"),
	HTTP_ROW("/chunked",
	    OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
	HTTP_KEPT("/latin",
	    OK "Content-Type: text/plain; charset=ISO-8859-1\r\n"
	       "Content-Length: 3\r\n\r\n\xe4\xf6\xfc"),
	HTTP_KEPT("/bom", OK "Content-Type: text/plain; charset=ISO-8859-1\r\n"
			     "Content-Length: 5\r\n\r\n\xef\xbb\xbf\xc3\xa4"),
	HTTP_KEPT("/broken", OK "Content-Length: 3\r\n\r\na\xff"
				"b"),
	HTTP_KEPT("/teapot", "HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n"),
	HTTP_KEPT("/299", "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n"),
	HTTP_KEPT("/500", "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad"),
	HTTP_KEPT("/304", "HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n"),
	HTTP_KEPT("/circle", "HTTP/1.1 302 x\r\nLocation: /circle\r\n"
			     "Content-Length: 0\r\n\r\n"),
	HTTP_KEPT("/moved", "HTTP/1.1 301 x\r\nLocation: /echo\r\n"
			    "Content-Length: 0\r\n\r\n"),
	HTTP_ROW("/v1/secret/data/dkim/example.com",
	    OK "\r\n"
	       "{\"data\": {\"data\": {\"key\": \"the key\", \"other\": "
	       "\"another\", \"number\": 1}, \"x\": 1}}"),
	HTTP_ROW("/v1/secret/data/denied",
	    "HTTP/1.1 403 No\r\n\r\n"
	    "{\"errors\": [\"permission denied\"]}"),
	HTTP_ROW("/v1/secret/data/empty", OK "\r\n{}"),
	HTTP_KEPT("/lines", OK "X-Lines: a\r\nContent-Length: 11\r\n\r\n"
			       "a\r\n250 b\r\nc"),
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
	epoch_set_current(NULL);
	http_server_stop(server);
}

/* It makes its requests while it loads. */
START_TEST(lua_file_runs)
{
	char *text = xasprintf("server = '%s'\n"
			       "dofile('t/lua/kumo_http.lua')",
	    server->url);
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	free(text);
}
END_TEST

#define DIFFICULTIES "421 4.3.0 mx.example.test technical difficulties!"

static const struct {
	const char *init, *value, *answer;
} calls[] = {
	{ "", "get('/ok'):text()", "550 is hello" },
	{ "", "get('/ok'):status_code()", "550 is 200" },
	{ "", "get('/500'):bytes()", "550 is bad" },
	{ "", "try(get, '/close')",
	    "550 is error sending request for url (SERVER/close): Empty reply "
	    "from server" },
	{ "", "try(get, '/silent', 0.1)",
	    "550 is error sending request for url (SERVER/silent): operation "
	    "timed out" },
	{ "", "try(get, '/circle')",
	    "550 is error sending request for url (SERVER/circle): too many "
	    "redirects" },
	/* the status of what does not end is known */
	{ "http_body_limit = 2048", "get('/endless'):status_code()",
	    "550 is 200" },
	{ "http_body_limit = 2048", "try(method, get('/endless'), 'text')",
	    "550 is error reading the response body of url (SERVER/endless): "
	    "the response's body is larger than http_body_limit" },
	{ "http_body_limit = 4096", "#get('/long'):text()", "550 is 4096" },
	{ "http_body_limit = 4095", "try(method, get('/long'), 'bytes')",
	    "550 is error reading the response body of url (SERVER/long): the "
	    "response's body is larger than http_body_limit" },
	/* whatever timeout is */
	{ "event_timeout = '200ms'", "try(get, '/silent')", DIFFICULTIES },
	{ "memory_limit = '3MB'", "try(get, '/huge')", DIFFICULTIES },
	{ "", "get('/close'):text()", DIFFICULTIES },
	{ "", "get('/lines'):text()", "550 5.0.0 is a|250 b|c" },
	/* where it cannot wait */
	{ "", "('x'):gsub('x', function() return get('/ok'):text() end)",
	    "550 is hello" },
};

#define POLICY                                                                 \
	"local kumo = require 'kumo'\n"                                        \
	"local client = kumo.http.build_client { timeout = '60s' }\n"          \
	"local function get(path, timeout)\n"                                  \
	"  return client:get('%s' .. path):timeout(timeout or 60):send()\n"    \
	"end\n"                                                                \
	"local function method(object, name) return object[name](object) "     \
	"end\n"                                                                \
	"local function try(...)\n"                                            \
	"  local ok, why = pcall(...)\n"                                       \
	"  if ok then return 'fine' end\n"                                     \
	"  why = why:gsub('^.-init.lua:%%d+: ', '')\n"                         \
	"  return (why:gsub('http://127.0.0.1:%%d+', 'SERVER'))\n"             \
	"end\n"                                                                \
	"kumo.on('init', function()\n"                                         \
	"  kumo.milter.configure { states = 1, %s }\n"                         \
	"end)\n"                                                               \
	"kumo.on('smtp_server_mail_from', function()\n"                        \
	"  kumo.reject(550, 'is ' .. (%s)) end)\n"

START_TEST(session_row)
{
	char *text =
	    xasprintf(POLICY, server->url, calls[_i].init, calls[_i].value);
	char *expected = xasprintf("C -; M %s", calls[_i].answer);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect("C M:<s@a.example> Q", expected, calls[_i].value);
	free(text);
	free(expected);
}
END_TEST

#define MSYS                                                                   \
	"require 'msys.core' require 'msys.http.client'\n"                     \
	"local URL = '%s'\n"                                                   \
	"local c = msys.http.client.new()\n"                                   \
	"local function try(...)\n"                                            \
	"  local ok, why = pcall(...)\n"                                       \
	"  return ok and 'fine' or (why:gsub('^.-init.lua:%%d+: ', ''))\n"     \
	"end\n"                                                                \
	"local function seen(method, path, data)\n"                            \
	"  local ok, why = c:do_request(method, URL .. path, data)\n"          \
	"  local code, text = c:get_status()\n"                                \
	"  return tostring(ok) .. ' ' .. code .. ' ' .. (ok and text or '') "  \
	".. ' ' .. c:get_body()\n"                                             \
	"end\n"                                                                \
	"local function echo(method, line, data)\n"                            \
	"  c:set_header(line)\n"                                               \
	"  c:do_request(method, URL .. '/echo', data)\n"                       \
	"  return (c:get_body():gsub('\\r\\n', '~'))\n"                        \
	"end\n"                                                                \
	"kumo.on('smtp_server_mail_from', function()\n"                        \
	"  kumo.reject(550, 'is ' .. (%s)) end)\n"

static const struct {
	const char *value, *answer;
} msys_calls[] = {
	{ "seen('GET', '/ok')", "550 is true 200 OK hello" },
	{ "seen('GET', '/none')", "550 is true 404 Not Found none" },
	{ "seen('GET', '/500')", "550 is true 500 Internal Server Error bad" },
	{ "seen('GET', '/close')", "550 is nil 0  " },
	{ "seen('GET', '/short')", "550 is nil 0  " },
	{ "select(2, c:do_request('GET', URL .. '/circle')):match('too.*')",
	    "550 is too many redirects" },
	{ "echo('DELETE', 'X-One: 1'):match('^%u+ .-/1.1')",
	    "550 is DELETE /echo HTTP/1.1" },
	{ "echo('POST', 'X-One:  a b ', 'data'):match('X%-One.-~')",
	    "550 is X-One: a b~" },
	{ "echo('PUT', 'X-One: 1', 'data'):match('~~(.*)')", "550 is data" },
	{ "echo('GET', 'A: 1') and tostring(echo('GET'):match('A: 1'))",
	    "550 is nil" },
	{ "seen('GET', '/ok') and c:get_headers()[2]", "550 is x-one: 1" },
	{ "seen('GET', '/ok') and "
	  "c:parse_headers(c:get_headers())['Set-Cookie']",
	    "550 is a" },
	{ "try(c.set_header, c, 'x')",
	    "550 is client:set_header: no colon in it" },
	{ "try(c.set_header, c, 'A: b\\r\\nC: d')",
	    "550 is client:set_header: invalid HTTP header value" },
	{ "try(c.set_timeout, c, 'x')",
	    "550 is client:set_timeout: seconds expected" },
	{ "try(c.do_request, c, 'TRACE', URL)",
	    "550 is client:do_request: GET, POST, PUT or DELETE expected, got "
	    "TRACE" },
	{ "try(c.do_request, c, 'GET')",
	    "550 is client:do_request: url: string expected, got nil" },
	{ "c:set_timeout(0.05) or seen('GET', '/silent')", "550 is nil 0  " },
};

START_TEST(msys_row)
{
	char *text = xasprintf(MSYS, server->url, msys_calls[_i].value);
	char *expected = xasprintf("C -; M %s", msys_calls[_i].answer);

	policy_use("", text);
	play_expect("C M:<s@a.example> Q", expected, msys_calls[_i].value);
	free(text);
	free(expected);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("http_lua", &t);

	if (!http_is_built())
		return s;
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, lua_file_runs);
	tcase_add_loop_test(t, session_row, 0, UNIT_N(calls));
	tcase_add_loop_test(t, msys_row, 0, UNIT_N(msys_calls));
	return s;
}

UNIT_MAIN(suite)
