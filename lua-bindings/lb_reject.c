/*
 * lb_reject.c - kumo.reject and kumo.disconnect
 *
 * Both raise an error object that carries the decision.  It survives pcall
 * and being raised again; tostring() of it reads like KumoMTA's.
 */
#include "lb.h"
#include "lb_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REJECT "kumo.RejectError"

struct reject {
	int code;
	enum disconnect how;
	size_t len;
	char where[VERDICT_WHERE];
	char text[];
};

static int
reject_tostring(lua_State *L)
{
	struct reject *r = lb_check(L, 1, REJECT);

	lua_pushfstring(L, "%d ", r->code);
	lua_pushlstring(L, r->text, r->len);
	lua_concat(L, 2);
	return 1;
}

static const luaL_Reg reject_meta[] = {
	{ "__tostring", reject_tostring },
	{ NULL, NULL },
};

static const struct lb_class reject_class = { REJECT, NULL, NULL, reject_meta };

static int
raise(lua_State *L, const char *who, enum disconnect how)
{
	size_t len;
	long long code = lb_integer(L, 1, 0, 65535);
	const char *text = lb_text(L, 2, &len);
	struct reject *r;

	if (code < 400 || code > 599)
		return luaL_error(L,
		    "%s: %d is no code that SMTP can refuse with (400 to 599)",
		    who, (int)code);
	r = lb_new(L, REJECT, sizeof *r + len + 1);
	r->code = (int)code;
	r->how = how;
	r->len = len;
	memcpy(r->text, text, len);
	luaL_where(L, 1);
	snprintf(r->where, sizeof r->where, "%s", lua_tostring(L, -1));
	lua_pop(L, 1);
	return lua_error(L);
}

/*
 * kumo.reject(code, message)
 *   code: integer, 400 to 599.  message: the reply's text; may begin with an
 *   enhanced status code and hold several lines.
 *   Refuses what the client asked for.  With 421 the MTA also closes.
 *   Raises: always (the decision); an ordinary error for arguments that SMTP
 *   cannot say, which is then the policy's failure.
 *   Events: any smtp_server_* and milter_* event but milter_abort and
 *   milter_close.  Waits: no.  From: KumoMTA kumo.reject.
 */
static int
lb_kumo_reject(lua_State *L)
{
	return raise(L, "kumo.reject", DISCONNECT_IF421);
}

/*
 * kumo.disconnect(code, message [, how])
 *   code, message: as kumo.reject.  how: "ForceDisconnect" (default),
 *   "FollowWith421" or "If421".
 *   Refuses and ends the session, as far as a milter can make the MTA close:
 *   at once with 421, else with a 421 to the next command.
 *   Raises: always; an ordinary error for wrong arguments.
 *   Events: as kumo.reject.  Waits: no.  From: KumoMTA kumo.disconnect.
 */
static int
lb_kumo_disconnect(lua_State *L)
{
	enum disconnect how = DISCONNECT_FORCE;
	const char *name = lb_opt_text(L, 3, NULL);
	struct err err;

	if (name != NULL && disconnect_parse(name, &how, &err) != 0)
		return luaL_argerror(L, 3, lua_pushfstring(L, "%s", err.msg));
	return raise(L, "kumo.disconnect", how);
}

static const luaL_Reg functions[] = {
	{ "reject", lb_kumo_reject },
	{ "disconnect", lb_kumo_disconnect },
	{ NULL, NULL },
};

void
lb_reject_open(lua_State *L)
{
	lb_class_open(L, &reject_class);
	luaL_register(L, NULL, functions);
}

int
lb_reject_take(lua_State *L, int i, struct verdict *v)
{
	struct reject *r = lb_test(L, i, REJECT);

	if (r == NULL)
		return 0;
	verdict_refuse(v, r->code, r->how, r->text, r->len);
	memcpy(v->where, r->where, sizeof v->where);
	return 1;
}
