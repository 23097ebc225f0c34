/*
 * config_epoch.h - a count of the changes of what policies read
 *
 * Beside the number of the policy it is in the keys of caches that are to
 * forget what was before a change.  Who loads policies is told of a change,
 * soon, but not more often than its pause allows: several changes are one.
 *
 * Any thread may call anything.
 */
#ifndef KUMILTER_CONFIG_EPOCH_H
#define KUMILTER_CONFIG_EPOCH_H

#include <stdint.h>

unsigned long config_epoch(void);
void config_epoch_bump(void);

/* Before the first bump; tell() is called in a thread of tick.h. */
void config_epoch_on_bump(void (*tell)(void), int64_t pause);

#endif
