/*
 * lb_message_queue.c - Message: what has a meaning only in a queue
 *
 * The MTA queues and delivers.  These accept what KumoMTA's do and change
 * nothing.
 *
 * All: events that are given a message; waits no; from KumoMTA Message.
 */
#include "lb.h"
#include "lb_message.h"

/*
 * message:set_due(...)
 * message:set_scheduling(...)
 * message:increment_num_attempts()
 * message:save()
 * message:set_force_sync(...)
 *   No effect.
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

/* message:shrink(), message:shrink_data() -> true: no effect */
int
lb_message_no_effect_true(lua_State *L)
{
	lb_message_no_effect(L);
	lua_pushboolean(L, 1);
	return 1;
}
