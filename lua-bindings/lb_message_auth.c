/*
 * lb_message_auth.c - Message: Authentication-Results
 */
#include "lb.h"
#include "lb_message.h"

#include "milter/auth_results.h"
#include "milter/message.h"

/*
 * message:add_authentication_results(serv_id, results)
 *   serv_id: string, the name of this host.  results: array of
 *   { method=, result= [, reason=] [, props={ ["ptype.property"]= }] }; empty:
 *   "none".  Prepends the header.  Raises on anything else in a result.
 *   Events: as lb_message.c.  Waits: no.  From: KumoMTA, RFC 8601.
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
