#include "metric.h"

atomic_long metric_values[METRIC_COUNT];

static const char *const names[] = {
#define X(id, name, help) [METRIC_##id] = name,
	METRICS(X)
#undef X
};

void
metric_print(struct str *out)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		str_addf(out, "%s %ld\n", names[i], metric_get((enum metric)i));
}
