/*
 * lb_msys_session.c - native.session: what Momentum's callouts know of the
 * session that they run for
 *
 * The record is a table of the session's own that lives as long as it; what
 * stands in it is the business of msys/core.lua.
 */
#include "bindings.h"
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/draft.h"
#include "milter/esmtp_listener.h"
#include "milter/session_learn.h"

#include <string.h>

static struct session *
current(lua_State *L)
{
	struct run *run = state_of(L)->run;

	return run != NULL ? run->session : NULL;
}

void
bindings_push_record(lua_State *L, struct session *s)
{
	if (s->record_ref != LUA_NOREF) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, s->record_ref);
		return;
	}
	lua_newtable(L);
	lua_pushstring(L, s->id);
	lua_setfield(L, -2, "id");
	bindings_push_conn_meta(L, s);
	lua_setfield(L, -2, "meta");
	lua_pushvalue(L, -1);
	s->record_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* session.record() -> table, or nil while no session's handler runs */
static int
record(lua_State *L)
{
	struct session *s = current(L);

	if (s == NULL)
		lua_pushnil(L);
	else
		bindings_push_record(L, s);
	return 1;
}

static struct session *
need(lua_State *L)
{
	struct session *s = current(L);

	if (s == NULL)
		luaL_error(L, "there is no session: call it in a callout");
	return s;
}

static int
text_or_nil(lua_State *L, const char *text)
{
	if (text != NULL)
		lua_pushstring(L, text);
	else
		lua_pushnil(L);
	return 1;
}

/* session.hostname() -> string or nil */
static int
hostname(lua_State *L)
{
	return text_or_nil(L, need(L)->hostname);
}

/* session.helo() -> the last HELO's argument, or nil */
static int
helo(lua_State *L)
{
	return text_or_nil(L, need(L)->helo);
}

/* session.mail() -> "<a@b> SIZE=1" of the last MAIL, or nil */
static int
mail(lua_State *L)
{
	return text_or_nil(L, need(L)->mail);
}

/* session.rcpt() -> the same of the last RCPT */
static int
rcpt(lua_State *L)
{
	return text_or_nil(L, need(L)->rcpt);
}

/* session.client_name() -> the MTA's name for the client, or nil */
static int
client_name(lua_State *L)
{
	return text_or_nil(L, need(L)->client_name);
}

/* session.sender() -> EnvelopeAddress of the transaction under way, or nil */
static int
sender(lua_State *L)
{
	struct session *s = need(L);

	if (!s->in_transaction)
		lua_pushnil(L);
	else
		lb_push_address(
		    L, s->message != NULL ? &s->message->sender : &s->sender);
	return 1;
}

/* session.peer() -> "192.0.2.1", 40000; nil where it is no IP address */
static int
peer(lua_State *L)
{
	struct str text = { 0 };
	struct ip ip;
	int port;

	if (!session_peer(need(L), &ip, &port)) {
		lua_pushnil(L);
		return 1;
	}
	ip_format(&text, &ip);
	lb_push_str(L, &text);
	lua_pushinteger(L, port);
	return 2;
}

/* session.macro(name) -> string or nil */
static int
macro(lua_State *L)
{
	return text_or_nil(L, session_macro(need(L), luaL_checkstring(L, 1)));
}

/*
 * session.counts() -> MAILs of the connection, RCPTs of it, RCPTs accepted in
 * this transaction
 */
static int
counts(lua_State *L)
{
	struct session *s = need(L);

	lua_pushnumber(L, s->n_transactions);
	lua_pushnumber(L, (lua_Number)s->n_rcpts_asked);
	lua_pushnumber(L, (lua_Number)s->n_rcpts);
	return 3;
}

/* session.time_left() -> seconds until the limits end this handler */
static int
time_left(lua_State *L)
{
	struct run *run = state_of(L)->run;
	int64_t left = run != NULL ? run->deadline - clock_mono() : 0;

	lua_pushnumber(L, left > 0 ? (double)left / CLOCK_S : 0);
	return 1;
}

/* session.is_strict() -> boolean: the option strict */
static int
is_strict(lua_State *L)
{
	lua_pushboolean(L, state_of(L)->settings->strict);
	return 1;
}

/*
 * session.message() -> message or nil: that of the transaction, for
 * callouts before its content is there
 */
static int
message(lua_State *L)
{
	struct session *s = need(L);

	if (s->message == NULL)
		lua_pushnil(L);
	else
		bindings_push_message(L, s->message);
	return 1;
}

/* session.is_peer_in(network) -> boolean; raises where that is none */
static int
is_peer_in(lua_State *L)
{
	struct cidr net;
	struct ip ip;
	struct err err;
	int port;

	if (cidr_parse(&net, luaL_checkstring(L, 1), &err) != 0)
		return luaL_error(L, "%s", err.msg);
	lua_pushboolean(
	    L, session_peer(need(L), &ip, &port) && cidr_contains(&net, &ip));
	return 1;
}

static const luaL_Reg functions[] = {
	{ "record", record },
	{ "hostname", hostname },
	{ "helo", helo },
	{ "mail", mail },
	{ "rcpt", rcpt },
	{ "client_name", client_name },
	{ "sender", sender },
	{ "peer", peer },
	{ "macro", macro },
	{ "counts", counts },
	{ "time_left", time_left },
	{ "is_strict", is_strict },
	{ "message", message },
	{ "is_peer_in", is_peer_in },
	{ NULL, NULL },
};

void
lb_msys_session_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "session");
}

const char *
bindings_callout(lua_State *L, struct session *s, const char **module)
{
	const char *callout = NULL;

	*module = NULL;
	if (s->record_ref == LUA_NOREF)
		return NULL;
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->record_ref);
	lua_pushliteral(L, "callout");
	lua_rawget(L, -2);
	callout = lua_tostring(L, -1);
	lua_pushliteral(L, "module");
	lua_rawget(L, -3);
	*module = lua_tostring(L, -1);
	lua_pop(L, 3); /* the record keeps both */
	return callout;
}

int
bindings_take_code(lua_State *L, int i, struct verdict *v)
{
	size_t len;
	const char *text;
	int code = (int)lua_tointeger(L, i);
	bool ends = lua_toboolean(L, i + 2);

	if (code < 400)
		return ends ? 1 : 0;
	text = lua_tolstring(L, i + 1, &len);
	verdict_refuse(v, code, ends ? DISCONNECT_FORCE : DISCONNECT_IF421,
	    text != NULL ? text : "", text != NULL ? len : 0);
	return 0;
}
