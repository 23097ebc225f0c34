/*
 * histogram.h - how long things took, by size
 *
 * Counts in buckets of which each is 2 to 2.5 times as long as the one before
 * (1, 2, 5, 10, ... from 10 us to 50 s).  Any thread may add, without a lock;
 * a view is what was there about now.
 */
#ifndef KUMILTER_HISTOGRAM_H
#define KUMILTER_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 21
/* The last one is for what is longer than all bounds. */
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

struct histogram {
	atomic_ullong n[HISTOGRAM_BUCKETS];
	atomic_ullong sum; /* ns */
};

struct histogram_view {
	uint64_t n[HISTOGRAM_BUCKETS];
	uint64_t total, sum;
};

/* The longest time, in ns, that falls into bucket i of HISTOGRAM_BOUNDS. */
int64_t histogram_bound(int i);

void histogram_add(struct histogram *h, int64_t ns);
struct histogram_view histogram_read(const struct histogram *h);

/*
 * The time in ns below which this part (0 to 1) of them stayed, as well as the
 * buckets tell: between two bounds it is interpolated, beyond the last one it
 * is that.  0 where nothing was counted.
 */
int64_t histogram_part(const struct histogram_view *v, double part);

#endif
