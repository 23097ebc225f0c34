/*
 * lb_message_report.c - Message: what it reports about others
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_mime.h"

#include "milter/report.h"

struct box {
	const json_t *report; /* until the pcall below is over */
};

static int
push_report(lua_State *L)
{
	const struct box *box = lua_touserdata(L, 1);

	lb_pushjson(L, box->report);
	return 1;
}

/* Push what a parser of reports makes of the message as it stands now. */
static int
parse(lua_State *L, json_t *(*parser)(const struct mime_part *root))
{
	struct box *box;
	struct mime_part *root;
	json_t *report;
	int status, top;

	lb_message_check(L);
	lua_pushcfunction(L, push_report);
	box = lua_newuserdata(L, sizeof *box);
	top = lua_gettop(L);
	lb_message_parse_mime(L);
	root = lb_mime_check(L, lua_gettop(L), LB_MIME_PART);
	box->report = report = parser(root);
	lua_settop(L, top);
	if (report == NULL) {
		lua_pushnil(L);
		return 1;
	}
	/* it may be more than memory_limit has room for */
	status = lua_pcall(L, 1, 1, 0);
	json_decref(report);
	return status == 0 ? 1 : lua_error(L);
}

/*
 * message:parse_rfc3464() -> table or nil
 *   The delivery status notification that the message is: { per_message,
 *   per_recipient, original_message }.  nil where it is none.  Never raises on
 *   content: fields that cannot be read are in extensions.  From: KumoMTA,
 *   which raises on those.
 */
int
lb_message_parse_rfc3464(lua_State *L)
{
	return parse(L, report_parse_delivery);
}

/*
 * message:parse_rfc5965() -> table or nil
 *   As parse_rfc3464, for an abuse report (ARF): { feedback_type,
 *   user_agent, version, arrival_date, ..., extensions, original_message,
 *   supplemental_trace }.
 */
int
lb_message_parse_rfc5965(lua_State *L)
{
	return parse(L, report_parse_feedback);
}
