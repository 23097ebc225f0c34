/*
 * count_series.h - counts by time, by name: KumoMTA's counter series
 *
 * A number of buckets, each for so many seconds; the newest is the one at
 * hand and the oldest is forgotten for it.  A series stays as long as the
 * process lives; defined with another shape it begins anew.
 *
 * Any thread may call anything here; now is clock_mono().
 */
#ifndef KUMILTER_COUNT_SERIES_H
#define KUMILTER_COUNT_SERIES_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

#define COUNT_SERIES_MAX 1024
#define COUNT_SERIES_NAME_MAX 1024
#define COUNT_SERIES_BUCKETS_MAX 255

struct count_series;

/* The first bucket of a new one has `initial`.  NULL with *err: too many. */
struct count_series *count_series_define(const char *name, size_t len,
    int buckets, int64_t seconds, int64_t initial, int64_t now,
    struct err *err);

/* The bucket at hand: more or less, but never below 0. */
void count_series_add(struct count_series *s, int64_t delta, int64_t now);
void count_series_set(struct count_series *s, int64_t value, int64_t now);
/* Of the buckets that begin in the last so many ns, and the one at hand. */
int64_t count_series_sum(struct count_series *s, int64_t ns, int64_t now);

#endif
