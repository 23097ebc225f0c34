/*
 * lb_limits.h - is this handler to be ended?
 *
 * Long-running C code behind Lua asks over(arg) now and then and raises
 * "interrupted" when the answer is true; the count hook, which C code does
 * not reach, then ends the handler for good.  NULL never ends anything.
 */
#ifndef KUMILTER_LB_LIMITS_H
#define KUMILTER_LB_LIMITS_H

#include <stdbool.h>

struct lb_limits {
	bool (*over)(void *arg);
	void *arg;
};

#endif
