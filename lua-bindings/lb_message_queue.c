/*
 * lb_message_queue.c - Message: what has a meaning only in a queue
 *
 * The MTA queues and delivers.  These accept what KumoMTA's do and change
 * nothing.
 */
#include "lb.h"
#include "lb_message.h"

#include "milter/log.h"

static void
notice(lua_State *L)
{
	char where[128];

	if (!log_first_time("message queueing"))
		return;
	lb_where(L, where, sizeof where);
	log_info(lb_session_id(L),
	    "%snotice: queueing and delivery are the MTA's job; set_due, "
	    "set_scheduling, save and their like have no effect in a milter",
	    where);
}

/*
 * message:set_due(...), set_scheduling(...), increment_num_attempts(),
 * save(), set_force_sync(...) -> nothing
 */
int
lb_message_no_effect(lua_State *L)
{
	lb_message_check(L);
	notice(L);
	return 0;
}

/* message:shrink(), shrink_data() -> true */
int
lb_message_no_effect_true(lua_State *L)
{
	lb_message_no_effect(L);
	lua_pushboolean(L, 1);
	return 1;
}
