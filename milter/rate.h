/*
 * rate.h - how many a second, lately
 *
 * A look at a few counters every five seconds, for five minutes.  Begin it
 * once; any thread may ask.
 */
#ifndef KUMILTER_RATE_H
#define KUMILTER_RATE_H

#include "metric.h"

#include <stddef.h>

void rate_start(void);

/* The counters that are looked at. */
const enum metric *rate_counters(size_t *n);
/*
 * How many a second of the i-th of them in about the last so many seconds, up
 * to 300; since the start where that is less ago.
 */
double rate_of(size_t i, int seconds);

#endif
