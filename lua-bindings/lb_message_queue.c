/*
 * lb_message_queue.c - Message: what has a meaning only in a queue
 *
 * The MTA queues and delivers.  These accept what KumoMTA's do and change
 * nothing.
 */
#include "lb.h"
#include "lb_message.h"

/*
 * message:set_due(...), set_scheduling(...), increment_num_attempts(),
 * save(), set_force_sync(...) -> nothing
 */
int
lb_message_no_effect(lua_State *L)
{
	lb_message_check(L);
	lb_notice(L, "message queueing",
	    "set_due, set_scheduling, save and their like are about a queue, "
	    "which is the MTA's");
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
