/*
 * lb_message_auth.c - Message: Authentication-Results; kumo.milter: those that
 * are forged
 */
#include "lb.h"
#include "lb_message.h"

#include "milter/auth_results.h"
#include "milter/auth_results_forged.h"
#include "milter/message.h"

#include <string.h>

/*
 * message:add_authentication_results(serv_id, results)
 *   serv_id: string, the name of this host.  results: array of
 *   { method=, result= [, reason=] [, props={ ["ptype.property"]= }] }; empty:
 *   "none".  Prepends the header.  Raises on anything else in a result.
 *   Events: those that are given a message.  Waits: no.
 *   From: KumoMTA, RFC 8601.
 */
int
lb_message_add_auth_results(lua_State *L)
{
	static const char name[] = "Authentication-Results";
	struct message *m = lb_message_check(L);
	const char *serv_id = lb_text(L, 2, NULL);
	struct str out = { 0 };
	struct err err;
	json_t *results;
	int rc = -1;

	luaL_checktype(L, 3, LUA_TTABLE);
	results = lb_tojson(L, 3, NULL, &err);
	if (results != NULL)
		rc = auth_results_write(&out, serv_id, results, &err);
	if (rc == 0)
		headers_prepend(
		    &m->headers, name, sizeof name - 1, str_c(&out), out.len);
	json_decref(results);
	str_fini(&out);
	if (rc != 0)
		return luaL_error(L, "add_authentication_results: %s", err.msg);
	return 0;
}

/*
 * kumo.milter.remove_authentication_results(msg, serv_id) -> integer
 *   Removes each Authentication-Results that a reader could take for this
 *   host's, and says how many: those with the name serv_id (string), in any
 *   writing, and those whose beginning is none that can be read.  Call it
 *   before add_authentication_results().  Raises on an empty serv_id.
 *   Events: those that are given a message.  Waits: no.
 *   From: kumilter, RFC 8601.
 */
int
lb_message_remove_auth_results(lua_State *L)
{
	struct message *m = lb_message_check(L);
	size_t len;
	const char *serv_id = lb_text(L, 2, &len);

	if (len == 0 || memchr(serv_id, '\0', len) != NULL)
		return luaL_error(L,
		    "kumo.milter.remove_authentication_results:"
		    " the name of this host expected");
	lua_pushnumber(
	    L, (lua_Number)auth_results_forged_remove(&m->headers, serv_id));
	return 1;
}
