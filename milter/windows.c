#include "windows.h"

#include <stddef.h>

/* w[0] is the newest window that was counted in, w[1 + k % n] window k. */
static int64_t *
slot(int64_t *w, int n, int64_t window)
{
	return &w[1 + window % n];
}

/* Counters stand still at their ends instead of wrapping round. */
static int64_t
add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

void
windows_add(int64_t *w, int n, int64_t now, int64_t delta)
{
	int64_t *count;

	if (now - w[0] >= n) {
		for (int i = 0; i < n; i++)
			w[1 + i] = 0;
		w[0] = now;
	}
	while (w[0] < now)
		*slot(w, n, ++w[0]) = 0;
	/* another thread may have read the clock before and come after */
	if (w[0] - now >= n || now < 0)
		return;
	count = slot(w, n, now);
	*count = add(*count, delta);
}

int64_t
windows_sum(const int64_t *w, int n, int64_t now, int64_t first, int64_t last)
{
	int64_t from = first < last ? first : last;
	int64_t to = first < last ? last : first, sum = 0;

	if (from < 0)
		from = 0;
	if (to >= n)
		to = n - 1;
	for (int64_t i = from; i <= to; i++) {
		int64_t window = now - i;

		if (window >= 0 && window <= w[0] && w[0] - window < n)
			sum = add(sum, w[1 + window % n]);
	}
	return sum;
}

void
windows_subtract(int64_t *w, const int64_t *other, int n)
{
	for (int i = 0; i < n; i++) {
		int64_t window = other[0] - i;

		if (window >= 0 && window <= w[0] && w[0] - window < n)
			*slot(w, n, window) -= other[1 + window % n];
	}
}
