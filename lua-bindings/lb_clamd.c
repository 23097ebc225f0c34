/*
 * lb_clamd.c - kumo.milter.clamd_scan: the primitive of clamd.lua
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"

#include "milter/clamd.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/duration.h"
#include "milter/message.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define SCAN "kumo.ClamdScan"

/* Of the userdata; a string that is scanned is kept by its environment. */
struct scan {
	struct wait wait;
	struct clamd_server server;
	char *path;
	struct str head; /* of a message */
	struct body *body;
	struct clamd_data data;
	int64_t timeout;
	int rc;
	struct clamd_answer answer;
	struct err err;
};

static void
scan_block(struct wait *w, int64_t deadline)
{
	struct scan *s = (struct scan *)w;
	int64_t left = deadline - clock_mono();

	s->rc = clamd_scan(&s->server, &s->data,
	    clock_mono() + (s->timeout < left ? s->timeout : left), &s->answer,
	    &s->err);
}

static void
push_why(lua_State *L, struct scan *s)
{
	struct str where = { 0 };

	if (s->path != NULL)
		str_adds(&where, s->path);
	else
		ip_format_port(&where, &s->server.ip, s->server.port);
	lua_pushfstring(L, "clamd at %s: %s", str_c(&where), s->err.msg);
	str_fini(&where);
}

static int
scan_finish(struct wait *w, lua_State *L)
{
	struct scan *s = (struct scan *)w;

	if (s->rc != 0) {
		lua_pushnil(L);
		push_why(L, s);
		return 2;
	}
	lua_pushboolean(L, s->answer.clean);
	if (s->answer.clean)
		return 1;
	lua_pushstring(L, s->answer.virus);
	return 2;
}

static int
scan_gc(lua_State *L)
{
	struct scan *s = lua_touserdata(L, 1);

	free(s->path);
	str_fini(&s->head);
	body_unref(s->body);
	s->path = NULL;
	s->body = NULL;
	return 0;
}

static int
misused(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

/* The string or message at 1. */
static void
take_data(lua_State *L, struct scan *s)
{
	struct message *m;

	if (lua_type(L, 1) == LUA_TSTRING) {
		s->data.head = lua_tolstring(L, 1, &s->data.head_len);
		return;
	}
	m = lb_message_check(L);
	headers_write(&s->head, &m->headers);
	str_adds(&s->head, "\r\n");
	s->body = body_ref(m->body);
	s->data = (struct clamd_data){ str_c(&s->head), s->head.len, s->body };
}

static int
take_server(lua_State *L, struct scan *s, struct err *err)
{
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);

	if (strlen(text) != len)
		return err_set(err, "a NUL in the server's name");
	if (!lua_isnil(L, 3)) {
		s->server.port = (int)lua_tointeger(L, 3);
		return ip_parse(&s->server.ip, text, err);
	}
	s->path = xstrdup(text);
	s->server.path = s->path;
	return 0;
}

static int
take_timeout(lua_State *L, int64_t *ns, struct err *err)
{
	double s = lua_tonumber(L, 4);

	if (lua_type(L, 4) == LUA_TSTRING)
		return duration_parse(lua_tostring(L, 4), ns, err);
	if (!(s >= 0))
		return err_set(err, "timeout: a duration expected");
	*ns = s < 9e9 ? (int64_t)(s * (double)CLOCK_S) : INT64_MAX;
	return 0;
}

/*
 * scan(data, path, nil, timeout) or scan(data, address, port, timeout)
 *   -> true; false, virus; or nil, why
 */
static int
scan(lua_State *L)
{
	struct scan *s;
	struct err err;

	lua_settop(L, 4);
	s = lb_new(L, SCAN, sizeof *s);
	s->wait =
	    (struct wait){ scan_block, scan_finish, "kumo.milter.clamd_scan" };
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_setfenv(L, -2);
	take_data(L, s);
	if (take_timeout(L, &s->timeout, &err) != 0 ||
	    take_server(L, s, &err) != 0)
		return misused(L, err.msg);
	return co_wait(L);
}

/* Behind lb_milter.c. */
void
lb_clamd_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", scan_gc }, { NULL, NULL } };
	static const struct lb_class class = { SCAN, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "clamd.lua");
	lua_pushvalue(L, -2);
	lua_pushcfunction(L, scan);
	lua_call(L, 2, 0);
}
