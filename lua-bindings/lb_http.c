/*
 * lb_http.c - kumo.http: the primitives of http.lua
 *
 * What fails while it waits cannot raise, so send gives true and the response,
 * or false and a text.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/charset.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/duration.h"
#include "milter/http.h"
#include "milter/http_url.h"
#include "milter/mime_boundary.h"
#include "milter/mime_param.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define SENDING "kumo.HttpSending"
#define NATIVE "kumo.http native"

static int
fail(lua_State *L, const char *why)
{
	lua_pushboolean(L, 0);
	lua_pushstring(L, why);
	return 2;
}

/* ---- objects ------------------------------------------------------------ */

/* native.object(metatable, fields) -> userdata that stands for the fields */
static int
object(lua_State *L)
{
	lua_settop(L, 2);
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_newuserdata(L, 0);
	lua_pushvalue(L, 1);
	lua_setmetatable(L, -2);
	lua_pushvalue(L, 2);
	lua_setfenv(L, -2);
	return 1;
}

/* native.fields(value, metatable) -> fields; nil: another kind of value */
static int
fields(lua_State *L)
{
	lua_settop(L, 2);
	if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1) ||
	    !lua_rawequal(L, 2, -1))
		lua_pushnil(L);
	else
		lua_getfenv(L, 1);
	return 1;
}

/* ---- sending ------------------------------------------------------------ */

/* Its environment has the table that it was made from, whose strings it uses */
struct sending {
	struct wait wait;
	struct http_request request;
	struct http_field *header; /* of the request */
	int64_t timeout;
	int rc;
	struct http_response response;
	struct err err;
};

static void
sending_block(struct wait *w, int64_t deadline)
{
	struct sending *s = (struct sending *)w;
	int64_t left = deadline - clock_mono();

	if (s->timeout < left)
		left = s->timeout;
	s->rc = http_perform(
	    &s->request, clock_mono() + left, &s->response, &s->err);
}

static void
push_headers(lua_State *L, const struct http_response *r)
{
	lua_createtable(L, (int)r->n_headers * 2, 0);
	for (size_t i = 0; i < r->n_headers; i++) {
		lua_pushstring(L, r->header[i].name);
		lua_rawseti(L, -2, (int)i * 2 + 1);
		lua_pushstring(L, r->header[i].value);
		lua_rawseti(L, -2, (int)i * 2 + 2);
	}
}

static int
sending_finish(struct wait *w, lua_State *L)
{
	struct sending *s = (struct sending *)w;

	if (s->rc != 0)
		return fail(L, s->err.msg);
	luaL_checkstack(L, 8, NULL);
	lua_pushboolean(L, 1);
	lua_pushinteger(L, s->response.status);
	push_headers(L, &s->response);
	if (s->response.incomplete) {
		lua_pushboolean(L, 0);
		lua_pushstring(L, s->response.why.msg);
		http_response_fini(&s->response);
		return 5;
	}
	lb_push_str(L, &s->response.body);
	http_response_fini(&s->response);
	return 4;
}

static int
sending_gc(lua_State *L)
{
	struct sending *s = lua_touserdata(L, 1);

	free(s->header);
	s->header = NULL;
	http_response_fini(&s->response);
	return 0;
}

/* A string of the table at 1, which keeps it, or NULL. */
static const char *
text_of(lua_State *L, const char *name, size_t *len)
{
	const char *text;

	lua_getfield(L, 1, name);
	text = lua_tolstring(L, -1, len);
	lua_pop(L, 1);
	return text;
}

static int64_t
span_of(lua_State *L, const char *name)
{
	double s;

	lua_getfield(L, 1, name);
	s = lua_tonumber(L, -1);
	lua_pop(L, 1);
	return s < 9e9 ? (int64_t)(s * (double)CLOCK_S) : INT64_MAX;
}

static bool
flag_of(lua_State *L, const char *name)
{
	bool flag;

	lua_getfield(L, 1, name);
	flag = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return flag;
}

static int
check_header_at(lua_State *L, int name, int value, struct err *err)
{
	size_t name_len, value_len;
	const char *n = luaL_checklstring(L, name, &name_len);
	const char *v = luaL_checklstring(L, value, &value_len);

	return http_check_header(n, name_len, v, value_len, err);
}

