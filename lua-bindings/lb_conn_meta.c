/*
 * lb_conn_meta.c - conn_meta: what is known of the connection
 *
 *   conn_meta:get_meta(name)         value or nil; a table comes as a copy
 *   conn_meta:set_meta(name, value)  value: anything JSON can hold; nil
 *                                    removes.  Raises on functions, userdata
 *                                    and recursive tables.
 *   conn_meta:auth_info()            a table: peer_address, the client's
 *                                    address or nil; identities, an array of
 *                                    { identity=, context= }; groups, empty
 *   conn_meta:get_macro(name)        the MTA's macro, "j" or "{daemon_name}"
 *                                    (braces may be left out); nil where it
 *                                    gave none yet       [kumilter's own]
 * Lives from connect to close; RSET, a second message or STARTTLS change
 * nothing.  Used after its session it raises.
 *
 * All: events that are given one; waits no; from KumoMTA conn_meta.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/session_learn.h"

#define CONN_META "kumo.ConnectionMetaData"

/* The session points back here and clears s when it ends. */
struct box {
	struct session *s;
};

static struct session *
check(lua_State *L)
{
	struct box *box = lb_check(L, 1, CONN_META);

	if (box->s == NULL)
		luaL_error(L, "conn_meta used after its session ended");
	return box->s;
}

static int
get_meta(lua_State *L)
{
	return lb_meta_get(L, check(L)->meta);
}

static int
set_meta(lua_State *L)
{
	return lb_meta_set(L, check(L)->meta);
}

static void
push_identity(lua_State *L, const char *identity, const char *context)
{
	lua_createtable(L, 0, 2);
	lua_pushstring(L, identity);
	lua_setfield(L, -2, "identity");
	lua_pushstring(L, context);
	lua_setfield(L, -2, "context");
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

static int
auth_info(lua_State *L)
{
	struct session *s = check(L);
	const char *authn = session_meta_text(s, "authn_id");
	const char *authz = session_meta_text(s, "authz_id");
	struct ip ip;
	int port;

	lua_createtable(L, 0, 3);
	if (ip_from_sockaddr(&ip, &port, (const struct sockaddr *)&s->peer) ==
	    0) {
		struct str text = { 0 };

		ip_format(&text, &ip);
		lua_pushlstring(L, text.data, text.len);
		lua_setfield(L, -2, "peer_address");
		str_fini(&text);
	}
	lua_newtable(L);
	lb_mark_array(L);
	if (authn != NULL)
		push_identity(L, authn, "SmtpAuthPlainAuthentication");
	if (authz != NULL)
		push_identity(L, authz, "SmtpAuthPlainAuthorization");
	lua_setfield(L, -2, "identities");
	lua_newtable(L);
	lb_mark_array(L);
	lua_setfield(L, -2, "groups");
	return 1;
}

static int
get_macro(lua_State *L)
{
	struct session *s = check(L);
	const char *name = lb_text(L, 2, NULL);
	struct run *run = state_of(L)->run;

	if (run == NULL || run->session != s) /* the MTA answers for its own */
		return luaL_error(
		    L, "get_macro: conn_meta is another session's");
	if (name[0] != '{' && name[0] != '\0' && name[1] != '\0')
		name = lua_pushfstring(L, "{%s}", name);
	lua_pushstring(L, session_macro(s, name));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "get_meta", get_meta },
	{ "set_meta", set_meta },
	{ "auth_info", auth_info },
	{ "get_macro", get_macro },
	{ NULL, NULL },
};

static const struct lb_class class = { CONN_META, NULL, methods, NULL };

void
lb_conn_meta_open(lua_State *L)
{
	lb_class_open(L, &class);
}

/* One object for the whole session, so that a policy may use it as a key. */
void
bindings_push_conn_meta(lua_State *L, struct session *s)
{
	struct box *box;

	if (s->handle != NULL) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, s->handle_ref);
		return;
	}
	box = lb_new(L, CONN_META, sizeof *box);
	lua_pushvalue(L, -1);
	s->handle_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	box->s = s;
	s->handle = (void **)&box->s;
}
