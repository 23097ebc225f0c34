#include "histogram.h"

#include "clock.h"
#include "err.h"

#define US INT64_C(1000)

static const int64_t bounds[HISTOGRAM_BOUNDS] = {
	10 * US,
	20 * US,
	50 * US,
	100 * US,
	200 * US,
	500 * US,
	1 * CLOCK_MS,
	2 * CLOCK_MS,
	5 * CLOCK_MS,
	10 * CLOCK_MS,
	20 * CLOCK_MS,
	50 * CLOCK_MS,
	100 * CLOCK_MS,
	200 * CLOCK_MS,
	500 * CLOCK_MS,
	1 * CLOCK_S,
	2 * CLOCK_S,
	5 * CLOCK_S,
	10 * CLOCK_S,
	20 * CLOCK_S,
	50 * CLOCK_S,
};

int64_t
histogram_bound(int i)
{
	must(i >= 0 && i < HISTOGRAM_BOUNDS);
	return bounds[i];
}

void
histogram_add(struct histogram *h, int64_t ns)
{
	int i = 0;

	if (ns < 0)
		ns = 0;
	while (i < HISTOGRAM_BOUNDS && ns > bounds[i])
		i++;
	atomic_fetch_add_explicit(&h->n[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &h->sum, (unsigned long long)ns, memory_order_relaxed);
}

struct histogram_view
histogram_read(const struct histogram *h)
{
	struct histogram_view v = { 0 };

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		v.n[i] = atomic_load_explicit(&h->n[i], memory_order_relaxed);
		v.total += v.n[i];
	}
	v.sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
	return v;
}

int64_t
histogram_part(const struct histogram_view *v, double part)
{
	double before = 0, wanted = part * (double)v->total;

	if (v->total == 0)
		return 0;
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		double n = (double)v->n[i];
		int64_t from = i > 0 ? bounds[i - 1] : 0;

		if (n > 0 && before + n >= wanted)
			return from + (int64_t)((double)(bounds[i] - from) *
						(wanted - before) / n);
		before += n;
	}
	return bounds[HISTOGRAM_BOUNDS - 1];
}