/* "name", "value", ...: again checked, as these bytes are sent */
static int
take_headers(lua_State *L, struct sending *s, struct err *err)
{
	struct http_request *r = &s->request;
	int n, rc = 0;

	lua_getfield(L, 1, "headers");
	luaL_checktype(L, -1, LUA_TTABLE);
	n = (int)lua_objlen(L, -1) / 2;
	s->header = xcalloc((size_t)n + 1, sizeof *s->header);
	r->header = s->header;
	for (int i = 0; i < n && rc == 0; i++) {
		struct http_field *h = &s->header[r->n_headers++];

		lua_rawgeti(L, -1, i * 2 + 1);
		lua_rawgeti(L, -2, i * 2 + 2);
		rc = check_header_at(L, -2, -1, err);
		h->name = lua_tostring(L, -2);
		h->value = lua_tostring(L, -1);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return rc;
}

/*
 * native.send{ method =, url =, headers = { "name", "value", ... }, body =,
 *     timeout =, idle_timeout =, user_agent =, any_certificate =, verbose = }
 *   -> true, status, headers, body; true, status, headers, false, why the body
 *   is not whole; or false, why.  Times are seconds.
 */
static int
send_request(lua_State *L)
{
	struct sending *s;
	struct http_request *r;
	size_t url_len;
	struct err err;

	lua_settop(L, 1);
	luaL_checktype(L, 1, LUA_TTABLE);
	if (!http_is_built())
		return fail(L, "kumo.http: built without libcurl");
	s = lb_new(L, SENDING, sizeof *s);
	s->wait =
	    (struct wait){ sending_block, sending_finish, "kumo.http send" };
	lua_pushvalue(L, 1);
	lua_setfenv(L, -2);
	r = &s->request;
	r->method = text_of(L, "method", NULL);
	r->url = text_of(L, "url", &url_len);
	r->body = text_of(L, "body", &r->body_len);
	r->user_agent = text_of(L, "user_agent", NULL);
	r->any_certificate = flag_of(L, "any_certificate");
	r->verbose = flag_of(L, "verbose");
	r->idle_timeout = span_of(L, "idle_timeout");
	r->body_limit = state_of(L)->settings->http_body_limit;
	s->timeout = span_of(L, "timeout");
	if (strlen(r->url) != url_len)
		return fail(L, "builder error: invalid URL: a NUL in it");
	if (take_headers(L, s, &err) != 0)
		return fail(L, err.msg);
	return co_wait(L);
}

/* ---- texts -------------------------------------------------------------- */

/* native.check_header(name, value) -> nil, or why it is none */
static int
check_header(lua_State *L)
{
	struct err err;

	if (check_header_at(L, 1, 2, &err) == 0)
		lua_pushnil(L);
	else
		lua_pushstring(L, err.msg);
	return 1;
}

/* native.reason(status) -> text or nil */
static int
reason(lua_State *L)
{
	lua_pushstring(L, http_status_text((int)luaL_checkinteger(L, 1)));
	return 1;
}

/* native.duration(text) -> seconds or nil */
static int
duration(lua_State *L)
{
	int64_t ns;

	if (duration_parse(luaL_checkstring(L, 1), &ns, NULL) != 0)
		return 0;
	lua_pushnumber(L, (lua_Number)ns / (lua_Number)CLOCK_S);
	return 1;
}

/* native.boundary() -> text */
static int
boundary(lua_State *L)
{
	struct str out = { 0 };

	mime_boundary_random(&out);
	lb_push_str(L, &out);
	return 1;
}

/* The pairs of the array at i, which is on top when it is read. */
static void
encode_pairs(lua_State *L, int i, struct str *out)
{
	int n = (int)lua_objlen(L, i);

	for (int at = 1; at < n; at += 2) {
		size_t k_len, v_len;
		const char *k, *v;

		lua_rawgeti(L, i, at);
		lua_rawgeti(L, i, at + 1);
		k = lua_tolstring(L, -2, &k_len);
		v = lua_tolstring(L, -1, &v_len);
		must(k != NULL && v != NULL);
		http_url_add_pair(out, k, k_len, v, v_len);
		lua_pop(L, 2);
	}
}

/* native.form(pairs) -> text */
static int
form(lua_State *L)
{
	struct str out = { 0 };

	luaL_checktype(L, 1, LUA_TTABLE);
	encode_pairs(L, 1, &out);
	lb_push_str(L, &out);
	return 1;
}

/* native.build_url(base, pairs) -> true, text; or false, why */
static int
build_url(lua_State *L)
{
	struct str query = { 0 }, out = { 0 };
	struct err err;
	size_t len;
	const char *base = luaL_checklstring(L, 1, &len);
	int rc;

	luaL_checktype(L, 2, LUA_TTABLE);
	encode_pairs(L, 2, &query);
	rc = http_url_build(&out, base, len, str_c(&query), &err);
	str_fini(&query);
	if (rc != 0)
		return fail(L, err.msg);
	lua_pushboolean(L, 1);
	lb_push_str(L, &out);
	return 2;
}

static void
push_pairs(lua_State *L, const char *query)
{
	struct str name = { 0 }, value = { 0 };
	int n = 0;

	lua_newtable(L);
	while (query != NULL && http_url_next_pair(&query, &name, &value)) {
		lb_push_str(L, &name);
		lua_rawseti(L, -2, ++n);
		lb_push_str(L, &value);
		lua_rawseti(L, -2, ++n);
	}
}

/* native.split_url(url) -> host, path, pairs of the query; or nil, why */
static int
split_url(lua_State *L)
{
	struct http_url u;
	struct err err;
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	if (http_url_read(&u, text, len, &err) != 0) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		return 2;
	}
	lua_pushstring(L, u.host);
	lua_pushstring(L, u.path);
	push_pairs(L, u.query);
	http_url_fini(&u);
	return 3;
}

