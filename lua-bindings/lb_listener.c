/*
 * lb_listener.c - kumo.start_esmtp_listener
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/draft.h"
#include "milter/esmtp_listener.h"

/*
 * kumo.start_esmtp_listener{ listen=, hostname=, meta={}, relay_hosts={},
 *                            peer={}, via={}, batch_handling=, ... }
 *   A milter binds no SMTP port: each call describes the sessions that arrive
 *   at that address of the MTA.  hostname, meta, relay_hosts, peer, via,
 *   batch_handling, max_recipients_per_message, max_messages_per_connection
 *   and max_message_size are honoured; KumoMTA's other keys are accepted and
 *   have no effect.
 *   Raises on an unknown key and on networks that are none.
 *   Events: init (or the top level).  Waits: no.  From: KumoMTA.
 */
static int
start_esmtp_listener(lua_State *L)
{
	struct state *st = state_of(L);
	struct err err;
	json_t *params;

	luaL_checktype(L, 1, LUA_TTABLE);
	params = lb_tojson(L, 1, NULL, &err);
	if (params == NULL || esmtp_listener_check(params, &err) != 0) {
		json_decref(params);
		return luaL_error(L, "kumo.start_esmtp_listener: %s", err.msg);
	}
	if (st->draft == NULL) {
		json_decref(params);
		if (!st->loading)
			return luaL_error(L,
			    "kumo.start_esmtp_listener: call it in "
			    "kumo.on('init', ...)");
		return 0;
	}
	json_array_append_new(st->draft->listeners, params);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "start_esmtp_listener", start_esmtp_listener },
	{ NULL, NULL },
};

void
lb_listener_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
}