/* The charset that the bytes begin with, whose mark is left off, or NULL. */
static const char *
mark_of(const char **p, size_t *n)
{
	static const struct {
		const char *mark;
		size_t len;
		const char *charset;
	} marks[] = {
		{ "\xef\xbb\xbf", 3, "utf-8" },
		{ "\xff\xfe", 2, "utf-16le" },
		{ "\xfe\xff", 2, "utf-16be" },
	};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (*n >= marks[i].len &&
		    memcmp(*p, marks[i].mark, marks[i].len) == 0) {
			*p += marks[i].len;
			*n -= marks[i].len;
			return marks[i].charset;
		}
	return NULL;
}

/* native.decode(bytes [, content_type]) -> UTF-8 */
static int
decode(lua_State *L)
{
	size_t n, type_len = 0;
	const char *p = luaL_checklstring(L, 1, &n);
	const char *type = luaL_optlstring(L, 2, "", &type_len);
	const char *charset = mark_of(&p, &n);
	const struct mime_param *param;
	struct mime_value v = { 0 };
	struct str out = { 0 };

	mime_value_parse(&v, type, type_len);
	param = mime_value_get(&v, "charset");
	if (charset == NULL && param != NULL)
		charset = param->value;
	if (charset == NULL ||
	    !charset_to_utf8(&out, charset, strlen(charset), p, n))
		charset_repair(&out, p, n);
	mime_value_fini(&v);
	lb_push_str(L, &out);
	return 1;
}

/* ---- the module --------------------------------------------------------- */

static void
add(lua_State *L, const char *name, lua_CFunction f)
{
	lua_pushcfunction(L, f);
	lua_setfield(L, -2, name);
}

void
lb_http_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", sending_gc },
		{ NULL, NULL } };
	static const struct lb_class class = { SENDING, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "http.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	add(L, "object", object);
	add(L, "fields", fields);
	add(L, "send", send_request);
	add(L, "check_header", check_header);
	add(L, "reason", reason);
	add(L, "duration", duration);
	add(L, "boundary", boundary);
	add(L, "form", form);
	add(L, "build_url", build_url);
	add(L, "split_url", split_url);
	add(L, "decode", decode);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, NATIVE);
	lua_call(L, 2, 0);
}

/* native.http of Momentum's parts: the same primitives */
void
lb_msys_http_open(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, NATIVE);
	lua_setfield(L, -2, "http");
}
